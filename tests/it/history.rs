//! Who asked about a person, over all of the person's numbers and all quarters.

use mock_population_db::Person;
use serde_json::{Value, json};

use crate::support::{
    Answer, Caller, Database, FakeRegister, Reaction, TestApp, TestClient, about, about_person,
    entries, merge, micros, on_both_databases, unissued_near,
};

on_both_databases! {
    a_history_says_who_when_why_what_and_what_came_of_it,
    all_numbers_of_a_person_lead_to_one_history,
    a_history_goes_on_over_quarters_until_their_keys_are_destroyed,
    a_number_that_nobody_has_is_answered_by_who_asked_for_it,
    pages_follow_each_other_while_others_ask,
    who_may_not_see_a_history_is_refused_on_record,
}

/// Asks for the history of whoever has a key.
async fn ask(caller: &Caller, subject: &Value) -> Answer {
    let body = json!({"subject": subject, "purpose": "operations.report"});
    caller.post("/v1/subjects/history", "application/json", &body.to_string()).await
}

fn of(person: &Person) -> Value {
    json!({"personal_id": person.personal_id.as_str()})
}

/// Client and outcome of every entry, the newest first.
fn told(history: &Value) -> Vec<(String, Option<String>)> {
    let entries = history["entries"].as_array().unwrap();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    entries.iter().map(|e| (text(&e["client"]["id"]).unwrap(), text(&e["outcome"]))).collect()
}

fn asked(client: &str, outcome: &str) -> (String, Option<String>) {
    (client.to_owned(), Some(outcome.to_owned()))
}

async fn a_history_says_who_when_why_what_and_what_came_of_it(database: Database) {
    let app = TestApp::start_on(database).await;
    let (carrier, operator) = (app.caller("carrier").await, app.caller("operator").await);
    let person = app.person();
    let verified = carrier.verify(&about_person(&person)).await;
    app.pass(60);
    carrier.verify(&about_person(&app.people(2)[1])).await.ok();
    let hospital = merge(
        &about_person(&person),
        &json!({"purpose": "health.insurance", "on_behalf_of": "G24.01929.1",
                "attributes": {"full_name": "Đặng Thử Nghiệm"}}),
    );
    app.caller("hospital").await.verify(&hospital).await.ok();
    let history = ask(&operator, &of(&person)).await.ok();
    assert_eq!(told(&history), [asked("hospital", "not_matched"), asked("carrier", "matched")]);
    let [newest, oldest] = &history["entries"].as_array().unwrap()[..] else { panic!("two") };
    assert_eq!(newest["on_behalf_of"], "G24.01929.1");
    assert_eq!(newest["at"], "2026-11-20T09:01:00.000+07:00");
    assert_eq!(oldest["agency_code"], "0100109106");
    assert_eq!(oldest["operation"], "verify");
    assert_eq!(oldest["attributes"], json!(["full_name", "date_of_birth"]));
    assert_eq!(oldest["purpose"]["code"], "telecom.subscriber");
    assert_eq!(oldest["purpose"]["vi"], "Xác thực thông tin thuê bao");
    assert_eq!(oldest["purpose"]["en"], "Verify a subscriber at registration");
    assert_eq!(oldest["request_id"], verified.header("x-request-id").unwrap());
    assert_eq!((&history["next"], &history["unlinkable_quarters"]), (&Value::Null, &json!(0)));
    let receipt = &history["receipt"];
    assert_eq!((receipt["log"].as_str(), receipt["index"].as_u64()), (Some("n1"), Some(3)));
    // Whoever looked is in the next history.
    let again = ask(&operator, &of(&person)).await.ok();
    assert_eq!(told(&again)[0], ("operator".to_owned(), None));
    assert_eq!(again["entries"][0]["operation"], "history");
    assert_eq!(told(&again)[1..], told(&history));
    app.recount().await;
}

async fn all_numbers_of_a_person_lead_to_one_history(database: Database) {
    let app = TestApp::start_on(database).await;
    let (carrier, operator) = (app.caller("carrier").await, app.caller("operator").await);
    // Somebody with cancelled numbers, an old one that nobody shares and an insurance number.
    let shared: Vec<(u64, u64)> = app.nation.shared_old_numbers().collect();
    let (ordinal, person) = app
        .nation
        .superseded_ordinals()
        .map(|ordinal| (ordinal, app.nation.person(ordinal)))
        .find(|(ordinal, person)| {
            let shares = shared.iter().any(|pair| pair.0 == *ordinal || pair.1 == *ordinal);
            person.old_id_number.is_some() && person.insurance_number.is_some() && !shares
        })
        .unwrap();
    let mut subjects = vec![
        of(&person),
        json!({"old_id_number": person.old_id_number.unwrap().as_str()}),
        json!({"insurance_number": person.insurance_number.unwrap().as_str()}),
    ];
    let cancelled = app.nation.superseded_numbers(ordinal);
    subjects.extend(cancelled.map(|number| json!({"personal_id": number.as_str()})));
    // While the register is down, each is logged under itself.
    app.misbehave(&json!({"outage": true})).await;
    for subject in &subjects {
        let mut body = about_person(&person);
        body["subject"] = subject.clone();
        assert_eq!(carrier.verify(&body).await.ok()["outcome"], "inconclusive");
    }
    let unavailable = ask(&operator, &subjects[0]).await;
    unavailable.problem(503, "overloaded");
    assert_eq!(unavailable.retry_after(), 1);
    app.misbehave(&json!({})).await;
    for subject in &subjects {
        let history = ask(&operator, subject).await.ok();
        let verified = told(&history).into_iter().filter(|told| told.0 == "carrier").count();
        assert_eq!(verified, subjects.len(), "{subject}");
    }
}

