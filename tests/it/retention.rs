//! Days that are dropped: their totals are in the log once, and everything that was provable or
//! counted before is so afterwards.

use gateway::audit::{Entry, LogEntry, VerifyError, droppable, recount};
use gateway::clock::Micros;
use gateway::config::StoreConfig;
use gateway::projections::{ProjectionError, catch_up};
use gateway::store::DroppedRow;
use serde_json::Value;

use crate::support::{
    Builder, Database, Postgres, TestApp, about_person, entries, flip_byte, micros,
    on_both_databases, run_on, tamper,
};

pub(crate) const DAY_SECONDS: i64 = 86_400;

pub(crate) fn day(text: &str) -> i64 {
    micros(&format!("{text}T12:00:00+07:00")).vietnamese_day()
}

/// A gateway with one real entry, as the pattern for others.
pub(crate) async fn with_pattern(builder: Builder, start: &str) -> (TestApp, Entry) {
    let app = builder.at(start).start().await;
    app.caller("carrier").await.verify(&about_person(&app.person())).await.ok();
    let pattern = entries(&app.app).await.remove(0);
    (app, pattern)
}

/// Logs so many entries, the first at `from`, a second apart.
pub(crate) async fn log_from(app: &TestApp, pattern: &Entry, from: &str, count: usize) {
    let from = micros(from);
    let at = |number: i64| Micros(from.0 + number * 1_000_000);
    let all: Vec<LogEntry> = (0..i64::try_from(count).unwrap())
        .map(|number| Entry { at: at(number), ..pattern.clone() }.into())
        .collect();
    for some in all.chunks(700) {
        app.app.audit.record_many(some).await.unwrap();
    }
}

/// Four days with traffic, the 20th to the 23rd; the clock stands on the last of them.
async fn four_days() -> TestApp {
    four_days_of(TestApp::builder(), "2026-11").await
}

/// The same in another month.
pub(crate) async fn four_days_of(builder: Builder, month: &str) -> TestApp {
    let (app, pattern) = with_pattern(builder, &format!("{month}-20T09:00:00+07:00")).await;
    for (day, count) in [(20, 2_999), (21, 3_000), (22, 3_000), (23, 9_000)] {
        log_from(&app, &pattern, &format!("{month}-{day}T10:00:00+07:00"), count).await;
    }
    app.pass(3 * DAY_SECONDS);
    count_persons(&app).await;
    app
}

/// Brings the projections up to the log's end; the gateway's own builder may be at it, too.
pub(crate) async fn count_persons(app: &TestApp) {
    while let Err(error) = catch_up(&app.app.store, "n1").await {
        assert!(matches!(error, ProjectionError::Overtaken { .. }), "{error}");
    }
}

/// Days and bounds of the totals in what is left of the log.
async fn totals(app: &TestApp) -> Vec<(i32, u64, u64)> {
    let store = &app.app.store;
    let (mut found, mut next) = (Vec::new(), 0);
    loop {
        let bundles = store.bundles_from("n1", next, 64).await.unwrap();
        let fresh: Vec<_> = bundles.iter().filter(|bundle| bundle.first_index >= next).collect();
        let Some(last) = fresh.last() else { return found };
        next = last.first_index + last.entries_count;
        // Totals are alone in their commit here.
        for bundle in fresh.iter().filter(|bundle| bundle.entries_count == 1) {
            if let LogEntry::Totals(totals) = LogEntry::decode(&bundle.entries[2..]).unwrap() {
                found.push((totals.day, totals.first_index, totals.end_index));
            }
        }
    }
}

async fn figures(app: &TestApp) -> Value {
    app.caller("operator").await.report("?from=2026-11-01&to=2026-11-30").await.ok()
}

#[tokio::test]
async fn dropped_days_stay_provable_and_counted() {
    let app = four_days().await;
    let before = figures(&app).await;
    let root = app.verify_log().await.unwrap();
    assert_eq!(app.app.drop_days(day("2026-11-22")).await.unwrap(), 2);
    let first = app.app.store.first_bundle("n1").await.unwrap().unwrap();
    assert_eq!((first.first_index, first.day), (6_000, day("2026-11-22")));
    let days = [day("2026-11-20"), day("2026-11-21")].map(|day| i32::try_from(day).unwrap());
    assert_eq!(totals(&app).await, [(days[0], 0, 3_000), (days[1], 3_000, 6_000)]);
    let verified = app.verify_log().await.unwrap();
    assert_eq!(verified.entries, root.entries + 2);
    assert_eq!(verified.read, verified.entries - 6_000);
    assert_eq!(app.recount().await.entries, verified.entries - 6_000);
    assert_eq!(figures(&app).await, before);

    assert_eq!(app.app.drop_days(day("2026-11-22")).await.unwrap(), 0, "once is enough");
    assert_eq!(totals(&app).await.len(), 2);
    let (kept, ended_well) = app.stop().await;
    assert!(ended_well);
    let app = kept.again().at("2026-11-23T12:00:00+07:00").start().await;
    app.caller("carrier").await.verify(&about_person(&app.person())).await.ok();
    app.verify_log().await.unwrap();
    app.recount().await;
}

