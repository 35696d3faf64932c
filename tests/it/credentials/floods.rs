//! Who proves who it is, over and over: it has a rate here, too, and what it leaves behind has a limit.

use std::time::Duration;

use serde_json::json;
use sqlx::Connection as _;

use super::{Signer, ask_with, good, patient, register};
use crate::support::{Database, TestApp, TestClient, about_person, on_both_databases, run_on};

on_both_databases! {
    who_asks_in_a_loop_meets_its_rate_and_only_for_that,
    a_suspended_client_makes_the_store_keep_nothing,
    who_takes_back_very_many_tokens_has_all_taken_back,
    many_revoked_tokens_are_read_some_at_a_time_and_those_that_were_read_not_again,
    what_has_expired_is_forgotten_some_at_a_time_and_whole,
}

/// The token of a client, whether it may still ask or not.
async fn token_of(app: &TestApp, client: &str) -> String {
    app.ask_token_as(client).await.ok()["access_token"].as_str().unwrap().to_owned()
}

/// Rows of a table, counted by touching them.
async fn rows_of(app: &TestApp, table: &str) -> u64 {
    let same = format!("update {table} set expires_us = expires_us");
    run_on(app.kept().rows(), same).await
}

/// So many rows of tokens that were taken back, at one moment.
async fn add_revoked(app: &TestApp, client: &str, name: &str, count: u32, revoked_us: i64) {
    let expires_us = app.app.clock.now().0 + 600_000_000;
    let text = format!(
        "insert into revoked_tokens (client_id, jti, expires_us, revoked_us) \
         with recursive n (i) as (select 1 union all select i + 1 from n where i < {count}) \
         select '{client}', '{name}' || i, {expires_us}, {revoked_us} from n"
    );
    assert_eq!(run_on(app.kept().rows(), text).await, u64::from(count));
}

async fn who_asks_in_a_loop_meets_its_rate_and_only_for_that(database: Database) {
    let slow = TestClient { rate: 2, burst: 4, ..TestClient::carrier("slow") };
    let app = patient().on(database).clients([slow]).start().await;
    let signer = Signer::ed25519(&[7; 32]);
    register(&app, "slow", &signer).await;
    let assertion = || {
        let (header, claims) = good(&app, "slow", &signer);
        signer.token(&header, &claims)
    };
    let token = token_of(&app, "slow").await;
    let form = format!("token={token}");
    assert_eq!(app.post_form("/oauth2/introspect", "slow", &form).await.ok()["active"], true);
    ask_with(&app, &assertion()).await.ok();
    app.post_form("/oauth2/revoke", "slow", "token=x").await;
    // By whatever credential, at whatever endpoint.
    let refused = app.ask_token_as("slow").await;
    assert_eq!(refused.problem(429, "rate-limited")["error"], "temporarily_unavailable");
    assert_eq!(refused.retry_after(), 1);
    ask_with(&app, &assertion()).await.problem(429, "rate-limited");
    for path in ["/oauth2/introspect", "/oauth2/revoke"] {
        app.post_form(path, "slow", &form).await.problem(429, "rate-limited");
    }
    assert_eq!(rows_of(&app, "assertions_used").await, 1);
    app.ask_token_with("slow", "wrong").await.problem(401, "invalid-client");
    // Nor do both take from each other: whoever is at its limit can still renew its token.
    let (caller, body) = (app.caller_with(&token), about_person(&app.person()));
    for _ in 0..4 {
        caller.verify(&body).await.ok();
    }
    caller.verify(&body).await.problem(429, "rate-limited");
    app.pass(1);
    token_of(&app, "slow").await;
}

async fn a_suspended_client_makes_the_store_keep_nothing(database: Database) {
    let app = patient().on(database).start().await;
    let signer = Signer::ed25519(&[7; 32]);
    register(&app, "carrier", &signer).await;
    let assertion = || {
        let (header, claims) = good(&app, "carrier", &signer);
        signer.token(&header, &claims)
    };
    for (state, code) in [("suspended", "client-suspended"), ("closed", "client-not-active")] {
        app.app.store.set_client_state("carrier", state).await.unwrap();
        app.app.load_directory().await.unwrap();
        for _ in 0..3 {
            ask_with(&app, &assertion()).await.problem(403, code);
        }
        let form = super::form_of(&assertion()).replace("grant_type=client_credentials", "token=x");
        app.post_form_as_nobody("/oauth2/introspect", &form).await.problem(403, code);
    }
    assert_eq!(rows_of(&app, "assertions_used").await, 0);
}

