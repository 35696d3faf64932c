//! `POST /v1/verifications/batch`: each item as though it had come alone.

use std::num::{NonZeroU32, NonZeroU64};

use gateway::rate_limit::{Lane, Quota, Quotas};
use serde_json::{Value, json};

use crate::support::{
    Answer, Caller, Database, FakeRegister, Reaction, TestApp, TestClient, about_person, entries,
    leaf_of, merge, on_both_databases, on_file, read_gauge, unissued_near,
};

on_both_databases! {
    a_thousand_items_are_answered_in_their_order_and_each_is_proven,
    items_of_all_kinds_have_an_answer_or_a_problem_each,
    a_rate_smaller_than_the_batch_has_room_for_its_first_items,
    a_quota_smaller_than_the_batch_is_used_up_and_no_further,
    of_six_wrong_claims_about_one_person_five_are_answered,
    the_same_batch_is_told_again_and_counted_once,
    a_key_goes_with_one_batch,
    after_a_restart_only_what_was_not_answered_is_asked,
    what_has_begun_ends_without_its_caller_and_the_rest_is_not_asked,
}

const PATH: &str = "/v1/verifications/batch";

async fn send(caller: &Caller, items: &[Value]) -> Answer {
    caller.post(PATH, "application/json", &json!({"items": items}).to_string()).await
}

async fn send_once(caller: &Caller, key: &str, items: &[Value]) -> Answer {
    caller.post_once(PATH, key, &json!({"items": items})).await
}

/// The items of an answer, of which every problem was looked at.
fn items_of(answer: &Answer) -> Vec<Value> {
    let items = answer.ok()["items"].as_array().expect("a list").clone();
    for (place, item) in items.iter().enumerate() {
        if item["code"].is_string() {
            check_problem(answer, place, item);
        }
    }
    items
}

/// All that is told of a problem beside its code and its status.
fn check_problem(answer: &Answer, place: usize, item: &Value) {
    let request_id = answer.header("x-request-id").unwrap();
    assert_eq!(item["request_id"], request_id);
    assert_eq!(item["instance"], format!("urn:request:{request_id}#/items/{place}"));
    assert_eq!(item["type"], format!("/docs/problems#{}", item["code"].as_str().unwrap()));
    assert!(item["title"].is_string() && item["detail"].is_string(), "{item}");
    let passes = item["status"] == 429 || item["status"] == 503;
    assert!(!passes || item["retry_after"].as_u64() > Some(0), "{item}");
}

/// What each item came to: its outcome, or the code of its problem.
fn told(answer: &Answer) -> Vec<String> {
    let told = |item: &Value| {
        let told = item["outcome"].as_str().or(item["code"].as_str());
        told.expect("an answer or a problem").to_owned()
    };
    items_of(answer).iter().map(told).collect()
}

fn count(answer: &Answer, what: &str) -> usize {
    told(answer).iter().filter(|told| *told == what).count()
}

/// What is in every answer another one.
fn without_identity(item: &Value) -> Value {
    let identity = ["id", "receipt", "evaluated_at", "registry_as_of"];
    merge(item, &identity.into_iter().map(|name| (name.to_owned(), Value::Null)).collect())
}

fn true_of(app: &TestApp, people: usize) -> Vec<Value> {
    app.people(people).iter().map(about_person).collect()
}

/// The carrier after a change, and the operator.
fn company(change: impl FnOnce(TestClient) -> TestClient) -> [TestClient; 2] {
    [change(TestClient::carrier("carrier")), TestClient::operator("operator")]
}

/// The figures of all clients; the log counted again says the same.
async fn figures(app: &TestApp) -> Value {
    app.recount().await;
    app.caller("operator").await.report("").await.ok()["total"].clone()
}

async fn a_thousand_items_are_answered_in_their_order_and_each_is_proven(database: Database) {
    // A batch is one request on its way.
    let company = company(|carrier| TestClient { concurrency: NonZeroU32::MIN, ..carrier });
    let app = TestApp::builder().on(database).clients(company);
    let app = app.config(|config| config.lanes.deadline_ms = 30_000).start().await;
    let people = app.people(1_000);
    let bodies: Vec<Value> = people.iter().map(about_person).collect();
    let answer = send(&app.caller("carrier").await, &bodies).await;
    let request_id = answer.header("x-request-id").unwrap();
    let items = items_of(&answer);
    assert_eq!(items.len(), 1_000);
    let written = entries(&app.app).await;
    assert_eq!(written.len(), 1_000);
    let mut places = std::collections::BTreeSet::new();
    for (number, item) in (1..).zip(&items) {
        assert_eq!(item["outcome"], "matched");
        assert_eq!(item["id"], format!("ver_{request_id}-{number}"));
        let index = item["receipt"]["index"].as_u64().unwrap();
        let entry = &written[usize::try_from(index).unwrap()];
        assert_eq!((entry.item, entry.request_id.to_string().as_str()), (number, request_id));
        assert_eq!(item["receipt"]["leaf"], leaf_of(&app.app, index).await.unwrap());
        places.insert(index);
    }
    assert_eq!(places.len(), 1_000);
    app.verify_log().await.unwrap();
    assert_eq!(figures(&app).await["matched"], 1_000);
    let office = app.admin_caller("operator").await;
    for (id, found) in [(format!("ver_{request_id}-17"), 1), (request_id.to_owned(), 1_000)] {
        let search = format!("/admin/v1/log/entries?limit=1000&request_id={id}");
        let search = office.get(&search).await.ok();
        assert_eq!(search["entries"].as_array().unwrap().len(), found, "{id}");
    }
}

