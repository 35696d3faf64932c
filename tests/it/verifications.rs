//! One verification from the door to the log, with registers that behave and registers that do not.

use gateway::audit::Decided;
use gateway::matching::Outcome;
use gateway::policy::{Disclosure, Refusal};
use serde_json::{Value, json};

use crate::support::{
    Builder, Database, FakeRegister, Reaction, TestApp, TestClient, about_person, entries, leaf_of,
    merge, on_both_databases, on_file, read_gauge,
};

on_both_databases! {
    what_is_true_matches_and_says_under_which_rules,
    receipts_rise_and_lead_to_the_entries_of_their_answers,
    a_refusal_leaves_an_entry_and_is_counted,
    malformed_and_throttled_requests_are_counted_outside_received,
    every_decision_has_its_entry_and_every_entry_its_decision,
}

fn verdict(answer: &Value, attribute: &str) -> (String, Option<String>) {
    let shown = &answer["attributes"][attribute];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    (text(&shown["verdict"]).expect("a verdict"), text(&shown["reason"]))
}

fn shown(verdict: &str, reason: &str) -> (String, Option<String>) {
    (verdict.into(), (!reason.is_empty()).then(|| reason.into()))
}

fn with_register(register: &FakeRegister, timeout_ms: u64) -> Builder {
    let url = register.url.clone();
    TestApp::builder().register(&url).config(move |config| {
        config.population.timeout_ms = timeout_ms;
    })
}

async fn what_is_true_matches_and_says_under_which_rules(database: Database) {
    let app = TestApp::start_on(database).await;
    let caller = app.caller("carrier").await;
    for person in app.people(20) {
        let answer = caller.verify(&about_person(&person)).await.ok();
        assert_eq!(answer["outcome"], "matched");
        assert_eq!(verdict(&answer, "full_name"), shown("match", ""));
        assert_eq!(verdict(&answer, "date_of_birth"), shown("match", ""));
        assert_eq!(answer["profile"], "vi-1");
        assert_eq!(answer["policy"], "carrier-policy@1");
        assert_eq!(answer["registry_as_of"], "2026-01-01T00:00:00.000+07:00");
        assert_eq!(answer["evaluated_at"], "2026-11-20T09:00:00.000+07:00");
        assert!(answer.get("advice").is_none());
        assert!(answer.get("subject_status").is_none());
    }
}

#[tokio::test]
async fn a_near_miss_has_its_reason_and_the_policy_says_whether_it_is_good_enough() {
    let register = FakeRegister::start(Reaction::Answer).await;
    let app = with_register(&register, 2_000).start().await;
    let [carrier, hospital] = [app.caller("carrier").await, app.caller("hospital").await];
    let unmarked = json!({"attributes": {"full_name": "Tran Thi Kiem Thu"}});
    let answer = carrier.verify(&merge(&on_file(), &unmarked)).await.ok();
    assert_eq!(answer["outcome"], "matched");
    assert_eq!(verdict(&answer, "full_name"), shown("close", "marks_missing"));
    let swapped = merge(&on_file(), &json!({"attributes": {"date_of_birth": "05/07/1990"}}));
    let swapped = merge(&swapped, &json!({"attributes": {"date_of_birth": "1990-07-05"}}));
    let answer = carrier.verify(&swapped).await.ok();
    assert_eq!(answer["outcome"], "not_matched");
    assert_eq!(verdict(&answer, "date_of_birth"), shown("close", "day_month_swapped"));
    assert_eq!(answer["advice"]["code"], "retype_day_month");
    let answer = hospital.verify(&merge(&swapped, &json!({"purpose": "health.insurance"}))).await;
    let answer = answer.ok();
    assert_eq!(answer["outcome"], "matched");
    assert_eq!(answer["subject_status"], "active");
}

#[tokio::test]
async fn what_is_false_does_not_match_and_only_required_attributes_decide() {
    let register = FakeRegister::start(Reaction::Answer).await;
    let app = with_register(&register, 2_000).start().await;
    let caller = app.caller("carrier").await;
    let other_sex = merge(&on_file(), &json!({"attributes": {"sex": "male"}}));
    let answer = caller.verify(&other_sex).await.ok();
    assert_eq!(answer["outcome"], "matched");
    assert_eq!(verdict(&answer, "sex"), shown("no_match", "different"));
    let other_year = merge(&on_file(), &json!({"attributes": {"date_of_birth": "1971-11-23"}}));
    let answer = caller.verify(&other_year).await.ok();
    assert_eq!(answer["outcome"], "not_matched");
    assert_eq!(verdict(&answer, "full_name"), shown("match", ""));
    assert_eq!(verdict(&answer, "date_of_birth"), shown("no_match", "different"));
    for advice in ["code", "vi", "en"] {
        assert!(answer["advice"][advice].as_str().is_some_and(|text| !text.is_empty()));
    }
}

