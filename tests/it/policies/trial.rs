//! A policy on trial against the log of the last day.

use serde_json::{Value, json};

use super::{PATH, acts, document};
use crate::support::{Caller, Database, TestApp, about_person, merge, on_both_databases};

on_both_databases! {
    a_trial_counts_what_would_have_been_refused_or_answered_less_to,
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
    assert_eq!(acts(&app).await.len(), 0, "a trial is no act");
    app.pass(24 * 3_600 + 1);
    let later = attempt(&app.admin_caller("operator").await, &json!({"grants": []})).await;
    assert_eq!((&later["tried"], &later["affected"]), (&json!(0), &json!(0)));
}
