//! What was admitted is recorded, whoever waits for it; what was made up is not.

use std::time::Duration;

use gateway::audit::{Decided, Entry};
use serde_json::json;

use crate::support::{FakeRegister, Reaction, TestApp, about_person, entries, merge, on_file};

/// Waits until the log holds `count` entries; fails after a time that only a loss takes.
async fn wait_for_entries(app: &TestApp, count: usize) -> Vec<Entry> {
    let grown = async {
        loop {
            let entries = entries(&app.app).await;
            if entries.len() >= count {
                return entries;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), grown).await.expect("the entry never came")
}

#[tokio::test]
async fn a_caller_that_hangs_up_leaves_its_entry() {
    let register = FakeRegister::start(Reaction::AnswerLate).await;
    let app = TestApp::builder().register(&register.url).start().await;
    let caller = app.caller("carrier").await;
    let asking = tokio::spawn(async move { caller.try_verify(&on_file()).await });
    register.called(1).await;
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    register.release();
    let entries = wait_for_entries(&app, 1).await;
    assert!(matches!(entries[0].record, Decided::Answered { .. }));
    app.recount().await;
}

#[tokio::test]
async fn whoever_waits_behind_hanging_calls_is_told_in_time_and_recorded() {
    let register = FakeRegister::start(Reaction::Hang).await;
    let app = TestApp::builder().register(&register.url).config(|config| {
        config.population.timeout_ms = 200;
        config.population.batch_items_max = 1;
    });
    let app = app.start().await;
    let caller = app.caller("carrier").await;
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let caller = caller.clone();
        asking.spawn(async move { caller.verify(&on_file()).await.ok() });
    }
    for answer in asking.join_all().await {
        assert_eq!(answer["outcome"], "inconclusive");
        assert_eq!(answer["attributes"]["full_name"]["reason"], "registry_unavailable");
        assert!(answer.get("subject_status").is_none(), "nothing is known of the subject");
    }
    assert_eq!(entries(&app.app).await.len(), 40);
}

#[tokio::test]
async fn a_purpose_that_nobody_has_goes_into_no_entry_and_no_report() {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    let body = about_person(&app.person());
    for purpose in ["001037579907", "Telecom Subscriber", "made.up"] {
        let answer = caller.verify(&merge(&body, &json!({"purpose": purpose}))).await;
        answer.problem(403, "purpose-not-permitted");
    }
    let entries = entries(&app.app).await;
    assert!(entries.iter().all(|entry| entry.purpose.as_str() == "-"), "{entries:?}");
    let report = caller.report("?group_by=purpose").await.ok();
    assert_eq!(report["rows"].as_array().unwrap().len(), 1);
    assert_eq!(report["rows"][0]["group"]["purpose"], "-");
    assert_eq!(report["rows"][0]["refused"], 3);
}

#[tokio::test]
async fn a_purpose_of_somebody_else_is_recorded_by_name() {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    let body = merge(&about_person(&app.person()), &json!({"purpose": "health.insurance"}));
    caller.verify(&body).await.problem(403, "purpose-not-permitted");
    assert_eq!(entries(&app.app).await[0].purpose.as_str(), "health.insurance");
}

#[tokio::test]
async fn a_body_with_more_members_than_any_request_has_is_refused_in_a_sentence() {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    let members: Vec<String> = (0..3_000).map(|number| format!("\"m{number}\":0")).collect();
    let answer = caller.verify_text(&format!("{{{}}}", members.join(","))).await;
    let problem = answer.problem(400, "invalid-request");
    assert!(problem.get("errors").is_none(), "not one of three thousand is repeated");
}
