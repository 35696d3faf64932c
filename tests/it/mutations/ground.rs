//! A log that was written by the gateway's writer, its rows as they should be, and a hand that
//! changes them behind the gateway's back.

use std::sync::Arc;

use gateway::audit::{
    self, AuditLog, Check, CheckpointVerifier, Decided, Entry, LogEntry, Pseudonym, RequestId,
    Subject, Totals, Verification, VerifyError,
};
use gateway::clock::{Clock, Micros, Random};
use gateway::config::{LogConfig, StoreConfig};
use gateway::matching::{Finding, Findings, Outcome};
use gateway::policy::Refusal;
use gateway::population::SubjectStatus;
use gateway::request::{Attribute, AttributeSet, ClientId, KeyKind, Operation, Purpose};
use gateway::store::{DroppedRow, KeyFolder, Store};
use gateway::telemetry::Metrics;
use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::rows::{Bundle, Checkpoint, Mutation, Row, Tile};

/// Name of the log.
pub(crate) const LOG: &str = "n1";

/// When all of it was written.
const AT: Micros = Micros(1_795_000_000_000_000);

/// A log on its own, as it should be.
pub(crate) struct Ground {
    pub(super) store: Store,
    pub(crate) verifier: CheckpointVerifier,
    pub(super) bundles: Vec<Bundle>,
    pub(super) tiles: Vec<Tile>,
    pub(super) checkpoint: Checkpoint,
    /// Notes that the log had before, with the size that each signs.
    pub(super) older: Vec<(i64, Vec<u8>)>,
    hand: SqliteConnection,
    chance: u64,
    /// Holds `gateway.sqlite` and `keys`.
    pub(crate) folder: TempDir,
}

impl Ground {
    /// Writes a log of `entries` in bundles of changing size, at most `bundle_max`.
    pub(crate) async fn with(entries: usize, bundle_max: usize, seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.sqlite");
        let place = StoreConfig { path: path.clone(), ..StoreConfig::default() };
        let store = Store::open(&place).await.unwrap();
        let keys = KeyFolder::open(&folder.path().join("keys"), Random::seeded(seed)).unwrap();
        let config = LogConfig { name: LOG.into(), ..LogConfig::default() };
        let mut chance = seed;
        let older = write(&store, &keys, &config, (entries, bundle_max), &mut chance).await;
        let verifier = audit::verifier_of(&keys, &config).unwrap();
        let url = format!("sqlite://{}", path.display());
        let mut hand = SqliteConnection::connect(&url).await.unwrap();
        // What the hand changes need not outlive the test.
        sqlx::query("pragma synchronous = off").execute(&mut hand).await.unwrap();
        let bundles = Bundle::all(&mut hand).await;
        let tiles = Tile::all(&mut hand).await;
        let checkpoint = Checkpoint::of(&mut hand).await;
        let ground =
            Self { store, verifier, bundles, tiles, checkpoint, older, hand, chance, folder };
        assert_eq!(ground.verify(&Check::default()).await.unwrap().entries, entries as u64);
        ground
    }

    pub(super) async fn verify(&self, check: &Check) -> Result<Verification, VerifyError> {
        audit::verify(&self.store, &self.verifier, LOG, check, &mut |_| {}).await
    }

    /// Puts the totals of a day into the log that had all entries before `until`, and says that it
    /// was dropped.
    pub(super) async fn declare_dropped(&mut self, day: i64, until: u64) {
        let totals = Totals {
            at: AT,
            request_id: RequestId([0; 16]),
            day: day as i32,
            first_index: 0,
            end_index: until,
            entries: until,
            matched: 0,
            not_matched: 0,
            inconclusive: 0,
            refused: 0,
            counters: [0; 32],
        };
        let keys = KeyFolder::open(&self.folder.path().join("keys"), Random::seeded(0)).unwrap();
        let config = LogConfig { name: LOG.into(), ..LogConfig::default() };
        let log = open(&self.store, &keys, &config).await;
        let (entry, row) = (
            LogEntry::Totals(totals),
            DroppedRow {
                day,
                first_index: 0,
                end_index: until as i64,
                from_size: self.size(),
                totals_index: None,
                totals: None,
            },
        );
        let bytes = entry.encode();
        let index = log.record(entry).await.unwrap().index() as i64;
        log.close().await;
        self.store.choose_day(LOG, &row).await.unwrap();
        self.store.declare_dropped(LOG, day, index, &bytes).await.unwrap();
        self.bundles = Bundle::all(&mut self.hand).await;
        self.tiles = Tile::all(&mut self.hand).await;
        self.checkpoint = Checkpoint::of(&mut self.hand).await;
    }