async fn items_of_all_kinds_have_an_answer_or_a_problem_each(database: Database) {
    let app = TestApp::start_on(database).await;
    let caller = app.caller("carrier").await;
    let people = app.people(3);
    let good = about_person(&people[0]);
    let nobody = unissued_near(&app.nation, &people[1]);
    let bodies = [
        good.clone(),
        merge(&about_person(&people[1]), &json!({"attributes": {"full_name": "Chim Vàng Anh"}})),
        merge(&good, &json!({"subject": {"personal_id": "12"}})),
        merge(&good, &json!({"purpose": "health.insurance"})),
        merge(&good, &json!({"subject": {"personal_id": nobody}})),
        good.clone(),
        json!({"case_ref": 7}),
        about_person(&people[2]),
    ];
    let answer = send(&caller, &bodies).await;
    let expected = [
        "matched",
        "not_matched",
        "invalid-value",
        "purpose-not-permitted",
        "not_matched",
        "matched",
        "invalid-request",
        "matched",
    ];
    assert_eq!(told(&answer), expected);
    let items = items_of(&answer);
    assert_eq!(items[2]["errors"][0]["pointer"], "/items/2/subject/personal_id");
    assert_eq!(items[6]["errors"][0]["pointer"], "/items/6/subject");
    assert_ne!(items[0]["receipt"], items[5]["receipt"]);
    assert_eq!(entries(&app.app).await.len(), 6);
    let figures = figures(&app).await;
    assert_eq!((&figures["received"], &figures["refused"]), (&json!(6), &json!(1)));
    assert_eq!(figures["malformed"], 2);
    app.verify_log().await.unwrap();
    // Alone, each is told the same.
    for (body, item) in bodies.iter().zip(&items) {
        let alone = caller.verify(body).await;
        if alone.status == 200 {
            assert_eq!(without_identity(&alone.json()), without_identity(item));
        } else {
            assert_eq!(
                (&alone.json()["code"], u64::from(alone.status)),
                (&item["code"], item["status"].as_u64().unwrap())
            );
        }
    }
}

#[tokio::test]
async fn problems_of_items_are_told_in_the_callers_language() {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    let body = json!({"items": [{}]}).to_string();
    let in_both = [
        caller.post(PATH, "application/json", &body).await,
        caller.post_with(PATH, &[("accept-language", "vi")], &body).await,
    ];
    let details = in_both.each_ref().map(|answer| items_of(answer)[0]["detail"].clone());
    let alone = caller.post_with("/v1/verifications", &[("accept-language", "vi")], "{}").await;
    assert_ne!(details[0], details[1]);
    assert_eq!(details[1], alone.problem(400, "invalid-request")["detail"]);
}

async fn a_rate_smaller_than_the_batch_has_room_for_its_first_items(database: Database) {
    let company = company(|carrier| TestClient { rate: 1, burst: 10, ..carrier });
    let app = TestApp::builder().on(database).clients(company).start().await;
    let caller = app.caller("carrier").await;
    let answer = send(&caller, &true_of(&app, 25)).await;
    let told = told(&answer);
    assert!(told[..10].iter().all(|told| told == "matched"), "{told:?}");
    assert!(told[10..].iter().all(|told| told == "rate-limited"), "{told:?}");
    assert_eq!(items_of(&answer)[24]["retry_after"], 1);
    assert!(answer.header("ratelimit").unwrap().starts_with("\"client\";r=0;"));
    assert_eq!(entries(&app.app).await.len(), 10);
    let figures = figures(&app).await;
    assert_eq!((&figures["received"], &figures["throttled"]), (&json!(10), &json!(15)));
    app.pass(3);
    assert_eq!(count(&send(&caller, &true_of(&app, 25)).await, "matched"), 3);
}

