//! Orders given and carried out, through the register's own router; in `door` over TCP.

mod door;

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use tower::ServiceExt as _;

use super::super::{Register, Settings, router};
use super::*;
use crate::{DEFAULT_SEED, Nation};

const KEY: &str = "the-key-of-the-gateway";
const BATCH: &str = "/v1/persons/batch-get";
const FAULTS: &str = "/v1/faults";
const SOMEBODY: &str = "001082022497";
const SOMEBODY_ELSE: &str = "001092162308";

fn register(settings: Settings) -> Arc<Register> {
    Register::new(Arc::new(Nation::new(DEFAULT_SEED)), settings)
}

fn behaving() -> Arc<Register> {
    register(Settings::new(KEY))
}

/// What came: a body, or none where the connection would be closed.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Option<String>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(self.body.as_deref().expect("an answer")).expect("JSON")
    }

    /// Whether it is the right answer to a batch of so many.
    fn is_right(&self, items: usize) -> bool {
        let json: Option<Value> =
            self.body.as_deref().and_then(|body| serde_json::from_str(body).ok());
        let found = json.and_then(|json| Some(json["items"].as_array()?.len()));
        self.status == StatusCode::OK && found == Some(items)
    }
}

async fn send(register: &Arc<Register>, method: Method, path: &str, body: String) -> Answer {
    let request = Request::builder().method(method).uri(path);
    let request = request.header(AUTHORIZATION, format!("Bearer {KEY}")).body(Body::from(body));
    let router = router(Arc::clone(register));
    let response = router.oneshot(request.expect("a request")).await.expect("infallible");
    let (head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.ok();
    let body = body.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Answer { status: head.status, headers: head.headers, body }
}

async fn order(register: &Arc<Register>, faults: &Value) -> Answer {
    let answer = send(register, Method::PUT, FAULTS, faults.to_string()).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    answer
}

fn batch_about(numbers: &[&str]) -> String {
    let items: Vec<Value> = numbers
        .iter()
        .map(|number| json!({"key": {"personal_id": number}, "fields": ["full_name"]}))
        .collect();
    json!({ "items": items }).to_string()
}

async fn ask_about(register: &Arc<Register>, numbers: &[&str]) -> Answer {
    send(register, Method::POST, BATCH, batch_about(numbers)).await
}

async fn ask(register: &Arc<Register>) -> Answer {
    ask_about(register, &[SOMEBODY]).await
}

/// The statuses of so many batches in a row.
async fn statuses(register: &Arc<Register>, count: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        statuses.push(ask(register).await.status.as_u16());
    }
    statuses
}

#[tokio::test]
async fn an_order_is_answered_with_all_that_is_in_force() {
    let register = behaving();
    let nothing = json!({
        "latency_ms": 0, "latency_jitter_ms": 0, "error_rate": 0.0, "error_status": 503,
        "hang_rate": 0.0, "garbage_rate": 0.0, "outage": false, "for_people": [],
    });
    assert_eq!(send(&register, Method::GET, FAULTS, String::new()).await.json(), nothing);
    let ordered = order(
        &register,
        &json!({"error_rate": 0.25, "for_people": [{"personal_id": SOMEBODY, "outage": true}]}),
    )
    .await;
    let mut person = nothing.clone();
    person.as_object_mut().expect("an object").remove("for_people");
    person["personal_id"] = json!(SOMEBODY);
    person["outage"] = json!(true);
    let mut expected = nothing.clone();
    expected["error_rate"] = json!(0.25);
    expected["for_people"] = json!([person]);
    assert_eq!(ordered.json(), expected);
    let shown = send(&register, Method::GET, FAULTS, String::new()).await;
    assert_eq!(shown.json(), expected);
    assert_eq!(order(&register, &expected).await.json(), expected, "what is shown can be ordered");
    assert_eq!(order(&register, &json!({})).await.json(), nothing);
    assert!(ask(&register).await.is_right(1));
}

