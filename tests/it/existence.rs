//! An answer never tells whether a number was issued, unless the policy says so.

use serde_json::{Value, json};

use crate::support::{
    Answer, Caller, FakeRegister, ON_FILE, Reaction, TestApp, TestClient, about, born, merge,
    on_file, person_on_file, unissued_near,
};

const OTHER_NAME: &str = "Đặng Thử Nghiệm";

/// Numbers that must not be told apart by somebody without the name: nobody's in a cell that has
/// people, nobody's in a cell that does not exist, and somebody's.
fn numbers(app: &TestApp) -> [String; 3] {
    let person = app.person();
    let unknown = format!("999{}", &person.personal_id.as_str()[3..]);
    [unknown, unissued_near(&app.nation, &person), person.personal_id.to_string()]
}

/// The body without what differs between any two answers.
fn comparable(answer: &Answer) -> Value {
    let mut body = answer.ok();
    for own in ["/id", "/subject_token", "/receipt/index", "/receipt/leaf"] {
        let value = body.pointer_mut(own).expect("the member is there");
        *value = json!(value.as_str().map(str::len));
    }
    body
}

/// Header fields without what differs between any two answers.
fn header_names(answer: &Answer) -> Vec<String> {
    answer.headers.keys().map(ToString::to_string).collect()
}

async fn ask(caller: &Caller, numbers: &[String; 3], body: &Value) -> [Answer; 3] {
    ask_by("personal_id", caller, numbers, body).await
}

async fn ask_by<N: AsRef<str>>(
    kind: &str,
    caller: &Caller,
    numbers: &[N; 3],
    body: &Value,
) -> [Answer; 3] {
    let ask = async |number: &N| {
        let mut body = body.clone();
        body["subject"] = json!({kind: number.as_ref()});
        caller.verify(&body).await
    };
    [ask(&numbers[0]).await, ask(&numbers[1]).await, ask(&numbers[2]).await]
}

/// Numbers of the other kinds that must not be told apart: nobody's, one person's, and one that
/// two people share.
pub const OTHER_KEYS: [(&str, [&str; 3]); 2] = [
    ("old_id_number", ["045678901", "012345678", "023456789"]),
    ("insurance_number", ["0456789012", "0123456789", "0234567890"]),
];

/// A register in which the numbers above are what they are said to be.
pub async fn register_of_shared_keys() -> FakeRegister {
    let register = FakeRegister::start(Reaction::Answer).await;
    let shared = json!({"old_id_number": "023456789", "insurance_number": "0234567890"});
    for personal_id in ["001190004721", "079060004722"] {
        let changes = merge(&shared, &json!({"personal_id": personal_id}));
        register.enter(merge(&person_on_file(), &changes));
    }
    register
}

/// Bytes of the body, but for the digits of the receipt's index: it grows with every answer.
fn length(answer: &Answer) -> usize {
    answer.text.len() - answer.ok()["receipt"]["index"].to_string().len()
}

/// Finds answers the same but for what differs between any two.
pub fn assert_alike(answers: &[Answer]) {
    for answer in answers {
        assert_eq!(comparable(answer), comparable(&answers[0]));
        assert_eq!(header_names(answer), header_names(&answers[0]));
        assert_eq!(length(answer), length(&answers[0]));
    }
    let tokens: Vec<Value> = answers.iter().map(|a| a.ok()["subject_token"].clone()).collect();
    let are_own = tokens.windows(2).all(|tokens| tokens[0] != tokens[1]);
    assert!(are_own, "a token is of its number");
}

#[tokio::test]
async fn without_the_name_issued_and_unissued_numbers_read_alike() {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    let person = app.person();
    // All but the name is true, where there is a truth.
    let body = about("001090012345", OTHER_NAME, &born(&person));
    let more = json!({"attributes": {"sex": person.sex.name(), "permanent_address": {
        "province": person.permanent_address.province.as_str(),
        "commune": person.permanent_address.commune.as_str(),
    }}});
    for body in [merge(&body, &more), body] {
        let answers = ask(&caller, &numbers(&app), &body).await;
        assert_alike(&answers);
        let answer = answers[2].ok();
        assert_eq!(answer["outcome"], "not_matched");
        assert!(answer.get("subject_status").is_none());
        for (attribute, shown) in answer["attributes"].as_object().unwrap() {
            assert_eq!(
                shown,
                &json!({"verdict": "no_match", "reason": "different"}),
                "{attribute}"
            );
        }
    }
}