fn day(requests: u64) -> Quotas {
    let day = Quota { requests: NonZeroU64::new(requests), attributes: None };
    Quotas { day, ..Quotas::default() }
}

async fn a_quota_smaller_than_the_batch_is_used_up_and_no_further(database: Database) {
    let company = company(|carrier| TestClient { quotas: day(7), ..carrier });
    let app = TestApp::builder().on(database).clients(company).start().await;
    let caller = app.caller("carrier").await;
    let answer = send(&caller, &true_of(&app, 300)).await;
    assert_eq!((count(&answer, "matched"), count(&answer, "quota-exceeded")), (7, 293));
    assert_eq!(entries(&app.app).await.len(), 7);
    let used = caller.get("/v1/usage").await.ok();
    assert_eq!(used["total"]["requests"]["used"], 7);
    assert_eq!(figures(&app).await["received"], 7);
}

async fn of_six_wrong_claims_about_one_person_five_are_answered(database: Database) {
    let app = TestApp::start_on(database).await;
    let body = about_person(&app.person());
    let wrong = |year: i32| {
        merge(&body, &json!({"attributes": {"date_of_birth": format!("{year}-01-17")}}))
    };
    let wrong: Vec<Value> = (1910..1916).map(wrong).collect();
    let answer = send(&app.caller("carrier").await, &wrong).await;
    assert_eq!((count(&answer, "not_matched"), count(&answer, "subject-guarded")), (5, 1));
    assert_eq!(figures(&app).await["not_matched"], 5);
}

async fn the_same_batch_is_told_again_and_counted_once(database: Database) {
    let app = TestApp::start_on(database).await;
    let caller = app.caller("carrier").await;
    let mut bodies = true_of(&app, 20);
    bodies[3] = merge(&bodies[3], &json!({"subject": {"personal_id": "1"}}));
    bodies[5] = merge(&bodies[5], &json!({"purpose": "health.insurance"}));
    bodies[7] = bodies[6].clone();
    let first = send_once(&caller, "k", &bodies).await;
    assert_eq!(first.header("idempotent-replayed"), None);
    let again = send_once(&caller, "k", &bodies).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(told(&again), told(&first));
    for (first, again) in items_of(&first).iter().zip(items_of(&again)) {
        assert!(first["code"].is_string() || *first == again, "{first} {again}");
    }
    assert_eq!(entries(&app.app).await.len(), 19);
    assert_eq!(figures(&app).await["received"], 19);
}

async fn a_key_goes_with_one_batch(database: Database) {
    let app = TestApp::start_on(database).await;
    let caller = app.caller("carrier").await;
    let bodies = true_of(&app, 3);
    let malformed = json!({});
    // What is recorded is not the first item.
    let batch = [malformed, bodies[0].clone(), bodies[1].clone()];
    send_once(&caller, "k", &batch).await.ok();
    for other in [&batch[..2], &batch[1..], &bodies[2..]] {
        send_once(&caller, "k", other).await.problem(422, "idempotency-key-reused");
    }
    send_once(&caller, "b", &bodies).await.ok();
    let alone = caller.post_once("/v1/verifications", "b", &bodies[0]).await;
    alone.problem(422, "idempotency-key-reused");
    caller.post_once("/v1/verifications", "a", &bodies[0]).await.ok();
    send_once(&caller, "a", &bodies).await.problem(422, "idempotency-key-reused");
    assert_eq!(figures(&app).await["received"], 2 + 3 + 1);
}

async fn after_a_restart_only_what_was_not_answered_is_asked(database: Database) {
    let company = company(|carrier| TestClient { quotas: day(10), ..carrier });
    let app = TestApp::builder().on(database).clients(company).start().await;
    let bodies = true_of(&app, 20);
    let first = send_once(&app.caller("carrier").await, "k", &bodies).await;
    assert_eq!(count(&first, "matched"), 10);
    let (kept, _) = app.stop().await;
    // The quota of the next day, within a day.
    let app = kept.again().at("2026-11-21T00:00:01+07:00").start().await;
    let second = send_once(&app.caller("carrier").await, "k", &bodies).await;
    assert_eq!(second.header("idempotent-replayed"), Some("true"));
    assert_eq!(count(&second, "matched"), 20);
    for (first, second) in items_of(&first).iter().zip(items_of(&second)) {
        assert!(first["code"].is_string() || *first == second, "{first} {second}");
    }
    assert_eq!(entries(&app.app).await.len(), 20);
    assert_eq!(figures(&app).await["received"], 20);
    app.verify_log().await.unwrap();
}

async fn lane(app: &TestApp, what: &str) -> u64 {
    read_gauge(&app.metrics().await, &format!("gateway_lane_{what}{{lane=\"bulk\"}}"))
}

