//! A person is asked about by an old number or an insurance number, too; several may share one.

use gateway::request::KeyKind;
use serde_json::{Value, json};

use crate::support::{
    CARD_ON_FILE, FakeRegister, Reaction, TestApp, TestClient, entries, merge, on_file,
    person_on_file,
};

/// An old number of two people with different names, and one of two who are named alike.
const SHARED: &str = "023456789";
const OF_NAMESAKES: &str = "034567890";

/// The one person on file by each of the keys.
fn keys() -> [(KeyKind, Value); 5] {
    [
        (KeyKind::PersonalId, json!({"personal_id": "001090004711"})),
        (KeyKind::OldIdNumber, json!({"old_id_number": "012345678"})),
        (KeyKind::InsuranceNumber, json!({"insurance_number": "0123456789"})),
        (KeyKind::InsuranceNumber, json!({"insurance_number": "TE1790123456789"})),
        (KeyKind::CardQr, json!({"card_qr": CARD_ON_FILE})),
    ]
}

fn with_subject(body: &Value, subject: &Value) -> Value {
    let mut body = body.clone();
    body["subject"] = subject.clone();
    body
}

fn claiming(subject: &Value, full_name: &str, date_of_birth: &str) -> Value {
    let claims = json!({"full_name": full_name, "date_of_birth": date_of_birth});
    merge(&with_subject(&on_file(), subject), &json!({"attributes": claims}))
}

/// A register in which old numbers are shared.
async fn start_register() -> FakeRegister {
    let register = FakeRegister::start(Reaction::Answer).await;
    for (personal_id, old_id_number, full_name, date_of_birth) in [
        ("001190004721", SHARED, "Lê Thị Ví Dụ", "1990-02-03"),
        ("079060004722", SHARED, "Phạm Văn Mẫu", "1960-04-05"),
        ("001170004731", OF_NAMESAKES, "Hoàng Thị Giả Định", "1970-06-07"),
        ("079180004732", OF_NAMESAKES, "Hoàng Thị Giả Định", "1980-08-09"),
    ] {
        register.enter(merge(
            &person_on_file(),
            &json!({
                "personal_id": personal_id, "old_id_number": old_id_number,
                "full_name": full_name, "date_of_birth": date_of_birth,
                "insurance_number": null,
            }),
        ));
    }
    register
}

async fn start(register: &FakeRegister) -> TestApp {
    TestApp::builder().register(&register.url).start().await
}

#[tokio::test]
async fn every_key_leads_to_the_same_person() {
    let register = start_register().await;
    let app = start(&register).await;
    let caller = app.caller("carrier").await;
    let mut tokens = Vec::new();
    for (_, subject) in keys() {
        let answer = caller.verify(&with_subject(&on_file(), &subject)).await.ok();
        assert_eq!(answer["outcome"], "matched", "{subject}");
        tokens.push(answer["subject_token"].clone());
    }
    assert!(tokens.iter().all(|token| *token == tokens[0]), "one token for one person");
    let entries = entries(&app.app).await;
    for ((kind, subject), entry) in keys().iter().zip(&entries) {
        assert_eq!(entry.subject.key_kind, *kind, "{subject}");
        assert_eq!(entry.subject.pseudonym, entries[0].subject.pseudonym, "{subject}");
        assert_eq!(entry.subject.prefix, 1, "{subject}");
    }
    app.recount().await;
}

#[tokio::test]
async fn without_the_name_the_keys_of_one_person_are_not_linked() {
    let register = start_register().await;
    let app = start(&register).await;
    for (client, purpose) in [("carrier", "telecom.subscriber"), ("hospital", "health.insurance")] {
        let caller = app.caller(client).await;
        let mut tokens = std::collections::HashSet::new();
        // The two forms of the insurance number are one key.
        for (_, subject) in &keys()[..3] {
            let body = claiming(subject, "Đặng Thử Nghiệm", "1990-05-07");
            let answer = caller.verify(&merge(&body, &json!({"purpose": purpose}))).await.ok();
            tokens.insert(answer["subject_token"].as_str().unwrap().to_owned());
        }
        assert_eq!(tokens.len(), 3, "{client}");
    }
}

