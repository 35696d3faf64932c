//! Days that are dropped while somebody reads the log: nobody calls lawful what is not, and nobody
//! calls a fault what is lawful.

use gateway::audit::{
    self, Act, BundleFault, Check, EventText, Listing, LogEntry, Progress, RequestIds, VerifyError,
    recount,
};
use gateway::clock::{Micros, Random};
use gateway::store::KeyFolder;

use crate::retention::{DAY_SECONDS, count_persons, day, four_days_of, log_from, with_pattern};
use crate::support::{Database, TestApp, micros, on_both_databases, run_on};

on_both_databases! {
    #[tokio::test(flavor = "multi_thread")]
    a_day_that_is_dropped_between_two_pages_is_passed_over_by_the_export,
    a_day_that_is_dropped_between_two_chunks_is_no_fault_to_the_auditor,
    a_day_that_is_dropped_between_two_pages_is_no_fault_to_the_recount,
    a_day_that_was_not_counted_and_is_dropped_is_no_fault_to_the_recount,
    bundles_that_go_without_being_dropped_are_a_fault_meanwhile_too,
}

/// Runs to its end what must not go on beside it.
fn wait_for<T>(done: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(done))
}

async fn four_days(database: Database) -> TestApp {
    four_days_of(TestApp::builder().on(database), "2026-11").await
}

/// Drops the 20th and the 21st: entries 0 to 5,999.
async fn drop_two(app: &TestApp) {
    assert_eq!(app.app.drop_days(day("2026-11-22")).await.unwrap(), 2);
}

/// The rest of a listing, whose first bundle was read: its last index, and what it passed over.
async fn read_on(mut listing: Listing<'_>, mut next: u64) -> Result<(u64, u64), VerifyError> {
    let mut passed = 0;
    while let Some(listed) = listing.next().await? {
        for entry in listed {
            passed += entry.index - next;
            next = entry.index + 1;
        }
    }
    Ok((next, passed))
}

async fn a_day_that_is_dropped_between_two_pages_is_passed_over_by_the_export(database: Database) {
    let app = four_days(database).await;
    let mut listing = Listing::new(&app.app.store, "n1", 0..u64::MAX, 18_000);
    let first = listing.next().await.unwrap().unwrap();
    drop_two(&app).await;
    let (end, passed) = read_on(listing, first.len() as u64).await.unwrap();
    // The first page holds four bundles: one entry, and three times 700.
    assert_eq!((end, passed), (18_000, 6_000 - 2_101));
}

async fn a_day_that_is_dropped_between_two_pages_is_no_fault_to_the_recount(database: Database) {
    let app = four_days(database).await;
    let mut is_dropped = false;
    let mut drop_once = |_| {
        if !std::mem::replace(&mut is_dropped, true) {
            wait_for(drop_two(&app));
        }
    };
    let counted = recount(&app.app.store, "n1", &mut drop_once).await.unwrap();
    assert_eq!((counted.differences, counted.entries), (vec![], 18_000 - (6_000 - 2_101)));
    app.recount().await;
}

async fn a_day_that_was_not_counted_and_is_dropped_is_no_fault_to_the_recount(database: Database) {
    let builder = TestApp::builder().on(database);
    let (app, pattern) = with_pattern(builder, "2026-11-20T09:00:00+07:00").await;
    log_from(&app, &pattern, "2026-11-20T10:00:00+07:00", 2_999).await;
    log_from(&app, &pattern, "2026-11-21T10:00:00+07:00", 1_000).await;
    app.pass(3 * DAY_SECONDS);
    let mut calls = 0;
    let mut go_on = |_| {
        calls += 1;
        if calls == 1 {
            wait_for(async {
                log_from(&app, &pattern, "2026-11-23T09:00:00+07:00", 300).await;
                count_persons(&app).await;
                drop_two(&app).await;
            });
        }
    };
    let counted = recount(&app.app.store, "n1", &mut go_on).await.unwrap();
    assert_eq!((counted.differences, counted.entries), (vec![], 302), "from the start once more");
}

/// An entry of about a kilobyte: with these, a log has several pages of bundles soon.
fn long_entry(at: Micros, ids: &RequestIds) -> LogEntry {
    let text = || EventText::shortened(&"x".repeat(400));
    let request_id = ids.next(at);
    LogEntry::Act(Act {
        at,
        request_id,
        by: text(),
        act: text(),
        target: text(),
        detail: Some(text()),
    })
}

async fn log_long(app: &TestApp, date: &str, entries: usize) {
    let (at, ids) =
        (micros(&format!("{date}T10:00:00+07:00")), RequestIds::new(&Random::seeded(1)));
    for some in vec![long_entry(at, &ids); entries].chunks(700) {
        app.app.audit.record_many(some).await.unwrap();
    }
}

async fn a_day_that_is_dropped_between_two_chunks_is_no_fault_to_the_auditor(database: Database) {
    let app = TestApp::builder().on(database).at("2026-11-20T09:00:00+07:00").start().await;
    for (date, entries) in [("2026-11-20", 21_000), ("2026-11-21", 1_000), ("2026-11-22", 9_000)] {
        log_long(&app, date, entries).await;
    }
    app.pass(3 * DAY_SECONDS);
    count_persons(&app).await;
    let keys = KeyFolder::open(&app.config.keys.folder, Random::seeded(99)).unwrap();
    let verifier = audit::verifier_of(&keys, &app.config.log).unwrap();
    let (check, mut is_dropped) = (Check { jobs: 1, ..Check::default() }, false);
    let mut drop_once = |progress: Progress| {
        if !std::mem::replace(&mut is_dropped, true) {
            assert_eq!((progress.done, progress.all), (4_096, 30_976));
            wait_for(async { assert_eq!(app.app.drop_days(day("2026-11-21")).await.unwrap(), 1) });
        }
    };
    let verified = audit::verify(&app.app.store, &verifier, "n1", &check, &mut drop_once);
    let verified = verified.await.unwrap();
    assert_eq!(verified.entries, 31_000);
    assert!((10_000..31_000).contains(&verified.read), "{}", verified.read);
}

async fn bundles_that_go_without_being_dropped_are_a_fault_meanwhile_too(database: Database) {
    let app = four_days(database).await;
    let mut listing = Listing::new(&app.app.store, "n1", 0..u64::MAX, 18_000);
    let first = listing.next().await.unwrap().unwrap();
    drop_two(&app).await;
    // The first of the 22nd, right after those that were dropped.
    let gone = "delete from log_bundles where first_index = 6000";
    assert_eq!(run_on(app.kept().rows(), gone.into()).await, 1);
    let error = read_on(listing, first.len() as u64).await.unwrap_err();
    let VerifyError::Bundle { first_index, fault: BundleFault::Missing, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(first_index, 2_101);
    assert!(recount(&app.app.store, "n1", &mut |_| {}).await.is_err());
}
