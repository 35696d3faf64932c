//! The log outlives its process, refuses what was changed, and has one writer.

use gateway::app::StartError;
use gateway::audit::{OpenError, VerifyError};
use serde_json::json;

use crate::support::{
    Database, Kept, TestApp, about_person, entries, flip_byte, leaf_of, merge, on_both_databases,
    read_gauge, tamper,
};

on_both_databases! {
    a_new_process_goes_on_where_the_last_one_ended,
    many_requests_share_a_commit,
    a_changed_tail_or_checkpoint_is_refused_at_start,
    a_changed_entry_far_back_is_found_by_the_auditor,
    a_changed_tile_is_found_at_start_and_by_the_auditor,
    a_changed_counter_is_found_by_a_recount,
    a_writer_that_was_overtaken_answers_503_and_stops,
    the_log_holds_references_as_keyed_digests_only,
}

/// A stopped gateway with so many entries.
async fn filled(database: Database, count: usize) -> Kept {
    let app = TestApp::start_on(database).await;
    app.fill(count).await;
    let (kept, ended_well) = app.stop().await;
    assert!(ended_well);
    kept
}

async fn a_new_process_goes_on_where_the_last_one_ended(database: Database) {
    let app = TestApp::start_on(database).await;
    let mut answers = app.fill(300).await;
    let report = app.caller("carrier").await.report("").await.ok();
    let (kept, ended_well) = app.stop().await;
    assert!(ended_well);
    let app = kept.again().start().await;
    assert_eq!(app.caller("carrier").await.report("").await.ok(), report);
    let further = app.fill(40).await;
    answers.extend(further);
    let receipts: Vec<_> = answers.iter().map(|answer| &answer["receipt"]).collect();
    let indexes = receipts.iter().map(|receipt| receipt["index"].as_u64());
    assert!(indexes.eq((0..340).map(Some)));
    for receipt in [receipts[0], receipts[150], receipts[339]] {
        let leaf = leaf_of(&app.app, receipt["index"].as_u64().unwrap()).await;
        assert_eq!(receipt["leaf"].as_str(), leaf.as_deref());
    }
    assert_eq!(app.verify_log().await.unwrap().entries, 340);
    assert_eq!(app.recount().await.entries, 340);
}

async fn many_requests_share_a_commit(database: Database) {
    let app = TestApp::start_on(database).await;
    app.fill(200).await;
    let metrics = app.metrics().await;
    assert_eq!(read_gauge(&metrics, "gateway_log_entries_total"), 200);
    assert!(read_gauge(&metrics, "gateway_log_commits_total") <= 200);
    let bundles = app.app.store.bundles_from("n1", 0, 1_000).await.unwrap();
    let commits = read_gauge(&metrics, "gateway_log_commits_total");
    assert_eq!(bundles.len() as u64, commits, "a commit is one bundle");
}

async fn a_changed_tail_or_checkpoint_is_refused_at_start(database: Database) {
    let rows = [("log_bundles", "entries", "first_index = 0"), ("log_checkpoints", "note", "true")];
    for (table, column, condition) in rows {
        let kept = filled(database, 3).await;
        flip_byte(kept.rows(), table, column, condition).await;
        let refusal = kept.again().try_start().await.map(drop).unwrap_err();
        let StartError::Log(refusal) = refusal else { panic!("{table}: {refusal:?}") };
        let found = match table {
            "log_bundles" => matches!(refusal, OpenError::Contradiction { .. }),
            _ => matches!(refusal, OpenError::Checkpoint { .. }),
        };
        assert!(found, "{table}: {refusal:?}");
    }
}

async fn a_changed_entry_far_back_is_found_by_the_auditor(database: Database) {
    // A start counts these entries and could find it, too.
    let app = TestApp::start_on(database).await;
    app.fill(300).await;
    flip_byte(app.kept().rows(), "log_bundles", "entries", "first_index = 0").await;
    let error = app.verify_log().await.unwrap_err();
    let found = matches!(
        error,
        VerifyError::Tile { .. }
            | VerifyError::Entry { .. }
            | VerifyError::Root { .. }
            | VerifyError::Bundle { .. }
    );
    assert!(found, "{error}");
}

