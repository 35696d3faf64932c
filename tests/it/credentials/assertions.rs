//! An assertion is good once: whatever the number of copies, on whatever node, after whatever start.

use serde_json::json;

use super::{Signer, ask_with, good, patient, register};
use crate::support::{Answer, Database, TestApp, on_both_databases, run_on};

const COPIES: usize = 1_000;

on_both_databases! {
    of_a_thousand_copies_of_an_assertion_one_gets_a_token,
    a_used_assertion_is_refused_after_a_restart,
    what_expired_is_forgotten_and_nothing_else,
}

async fn of_a_thousand_copies_of_an_assertion_one_gets_a_token(database: Database) {
    let app = patient().on(database).start().await;
    let signer = Signer::ed25519(&[7; 32]);
    register(&app, "carrier", &signer).await;
    let (header, claims) = good(&app, "carrier", &signer);
    let assertion = signer.token(&header, &claims);
    let answers = futures_util::future::join_all((0..COPIES).map(|_| ask_with(&app, &assertion)));
    only_one_passed(&answers.await);
}

fn only_one_passed(answers: &[Answer]) {
    let (passed, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((passed.len(), refused.len()), (1, COPIES - 1));
    for answer in refused {
        answer.problem(401, "invalid-client");
    }
}

#[tokio::test]
async fn of_a_thousand_copies_to_two_nodes_one_gets_a_token() {
    let one = patient().on(Database::Postgres).start().await;
    let signer = Signer::p256();
    register(&one, "carrier", &signer).await;
    let other = one.kept().again().config(|config| {
        config.log.name = "n2".into();
        config.auth.address_failures_burst = 1_000_000;
        config.auth.address_failures_per_second = 1_000_000;
    });
    let other = other.start().await;
    let (header, claims) = good(&one, "carrier", &signer);
    let assertion = signer.token(&header, &claims);
    let nodes = [&one, &other];
    let copies = (0..COPIES).map(|copy| ask_with(nodes[copy % 2], &assertion));
    only_one_passed(&futures_util::future::join_all(copies).await);
}

async fn a_used_assertion_is_refused_after_a_restart(database: Database) {
    let app = TestApp::builder().on(database).start().await;
    let signer = Signer::ed25519(&[7; 32]);
    register(&app, "carrier", &signer).await;
    let (header, claims) = good(&app, "carrier", &signer);
    let [used, unused] = [claims.clone(), {
        let mut claims = claims;
        claims["jti"] = json!("unused");
        claims
    }]
    .map(|claims| signer.token(&header, &claims));
    ask_with(&app, &used).await.ok();
    let (kept, _) = app.stop().await;
    let app = kept.again().start().await;
    ask_with(&app, &used).await.problem(401, "invalid-client");
    ask_with(&app, &unused).await.ok();
}

async fn what_expired_is_forgotten_and_nothing_else(database: Database) {
    let app = TestApp::builder().on(database).start().await;
    let signer = Signer::ed25519(&[7; 32]);
    register(&app, "carrier", &signer).await;
    let (header, mut claims) = good(&app, "carrier", &signer);
    let short = signer.token(&header, &claims);
    claims["exp"] = json!(app.app.clock.now().seconds() + 300);
    claims["jti"] = json!("long");
    let long = signer.token(&header, &claims);
    for assertion in [&short, &long] {
        ask_with(&app, assertion).await.ok();
    }
    let token = app.ask_token_as("carrier").await.ok();
    let form = format!("token={}", token["access_token"].as_str().unwrap());
    let revoked = app.post_form("/oauth2/revoke", "carrier", &form).await;
    assert_eq!(revoked.status, 200, "{}", revoked.text);
    let count = async |table: &str| {
        let same = format!("update {table} set expires_us = expires_us");
        run_on(app.kept().rows(), same).await
    };
    let left = async || (count("assertions_used").await, count("revoked_tokens").await);
    app.pass(189);
    app.app.forget_spent().await;
    assert_eq!(left().await, (2, 1), "kept for a node whose clock is behind");
    app.pass(2);
    app.app.forget_spent().await;
    assert_eq!(left().await, (1, 1));
    ask_with(&app, &long).await.problem(401, "invalid-client");
    app.pass(600);
    app.app.forget_spent().await;
    assert_eq!(left().await, (0, 0));
}
