//! A PostgreSQL that does not answer, or not as one would wish: whoever waits is told so, and what
//! waited goes on.

use std::time::Duration;

use gateway::audit::{IdempotencyKey, LogEntry, LogUnavailable, NotRecorded};
use gateway::config::StoreConfig;
use gateway::request::ClientId;

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