#[tokio::test]
async fn a_listed_person_is_met_by_whatever_number_they_are_asked_for() {
    let nation = Nation::new(DEFAULT_SEED);
    let ordinal = nation.find("066187225060").expect("somebody with cancelled numbers");
    let crate::Dossier { person, superseded_numbers, .. } = nation.dossier(ordinal);
    let register = behaving();
    let listed = json!({"personal_id": person.personal_id.as_str(), "error_rate": 1});
    order(&register, &json!({"for_people": [listed]})).await;
    let old = person.old_id_number.expect("an old number");
    let insurance = person.insurance_number.expect("an insurance number");
    let keys = [
        json!({"personal_id": person.personal_id.as_str()}),
        json!({"personal_id": superseded_numbers[0].as_str()}),
        json!({"old_id_number": old.as_str()}),
        json!({"insurance_number": insurance.as_str()}),
    ];
    for key in keys {
        let batch = json!({"items": [{"key": key, "fields": []}]}).to_string();
        let answer = send(&register, Method::POST, "/v1/persons/batch-get", batch).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{key}");
    }
    assert!(ask(&register).await.is_right(1));
}

#[tokio::test]
async fn only_the_holder_of_the_key_gives_orders() {
    for method in [Method::GET, Method::PUT] {
        let request = Request::builder().method(method).uri(FAULTS).body(Body::from("{}"));
        let response = router(behaving()).oneshot(request.expect("a request")).await;
        assert_eq!(response.expect("infallible").status(), StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn an_order_that_cannot_be_carried_out_is_refused_and_changes_nothing() {
    let register = behaving();
    order(&register, &json!({"error_rate": 1})).await;
    let wrong_kind = "the faults have a member that is unknown, comes twice or is of the wrong \
                      type: line 1, column ";
    let person = format!(r#"{{"personal_id":"{SOMEBODY}"}}"#);
    let many = format!(r#"{{"for_people":[{}]}}"#, vec![person.as_str(); 101].join(","));
    for (body, expected) in [
        ("{", "the faults are not JSON: line 1, column 1"),
        ("[]", wrong_kind),
        (r#"{"latency":1}"#, wrong_kind),
        (r#"{"latency_ms":-1}"#, wrong_kind),
        (r#"{"latency_ms":1,"latency_ms":2}"#, wrong_kind),
        (r#"{"outage":"yes"}"#, wrong_kind),
        (r#"{"for_people":[{"name":"x"}]}"#, wrong_kind),
        (r#"{"for_people":[["001082022497"]]}"#, wrong_kind),
        (r#"{"latency_ms":60001}"#, "latency_ms must be at most 60000"),
        (r#"{"latency_jitter_ms":60001}"#, "latency_jitter_ms must be at most 60000"),
        (r#"{"error_rate":1.01}"#, "error_rate must be from 0 to 1"),
        (r#"{"garbage_rate":-0.1}"#, "garbage_rate must be from 0 to 1"),
        (r#"{"error_status":399}"#, "error_status must be from 400 to 599"),
        (r#"{"error_status":600}"#, "error_status must be from 400 to 599"),
        (r#"{"error_rate":0.6,"hang_rate":0.5}"#, "error_rate, hang_rate and garbage_rate tog"),
        (r#"{"personal_id":"001082022497"}"#, "personal_id must be within for_people only"),
        (r#"{"for_people":[{"outage":true}]}"#, "for_people[0].personal_id must be twelve digits"),
        (
            r#"{"for_people":[{"personal_id":"001082022497","hang_rate":2}]}"#,
            "for_people[0].hang_rate must be from 0 to 1",
        ),
        (
            r#"{"for_people":[{"personal_id":"001082022497","for_people":[]}]}"#,
            "for_people[0].for_people must be at the top only",
        ),
        (&format!(r#"{{"for_people":[{person},{person}]}}"#), "for_people names a person twice"),
        (&many, "for_people has at most 100 people, this one has 101"),
    ] {
        let answer = send(&register, Method::PUT, FAULTS, body.to_owned()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        let error = answer.json()["error"].as_str().expect("an error text").to_owned();
        assert!(error.starts_with(expected), "{body}: {error}");
    }
    assert_eq!(statuses(&register, 1).await, [503], "the order before still stands");
}

#[tokio::test]
async fn a_rate_hits_its_share_evenly_and_begins_anew_with_every_order() {
    let register = behaving();
    for (rate, expected) in [
        (0.5, [200, 503, 200, 503, 200, 503, 200, 503]),
        (0.25, [200, 200, 200, 503, 200, 200, 200, 503]),
        (0.75, [200, 503, 503, 503, 200, 503, 503, 503]),
        (1.0, [503; 8]),
        (0.0, [200; 8]),
    ] {
        order(&register, &json!({ "error_rate": rate })).await;
        assert_eq!(statuses(&register, 3).await, expected[..3], "{rate}");
        order(&register, &json!({ "error_rate": rate })).await;
        assert_eq!(statuses(&register, 8).await, expected, "{rate}");
    }
}

#[tokio::test]
async fn errors_have_the_ordered_status_and_say_when_to_come_again() {
    let register = behaving();
    for (status, again) in
        [(400, None), (429, Some("1")), (500, None), (503, Some("1")), (599, None)]
    {
        order(&register, &json!({"error_rate": 1, "error_status": status})).await;
        let answer = ask(&register).await;
        assert_eq!(answer.status.as_u16(), status);
        let retry_after = answer.headers.get("retry-after").map(|value| value.to_str().unwrap());
        assert_eq!(retry_after, again, "{status}");
    }
}

#[tokio::test]
async fn garbage_comes_by_turns_and_is_never_the_contract() {
    let register = behaving();
    order(&register, &json!({"garbage_rate": 1})).await;
    for _ in 0..2 {
        let cut = ask_about(&register, &[SOMEBODY, SOMEBODY_ELSE]).await;
        assert_eq!(cut.status, StatusCode::OK);
        let text = cut.body.expect("a body");
        assert!(text.starts_with(r#"{"as_of":"#) && !text.ends_with('}'), "{text}");
        let too_few = ask_about(&register, &[SOMEBODY, SOMEBODY_ELSE]).await;
        assert!(too_few.is_right(1), "{:?}", too_few.body);
        let page = ask_about(&register, &[SOMEBODY, SOMEBODY_ELSE]).await;
        assert_eq!(
            (page.status, page.headers["content-type"].as_bytes()),
            (StatusCode::OK, &b"text/html"[..])
        );
        assert!(page.body.expect("a body").starts_with("<!DOCTYPE html>"));
    }
}

#[tokio::test(start_paused = true)]
async fn rates_stand_side_by_side_and_each_has_its_share() {
    let register = behaving();
    order(&register, &json!({"error_rate": 0.2, "hang_rate": 0.3, "garbage_rate": 0.5})).await;
    let (mut errors, mut hangs, mut garbage) = (0, 0, 0);
    for _ in 0..100 {
        let answer = ask(&register).await;
        assert!(!answer.is_right(1), "nothing is left for right answers");
        match (answer.status, answer.body) {
            (StatusCode::SERVICE_UNAVAILABLE, _) => errors += 1,
            (_, None) => hangs += 1,
            (_, Some(_)) => garbage += 1,
        }
    }
    assert_eq!((errors, hangs, garbage), (20, 30, 50));
}

#[tokio::test(start_paused = true)]
async fn a_delay_comes_before_every_answer_and_varies_within_its_jitter() {
    let register = behaving();
    let delay = async || {
        let asked = Instant::now();
        ask(&register).await;
        asked.elapsed().as_millis()
    };
    order(&register, &json!({"latency_ms": 250, "error_rate": 0.5})).await;
    assert_eq!([delay().await, delay().await], [250, 250]);

    let jitter = json!({"latency_ms": 1_000, "latency_jitter_ms": 500});
    order(&register, &jitter).await;
    let mut delays = Vec::new();
    for _ in 0..200 {
        delays.push(delay().await);
    }
    assert!(delays.iter().all(|delay| (1_000..=1_500).contains(delay)), "{delays:?}");
    let (least, most) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
    assert!(*least < 1_050 && *most > 1_450, "{least} to {most} is not all of it");
    order(&register, &jitter).await;
    assert_eq!([delay().await, delay().await], delays[..2], "the same ones again");
}

#[tokio::test(start_paused = true)]
async fn a_hanging_batch_is_let_go_after_a_minute_without_an_answer() {
    let register = behaving();
    order(&register, &json!({"hang_rate": 1})).await;
    assert!(timeout(Duration::from_secs(59), ask(&register)).await.is_err());
    let let_go = timeout(Duration::from_secs(61), ask(&register)).await.expect("an end");
    assert!(let_go.body.is_none());
}

#[tokio::test]
async fn a_person_s_faults_meet_the_batches_about_that_person_and_no_others_do() {
    let register = behaving();
    order(
        &register,
        &json!({
            "error_rate": 1, "error_status": 500,
            "for_people": [
                {"personal_id": SOMEBODY, "error_rate": 1, "error_status": 429},
                {"personal_id": SOMEBODY_ELSE},
            ],
        }),
    )
    .await;
    assert_eq!(ask_about(&register, &[SOMEBODY]).await.status.as_u16(), 429);
    assert!(ask_about(&register, &[SOMEBODY_ELSE]).await.is_right(1), "spared");
    let both = [SOMEBODY_ELSE, SOMEBODY];
    assert!(ask_about(&register, &both).await.is_right(2), "the first of the batch counts");
    assert_eq!(ask_about(&register, &["001090012345"]).await.status.as_u16(), 500);
}

fn standing(personal_id: &str, misbehaviour: Misbehaviour) -> PersonFaults {
    let personal_id = PersonalNumber::parse(personal_id).expect("a number");
    PersonFaults { personal_id, misbehaviour }
}

fn refusing(error_status: u16) -> Misbehaviour {
    Misbehaviour { error_rate: 1.0, error_status, ..Misbehaviour::default() }
}

#[tokio::test]
async fn standing_faults_outlive_every_order_and_are_shown() {
    let settings = Settings::new(KEY).with_standing_faults(vec![standing(SOMEBODY, refusing(429))]);
    let register = register(settings.expect("good faults"));
    let order_about =
        json!({"for_people": [{"personal_id": SOMEBODY, "error_rate": 1, "error_status": 500}]});
    for faults in [json!({}), order_about] {
        assert_eq!(statuses(&register, 1).await, [429]);
        let shown = order(&register, &faults).await.json();
        assert_eq!(shown["standing_for_people"][0]["personal_id"], SOMEBODY);
        assert_eq!(shown["standing_for_people"][0]["error_status"], 429);
        assert_eq!(statuses(&register, 1).await, [429]);
        assert!(ask_about(&register, &[SOMEBODY_ELSE]).await.is_right(1));
    }
}

#[test]
fn settings_hold_faults_to_the_same_limits() {
    let bad = standing(SOMEBODY, refusing(200));
    let error = Settings::new(KEY).with_standing_faults(vec![bad]).expect_err("a limit");
    assert_eq!(error.to_string(), "for_people[0].error_status must be from 400 to 599");
    let bad = Faults { usual: refusing(600), ..Faults::default() };
    assert!(Settings::new(KEY).with_faults(bad).is_err());
    let not_a_number = Misbehaviour { error_rate: f64::NAN, ..Misbehaviour::default() };
    let bad = Faults { usual: not_a_number, ..Faults::default() };
    assert!(Settings::new(KEY).with_faults(bad).is_err());
}