#[tokio::test]
async fn days_are_dropped_on_a_server_as_in_a_file() {
    let postgres = Postgres::start().await;
    let url = postgres.url();
    let builder = TestApp::builder().config(|config| config.store = StoreConfig::server(url));
    let app = four_days_of(builder, "2026-11").await;
    let before = figures(&app).await;
    assert_eq!(app.app.drop_days(day("2026-11-22")).await.unwrap(), 2);
    assert_eq!(app.app.drop_days(day("2026-11-22")).await.unwrap(), 0);
    let first = app.app.store.first_bundle("n1").await.unwrap().unwrap();
    assert_eq!((first.first_index, totals(&app).await.len()), (6_000, 2));
    app.verify_log().await.unwrap();
    app.recount().await;
    assert_eq!(figures(&app).await, before);
}

#[tokio::test]
async fn the_disk_of_a_day_is_given_back_later_where_somebody_was_reading() {
    let app = four_days_of(TestApp::builder().on(Database::Postgres), "2026-11").await;
    let mut reader = app.kept().postgres().connect().await;
    let partitions = async |reader: &mut sqlx::PgConnection| {
        let names = [day("2026-11-20"), day("2026-11-21")].map(|day| format!("log_bundles_{day}"));
        let named = sqlx::query_scalar("select count(*) from pg_class where relname = any($1)");
        let count: i64 = named.bind(names.to_vec()).fetch_one(reader).await.unwrap();
        count
    };
    // As a backup does.
    let reads = "begin; lock table log_bundles in access share mode";
    sqlx::raw_sql(reads).execute(&mut reader).await.unwrap();
    assert_eq!(app.app.drop_days(day("2026-11-22")).await.unwrap(), 2);
    assert_eq!(app.app.store.first_bundle("n1").await.unwrap().unwrap().first_index, 6_000);
    assert_eq!(partitions(&mut reader).await, 2, "nobody waits for a reader");
    sqlx::raw_sql("rollback").execute(&mut reader).await.unwrap();
    assert_eq!(app.app.drop_days(day("2026-11-22")).await.unwrap(), 0);
    assert_eq!(partitions(&mut reader).await, 0);
    app.verify_log().await.unwrap();
}

#[tokio::test]
async fn a_day_is_kept_until_it_is_closed_and_counted() {
    let app = four_days().await;
    let store = &app.app.store;
    let can = async || {
        let days = droppable(store, "n1", i64::MAX, &app.app.clock).await.unwrap();
        days.into_iter().map(|droppable| droppable.day).collect::<Vec<_>>()
    };
    // The clock stands on the 23rd: the 22nd ended last midnight, and may have stragglers.
    assert_eq!(can().await, [day("2026-11-20"), day("2026-11-21")]);
    let counted = store.checkpoint("n1").await.unwrap().unwrap().counted_size;
    for (until, days) in [(5_999, 0), (6_000, 1), (8_999, 1), (9_000, 2)] {
        let set = format!("update log_checkpoints set counted_size = {until}");
        tamper(&app.kept().database(), set).await;
        assert_eq!(can().await.len(), days, "{until}");
    }
    tamper(&app.kept().database(), format!("update log_checkpoints set counted_size = {counted}"))
        .await;
    app.hand.advance(DAY_SECONDS * 1_000_000 * 30);
    assert_eq!(can().await.len(), 2, "the last days are below no later bundle");
}

on_both_databases! {
    a_quiet_log_is_dropped_on_time,
}

async fn a_quiet_log_is_dropped_on_time(database: Database) {
    let builder = TestApp::builder().on(database);
    let (app, pattern) = with_pattern(builder, "2026-11-20T09:00:00+07:00").await;
    for date in ["2026-11-20", "2026-11-21", "2026-11-22"] {
        log_from(&app, &pattern, &format!("{date}T10:00:00+07:00"), 300).await;
    }
    app.pass(2 * DAY_SECONDS);
    count_persons(&app).await;
    let before = figures(&app).await;
    // What the 22nd holds is what came after the first commit of that day.
    let counted = app.app.store.checkpoint("n1").await.unwrap().unwrap().counted_size;
    assert_eq!(counted, 601);
    assert_eq!(app.app.drop_days(day("2026-11-22")).await.unwrap(), 1);
    assert_eq!(app.app.store.first_bundle("n1").await.unwrap().unwrap().first_index, 301);
    app.verify_log().await.unwrap();
    app.recount().await;
    assert_eq!(figures(&app).await, before);
}