async fn what_has_begun_ends_without_its_caller_and_the_rest_is_not_asked(database: Database) {
    let register = FakeRegister::start(Reaction::AnswerLate).await;
    let app = TestApp::builder().on(database).register(&register.url).config(|config| {
        (config.lanes.bulk_places, config.lanes.bulk_places_alone) = (1, 1);
        (config.lanes.deadline_ms, config.population.timeout_ms) = (30_000, 30_000);
        config.server.request_timeout_ms = 30_000;
    });
    let app = app.start().await;
    let caller = app.caller("carrier").await;
    let bodies = vec![on_file(); 5];
    let hanging = tokio::spawn({
        let (caller, bodies) = (caller.clone(), bodies.clone());
        async move { send_once(&caller, "k", &bodies).await }
    });
    register.called(1).await;
    while lane(&app, "waiting").await != 4 {
        tokio::task::yield_now().await;
    }
    assert_eq!(lane(&app, "in_flight").await, 1);
    send_once(&caller, "k", &bodies).await.problem(409, "idempotency-key-in-use");
    hanging.abort();
    while lane(&app, "waiting").await > 0 {
        tokio::task::yield_now().await;
    }
    send_once(&caller, "k", &bodies).await.problem(409, "idempotency-key-in-use");
    register.release();
    while lane(&app, "in_flight").await > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(entries(&app.app).await.len(), 1);
    let again = send_once(&caller, "k", &bodies).await;
    assert_eq!(count(&again, "matched"), 5);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(entries(&app.app).await.len(), 5);
    assert_eq!(figures(&app).await["received"], 5);
}

#[tokio::test]
async fn items_without_time_are_refused_each_and_ask_nothing() {
    let register = FakeRegister::start(Reaction::Hang).await;
    let app = TestApp::builder().register(&register.url).config(|config| {
        (config.lanes.bulk_places, config.lanes.bulk_places_alone) = (1, 1);
        config.lanes.deadline_ms = 30_000;
    });
    let app = app.start().await;
    let caller = app.caller("carrier").await;
    let hanging = tokio::spawn({
        let caller = caller.clone();
        async move { send(&caller, &[on_file()]).await }
    });
    register.called(1).await;
    let body = json!({"items": [on_file(), on_file(), {}]}).to_string();
    let answer = caller.post_with(PATH, &[("request-deadline-ms", "20")], &body).await;
    assert_eq!(told(&answer), ["overloaded", "overloaded", "invalid-request"]);
    assert_eq!(entries(&app.app).await.len(), 0);
    hanging.abort();
}

#[tokio::test]
async fn a_client_on_the_emergency_lane_has_its_batches_there() {
    let company = company(|carrier| TestClient { lane: Lane::Emergency, ..carrier });
    let app = TestApp::builder().clients(company).start().await;
    let answer = send(&app.caller("carrier").await, &true_of(&app, 12)).await;
    assert_eq!(count(&answer, "matched"), 12);
    let used = "gateway_emergency_requests_total{client=\"carrier\"}";
    assert_eq!(read_gauge(&app.metrics().await, used), 12);
}

#[tokio::test]
async fn a_batch_that_is_not_well_formed_has_one_problem_and_asks_nothing() {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    let post = async |body: &str| caller.post(PATH, "application/json", body).await;
    let one = about_person(&app.person());
    let many = json!({"items": vec![&one; 1_001]}).to_string();
    for (body, status, code, pointer) in [
        ("{\"items\": [", 400, "invalid-json", None),
        ("[]", 400, "invalid-request", Some("")),
        ("{}", 400, "invalid-request", Some("/items")),
        ("{\"items\": {}}", 400, "invalid-request", Some("/items")),
        ("{\"items\": [{}], \"more\": 1}", 400, "invalid-request", Some("/more")),
        ("{\"items\": [{}], \"items\": [{}]}", 400, "invalid-request", Some("/items")),
        ("{\"items\": []}", 422, "invalid-value", Some("/items")),
        (&many, 422, "invalid-value", Some("/items")),
    ] {
        let problem = post(body).await.problem(status, code);
        assert_eq!(problem["errors"][0]["pointer"].as_str(), pointer, "{code}");
    }
    let long = json!({"items": [one], "x": "x".repeat(1024 * 1024)}).to_string();
    post(&long).await.problem(413, "body-too-large");
    caller.post(PATH, "text/plain", "{}").await.problem(415, "unsupported-media-type");
    let with_query = format!("{PATH}?x=1");
    caller.post(&with_query, "application/json", "{}").await.problem(400, "invalid-request");
    assert_eq!(entries(&app.app).await.len(), 0);
    assert_eq!(figures(&app).await["malformed"], 11);
}