#[tokio::test]
async fn without_the_name_no_other_key_tells_whether_it_was_issued_and_to_how_many() {
    let register = register_of_shared_keys().await;
    let narrow = TestClient { attributes: vec!["date_of_birth"], ..TestClient::carrier("narrow") };
    let nameless = TestClient { required: &["date_of_birth"], ..TestClient::carrier("nameless") };
    let clients = [TestClient::carrier("carrier"), narrow, nameless];
    let app = TestApp::builder().register(&register.url).clients(clients).start().await;
    let wrong = merge(&on_file(), &json!({"attributes": {"full_name": OTHER_NAME}}));
    let without = merge(&on_file(), &json!({"attributes": {"full_name": null}}));
    // All but the name is true of everybody on file, their numbers included.
    for (client, body) in [("carrier", wrong), ("narrow", on_file()), ("nameless", without)] {
        let caller = app.caller(client).await;
        for (kind, numbers) in OTHER_KEYS {
            let more = json!({"attributes": {"sex": "female", kind: numbers[1]}});
            for body in [merge(&body, &more), body.clone()] {
                let answers = ask_by(kind, &caller, &numbers, &body).await;
                assert_alike(&answers);
                assert_ne!(answers[1].ok()["outcome"], "matched");
                assert!(answers[1].ok().get("subject_status").is_none());
            }
        }
    }
}

#[tokio::test]
async fn without_the_name_no_card_tells_whether_its_number_was_issued() {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    let born = born(&app.person());
    let born: Vec<&str> = born.split('-').rev().collect();
    let cards = numbers(&app).map(|number| {
        format!("{number}|012345678|{OTHER_NAME}|{}|Nam|Hà Nội|01072021", born.concat())
    });
    let body = json!({"purpose": "telecom.subscriber"});
    let more = json!({"attributes": {"insurance_number": "0123456789"}});
    for body in [merge(&body, &more), body] {
        let answers = ask_by("card_qr", &caller, &cards, &body).await;
        assert_alike(&answers);
        let answer = answers[2].ok();
        assert_eq!(answer["outcome"], "not_matched");
        let different = json!({"verdict": "no_match", "reason": "different"});
        let attributes = answer["attributes"].as_object().unwrap();
        assert!(attributes.values().all(|shown| *shown == different), "{attributes:?}");
    }
}

#[tokio::test]
async fn no_token_tells_what_it_holds_and_whether_that_was_issued() {
    let register = register_of_shared_keys().await;
    let nameless = TestClient { required: &["date_of_birth"], ..TestClient::carrier("nameless") };
    let clients = [TestClient::carrier("carrier"), nameless];
    let app = TestApp::builder().register(&register.url).clients(clients).start().await;
    let wrong = merge(&on_file(), &json!({"attributes": {"full_name": OTHER_NAME}}));
    let without = merge(&on_file(), &json!({"attributes": {"full_name": null}}));
    let of_number = ("personal_id", ["999090004711", "001090004712", ON_FILE]);
    for (client, body) in [("carrier", wrong), ("nameless", without)] {
        let caller = app.caller(client).await;
        for (kind, keys) in OTHER_KEYS.into_iter().chain([of_number]) {
            let given = ask_by(kind, &caller, &keys, &body).await;
            let tokens = given.map(|answer| answer.ok()["subject_token"].clone());
            let tokens = tokens.each_ref().map(|token| token.as_str().unwrap());
            let answers = ask_by("subject_token", &caller, &tokens, &body).await;
            assert_alike(&answers);
            assert_eq!(answers[2].ok()["outcome"], "not_matched");
            for (answer, token) in answers.iter().zip(tokens) {
                assert_eq!(answer.ok()["subject_token"], token, "still as asked");
            }
        }
    }
}

#[tokio::test]
async fn one_shape_of_token_serves_all_keys() {
    let register = register_of_shared_keys().await;
    let app = TestApp::builder().register(&register.url).start().await;
    let caller = app.caller("carrier").await;
    let wrong = merge(&on_file(), &json!({"attributes": {"full_name": OTHER_NAME}}));
    let mut lengths = Vec::new();
    for (kind, numbers) in OTHER_KEYS {
        for body in [on_file(), wrong.clone()] {
            for answer in ask_by(kind, &caller, &numbers, &body).await {
                lengths.push(answer.ok()["subject_token"].as_str().unwrap().len());
            }
        }
    }
    lengths.push(caller.verify(&on_file()).await.ok()["subject_token"].as_str().unwrap().len());
    assert!(lengths.iter().all(|length| *length == lengths[0]), "{lengths:?}");
}

