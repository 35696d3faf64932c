//! What a search and a history find, with the index and without.

use super::reader::{Backwards, Below};
use super::*;
use crate::audit;

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
async fn a_tail_of_single_entries_is_found_through_and_read_many_at_once() {
    let mut made = Made::with(0).await;
    let count = 150;
    for _ in 0..count {
        made.append(1).await;
    }
    let mut backwards = Backwards::default();
    let (mut below, mut reads, mut seen) = (count, 0, 0);
    while below > 0 {
        reads += usize::from(backwards.is_empty());
        match backwards.next(&made.store, "n1", 0, below).await.unwrap() {
            Below::Bundle(bundle) => assert_eq!(bundle.indexes(), below - 1..below),
            Below::Nothing(down_to) => panic!("nothing from {down_to} to {below}"),
        }
        (below, seen) = (below - 1, seen + 1);
    }
    assert_eq!((reads, seen), (1, count));
    let beyond = backwards.next(&made.store, "n1", 900, 1_000).await;
    assert!(matches!(beyond, Ok(Below::Nothing(900))));
    for page in [1, 7, 400] {
        assert_eq!(made.search(&Filter::default(), page).await, made.scan(&Filter::default()));
    }
}

#[tokio::test]
async fn both_finders_of_a_request_look_in_the_same_times() {
    let mut made = Made::with(300).await;
    // From when it came in to its entry, in microseconds; a clock may have been set back.
    let distances =
        [(-5_001_000, false), (-1_000, true), (0, true), (64_999_000, true), (65_000_000, false)];
    // At a whole millisecond, as the identities are.
    let decided = Micros(at(299).0 / 1_000 * 1_000);
    let ids: Vec<RequestId> = (0..)
        .zip(distances)
        .map(|(n, (distance, _))| {
            let mut id = [n; 16];
            let begun = (decided.0 - distance) / 1_000;
            id[..6].copy_from_slice(&(begun as u64).to_be_bytes()[2..]);
            RequestId(id)
        })
        .collect();
    for id in &ids {
        let text = |text| EventText::parse(text).unwrap();
        let (by, act, target) = (text("cli:root"), text("policy-added"), text("p@2"));
        let act = Act { at: decided, request_id: *id, by, act, target, detail: None };
        append(&made.audit, &[LogEntry::Act(act.clone())]).await;
        made.entries.push(LogEntry::Act(act));
    }
    for ((n, id), (distance, is_found)) in (300..).zip(ids).zip(distances) {
        let proven = audit::find_request(
            &made.store,
            "n1",
            305,
            audit::AnswerId { request_id: id, item: 0 },
        )
        .await
        .unwrap();
        assert_eq!(proven, is_found.then_some(n), "{distance}");
        let filter = Filter { request_id: Some(id), ..Filter::default() };
        let found = made.search(&filter, 10).await;
        assert_eq!(found, proven.map(|index| index as i64).as_slice(), "{distance}");
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
            let page = history(&made.store, asked.clone(), None, None, 1_000).await.unwrap();
            assert_eq!(page.hits.iter().map(|hit| hit.index).collect::<Vec<_>>(), expected);
        }
    }
}