#[tokio::test]
async fn totals_are_logged_once_wherever_the_process_died() {
    let app = four_days().await;
    let (store, before) = (&app.app.store, day("2026-11-21"));
    let row = DroppedRow {
        day: day("2026-11-20"),
        first_index: 0,
        end_index: 3_000,
        from_size: 18_000,
        totals_index: None,
        totals: None,
    };
    // The day was chosen, and nothing more.
    store.choose_day("n1", &row).await.unwrap();
    app.verify_log().await.unwrap();
    assert_eq!(app.app.drop_days(before).await.unwrap(), 0, "the chosen day is finished first");
    assert_eq!(totals(&app).await.len(), 1);
    // The totals were logged, and the row does not say so.
    let forget = "update log_dropped set totals_index = null, totals = null";
    tamper(&app.kept().database(), forget.into()).await;
    app.app.drop_days(before).await.unwrap();
    assert_eq!(totals(&app).await.len(), 1);
    app.verify_log().await.unwrap();
    app.recount().await;
}

#[tokio::test]
async fn bundles_that_were_not_deleted_yet_are_verified_and_deleted_later() {
    let app = four_days().await;
    let database = app.kept().database();
    let kept = "first_index, entries_count, day, entries, log";
    let copy =
        format!("create table kept as select {kept} from log_bundles where first_index < 1500");
    run_on(&database, copy).await;
    app.app.drop_days(day("2026-11-21")).await.unwrap();
    let back = format!("insert into log_bundles ({kept}) select {kept} from kept");
    run_on(&database, back).await;
    app.verify_log().await.unwrap();
    app.recount().await;
    app.app.drop_days(day("2026-11-21")).await.unwrap();
    assert_eq!(app.app.store.first_bundle("n1").await.unwrap().unwrap().first_index, 3_000);
    app.recount().await;
}

#[tokio::test]
async fn a_row_that_the_log_does_not_back_drops_nothing() {
    let app = four_days().await;
    let database = app.kept().database();
    app.app.drop_days(day("2026-11-21")).await.unwrap();
    let refused = async || matches!(app.verify_log().await, Err(VerifyError::Dropped { .. }));
    tamper(&database, "update log_dropped set end_index = 3700".into()).await;
    assert!(refused().await, "another range");
    tamper(&database, "update log_dropped set end_index = 3000, totals_index = 17000".into()).await;
    assert!(refused().await, "another entry");
    tamper(&database, "update log_dropped set totals_index = 18000".into()).await;
    app.verify_log().await.unwrap();
    flip_byte(&database, "log_dropped", "totals", "true").await;
    assert!(refused().await, "other totals");
    flip_byte(&database, "log_dropped", "totals", "true").await;
    let gone = "delete from log_bundles where first_index = 3000".into();
    tamper(&database, gone).await;
    assert!(matches!(app.verify_log().await, Err(VerifyError::Bundle { .. })), "never declared");
}

#[tokio::test]
async fn a_changed_counter_of_a_dropped_day_is_found_by_a_recount() {
    let app = four_days().await;
    app.app.drop_days(day("2026-11-22")).await.unwrap();
    app.recount().await;
    for grain in ["d|20261121", "h|2026112110", "m|202611"] {
        let change = |sign: char| {
            format!(
                "update counters set n = n {sign} 1 where key = (select key from counters \
                 where key like 'o|{grain}|%' order by key limit 1)"
            )
        };
        tamper(&app.kept().database(), change('+')).await;
        let found = recount(&app.app.store, "n1", &mut |_| {}).await.unwrap();
        assert_ne!(found.differences, [], "{grain}");
        tamper(&app.kept().database(), change('-')).await;
    }
    app.recount().await;
}

#[tokio::test]
async fn what_came_before_midnight_and_was_committed_after_it_is_counted_with_the_next_day() {
    let (app, pattern) = with_pattern(TestApp::builder(), "2026-11-20T09:00:00+07:00").await;
    // The 22nd has no bundle of its own: its one request is in the first one of the 23rd.
    app.pass(3 * DAY_SECONDS);
    log_from(&app, &pattern, "2026-11-22T23:59:59+07:00", 3_000).await;
    for date in ["2026-11-24", "2026-11-25", "2026-11-26"] {
        log_from(&app, &pattern, &format!("{date}T10:00:00+07:00"), 5_000).await;
    }
    app.pass(3 * DAY_SECONDS);
    count_persons(&app).await;
    assert_eq!(app.app.drop_days(day("2026-11-24")).await.unwrap(), 2);
    app.recount().await;
    app.verify_log().await.unwrap();
}
