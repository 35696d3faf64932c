//! A policy on trial against the log of the last day.

use gateway::access::try_policy;
use serde_json::{Value, json};

use super::{PATH, acts, document};
use crate::support::{Caller, Database, TestApp, about_person, merge, on_both_databases};

on_both_databases! {
    a_trial_counts_what_would_have_been_refused_or_answered_less_to,
    a_trial_knows_what_is_asked_of_officials,
    a_trial_reads_the_newest_entries_and_says_how_many_it_left_out,
}

async fn attempt(admin: &Caller, change: &Value) -> Value {
    let document = merge(&document(), change).to_string();
    admin.post(&format!("{PATH}/try"), "application/json", &document).await.ok()
}

/// Effect, what it is about, and requests.
fn rows(trial: &Value) -> Vec<(&str, &str, u64)> {
    let rows = trial["rows"].as_array().unwrap().iter();
    rows.map(|it| {
        let count = it["requests"].as_u64().unwrap();
        (it["effect"].as_str().unwrap(), it["about"].as_str().unwrap(), count)
    })
    .collect()
}

async fn a_trial_counts_what_would_have_been_refused_or_answered_less_to(database: Database) {
    let app = TestApp::start_on(database).await;
    let carrier = app.caller("carrier").await;
    let mut ids = Vec::new();
    for person in app.people(4) {
        // Whoever has an even digit is a man.
        let is_man = person.personal_id.as_str().as_bytes()[3] % 2 == 0;
        let wrong = if is_man { "female" } else { "male" };
        let body = merge(&about_person(&person), &json!({"attributes": {"sex": wrong}}));
        let answer = carrier.verify(&body).await;
        assert_eq!(answer.json()["outcome"], "matched");
        ids.push(answer.header("x-request-id").unwrap().to_owned());
    }
    let refused = merge(&about_person(&app.person()), &json!({"purpose": "nobodys"}));
    carrier.verify(&refused).await.problem(403, "purpose-not-permitted");
    app.caller("hospital")
        .await
        .verify(&about_person(&app.person()))
        .await
        .problem(403, "purpose-not-permitted");

    let admin = app.admin_caller("operator").await;
    let same = attempt(&admin, &json!({})).await;
    assert_eq!((&same["tried"], &same["affected"], rows(&same)), (&json!(4), &json!(0), vec![]));

    let grant = |operation: &str, purpose: &str, attributes: &[&str]| json!([{"operations": [operation], "purposes": [purpose], "attributes": attributes}]);
    let gone = attempt(&admin, &json!({"grants": grant("verify", "telecom.cleanup", &[])})).await;
    assert_eq!(rows(&gone), [("refused", "purpose-not-permitted", 4)]);
    let row = &gone["rows"][0];
    assert_eq!(row["examples"], json!(ids[..3]));
    assert_eq!(
        (&row["client"], &row["purpose"], &row["operation"]),
        (&json!("carrier"), &json!("telecom.subscriber"), &json!("verify"))
    );
    let lookup = json!({"grants": grant("lookup", "telecom.subscriber", &[])});
    let gone = attempt(&admin, &lookup).await;
    assert_eq!(rows(&gone), [("refused", "operation-not-permitted", 4)]);
    let more = attempt(&admin, &json!({"required": ["full_name", "insurance_number"]})).await;
    assert_eq!(rows(&more), [("refused", "required-attribute-missing", 4)]);
    let less = grant("verify", "telecom.subscriber", &["full_name", "date_of_birth"]);
    let less = attempt(&admin, &json!({"grants": less, "disclosure": "verdicts"})).await;
    assert_eq!(rows(&less), [("attribute_withheld", "sex", 4), ("less_told", "disclosure", 4)]);
    assert_eq!(less["affected"], 4);
    let strict = attempt(&admin, &json!({"required": ["full_name", "sex"]})).await;
    assert_eq!(rows(&strict), [("outcome", "matched -> not_matched", 4)]);

    let bad = admin.post(&format!("{PATH}/try"), "application/json", "{}").await;
    bad.problem(400, "invalid-request");
    for nobodys in ["carrier-polcy", "carrier-policy%401", "%00"] {
        let path = format!("/admin/v1/policies/{nobodys}/try");
        let mistyped = admin.post(&path, "application/json", &document().to_string()).await;
        mistyped.problem(404, "unknown-policy");
    }
    assert_eq!(acts(&app).await.len(), 0, "a trial is no act");
    app.pass(24 * 3_600 + 1);
    let later = attempt(&app.admin_caller("operator").await, &json!({"grants": []})).await;
    assert_eq!((&later["tried"], &later["affected"]), (&json!(0), &json!(0)));
}

async fn a_trial_knows_what_is_asked_of_officials(database: Database) {
    let app = TestApp::start_on(database).await;
    let (carrier, admin) = (app.caller("carrier").await, app.admin_caller("operator").await);
    let list = "{\"official\": \"lan\"}\n";
    carrier.put_text("/v1/officials", "application/x-ndjson", list).await.ok();
    for official in [None, None, None, Some("lan"), Some("lan"), Some("hoa")] {
        let named = official.map_or_else(|| json!({}), |name| json!({"official": name}));
        carrier.verify(&merge(&about_person(&app.person()), &named)).await.ok();
    }
    let known = attempt(&admin, &json!({"officials": "known"})).await;
    assert_eq!(rows(&known), [("refused", "official-unknown", 1)]);
    let required = attempt(&admin, &json!({"officials": "required"})).await;
    let expected =
        [("refused", "official-unknown", 1), ("refused", "required-attribute-missing", 3)];
    assert_eq!(rows(&required), expected);
    let optional = attempt(&admin, &json!({"officials": "optional"})).await;
    assert_eq!((&optional["tried"], rows(&optional)), (&json!(6), vec![]));
}

async fn a_trial_reads_the_newest_entries_and_says_how_many_it_left_out(database: Database) {
    let app = TestApp::start_on(database).await;
    app.fill(5).await;
    let narrow = merge(&document(), &json!({"grants": []})).to_string();
    let narrow = serde_json::from_str(&narrow).unwrap();
    let (store, now) = (&app.app.store, app.app.clock.now());
    for (most, tried, not_tried) in [(None, 5, 0), (Some(9), 5, 0), (Some(2), 2, 3)] {
        let trial = try_policy(store, "carrier-policy", &narrow, now, most).await.unwrap();
        assert_eq!((trial.tried, trial.affected, trial.not_tried), (tried, tried, not_tried));
    }
    let admin = app.admin_caller("operator").await;
    assert_eq!(attempt(&admin, &json!({})).await["not_tried"], 0);
}
