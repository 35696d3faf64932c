//! The projections on a log of their own, written by the real writer.

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

/// Filters of every dimension, alone and together.
fn filters(entries: i64) -> Vec<Filter> {
    let all = Filter::default();
    let clients = |ids: &[&str]| ids.iter().map(|id| client(id)).collect::<Vec<_>>();
    let mut filters = vec![
        all.clone(),
        Filter { clients: clients(&["bhxh"]), ..all.clone() },
        Filter { clients: clients(&["bhxh", "tax"]), ..all.clone() },
        Filter { clients: clients(&["nobody"]), ..all.clone() },
        Filter { kinds: vec![crate::audit::Kind::Act], ..all.clone() },
        Filter { kinds: vec![crate::audit::Kind::Disclosure], ..all.clone() },
        Filter { outcomes: vec![Outcome::Refused], ..all.clone() },
        Filter { outcomes: vec![Outcome::Inconclusive], ..all.clone() },
        Filter { operations: vec![Operation::Lookup], ..all.clone() },
        Filter { reasons: vec![Why::Refusal(Refusal::Purpose)], ..all.clone() },
        Filter { purposes: vec![Purpose::parse("tax.control").unwrap()], ..all.clone() },
        Filter {
            clients: clients(&["operator", "ha-noi"]),
            outcomes: vec![Outcome::NotMatched],
            reasons: vec![Why::Reason(Reason::OneLetter), Why::Reason(Reason::YearOnly)],
            ..all.clone()
        },
    ];
    for (from, until) in [(0, 100), (65_000, 66_000), (40_000, 40_001), (66_000, entries), (9, 3)] {
        let (from, until) = (Some(at(from)), Some(at(until)));
        filters.push(Filter { from, until, ..all.clone() });
        filters.push(Filter { from, until, clients: clients(&["bhxh"]), ..all.clone() });
    }
    for index in [0, 30_000, 65_535, 65_536, entries - 1] {
        filters.push(Filter { request_id: Some(request_id(index)), ..all.clone() });
    }
    filters
}

#[tokio::test]
async fn a_search_finds_what_a_full_scan_finds() {
    let entries = 67_000;
    let made = Made::with(entries).await;
    for built in [false, true] {
        if built {
            catch_up(&made.store, "n1").await.unwrap();
            let status = status(&made.store).await.unwrap().remove(0);
            assert_eq!((status.search, status.people_behind()), (65_536, 0));
        }
        // Without the index every entry is read for every page, so fewer filters do.
        for filter in filters(entries).into_iter().step_by(if built { 1 } else { 5 }) {
            let expected = made.scan(&filter);
            let page = expected.len().clamp(400, 5_000) / 4;
            assert_eq!(made.search(&filter, page).await, expected, "{built} {filter:?}");
        }
    }
}

#[tokio::test]
async fn pages_go_on_where_they_ended_while_the_log_grows() {
    let mut made = Made::with(65_000).await;
    catch_up(&made.store, "n1").await.unwrap();
    let filter = Filter { clients: vec![client("bhxh")], ..Filter::default() };
    let expected = made.scan(&filter);
    let (mut found, mut after) = (Vec::new(), None);
    for page in 0.. {
        let read = search(&made.store, filter.clone(), after.as_ref(), 2_000).await.unwrap();
        found.extend(read.hits.iter().map(|hit| hit.index));
        let Some(next) = read.next else { break };
        after = Some(next);
        made.append(300).await;
        if page == 1 {
            // Meanwhile a segment is closed, and what was tail is found by the index.
            catch_up(&made.store, "n1").await.unwrap();
        }
    }
    assert!(made.entries.len() > 65_536);
    assert_eq!(found, expected);
}

/// What the projections of persons must hold, by looking at every entry.
fn expected_people(entries: &[LogEntry]) -> (BTreeMap<(String, i64), i64>, usize) {
    let requests = || entries.iter().filter_map(LogEntry::request);
    let known = [SubjectStatus::Active, SubjectStatus::Deceased, SubjectStatus::Superseded];
    let distinct: BTreeSet<_> = requests()
        .filter(|entry| known.contains(&entry.status()))
        .map(|entry| {
            let month = vietnamese_month(entry.at);
            (entry.client.as_str(), month, &entry.subject.pseudonym.digest[..8])
        })
        .collect();
    let mut sums = BTreeMap::new();
    for (client, month, _) in distinct {
        *sums.entry((client.to_owned(), month)).or_insert(0) += 1;
    }
    (sums, requests().count())
}

async fn distinct(store: &Store) -> BTreeMap<(String, i64), i64> {
    let rows = store.distinct_persons(0, i64::MAX).await.unwrap();
    rows.into_iter().map(|row| ((row.client_id, row.month), row.n)).collect()
}

async fn rows(store: &Store, table: ProjectionTable) -> u64 {
    store.projection_digest(table).await.unwrap().0
}

#[tokio::test]
async fn a_builder_that_is_given_up_again_and_again_counts_nobody_twice() {
    let made = Made::with(9_000).await;
    // At every step of its life one builder is given up and another one begins.
    for steps in (1..).take_while(|steps| *steps < 40) {
        let mut builder = Builder::open(&made.store, "n1").await.unwrap();
        for _ in 0..steps % 5 {
            builder.step(&made.store, 100 + steps).await.unwrap();
        }
    }
    catch_up(&made.store, "n1").await.unwrap();
    let (sums, requests) = expected_people(&made.entries);
    assert_eq!(distinct(&made.store).await, sums);
    assert_eq!(rows(&made.store, ProjectionTable::PersonEntries).await, requests as u64);
}