#[tokio::test]
async fn a_policy_shows_as_much_as_it_discloses() {
    let shallow = |id, disclosure| TestClient { disclosure, ..TestClient::carrier(id) };
    let clients =
        [shallow("outcome", Disclosure::Outcome), shallow("verdicts", Disclosure::Verdicts)];
    let register = FakeRegister::start(Reaction::Answer).await;
    let app = with_register(&register, 2_000).clients(clients).start().await;
    let body = merge(&on_file(), &json!({"attributes": {"full_name": "Tran Thi Kiem Thu"}}));
    let answer = app.caller("verdicts").await.verify(&body).await.ok();
    assert_eq!(answer["attributes"]["full_name"], json!({"verdict": "close"}));
    let answer = app.caller("outcome").await.verify(&body).await;
    assert_eq!(answer.ok()["outcome"], "matched");
    assert!(answer.ok().get("attributes").is_none());
    assert!(!answer.text.contains("marks_missing"));
}

#[tokio::test]
async fn the_register_is_not_asked_for_what_the_policy_does_not_permit() {
    let narrow = TestClient {
        attributes: vec!["full_name", "date_of_birth"],
        ..TestClient::carrier("narrow")
    };
    let register = FakeRegister::start(Reaction::Answer).await;
    let app = with_register(&register, 2_000).clients([narrow]).start().await;
    let place = json!({"province": "01", "commune": "00004"});
    let wider = json!({"attributes": {
        "sex": "female", "insurance_number": "0123456789", "permanent_address": place,
    }});
    let answer = app.caller("narrow").await.verify(&merge(&on_file(), &wider)).await.ok();
    assert_eq!(answer["outcome"], "matched");
    for attribute in ["sex", "insurance_number", "permanent_address"] {
        assert_eq!(verdict(&answer, attribute), shown("not_permitted", ""), "{attribute}");
    }
    let asked = register.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0]["items"][0]["fields"], json!(["full_name", "date_of_birth"]));
}

#[tokio::test]
async fn callers_who_share_a_call_do_not_share_fields() {
    let narrow = TestClient {
        attributes: vec!["full_name", "date_of_birth"],
        ..TestClient::carrier("narrow")
    };
    let register = FakeRegister::start(Reaction::Answer).await;
    register.script(Reaction::AnswerLate);
    let url = register.url.clone();
    let app = TestApp::builder()
        .register(&url)
        .clients([narrow, TestClient::carrier("carrier")])
        .config(|config| config.population.calls_in_flight_max = 1)
        .start()
        .await;
    let [narrow, wide] = [app.caller("narrow").await, app.caller("carrier").await];
    let body = merge(&on_file(), &json!({"attributes": {"sex": "female"}}));
    let ask = |caller: &crate::support::Caller| {
        let (caller, body) = (caller.clone(), body.clone());
        tokio::spawn(async move { caller.verify(&body).await.ok() })
    };
    let first = ask(&narrow);
    register.called(1).await;
    let others = [ask(&wide), ask(&narrow), ask(&wide)];
    register.release();
    first.await.unwrap();
    for other in others {
        other.await.unwrap();
    }
    let asked = register.asked();
    let items: Vec<&Value> =
        asked.iter().flat_map(|call| call["items"].as_array().unwrap()).collect();
    assert_eq!(items.len(), 4);
    let with_sex = items.iter().filter(|item| item["fields"].as_array().unwrap().len() == 3);
    assert_eq!(with_sex.count(), 2);
}

