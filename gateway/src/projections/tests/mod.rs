//! The projections on a log of their own, made up here and written by the real writer.

mod building;
mod finding;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use tempfile::TempDir;

use super::builder::{Builder, Step};
use super::*;
use crate::audit::{
    Act, AuditLog, Decided, Entry, EventText, LogEntry, Pseudonym, RequestId, Subject,
};
use crate::clock::{Clock, Micros, Random};
use crate::config::{LogConfig, StoreConfig};
use crate::matching::{Finding, Findings, Outcome};
use crate::policy::{Reason, Refusal};
use crate::population::SubjectStatus;
use crate::request::{Attribute, AttributeSet, ClientId, KeyKind, Operation, Purpose};
use crate::store::{DroppedRow, KeyFolder, ProjectionTable, Unbuilt};
use crate::telemetry::Metrics;

/// 20 November 2026, 09:00 in Viet Nam.
const START: i64 = 1_795_140_000_000_000;

/// A database with a log of made-up entries.
struct Made {
    folder: TempDir,
    store: Store,
    entries: Vec<LogEntry>,
    audit: AuditLog,
}

impl Made {
    async fn with(entries: i64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.sqlite");
        let config = StoreConfig::file(path);
        let store = Store::open(&config).await.unwrap();
        let audit = open_log(&folder, &store, "n1").await;
        let mut made = Self { folder, store, entries: Vec::new(), audit };
        made.append(entries).await;
        made
    }

    async fn append(&mut self, count: i64) {
        let first = self.entries.len() as i64;
        let new: Vec<LogEntry> = (first..first + count).map(entry).collect();
        append(&self.audit, &new).await;
        self.entries.extend(new);
    }

    /// Indexes of what a filter asks for, newest first, by looking at every entry.
    fn scan(&self, filter: &Filter) -> Vec<i64> {
        let found = self.entries.iter().enumerate().filter(|(_, entry)| filter.matches(entry));
        // The newest first by time, as the search merges logs; in one log times may step back, and
        // there the place counts.
        found.map(|(index, _)| index as i64).rev().collect()
    }

    async fn search(&self, filter: &Filter, page: usize) -> Vec<i64> {
        let (mut indexes, mut after) = (Vec::new(), None);
        loop {
            let found = search(&self.store, filter.clone(), after.as_ref(), page).await.unwrap();
            assert!(found.hits.len() == page || found.next.is_none(), "pages are full");
            for hit in &found.hits {
                assert_eq!(self.entries[hit.index as usize], hit.entry);
                indexes.push(hit.index);
            }
            let Some(next) = found.next else { return indexes };
            after = Cursor::parse(&next.to_string());
        }
    }
}

async fn open_log(folder: &TempDir, store: &Store, name: &str) -> AuditLog {
    let keys = KeyFolder::open(&folder.path().join("keys"), Random::seeded(1)).unwrap();
    let config = LogConfig { name: name.into(), ..LogConfig::default() };
    let metrics = Arc::new(Metrics::new());
    AuditLog::open(store, &keys, &config, Clock::manual(Micros(START)).0, metrics).await.unwrap()
}

async fn append(audit: &AuditLog, entries: &[LogEntry]) {
    for entries in entries.chunks(4_000) {
        audit.record_many(entries).await.unwrap();
    }
}

/// A number that looks drawn, the same every time.
fn drawn(index: i64, what: u64) -> u64 {
    let mut x = (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ what.wrapping_mul(0xbf58_476d);
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

fn pick<T: Copy>(index: i64, what: u64, of: &[T]) -> T {
    of[drawn(index, what) as usize % of.len()]
}

/// The time of an entry: some milliseconds after the one before, and now and then before it.
fn at(index: i64) -> Micros {
    Micros(START + index * 40_000 + drawn(index, 9) as i64 % 100_000)
}

fn request_id(index: i64) -> RequestId {
    // Three entries of one request, received a second before the first.
    let first = index / 3 * 3;
    let mut id = [0; 16];
    id[..6].copy_from_slice(&((at(first).0 / 1_000 - 1_000) as u64).to_be_bytes()[2..]);
    id[8..].copy_from_slice(&first.to_be_bytes());
    RequestId(id)
}

fn pseudonym(index: i64) -> Pseudonym {
    let mut digest = [7; 16];
    let person = drawn(index, 1) % 3_000;
    digest[..8].copy_from_slice(&person.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    // Now and then somebody whose first 8 bytes are another one's.
    digest[15] = u8::from(drawn(index, 2).is_multiple_of(50));
    Pseudonym { period: 8_107, digest }
}

fn entry(index: i64) -> LogEntry {
    if drawn(index, 0).is_multiple_of(97) {
        let text = |text| EventText::parse(text).unwrap();
        let (by, act, target) = (text("cli:root"), text("policy-added"), text("p@2"));
        let (at, request_id) = (at(index), request_id(index));
        return LogEntry::Act(Act { at, request_id, by, act, target, detail: None });
    }
    let clients = ["viettel", "bhxh", "ha-noi", "tax", "viettel", "viettel", "operator"];
    let record = match drawn(index, 3) % 20 {
        0 => Decided::Refused {
            refusal: pick(index, 4, &Refusal::ALL),
            asked: AttributeSet::EMPTY.with(Attribute::FullName),
        },
        1 => Decided::Disclosed { entries: 3 },
        _ => answered(index),
    };
    LogEntry::Request(Entry {
        at: at(index),
        request_id: request_id(index),
        item: (index % 3) as u16,
        client: ClientId::parse(pick(index, 5, &clients)).unwrap(),
        on_behalf_of: None,
        official: None,
        operation: pick(index, 6, &[Operation::Verify, Operation::Lookup]),
        purpose: Purpose::parse(pick(index, 7, &["telecom.subscriber", "tax.control"])).unwrap(),
        procedure: None,
        case: None,
        policy: "p@1".into(),
        subject: Subject { key_kind: KeyKind::PersonalId, pseudonym: pseudonym(index), prefix: 1 },
        record,
    })
}

fn answered(index: i64) -> Decided {
    let reason = pick(index, 8, &[Reason::Different, Reason::OneLetter, Reason::YearOnly]);
    let findings = match drawn(index, 10) % 3 {
        0 => Findings::default().with(Attribute::FullName, Finding::because(reason)),
        1 => Findings::default()
            .with(Attribute::FullName, Finding::because(reason))
            .with(Attribute::Sex, Finding::because(reason)),
        _ => Findings::default().with(Attribute::FullName, Finding::MATCH),
    };
    Decided::Answered {
        profile: "vi-1".into(),
        findings,
        outcome: pick(index, 11, &[Outcome::Matched, Outcome::Matched, Outcome::NotMatched]),
        status: pick(index, 12, &SubjectStatus::ALL),
        failed_guess: None,
        registry_as_of: None,
        registry_us: 1,
        total_us: 2,
    }
}

fn client(id: &str) -> ClientId {
    ClientId::parse(id).unwrap()
}