async fn who_takes_back_very_many_tokens_has_all_taken_back(database: Database) {
    let app = patient().on(database).start().await;
    let now = app.app.clock.now();
    add_revoked(&app, "carrier", "x", 999, now.0).await;
    add_revoked(&app, "hospital", "x", 1_000, now.0).await;
    let body = about_person(&app.person());
    let tokens = [token_of(&app, "carrier").await, token_of(&app, "carrier").await];
    let other = token_of(&app, "hospital").await;
    let kept = token_of(&app, "carrier").await;
    let revoke = async |token: &str| {
        let form = format!("token={token}");
        assert_eq!(app.post_form("/oauth2/revoke", "carrier", &form).await.status, 200);
    };
    revoke(&tokens[0]).await;
    app.caller_with(&kept).verify(&body).await.ok();
    revoke(&tokens[1]).await;
    for token in [&tokens[0], &tokens[1], &kept] {
        app.caller_with(token).verify(&body).await.problem(401, "invalid-token");
    }
    assert_ne!(app.caller_with(&other).verify(&body).await.status, 401, "another client's");
    app.pass(1);
    let later = token_of(&app, "carrier").await;
    app.caller_with(&later).verify(&body).await.ok();
    revoke(&later).await;
    app.caller_with(&later).verify(&body).await.problem(401, "invalid-token");
    assert_eq!(rows_of(&app, "revoked_tokens").await, 2_001, "one row for all of them");
    let (stopped, _) = app.stop().await;
    let app = stopped.again().start().await;
    app.caller_with(&kept).verify(&body).await.problem(401, "invalid-token");
}

async fn many_revoked_tokens_are_read_some_at_a_time_and_those_that_were_read_not_again(
    database: Database,
) {
    let app = patient().on(database).start().await;
    let body = about_person(&app.person());
    let [first, late] = [token_of(&app, "carrier").await, token_of(&app, "carrier").await];
    let jti = |token: &str| app.app.tokens.verify(token).unwrap().jti().to_owned();
    let now_us = app.app.clock.now().0;
    add_revoked(&app, "hospital", "x", 9_000, now_us).await;
    // The last of all that are there, and one as another node writes it, whose clock is behind.
    let name = |token: &str, revoked_us| {
        format!(
            "update revoked_tokens set jti = '{}', client_id = 'carrier', revoked_us = {revoked_us} \
             where jti = 'x{}'",
            jti(token),
            if revoked_us > now_us { 1 } else { 2 }
        )
    };
    run_on(app.kept().rows(), name(&first, now_us + 1)).await;
    app.app.load_revoked().await.unwrap();
    app.caller_with(&first).verify(&body).await.problem(401, "invalid-token");
    run_on(app.kept().rows(), name(&late, now_us - 59_000_000)).await;
    app.app.load_revoked().await.unwrap();
    app.caller_with(&late).verify(&body).await.problem(401, "invalid-token");
    let unread = app.app.tokens.revoked().unread_from(app.app.clock.now());
    assert_eq!(unread.0, now_us - 60_000_000, "not from the beginning");
}

async fn what_has_expired_is_forgotten_some_at_a_time_and_whole(database: Database) {
    let app = patient().on(database).start().await;
    add_revoked(&app, "carrier", "x", 5_000, app.app.clock.now().0).await;
    let expired = app.app.clock.now().0 + 600_000_001;
    let once = app.app.store.forget_spent(expired, 2_000).await.unwrap();
    assert_eq!(once, 2_000);
    app.pass(721);
    app.app.forget_spent().await;
    assert_eq!(rows_of(&app, "revoked_tokens").await, 0);
}

#[tokio::test]
async fn a_suspension_does_not_wait_behind_requests_for_a_connection() {
    let app = patient().on(Database::Postgres).start().await;
    let signer = Signer::ed25519(&[7; 32]);
    register(&app, "carrier", &signer).await;
    app.app.load_revoked().await.unwrap();
    let mut other = app.kept().postgres().connect().await;
    let mut lock = other.begin().await.unwrap();
    sqlx::query("lock table assertions_used").execute(&mut *lock).await.unwrap();
    let asking = (0..20).map(|_| {
        let (header, mut claims) = good(&app, "carrier", &signer);
        claims["jti"] = json!(Signer::unique());
        let assertion = signer.token(&header, &claims);
        async { ask_with(&app, &{ assertion }).await }
    });
    let asking = futures_util::future::join_all(asking);
    let watching = async {
        let mut watcher = app.kept().postgres().connect().await;
        let waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'";
        while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut watcher).await.unwrap() < 8 {
            tokio::task::yield_now().await;
        }
        app.app.load_directory().await.expect("it has a connection");
        app.app.load_revoked().await.expect("it has a connection");
        lock.rollback().await.unwrap();
    };
    let both = async { tokio::join!(asking, watching) };
    let (answers, ()) = tokio::time::timeout(Duration::from_mins(1), both).await.unwrap();
    assert!(answers.iter().any(|answer| answer.status == 200));
}