#[tokio::test]
async fn who_sends_no_name_learns_nothing() {
    let clients = [TestClient { required: &["date_of_birth"], ..TestClient::carrier("nameless") }];
    let app = TestApp::builder().clients(clients).start().await;
    let caller = app.caller("nameless").await;
    let body = about("001090012345", OTHER_NAME, &born(&app.person()));
    let body = merge(&body, &json!({"attributes": {"full_name": null}}));
    let answers = ask(&caller, &numbers(&app), &body).await;
    assert_alike(&answers);
    assert_eq!(answers[2].ok()["outcome"], "not_matched");
}

#[tokio::test]
async fn an_attribute_outside_the_policy_reads_alike_too() {
    let clients = [TestClient {
        attributes: vec!["full_name", "date_of_birth"],
        ..TestClient::carrier("narrow")
    }];
    let app = TestApp::builder().clients(clients).start().await;
    let caller = app.caller("narrow").await;
    let body = about("001090012345", OTHER_NAME, "1990-01-01");
    let body = merge(&body, &json!({"attributes": {"sex": "male"}}));
    let answers = ask(&caller, &numbers(&app), &body).await;
    assert_alike(&answers);
    assert_eq!(answers[2].ok()["attributes"]["sex"], json!({"verdict": "not_permitted"}));
}

#[tokio::test]
async fn a_number_that_was_never_issued_reads_like_a_wrong_name_in_the_callers_own_report() {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    let body = about("001090012345", OTHER_NAME, "1990-01-01");
    let mut reports = Vec::new();
    for number in numbers(&app) {
        let before = caller.report("").await.ok()["total"].clone();
        caller.verify(&merge(&body, &json!({"subject": {"personal_id": number}}))).await.ok();
        let after = caller.report("").await.ok()["total"].clone();
        let members = before.as_object().unwrap().keys();
        let changed: Vec<String> =
            members.filter(|name| before[*name] != after[*name]).cloned().collect();
        reports.push(changed);
    }
    // The rate is null before the first answer.
    assert_eq!(reports[0], ["match_rate", "not_matched", "received"].map(String::from));
    assert_eq!(reports[1], ["not_matched", "received"].map(String::from));
    assert_eq!(reports[2], reports[1]);
}

#[tokio::test]
async fn the_callers_own_report_tells_no_issued_key_from_another() {
    let register = register_of_shared_keys().await;
    let app = TestApp::builder().register(&register.url).start().await;
    let caller = app.caller("carrier").await;
    let body = merge(&on_file(), &json!({"attributes": {"full_name": OTHER_NAME}}));
    let mut reports = Vec::new();
    for (kind, numbers) in OTHER_KEYS {
        for number in numbers {
            let mut body = body.clone();
            body["subject"] = json!({kind: number});
            let before = caller.report("").await.ok()["total"]["not_matched"].as_i64();
            caller.verify(&body).await.ok();
            let mut total = caller.report("").await.ok()["total"].clone();
            let grown = total["not_matched"].as_i64().zip(before).map(|(now, then)| now - then);
            assert_eq!(grown, Some(1), "{number}");
            for counted in ["not_matched", "received"] {
                total[counted] = Value::Null;
            }
            reports.push(total);
        }
    }
    assert!(reports.iter().all(|report| *report == reports[0]), "{reports:?}");
    for grouping in ["prefix", "province", "status"] {
        let answer = caller.report(&format!("?group_by={grouping}")).await;
        answer.problem(422, "grouping-not-available");
    }
}

#[tokio::test]
async fn a_policy_with_status_tells_and_one_token_stays_one_person() {
    let app = TestApp::start().await;
    let hospital = app.caller("hospital").await;
    let person = app.person();
    let body = about("001090012345", &person.full_name, &born(&person));
    let body = merge(&body, &json!({"purpose": "health.insurance"}));
    let answers = ask(&hospital, &numbers(&app), &body).await;
    let status = |answer: &Answer| answer.ok()["subject_status"].clone();
    assert_eq!(status(&answers[0]), "unknown");
    assert_eq!(status(&answers[1]), "unknown");
    assert_eq!(status(&answers[2]), "active");
    let wrong = merge(&body, &json!({"attributes": {"full_name": OTHER_NAME}}));
    let again = ask(&hospital, &numbers(&app), &wrong).await;
    assert_eq!(again[2].ok()["subject_token"], answers[2].ok()["subject_token"]);
    let carrier = app.caller("carrier").await;
    let elsewhere = merge(&body, &json!({"purpose": "telecom.subscriber"}));
    let elsewhere = ask(&carrier, &numbers(&app), &elsewhere).await;
    assert_ne!(elsewhere[2].ok()["subject_token"], answers[2].ok()["subject_token"]);
}
