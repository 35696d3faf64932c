//! A client asks by the token that it was given before; nobody else's is one.

use gateway::request::KeyKind;
use serde_json::{Value, json};

use crate::support::{Caller, FakeRegister, ON_FILE, Reaction, TestApp, entries, merge, on_file};

const OTHER_NAME: &str = "Đặng Thử Nghiệm";

async fn start() -> (FakeRegister, TestApp) {
    let register = FakeRegister::start(Reaction::Answer).await;
    let app = TestApp::builder().register(&register.url).start().await;
    (register, app)
}

fn by(body: &Value, kind: &str, key: &Value) -> Value {
    let mut body = body.clone();
    body["subject"] = json!({kind: key});
    body
}

async fn given(caller: &Caller, body: &Value) -> Value {
    caller.verify(body).await.ok()["subject_token"].clone()
}

#[tokio::test]
async fn it_leads_to_the_person_whom_the_client_has_named() {
    let (register, app) = start().await;
    let caller = app.caller("carrier").await;
    let token = given(&caller, &by(&on_file(), "old_id_number", &json!("012345678"))).await;
    let answer = caller.verify(&by(&on_file(), "subject_token", &token)).await.ok();
    assert_eq!(answer["outcome"], "matched");
    assert_eq!(answer["subject_token"], token);
    assert_eq!(register.asked()[1]["items"][0]["key"], json!({"personal_id": ON_FILE}));
    let entries = entries(&app.app).await;
    assert_eq!(entries[1].subject.key_kind, KeyKind::SubjectToken);
    assert_eq!(entries[1].subject.pseudonym, entries[0].subject.pseudonym);
    assert_eq!(entries[1].subject.prefix, 1);
    app.recount().await;
}

#[tokio::test]
async fn without_the_name_it_leads_no_further_than_the_key_did() {
    let (register, app) = start().await;
    let caller = app.caller("carrier").await;
    let wrong = merge(&on_file(), &json!({"attributes": {"full_name": OTHER_NAME}}));
    for (kind, key) in [
        ("personal_id", json!(ON_FILE)),
        ("personal_id", json!("001090004712")),
        ("old_id_number", json!("012345678")),
        ("old_id_number", json!("045678901")),
        ("insurance_number", json!("0123456789")),
        ("insurance_number", json!("0456789012")),
    ] {
        let token = given(&caller, &by(&wrong, kind, &key)).await;
        assert_eq!(given(&caller, &by(&wrong, "subject_token", &token)).await, token, "{kind}");
        let asked = register.asked();
        let last = &asked[asked.len() - 1]["items"][0]["key"];
        assert_eq!(*last, json!({kind: key}));
        let entries = entries(&app.app).await;
        let [.., by_key, by_token] = &entries[..] else { panic!("both are recorded") };
        assert_eq!(by_token.subject.pseudonym, by_key.subject.pseudonym, "{kind}");
        assert_eq!(by_token.subject.prefix, by_key.subject.prefix, "{kind}");
        assert_eq!(by_token.subject.key_kind, KeyKind::SubjectToken);
    }
    // With the name it leads on.
    let token = given(&caller, &by(&wrong, "old_id_number", &json!("012345678"))).await;
    let named = given(&caller, &by(&on_file(), "subject_token", &token)).await;
    assert_ne!(named, token);
    assert_eq!(named, given(&caller, &on_file()).await);
}

#[tokio::test]
async fn whatever_is_no_token_of_this_clients_gets_one_and_the_same_answer() {
    let (register, app) = start().await;
    let caller = app.caller("carrier").await;
    let own = given(&caller, &on_file()).await.as_str().unwrap().to_owned();
    let hospital = app.caller("hospital").await;
    let elsewhere = merge(&on_file(), &json!({"purpose": "health.insurance"}));
    let foreign = given(&hospital, &elsewhere).await.as_str().unwrap().to_owned();
    let flipped = if own.starts_with('A') { "B" } else { "A" };
    let recorded = entries(&app.app).await.len();
    let mut bodies = Vec::new();
    for no_token in [
        foreign,
        format!("{flipped}{}", &own[1..]),
        own[..42].to_owned(),
        own[..16].to_owned(),
        String::new(),
        format!("{own}="),
        format!("{own}A"),
        format!(" {own}"),
        format!("{own}{own}"),
        "A".repeat(43),
        "é".repeat(43),
        "A".repeat(10_000),
        ON_FILE.to_owned(),
    ] {
        let answer = caller.verify(&by(&on_file(), "subject_token", &json!(no_token))).await;
        answer.problem(422, "invalid-value");
        let expected = [("/subject/subject_token".into(), "malformed".into())];
        assert_eq!(answer.field_errors(), expected, "{no_token}");
        bodies.push(answer.without_identity());
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    assert_eq!(entries(&app.app).await.len(), recorded, "nothing is recorded");
    assert_eq!(register.asked().len(), 2, "nobody is asked about");
}

#[tokio::test]
async fn what_is_wrong_beside_it_is_told_with_it() {
    let (_register, app) = start().await;
    let caller = app.caller("carrier").await;
    let body = by(&on_file(), "subject_token", &json!("x"));
    let answer = caller.verify(&merge(&body, &json!({"attributes": {"sex": "x"}}))).await;
    answer.problem(422, "invalid-value");
    let malformed = |pointer: &str| (pointer.to_owned(), "malformed".to_owned());
    let expected = [malformed("/subject/subject_token"), malformed("/attributes/sex")];
    assert_eq!(answer.field_errors(), expected);
}

#[tokio::test]
async fn it_is_good_after_a_restart() {
    let (register, app) = start().await;
    let token = given(&app.caller("carrier").await, &on_file()).await;
    let (kept, ended_well) = app.stop().await;
    assert!(ended_well);
    let app = kept.again().register(&register.url).start().await;
    let caller = app.caller("carrier").await;
    let answer = caller.verify(&by(&on_file(), "subject_token", &token)).await.ok();
    assert_eq!(answer["outcome"], "matched");
}