/// Every way in which a register fails to answer.
const FAILURES: [Reaction; 11] = [
    Reaction::Hang,
    Reaction::Close,
    Reaction::Status(500),
    Reaction::Status(401),
    Reaction::Body("garbage"),
    Reaction::Body("{}"),
    Reaction::Body(r#"{"as_of":"2026-01-01T00:00:00Z","items":[]}"#),
    Reaction::Body(r#"{"as_of":"never","items":[{"persons":[]}]}"#),
    Reaction::Raw("this is no HTTP\r\n\r\n"),
    Reaction::Raw("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"as_of\":"),
    Reaction::RawThenHang("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"as_of\":"),
];

#[tokio::test]
async fn a_register_that_fails_makes_it_inconclusive_and_one_that_is_back_is_asked_again() {
    let register = FakeRegister::start(Reaction::Answer).await;
    let app = with_register(&register, 150).start().await;
    let caller = app.caller("carrier").await;
    for failure in FAILURES {
        register.behave(failure);
        let answer = caller.verify(&on_file()).await.ok();
        assert_eq!(answer["outcome"], "inconclusive", "{failure:?}");
        for attribute in ["full_name", "date_of_birth"] {
            let expected = shown("not_checked", "registry_unavailable");
            assert_eq!(verdict(&answer, attribute), expected, "{failure:?}");
        }
        assert_eq!(answer["registry_as_of"], Value::Null, "{failure:?}");
        assert_eq!(answer["advice"]["code"], "retry_later", "{failure:?}");
        register.behave(Reaction::Answer);
        let answer = caller.verify(&on_file()).await.ok();
        assert_eq!(answer["outcome"], "matched", "after {failure:?}");
    }
    let total = &caller.report("").await.ok()["total"];
    assert_eq!(total["inconclusive"], FAILURES.len());
    assert_eq!(total["matched"], FAILURES.len());
    assert_eq!(total["match_rate"], 1.0);
    let metrics = app.metrics().await;
    let failures = read_gauge(&metrics, "gateway_population_failures_total");
    assert_eq!(failures, FAILURES.len() as u64);
}

#[tokio::test]
async fn a_register_that_is_down_makes_it_inconclusive() {
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let app = TestApp::builder().register(&url).start().await;
    let answer = app.caller("carrier").await.verify(&on_file()).await.ok();
    assert_eq!(answer["outcome"], "inconclusive");
    assert_eq!(entries(&app.app).await[0].outcome(), Some(Outcome::Inconclusive));
}

#[tokio::test]
async fn one_hanging_call_does_not_stop_the_others() {
    let register = FakeRegister::start(Reaction::Answer).await;
    register.script(Reaction::Hang);
    // Far longer than the test: nobody is saved by the time-out.
    let app = with_register(&register, 600_000).start().await;
    let caller = app.caller("carrier").await;
    let hanging = {
        let caller = caller.clone();
        tokio::spawn(async move { caller.verify(&on_file()).await })
    };
    register.called(1).await;
    for _ in 0..20 {
        assert_eq!(caller.verify(&on_file()).await.ok()["outcome"], "matched");
    }
    assert!(!hanging.is_finished());
    hanging.abort();
}

#[tokio::test]
async fn a_late_answer_never_meets_the_next_question() {
    let register = FakeRegister::start(Reaction::Answer).await;
    register.script(Reaction::AnswerLate);
    let url = register.url.clone();
    let app = TestApp::builder().register(&url).config(|config| {
        config.population.timeout_ms = 150;
        config.population.calls_in_flight_max = 1;
    });
    let app = app.start().await;
    let caller = app.caller("hospital").await;
    let body = merge(&on_file(), &json!({"purpose": "health.insurance"}));
    assert_eq!(caller.verify(&body).await.ok()["outcome"], "inconclusive");
    register.release();
    let nobody = merge(&body, &json!({"subject": {"personal_id": "001090004712"}}));
    let answer = caller.verify(&nobody).await.ok();
    assert_eq!(answer["subject_status"], "unknown");
    assert_eq!(answer["outcome"], "not_matched");
    assert_eq!(caller.verify(&body).await.ok()["outcome"], "matched");
}

async fn receipts_rise_and_lead_to_the_entries_of_their_answers(database: Database) {
    let app = TestApp::start_on(database).await;
    let caller = app.caller("carrier").await;
    for (index, person) in app.people(10).iter().enumerate() {
        let answer = caller.verify(&about_person(person)).await;
        let receipt = &answer.ok()["receipt"];
        assert_eq!(receipt["log"], "n1");
        assert_eq!(receipt["index"], index);
        let leaf = leaf_of(&app.app, index as u64).await;
        assert_eq!(receipt["leaf"].as_str(), leaf.as_deref());
        let entry = &entries(&app.app).await[index];
        assert_eq!(answer.header("x-request-id"), Some(&*entry.request_id.to_string()));
        assert_eq!(answer.ok()["id"], format!("ver_{}", entry.request_id));
        assert_eq!(entry.client.as_str(), "carrier");
    }
    assert_eq!(app.verify_log().await.unwrap().entries, 10);
}

async fn a_refusal_leaves_an_entry_and_is_counted(database: Database) {
    let two = TestClient { operations: &["verify", "lookup"], ..TestClient::carrier("two") };
    let clients = [two, TestClient::carrier("carrier"), TestClient::operator("operator")];
    let register = FakeRegister::start(Reaction::Answer).await;
    let app = with_register(&register, 2_000).on(database).clients(clients).start().await;
    let operator = app.caller("operator").await;
    let carrier = app.caller("carrier").await;
    let mut asked = vec![operator.verify(&on_file()).await];
    asked[0].problem(403, "operation-not-permitted");
    // In the policy, but not in the scope of this token.
    let form = "grant_type=client_credentials&scope=lookup";
    let narrow = app.ask_token_scoped("two", form).await.ok();
    let narrow = app.caller_with(narrow["access_token"].as_str().unwrap());
    asked.push(narrow.verify(&on_file()).await);
    asked[1].problem(403, "operation-not-permitted");
    for (change, code) in [
        (json!({"purpose": "health.insurance"}), "purpose-not-permitted"),
        (json!({"purpose": "nobody.has.this"}), "purpose-not-permitted"),
        (json!({"on_behalf_of": "01001091060"}), "on-behalf-of-not-permitted"),
    ] {
        asked.push(carrier.verify(&merge(&on_file(), &change)).await);
        asked.last().unwrap().problem(403, code);
    }
    let entries = entries(&app.app).await;
    let refusals: Vec<Refusal> = entries
        .iter()
        .map(|entry| match &entry.record {
            Decided::Refused { refusal, .. } => *refusal,
            Decided::Answered { .. } | Decided::Disclosed { .. } => panic!("nothing was answered"),
        })
        .collect();
    let expected = [
        Refusal::Operation,
        Refusal::Operation,
        Refusal::Purpose,
        Refusal::Purpose,
        Refusal::OnBehalfOf,
    ];
    assert_eq!(refusals, expected);
    for (answer, entry) in asked.iter().zip(&entries) {
        assert_eq!(answer.header("x-request-id"), Some(&*entry.request_id.to_string()));
    }
    assert!(register.asked().is_empty(), "nobody was looked up");
    let total = &operator.report("").await.ok()["total"];
    assert_eq!((&total["refused"], &total["received"]), (&json!(5), &json!(5)));
    assert_eq!(total["match_rate"], Value::Null);
    app.recount().await;
}

async fn malformed_and_throttled_requests_are_counted_outside_received(database: Database) {
    let slow = TestClient { rate: 1, burst: 2, ..TestClient::carrier("slow") };
    let app = TestApp::builder()
        .on(database)
        .clients([slow, TestClient::operator("operator")])
        .start()
        .await;
    let slow = app.caller("slow").await;
    let body = about_person(&app.person());
    for _ in 0..3 {
        slow.verify_text("{").await.problem(400, "invalid-json");
        slow.verify(&merge(&body, &json!({"purpose": ""}))).await.problem(422, "invalid-value");
    }
    for _ in 0..2 {
        slow.verify(&body).await.ok();
    }
    for _ in 0..4 {
        slow.verify(&body).await.problem(429, "rate-limited");
    }
    let total = app.caller("operator").await.report("").await.ok()["total"].clone();
    assert_eq!(total["received"], 2);
    assert_eq!(total["malformed"], 6);
    assert_eq!(total["throttled"], 4);
    assert_eq!(entries(&app.app).await.len(), 2);
    let (kept, ended_well) = app.stop().await;
    assert!(ended_well);
    // What was counted in memory outlives the process.
    let app = kept.again().start().await;
    let again = app.caller("operator").await.report("").await.ok()["total"].clone();
    assert_eq!(again, total);
}

async fn every_decision_has_its_entry_and_every_entry_its_decision(database: Database) {
    let app = TestApp::start_on(database).await;
    let caller = app.caller("carrier").await;
    let mut asking = tokio::task::JoinSet::new();
    for (position, person) in app.people(120).into_iter().enumerate() {
        let caller = caller.clone();
        asking.spawn(async move {
            let body = about_person(&person);
            let answer = match position % 4 {
                0 => caller.verify(&merge(&body, &json!({"purpose": "tax.control"}))).await,
                1 => caller.verify(&merge(&body, &json!({"purpose": 1}))).await,
                _ => caller.verify(&body).await,
            };
            let decided = matches!(answer.status, 200 | 403);
            decided.then(|| answer.header("x-request-id").unwrap().to_owned())
        });
    }
    let mut decided: Vec<String> = asking.join_all().await.into_iter().flatten().collect();
    decided.sort();
    let entries = entries(&app.app).await;
    let mut written: Vec<String> =
        entries.iter().map(|entry| entry.request_id.to_string()).collect();
    written.sort();
    assert_eq!(decided.len(), 90);
    assert_eq!(decided, written);
    assert_eq!(read_gauge(&app.metrics().await, "gateway_log_entries_total"), 90);
}
