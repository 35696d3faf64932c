//! A PostgreSQL that does not answer, or not as one would wish: whoever waits is told so, and what
//! waited goes on.

use std::time::Duration;

use gateway::app::StartError;
use gateway::audit::{IdempotencyKey, LogEntry, LogUnavailable, NotRecorded, OpenError};
use gateway::config::StoreConfig;
use gateway::request::ClientId;
use gateway::store::{Absence, StoreError, find_absence};
use sqlx::PgConnection;

use crate::support::{Database, Line, Postgres, TestApp, about_person, entries};

/// Far longer than anybody may wait.
const LIMIT: Duration = Duration::from_secs(50);

/// An entry like one that the gateway has made.
async fn entry(app: &TestApp) -> LogEntry {
    app.caller("carrier").await.verify(&about_person(&app.person())).await.ok();
    LogEntry::Request(entries(&app.app).await.remove(0))
}

/// Asks until it is so.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, asking).await.unwrap_or_else(|_| panic!("in vain: {what}"));
}

/// A gateway that reaches its server over a line.
async fn start_over(line: &Line) -> TestApp {
    let url = Postgres::url_at(line.port());
    TestApp::builder().config(|config| config.store = StoreConfig::server(url)).start().await
}

#[tokio::test]
async fn a_log_whose_server_fell_silent_goes_on_with_another_connection() {
    let postgres = Postgres::start().await;
    let line = Line::to(postgres.port()).await;
    let app = start_over(&line).await;
    let entry = entry(&app).await;
    // The connection is gone, and the next one falls silent with the commit.
    line.swallow(Some("log_append"));
    assert!(postgres.terminate_backends().await > 0);
    let recorded = tokio::time::timeout(LIMIT, app.app.audit.record(entry.clone())).await;
    assert_eq!(recorded.expect("it is told"), Err(LogUnavailable));
    line.swallow(None);
    let recorded = tokio::time::timeout(LIMIT, app.app.audit.record(entry)).await;
    assert_eq!(recorded.expect("it is told").unwrap().index(), 1);
    app.verify_log().await.unwrap();
}

#[tokio::test]
async fn a_suspension_acts_although_every_connection_of_before_fell_silent() {
    let postgres = Postgres::start().await;
    let line = Line::to(postgres.port()).await;
    let app = start_over(&line).await;
    let caller = app.caller("carrier").await;
    // Every message has such a byte. Three things are asked every second, each on its connection.
    line.swallow(Some("\0"));
    until("all three are silent", async || line.silent() >= 3).await;
    line.swallow(None);
    let suspended = "update clients set state = 'suspended' where client_id = 'carrier'; \
        update directory_version set version = version + 1";
    sqlx::raw_sql(suspended).execute(&mut postgres.connect().await).await.unwrap();
    let body = about_person(&app.person());
    until("it acts", async || caller.verify(&body).await.status == 403).await;
}

#[tokio::test]
async fn who_waits_in_a_circle_with_somebody_is_not_told_that_a_key_is_taken() {
    let app = TestApp::start_on(Database::Postgres).await;
    let entry = entry(&app).await;
    let key: IdempotencyKey =
        app.app.digests.idempotency(&ClientId::parse("carrier").unwrap(), "k", "/v1/disputes", b"");
    let mut other = app.kept().postgres().connect().await;
    // The server finds the circle when the log looks, which began to wait first.
    let holds = "set deadlock_timeout = '1h'; begin; lock table idempotency_keys in share mode";
    sqlx::raw_sql(holds).execute(&mut other).await.unwrap();
    let circle = async {
        let waits = "select count(*) from pg_locks where not granted \
            and relation = 'idempotency_keys'::regclass";
        while sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut other).await.unwrap() == 0 {}
        let wants = "select 1 from log_checkpoints for update";
        sqlx::raw_sql(wants).execute(&mut other).await.unwrap();
        sqlx::raw_sql("rollback").execute(&mut other).await.unwrap();
    };
    let (recorded, ()) = tokio::join!(app.app.audit.record_once(entry, [key]), circle);
    assert_eq!(recorded, Err(NotRecorded::Unavailable(LogUnavailable)));
}

/// What is committed by hand, piece by piece.
async fn run(connection: &mut PgConnection, text: &'static str) {
    sqlx::raw_sql(text).execute(connection).await.unwrap();
}

#[tokio::test]
async fn a_start_waits_for_the_commit_of_a_killed_gateway_and_goes_on_from_it() {
    let app = TestApp::start_on(Database::Postgres).await;
    let mut server = app.kept().postgres().connect().await;
    app.fill(3).await;
    run(&mut server, "create table before as select * from log_checkpoints").await;
    app.fill(2).await;
    let (kept, ended_well) = app.stop().await;
    assert!(ended_well);
    // The last commits become one that has not ended.
    let unmade = "create table after as select * from log_checkpoints; \
        create table late as select * from log_bundles where first_index >= 3; \
        delete from log_bundles where first_index >= 3; \
        update log_checkpoints set (tree_size, counted_size, note) = \
        (select tree_size, counted_size, note from before)";
    run(&mut server, unmade).await;
    let made = "begin; insert into log_bundles select * from late; \
        update log_checkpoints set (tree_size, counted_size, note) = \
        (select tree_size, counted_size, note from after)";
    run(&mut server, made).await;
    let mut starting = std::pin::pin!(kept.again().try_start());
    let mut watcher = kept.postgres().connect().await;
    let waits = until("it waits for the commit", async || {
        let waiting = "select count(*) from pg_stat_activity \
            where wait_event_type = 'Lock' and query like '%from log_checkpoints%for update'";
        sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut watcher).await.unwrap() > 0
    });
    tokio::select! {
        started = &mut starting => panic!("it does not wait: {:?}", started.map(drop)),
        () = waits => {}
    }
    run(&mut server, "commit").await;
    let app = starting.await.unwrap();
    assert_eq!(entries(&app.app).await.len(), 5);
    app.verify_log().await.unwrap();
    app.fill(1).await;
    app.verify_log().await.unwrap();
}

#[tokio::test]
async fn a_start_tells_of_a_commit_that_does_not_end() {
    let (kept, _) = TestApp::start_on(Database::Postgres).await.stop().await;
    let mut server = kept.postgres().connect().await;
    run(&mut server, "begin; select 1 from log_checkpoints for update").await;
    let refused = tokio::time::timeout(LIMIT, kept.again().try_start()).await.expect("it ends");
    let refused = refused.map(drop).unwrap_err();
    let runs = matches!(&refused, StartError::Log(OpenError::Store(StoreError::CommitRuns(_))));
    assert!(runs, "{refused:?}");
    assert!(refused.to_string().contains("is still running in the database server; try again"));
    assert_eq!(find_absence(&refused), Some(Absence::Unavailable));
    run(&mut server, "rollback").await;
    kept.again().start().await.verify_log().await.unwrap();
}