async fn a_history_goes_on_over_quarters_until_their_keys_are_destroyed(database: Database) {
    let app = TestApp::builder().on(database).at("2026-09-30T23:59:00+07:00").start().await;
    let person = app.person();
    for _ in 0..3 {
        app.caller("carrier").await.verify(&about_person(&person)).await.ok();
        app.pass(92 * 24 * 3_600);
    }
    let operator = app.caller("operator").await;
    let history = ask(&operator, &of(&person)).await.ok();
    assert_eq!(told(&history).len(), 3);
    assert_eq!(history["unlinkable_quarters"], 0);
    let periods: Vec<u16> =
        entries(&app.app).await.iter().map(|entry| entry.subject.pseudonym.period).collect();
    // None in the first quarter of 2027, and so no key: that is no quarter to miss.
    assert_eq!(periods, [8_106, 8_107, 8_109, 8_110]);
    std::fs::remove_file(app.config.keys.folder.join("pseudonym-2026Q4.key")).unwrap();
    let history = ask(&operator, &of(&person)).await.ok();
    assert_eq!(told(&history).len(), 3, "two verifications and the look before");
    assert_eq!(history["unlinkable_quarters"], 1);
}

async fn a_number_that_nobody_has_is_answered_by_who_asked_for_it(database: Database) {
    let app = TestApp::start_on(database).await;
    let operator = app.caller("operator").await;
    let number = unissued_near(&app.nation, &app.person());
    let subject = json!({"personal_id": number});
    assert_eq!(told(&ask(&operator, &subject).await.ok()), []);
    let carrier = app.caller("carrier").await;
    carrier.verify(&about(&number, "Đặng Thử Nghiệm", "1990-05-01")).await.ok();
    let history = ask(&operator, &subject).await.ok();
    assert_eq!(told(&history)[0], asked("carrier", "not_matched"));
}

async fn pages_follow_each_other_while_others_ask(database: Database) {
    let app = TestApp::start_on(database).await;
    let (carrier, operator) = (app.caller("carrier").await, app.caller("operator").await);
    let person = app.person();
    for _ in 0..7 {
        carrier.verify(&about_person(&person)).await.ok();
        app.pass(1);
    }
    let (mut after, mut seen) = (Value::Null, Vec::new());
    for page in 0..4 {
        let mut body = json!({
            "subject": of(&person), "purpose": "operations.report", "limit": 2, "after": after,
        });
        if page == 0 {
            body = merge(&body, &json!({"after": null}));
        }
        let body = body.to_string();
        let answer = operator.post("/v1/subjects/history", "application/json", &body).await.ok();
        let entries = answer["entries"].as_array().unwrap();
        seen.extend(entries.iter().map(|entry| entry["at"].as_str().unwrap().to_owned()));
        after = answer["next"].clone();
        carrier.verify(&about_person(&person)).await.ok();
    }
    let second = |n: i64| micros("2026-11-20T09:00:00+07:00").plus_seconds(n).to_string();
    assert_eq!(seen, (0..7).rev().map(second).collect::<Vec<_>>());
    assert_eq!(after, Value::Null);
}

async fn who_may_not_see_a_history_is_refused_on_record(database: Database) {
    let mut clients = TestClient::company();
    clients.push(TestClient { purposes: &["registry.sync"], ..TestClient::operator("other") });
    let app = TestApp::builder().on(database).clients(clients).start().await;
    let person = app.person();
    for (client, code) in
        [("carrier", "operation-not-permitted"), ("other", "purpose-not-permitted")]
    {
        let caller = app.caller(client).await;
        ask(&caller, &of(&person)).await.problem(403, code);
    }
    let operator = app.caller("operator").await;
    let history = ask(&operator, &of(&person)).await.ok();
    assert_eq!(told(&history), [asked("other", "refused"), asked("carrier", "refused")]);
    assert_eq!(history["entries"][0]["operation"], "history");
}

#[tokio::test]
async fn everything_that_is_wrong_with_the_question_is_told_at_once() {
    let app = TestApp::start().await;
    let operator = app.caller("operator").await;
    let post = async |body: Value| {
        operator.post("/v1/subjects/history", "application/json", &body.to_string()).await
    };
    let shape = post(json!({"subject": {}, "limit": "5", "attributes": {}})).await;
    shape.problem(400, "invalid-request");
    let wrong = [
        ("/subject", "not-one-key"),
        ("/purpose", "missing"),
        ("/limit", "wrong-type"),
        ("/attributes", "unknown"),
    ];
    assert_eq!(shape.field_errors(), wrong.map(|(p, c)| (p.to_owned(), c.to_owned())));
    for limit in [json!(0), json!(1_001)] {
        let body = json!({
            "subject": {"personal_id": "1"}, "purpose": "operations.report", "after": "?",
            "limit": limit,
        });
        let values = post(body).await;
        values.problem(422, "invalid-value");
        let wrong = ["/subject/personal_id", "/after", "/limit"];
        let wrong = wrong.map(|pointer| (pointer.to_owned(), "malformed".to_owned()));
        assert_eq!(values.field_errors(), wrong);
    }
    assert_eq!(entries(&app.app).await.len(), 0);
}

#[tokio::test]
async fn the_register_is_asked_for_numbers_and_for_nothing_else() {
    let register = FakeRegister::start(Reaction::Answer).await;
    let app = TestApp::builder().register(&register.url).start().await;
    let operator = app.caller("operator").await;
    ask(&operator, &json!({"personal_id": "001190012345"})).await.ok();
    let asked = register.asked();
    let fields = &asked[0]["items"][0]["fields"];
    assert_eq!(*fields, json!(["old_id_number", "insurance_number", "superseded_numbers"]));
}