async fn a_changed_tile_is_found_at_start_and_by_the_auditor(database: Database) {
    let app = TestApp::start_on(database).await;
    app.fill(300).await;
    app.verify_log().await.unwrap();
    flip_byte(app.kept().rows(), "log_tiles", "hashes", "level = 0").await;
    let error = app.verify_log().await.unwrap_err();
    assert!(matches!(error, VerifyError::Tile { level: 0, tile_index: 0, .. }), "{error}");
    let (kept, _) = app.stop().await;
    let refusal = kept.again().try_start().await.map(drop).unwrap_err();
    assert!(matches!(refusal, StartError::Log(OpenError::Contradiction { .. })), "{refusal}");
}

async fn a_changed_counter_is_found_by_a_recount(database: Database) {
    let app = TestApp::start_on(database).await;
    app.fill(3).await;
    app.recount().await;
    let key = "o|d|20261120|carrier|-|verify|telecom.subscriber|inconclusive|active";
    let insert = format!("insert into counters (log, key, n) values ('n1', '{key}', 1)");
    tamper(app.kept().rows(), insert).await;
    let recount = gateway::audit::recount(&app.app.store, "n1", &mut |_| {}).await.unwrap();
    assert_eq!(recount.differences, [(key.to_owned(), 1, 0)]);
}

async fn a_writer_that_was_overtaken_answers_503_and_stops(database: Database) {
    let first = TestApp::start_on(database).await;
    first.fill(2).await;
    let second = first.kept().again().start().await;
    let answers = second.fill(1).await;
    assert_eq!(answers[0]["receipt"]["index"], 2);
    let body = about_person(&first.person());
    let caller = first.caller("carrier").await;
    let answer = caller.try_verify(&body).await;
    // The answer may be lost with the process; what comes is never a verdict.
    if let Some(answer) = answer {
        answer.problem(503, "log-unavailable");
    }
    let (_, ended_well) = first.stopped().await;
    assert!(!ended_well, "a process that lost its log stops by itself");
    second.fill(2).await;
    assert_eq!(second.verify_log().await.unwrap().entries, 5);
    assert_eq!(entries(&second.app).await.len(), 5);
    second.recount().await;
}

async fn the_log_holds_references_as_keyed_digests_only(database: Database) {
    let app = TestApp::start_on(database).await;
    let caller = app.caller("carrier").await;
    let body = about_person(&app.person());
    let with = |case: &str, official: &str| {
        merge(&body, &json!({"case_ref": case, "official": official, "procedure": "2.000488"}))
    };
    for body in [with("a", "x"), with("a", "y"), with("b", "x"), body.clone()] {
        caller.verify(&body).await.ok();
    }
    let entries = entries(&app.app).await;
    assert_eq!(entries[0].case, entries[1].case);
    assert_ne!(entries[0].case, entries[2].case);
    assert_eq!(entries[0].official, entries[2].official);
    assert_ne!(entries[0].official, entries[1].official);
    assert!(entries[3].case.is_none() && entries[3].official.is_none());
    assert!(entries.windows(2).all(|pair| pair[0].subject == pair[1].subject));
    assert_eq!(entries[0].procedure.as_ref().unwrap().as_str(), "2.000488");
}

#[tokio::test]
async fn a_server_that_is_gone_gives_503_and_one_that_is_back_is_written_to_again() {
    let app = TestApp::start_on(Database::Postgres).await;
    let (caller, body) = (app.caller("carrier").await, about_person(&app.person()));
    caller.verify(&body).await.ok();
    let kept = app.kept();
    kept.postgres().stop().await;
    for _ in 0..3 {
        caller.verify(&body).await.problem(503, "log-unavailable");
    }
    kept.postgres().restart().await;
    // One that is killed may still be found dead by the first request after it.
    kept.postgres().terminate_backends().await;
    let mut answer = caller.verify(&body).await;
    if answer.status != 200 {
        answer.problem(503, "log-unavailable");
        answer = caller.verify(&body).await;
    }
    assert_eq!(answer.ok()["receipt"]["index"], 1);
    assert_eq!(app.verify_log().await.unwrap().entries, 2);
    assert_eq!(app.recount().await.entries, 2);
}
