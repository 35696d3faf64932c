//! What is built, by one builder or several, and again.

use super::*;

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
    let page = history(&made.store, asked.clone(), None, None, 1_000).await.unwrap();
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
    // An earlier look saw of its own log what stands before its entry, of all what was there then.
    let index = page.hits.iter().find(|hit| hit.log == "n1").unwrap().index;
    let look = Look { log: "n1".into(), index, at: page.hits[1].entry.at() };
    let is_seen = |hit: &&Hit| match hit.log.as_str() {
        "n1" => hit.index < look.index,
        _ => hit.entry.at() <= look.at,
    };
    let expected: Vec<Hit> = page.hits.iter().filter(is_seen).cloned().collect();
    assert_eq!((page.hits[0].log.as_str(), expected.len()), ("n2", page.hits.len() - 2));
    let seen = history(&made.store, asked, Some(look.clone()), None, 1_000).await.unwrap();
    assert_eq!(seen.hits, expected);
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
    let unbuilt = Unbuilt { log: "n1".into(), people_from: 0, first_segment: 0, search_from: 0 };
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