#[tokio::test]
async fn of_two_builders_of_one_log_one_gives_way() {
    let made = Made::with(500).await;
    let mut builders = Vec::new();
    for _ in 0..2 {
        builders.push(Builder::open(&made.store, "n1").await.unwrap());
    }
    for builder in &mut builders {
        assert_eq!(builder.step(&made.store, 1_000).await.unwrap(), Step::Read);
    }
    assert_eq!(builders[0].step(&made.store, 1_000).await.unwrap(), Step::Wrote);
    let overtaken = builders[1].step(&made.store, 1_000).await.unwrap_err();
    assert!(matches!(overtaken, ProjectionError::Overtaken { .. }), "{overtaken}");
    assert_eq!(distinct(&made.store).await, expected_people(&made.entries).0);
}

#[tokio::test]
async fn a_person_asked_about_through_two_logs_is_one() {
    let made = Made::with(3_000).await;
    let other = open_log(&made.folder, &made.store, "n2").await;
    let entries: Vec<LogEntry> = (2_000..5_000).map(entry).collect();
    append(&other, &entries).await;
    let mut builders = Vec::new();
    for log in ["n1", "n2"] {
        builders.push(Builder::open(&made.store, log).await.unwrap());
    }
    let mut idle = 0;
    while idle < 2 {
        idle = 0;
        for builder in &mut builders {
            idle += usize::from(builder.step(&made.store, 300).await.unwrap() == Step::Idle);
        }
    }
    let all: Vec<LogEntry> = made.entries.iter().chain(&entries).cloned().collect();
    assert_eq!(distinct(&made.store).await, expected_people(&all).0);
    // What both logs hold about somebody is merged by time.
    let asked = HashSet::from([pseudonym(2_500)]);
    let page = history(&made.store, asked.clone(), None, 1_000).await.unwrap();
    let mut expected: Vec<i64> = all
        .iter()
        .filter_map(LogEntry::request)
        .filter(|entry| asked.contains(&entry.subject.pseudonym))
        .map(|entry| entry.at.0)
        .collect();
    expected.sort_unstable();
    expected.reverse();
    assert!(page.hits.iter().any(|hit| hit.log == "n1") && expected.len() > 3);
    assert_eq!(page.hits.iter().map(|hit| hit.entry.at().0).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_history_finds_whole_pseudonyms_with_the_index_and_without() {
    let made = Made::with(3_000).await;
    for built in [false, true] {
        if built {
            catch_up(&made.store, "n1").await.unwrap();
        }
        for index in [1, 500, 2_999] {
            let asked = HashSet::from([pseudonym(index), pseudonym(index + 7)]);
            let about = |entry: &LogEntry| {
                entry.request().is_some_and(|entry| asked.contains(&entry.subject.pseudonym))
            };
            let mut expected: Vec<i64> =
                (0..3_000).filter(|index| about(&made.entries[*index as usize])).collect();
            expected.reverse();
            let page = history(&made.store, asked.clone(), None, 1_000).await.unwrap();
            assert_eq!(page.hits.iter().map(|hit| hit.index).collect::<Vec<_>>(), expected);
        }
    }
}

#[tokio::test]
async fn a_rebuild_makes_what_was_built_bit_by_bit() {
    let mut made = Made::with(65_500).await;
    catch_up(&made.store, "n1").await.unwrap();
    made.append(600).await;
    let rebuilt = rebuild(&made.store).await.unwrap();
    assert_eq!(rebuilt.entries, 66_100);
    assert!(rebuilt.tables.iter().all(|table| table.equal && table.rows > 0), "{rebuilt:?}");
}

#[tokio::test]
async fn a_rebuild_tells_what_was_not_as_it_should_be() {
    let made = Made::with(500).await;
    catch_up(&made.store, "n1").await.unwrap();
    // Rows are gone, and the progress says that they are there.
    let unbuilt = Unbuilt { log: "n1".into(), people_from: 0, search_from: 0 };
    made.store.clear_projections(&[unbuilt], [SEARCH, "somebody else"]).await.unwrap();
    let changed = rebuild(&made.store).await.unwrap();
    let differ = changed.tables.iter().filter(|table| !table.equal);
    let tables: Vec<_> = differ.map(|table| table.table).collect();
    assert_eq!(tables, ["person_entries", "distinct_persons"]);
    assert_eq!(distinct(&made.store).await, expected_people(&made.entries).0);
    assert!(rebuild(&made.store).await.unwrap().tables.iter().all(|table| table.equal));
}

#[tokio::test]
async fn a_rebuild_counts_persons_of_dropped_entries_once() {
    let made = Made::with(9_000).await;
    catch_up(&made.store, "n1").await.unwrap();
    let counted = distinct(&made.store).await;
    let day = Micros(START).vietnamese_day();
    let row = DroppedRow {
        day,
        first_index: 0,
        end_index: 4_000,
        from_size: 9_000,
        totals_index: None,
        totals: None,
    };
    made.store.choose_day("n1", &row).await.unwrap();
    made.store.declare_dropped("n1", day, 9_000, &[]).await.unwrap();
    made.store.delete_bundles("n1", day, 0, 4_000).await.unwrap();
    assert_eq!(made.store.next_bundle_index("n1", 0).await.unwrap(), Some(4_000));
    for _ in 0..2 {
        let rebuilt = rebuild(&made.store).await.unwrap();
        assert!(rebuilt.tables.iter().all(|table| table.equal), "{rebuilt:?}");
        assert_eq!(distinct(&made.store).await, counted);
    }
    assert_eq!(counted, expected_people(&made.entries).0);
}