#[tokio::test]
async fn the_register_is_asked_by_the_key_in_its_canonical_form() {
    let register = start_register().await;
    let app = start(&register).await;
    let caller = app.caller("carrier").await;
    for (_, subject) in keys() {
        caller.verify(&with_subject(&on_file(), &subject)).await.ok();
    }
    let asked: Vec<Value> =
        register.asked().iter().map(|call| call["items"][0]["key"].clone()).collect();
    let mut expected = keys().map(|(_, subject)| subject);
    expected[3] = expected[2].clone();
    expected[4] = expected[0].clone();
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn a_claimed_insurance_number_is_compared_by_its_last_ten_digits() {
    let register = start_register().await;
    let app = start(&register).await;
    let caller = app.caller("carrier").await;
    for (number, verdict) in [
        ("0123456789", "match"),
        ("DN4010123456789", "match"),
        ("GD4790123456789", "match"),
        ("DN4010123456780", "no_match"),
    ] {
        let claim = json!({"attributes": {"insurance_number": number}});
        let answer = caller.verify(&merge(&on_file(), &claim)).await.ok();
        assert_eq!(answer["attributes"]["insurance_number"]["verdict"], verdict, "{number}");
    }
}

#[tokio::test]
async fn of_several_who_share_a_key_the_one_with_the_name_is_meant() {
    let register = start_register().await;
    let app = start(&register).await;
    let caller = app.caller("carrier").await;
    let shared = json!({"old_id_number": SHARED});
    for (personal_id, full_name, date_of_birth) in [
        ("001190004721", "Lê Thị Ví Dụ", "1990-02-03"),
        ("079060004722", "PHAM VAN MAU", "1960-04-05"),
    ] {
        let answer = caller.verify(&claiming(&shared, full_name, date_of_birth)).await.ok();
        assert_eq!(answer["outcome"], "matched", "{full_name}");
        let by_number = claiming(&json!({"personal_id": personal_id}), full_name, date_of_birth);
        let by_number = caller.verify(&by_number).await.ok();
        assert_eq!(answer["subject_token"], by_number["subject_token"]);
    }
    // The birth date of the other one.
    let crossed = claiming(&shared, "Lê Thị Ví Dụ", "1960-04-05");
    let answer = caller.verify(&crossed).await.ok();
    assert_eq!(answer["outcome"], "not_matched");
    assert_eq!(answer["attributes"]["full_name"]["verdict"], "match");
    let entries = entries(&app.app).await;
    let prefixes: Vec<u16> = entries.iter().map(|entry| entry.subject.prefix).collect();
    assert_eq!(prefixes, [1, 1, 79, 79, 1]);
    assert_eq!(entries[0].subject.pseudonym, entries[1].subject.pseudonym);
    assert_eq!(entries[2].subject.pseudonym, entries[3].subject.pseudonym);
}

#[tokio::test]
async fn of_namesakes_who_share_a_key_nobody_is_picked() {
    let register = start_register().await;
    let app = start(&register).await;
    let shared = json!({"old_id_number": OF_NAMESAKES});
    let body = claiming(&shared, "Hoàng Thị Giả Định", "1970-06-07");
    for (client, purpose) in [("carrier", "telecom.subscriber"), ("hospital", "health.insurance")] {
        let caller = app.caller(client).await;
        let answer = caller.verify(&merge(&body, &json!({"purpose": purpose}))).await.ok();
        assert_eq!(answer["outcome"], "inconclusive");
        let ambiguous = json!({"verdict": "not_checked", "reason": "subject_ambiguous"});
        for attribute in ["full_name", "date_of_birth"] {
            assert_eq!(answer["attributes"][attribute], ambiguous, "{attribute}");
        }
        assert_eq!(answer["advice"]["code"], "use_new_number");
        assert!(answer.get("subject_status").is_none());
    }
    let of_nobody = json!({"old_id_number": "045678901"});
    app.caller("carrier").await.verify(&with_subject(&body, &of_nobody)).await.ok();
    let entries = entries(&app.app).await;
    assert!(entries.iter().all(|entry| entry.subject.prefix == 0));
    assert_eq!(entries[0].subject.pseudonym, entries[1].subject.pseudonym);
    assert_ne!(entries[0].subject.pseudonym, entries[2].subject.pseudonym);
}

#[tokio::test]
async fn where_the_name_is_not_permitted_it_is_not_read_and_nobody_is_picked() {
    let clients = [TestClient {
        attributes: vec!["date_of_birth"],
        required: &[],
        ..TestClient::ministry("nameless")
    }];
    let register = start_register().await;
    let app = TestApp::builder().register(&register.url).clients(clients).start().await;
    let caller = app.caller("nameless").await;
    let body = claiming(&json!({"old_id_number": SHARED}), "Lê Thị Ví Dụ", "1990-02-03");
    let answer = caller.verify(&merge(&body, &json!({"purpose": "insurance.reconcile"}))).await;
    let answer = answer.ok();
    assert_eq!(answer["attributes"]["full_name"], json!({"verdict": "not_permitted"}));
    let different = json!({"verdict": "no_match", "reason": "different"});
    assert_eq!(answer["attributes"]["date_of_birth"], different);
    assert_eq!(answer["subject_status"], "unknown");
    assert_eq!(register.asked()[0]["items"][0]["fields"], json!(["date_of_birth"]));
}
