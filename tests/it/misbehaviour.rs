//! The gateway beside a population database that misbehaves on order: nobody is told a verdict that
//! the register did not give, and the next one is asked anew.

use serde_json::{Value, json};

use super::support::{TestApp, about_person};

/// A gateway that soon gives a call up.
async fn impatient() -> TestApp {
    TestApp::builder().config(|config| config.population.timeout_ms = 300).start().await
}

fn assert_unavailable(answer: &Value, faults: &Value) {
    assert_eq!(answer["outcome"], "inconclusive", "{faults}");
    for attribute in ["full_name", "date_of_birth"] {
        let expected = json!({"verdict": "not_checked", "reason": "registry_unavailable"});
        assert_eq!(answer["attributes"][attribute], expected, "{faults}");
    }
    assert_eq!(answer["advice"]["code"], "retry_later", "{faults}");
    assert_eq!(answer["registry_as_of"], Value::Null, "{faults}");
}

#[tokio::test]
async fn whatever_the_register_does_wrong_the_answer_is_inconclusive_until_it_behaves() {
    let app = impatient().await;
    let caller = app.caller("carrier").await;
    let body = about_person(&app.person());
    for faults in [
        json!({"latency_ms": 60_000}),
        json!({"error_rate": 1, "error_status": 429}),
        json!({"error_rate": 1, "error_status": 503}),
        json!({"error_rate": 1, "error_status": 500}),
        json!({"hang_rate": 1}),
        json!({"garbage_rate": 1}),
        json!({"outage": true}),
    ] {
        app.misbehave(&faults).await;
        // As often as garbage has turns.
        for _ in 0..3 {
            assert_unavailable(&caller.verify(&body).await.ok(), &faults);
        }
        app.misbehave(&json!({})).await;
        let answer = caller.verify(&body).await.ok();
        assert_eq!(answer["outcome"], "matched", "after {faults}");
    }
}

#[tokio::test]
async fn a_delay_below_the_time_out_changes_no_answer() {
    let app = TestApp::start().await;
    app.misbehave(&json!({"latency_ms": 1, "latency_jitter_ms": 5})).await;
    let caller = app.caller("carrier").await;
    for person in app.people(10) {
        assert_eq!(caller.verify(&about_person(&person)).await.ok()["outcome"], "matched");
    }
}

#[tokio::test]
async fn one_failing_batch_in_two_makes_one_answer_in_two_inconclusive() {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    let body = about_person(&app.person());
    app.misbehave(&json!({"error_rate": 0.5})).await;
    for round in 0..3 {
        assert_eq!(caller.verify(&body).await.ok()["outcome"], "matched", "{round}");
        assert_eq!(caller.verify(&body).await.ok()["outcome"], "inconclusive", "{round}");
    }
}

#[tokio::test]
async fn a_person_whose_register_fails_spoils_no_answer_about_another() {
    let app = impatient().await;
    let caller = app.caller("carrier").await;
    let [ill_starred, other] = &app.people(2)[..] else { panic!("two people") };
    for faults in [
        json!({"latency_ms": 60_000}),
        json!({"hang_rate": 1}),
        json!({"outage": true}),
        json!({"error_rate": 1, "error_status": 429}),
    ] {
        let mut person = faults.clone();
        person["personal_id"] = json!(ill_starred.personal_id.as_str());
        let in_force = app.misbehave(&json!({ "for_people": [person] })).await;
        assert_eq!(in_force["for_people"].as_array().map(Vec::len), Some(1));
        assert_unavailable(&caller.verify(&about_person(ill_starred)).await.ok(), &faults);
        let answer = caller.verify(&about_person(other)).await.ok();
        assert_eq!(answer["outcome"], "matched", "beside {faults}");
    }
}