    /// Number of entries.
    pub(super) fn size(&self) -> i64 {
        self.checkpoint.tree_size
    }

    /// Index of the first entry after the last full tile.
    pub(super) fn tail_from(&self) -> u64 {
        self.size() as u64 / 256 * 256
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        (word(&mut self.chance) % bound as u64) as usize
    }

    /// Applies a mutation; verification must fail and name the place. Then all is as before.
    pub(super) async fn must_find(&mut self, mutation: &Mutation, check: &Check) {
        self.exchange(&mutation.removed, &mutation.added).await;
        let verified = self.verify(check).await;
        self.exchange(&mutation.added, &mutation.removed).await;
        let Err(error) = verified else { panic!("not found: {}", mutation.what) };
        assert!(mutation.is_named_by(&error), "{}: {error}: {error:?}", mutation.what);
    }

    /// Takes rows away and puts others in their place.
    pub(super) async fn exchange(&mut self, removed: &[Row], added: &[Row]) {
        let mut together = self.hand.begin().await.unwrap();
        for row in removed {
            row.delete(&mut together).await;
        }
        for row in added {
            row.insert(&mut together).await;
        }
        together.commit().await.unwrap();
    }
}

/// Writes the log and returns the notes it had on the way.
pub(super) async fn write(
    store: &Store,
    keys: &KeyFolder,
    config: &LogConfig,
    (entries, bundle_max): (usize, usize),
    chance: &mut u64,
) -> Vec<(i64, Vec<u8>)> {
    let log = Arc::new(open(store, keys, config).await);
    let (mut written, mut notes) = (0, Vec::new());
    while written < entries {
        let row = store.checkpoint(LOG).await.unwrap().unwrap();
        notes.push((row.tree_size, row.note.into_bytes()));
        let size = (1 + word(chance) as usize % bundle_max).min(entries - written);
        // What waits while the writer is busy goes into one commit.
        let mut waiting = JoinSet::new();
        for _ in 0..size {
            let (log, entry) = (Arc::clone(&log), entry(chance));
            waiting.spawn(async move { log.record(entry).await.unwrap() });
        }
        waiting.join_all().await;
        written += size;
    }
    log.close().await;
    notes
}

async fn open(store: &Store, keys: &KeyFolder, config: &LogConfig) -> AuditLog {
    let metrics = Arc::new(Metrics::new());
    AuditLog::open(store, keys, config, Clock::manual(AT).0, metrics).await.unwrap()
}

fn entry(chance: &mut u64) -> Entry {
    let number = word(chance);
    let record = if number.is_multiple_of(7) {
        Decided::Refused { refusal: Refusal::Purpose, asked: AttributeSet::EMPTY }
    } else {
        answered(number)
    };
    let (first, second) = (word(chance).to_be_bytes(), word(chance).to_be_bytes());
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&first);
    bytes[8..].copy_from_slice(&second);
    Entry {
        at: AT,
        request_id: RequestId(bytes),
        item: 0,
        client: ClientId::parse("carrier").unwrap(),
        on_behalf_of: None,
        official: None,
        operation: Operation::Verify,
        purpose: Purpose::parse("telecom.subscriber").unwrap(),
        procedure: None,
        case: None,
        policy: "carrier@1".into(),
        subject: Subject {
            key_kind: KeyKind::PersonalId,
            pseudonym: Pseudonym { period: 8107, digest: bytes },
            prefix: (number % 96) as u16,
        },
        record,
    }
}

fn answered(number: u64) -> Decided {
    let finding = if number.is_multiple_of(2) { Finding::MATCH } else { Finding::DIFFERENT };
    Decided::Answered {
        profile: "vi-1".into(),
        findings: Findings::default().with(Attribute::FullName, finding),
        outcome: if number.is_multiple_of(2) { Outcome::Matched } else { Outcome::NotMatched },
        status: SubjectStatus::Active,
        failed_guess: None,
        registry_as_of: None,
        registry_us: 400,
        total_us: 900,
    }
}

/// `SplitMix64` (Steele, Lea, Flood 2014).
fn word(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut word = *state;
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
