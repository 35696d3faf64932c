//! A card is scanned instead of typed: its number is the key, and what else it says are claims.

use gateway::audit::Decided;
use gateway::request::{Attribute, AttributeSet, KeyKind};
use serde_json::{Value, json};

use crate::support::{
    CARD_ON_FILE, Caller, FakeRegister, ON_FILE, Reaction, TestApp, TestClient, entries, merge,
    on_file,
};

/// What a card says, in the order of the API.
const BROUGHT: [&str; 5] =
    ["full_name", "date_of_birth", "sex", "old_id_number", "card_issue_date"];

/// A request with nothing but a card.
fn scanned(card: &str) -> Value {
    json!({"subject": {"card_qr": card}, "purpose": "telecom.subscriber"})
}

/// The card on file with one of its seven fields changed.
fn with(field: usize, value: &str) -> String {
    let mut fields: Vec<&str> = CARD_ON_FILE.split('|').collect();
    fields[field] = value;
    fields.join("|")
}

async fn start() -> (FakeRegister, TestApp, Caller) {
    start_as(TestClient::carrier("carrier")).await
}

async fn start_as(client: TestClient) -> (FakeRegister, TestApp, Caller) {
    let register = FakeRegister::start(Reaction::Answer).await;
    let id = client.id;
    let app = TestApp::builder()
        .register(&register.url)
        .clients([client])
        .with_room_for_guesses()
        .start()
        .await;
    let caller = app.caller(id).await;
    (register, app, caller)
}

fn shown(answer: &Value) -> Vec<(&str, &str)> {
    let attributes = answer["attributes"].as_object().unwrap();
    attributes
        .iter()
        .map(|(name, shown)| (name.as_str(), shown["verdict"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn a_card_alone_is_a_whole_request() {
    let (register, app, caller) = start().await;
    let answer = caller.verify(&scanned(CARD_ON_FILE)).await.ok();
    assert_eq!(answer["outcome"], "matched");
    let mut expected = BROUGHT.map(|name| (name, "match"));
    expected.sort_unstable();
    assert_eq!(shown(&answer), expected);
    assert_eq!(
        register.asked(),
        [json!({"items": [{"key": {"personal_id": ON_FILE}, "fields": BROUGHT}]})]
    );
    let typed = caller.verify(&on_file()).await.ok();
    assert_eq!(answer["subject_token"], typed["subject_token"]);
    let entries = entries(&app.app).await;
    assert_eq!(entries[0].subject.key_kind, KeyKind::CardQr);
    assert_eq!(entries[0].subject.pseudonym, entries[1].subject.pseudonym);
    assert_eq!(entries[0].subject.prefix, 1);
    app.recount().await;
}

#[tokio::test]
async fn it_is_read_as_readers_type_it() {
    let (_register, _app, caller) = start().await;
    for card in [
        format!("\u{feff}{CARD_ON_FILE}\r\n"),
        format!("  {CARD_ON_FILE}\r"),
        with(1, ""),
        with(4, "Nu\u{31b}\u{303}"),
        with(4, "NỮ"),
        with(5, "Số 1|Phường B"),
        with(5, ""),
        with(6, ""),
    ] {
        let answer = caller.verify(&scanned(&card)).await.ok();
        assert_eq!(answer["outcome"], "matched", "{card:?}");
        assert!(shown(&answer).iter().all(|(_, verdict)| *verdict == "match"), "{card:?}");
    }
    let year_only = caller.verify(&scanned(&with(3, "00001990"))).await.ok();
    let close = json!({"verdict": "close", "reason": "year_only"});
    assert_eq!(year_only["attributes"]["date_of_birth"], close);
}

#[tokio::test]
async fn what_is_typed_goes_before_the_card_one_by_one() {
    let (_register, _app, caller) = start().await;
    let wrong = [
        ("full_name", 2, json!("Chim Sơn Ca")),
        ("date_of_birth", 3, json!("1961-11-12")),
        ("sex", 4, json!("male")),
        ("old_id_number", 1, json!("987654321")),
        ("card_issue_date", 6, json!("2019-01-02")),
    ];
    let right = [
        ("full_name", json!("Trần Thị Kiểm Thử")),
        ("date_of_birth", json!("1990-05-07")),
        ("sex", json!("female")),
        ("old_id_number", json!("012345678")),
        ("card_issue_date", json!("2021-03-04")),
    ];
    let on_wrong_card = ["Chim Sơn Ca", "12111961", "Nam", "987654321", "02012019"];
    for (((attribute, field, typed), (_, true_value)), printed) in
        wrong.into_iter().zip(right).zip(on_wrong_card)
    {
        let body = merge(&scanned(CARD_ON_FILE), &json!({"attributes": {attribute: typed}}));
        let answer = caller.verify(&body).await.ok();
        assert_eq!(answer["attributes"][attribute]["verdict"], "no_match", "{attribute}");
        let card = with(field, printed);
        let alone = caller.verify(&scanned(&card)).await.ok();
        assert_eq!(alone["attributes"], answer["attributes"], "{attribute}");
        let body = merge(&scanned(&card), &json!({"attributes": {attribute: true_value}}));
        let answer = caller.verify(&body).await.ok();
        assert!(shown(&answer).iter().all(|(_, verdict)| *verdict == "match"), "{attribute}");
    }
    // What no card says comes beside it.
    let more = json!({"attributes": {"insurance_number": "0123456789"}});
    let answer = caller.verify(&merge(&scanned(CARD_ON_FILE), &more)).await.ok();
    assert_eq!(answer["attributes"]["insurance_number"]["verdict"], "match");
    assert_eq!(shown(&answer).len(), BROUGHT.len() + 1);
}

#[tokio::test]
async fn a_wrong_card_is_the_same_guess_as_the_same_claims_typed() {
    let (_register, app, caller) = start().await;
    let wrong = with(2, "Chim Sơn Ca");
    caller.verify(&scanned(&wrong)).await.ok();
    let typed = json!({
        "full_name": "Chim Sơn Ca", "date_of_birth": "1990-05-07", "sex": "female",
        "old_id_number": "012345678", "card_issue_date": "2021-03-04",
    });
    caller.verify(&merge(&on_file(), &json!({"attributes": typed}))).await.ok();
    caller.verify(&scanned(&with(2, "Chim Vàng Anh"))).await.ok();
    let guesses: Vec<_> = entries(&app.app)
        .await
        .into_iter()
        .map(|entry| match entry.record {
            Decided::Answered { failed_guess, .. } => failed_guess.unwrap().claims,
            Decided::Refused { .. } | Decided::Disclosed { .. } => panic!("nothing is refused"),
        })
        .collect();
    assert_eq!(guesses[0], guesses[1]);
    assert_ne!(guesses[0], guesses[2]);
}

#[tokio::test]
async fn what_the_card_says_beyond_the_policy_is_neither_read_nor_answered() {
    let narrow = TestClient {
        attributes: vec!["full_name", "date_of_birth"],
        ..TestClient::carrier("narrow")
    };
    let (register, app, caller) = start_as(narrow).await;
    let answer = caller.verify(&scanned(CARD_ON_FILE)).await.ok();
    assert_eq!(answer["outcome"], "matched");
    assert_eq!(shown(&answer), [("date_of_birth", "match"), ("full_name", "match")]);
    // What somebody typed is a question, and has its answer.
    let asked = merge(&scanned(CARD_ON_FILE), &json!({"attributes": {"sex": "female"}}));
    let answer = caller.verify(&asked).await.ok();
    assert_eq!(answer["attributes"]["sex"], json!({"verdict": "not_permitted"}));
    assert_eq!(shown(&answer).len(), 3);
    for call in register.asked() {
        assert_eq!(call["items"][0]["fields"], json!(["full_name", "date_of_birth"]));
    }
    let entries = entries(&app.app).await;
    let Decided::Answered { findings, .. } = &entries[0].record else {
        panic!("it was answered");
    };
    let both = [Attribute::FullName, Attribute::DateOfBirth];
    assert_eq!(findings.attributes(), both.into_iter().collect());
}

#[tokio::test]
async fn a_required_attribute_that_is_not_permitted_is_answered_so() {
    let narrow = TestClient { attributes: vec!["date_of_birth"], ..TestClient::ministry("narrow") };
    let (register, _app, caller) = start_as(narrow).await;
    let body = merge(&scanned(CARD_ON_FILE), &json!({"purpose": "insurance.reconcile"}));
    let answer = caller.verify(&body).await.ok();
    assert_eq!(answer["outcome"], "inconclusive");
    assert_eq!(shown(&answer), [("date_of_birth", "match"), ("full_name", "not_permitted")]);
    assert_eq!(register.asked()[0]["items"][0]["fields"], json!(["date_of_birth"]));
}

#[tokio::test]
async fn what_is_required_comes_from_the_card_or_from_the_caller() {
    let strict = TestClient {
        required: &["full_name", "old_id_number", "insurance_number"],
        ..TestClient::carrier("strict")
    };
    let (_register, _app, caller) = start_as(strict).await;
    let insured = json!({"attributes": {"insurance_number": "0123456789"}});
    let missing = |name: &str| (format!("/attributes/{name}"), "required-attribute-missing".into());
    for (body, expected) in [
        (scanned(CARD_ON_FILE), vec![missing("insurance_number")]),
        (scanned(&with(1, "")), vec![missing("old_id_number"), missing("insurance_number")]),
        (merge(&scanned(&with(1, "")), &insured), vec![missing("old_id_number")]),
    ] {
        let answer = caller.verify(&body).await;
        answer.problem(422, "required-attribute-missing");
        assert_eq!(answer.field_errors(), expected);
    }
    let answer = caller.verify(&merge(&scanned(CARD_ON_FILE), &insured)).await.ok();
    assert_eq!(answer["outcome"], "matched");
}

#[tokio::test]
async fn a_card_that_cannot_be_read_is_the_one_mistake() {
    let (register, _app, caller) = start().await;
    for (card, code) in [
        (with(0, "00109000471"), "malformed"),
        (with(0, "001490004711"), "malformed"),
        (with(0, "001227004711"), "in-the-future"),
        (with(1, "12345678"), "malformed"),
        (with(2, ""), "malformed"),
        (with(2, "Tr?n"), "malformed"),
        (with(3, "31021990"), "malformed"),
        (with(3, "01012027"), "in-the-future"),
        (with(4, "Nu"), "malformed"),
        (with(6, "x"), "malformed"),
        (CARD_ON_FILE.replace('|', ";"), "malformed"),
        (CARD_ON_FILE.rsplit_once('|').unwrap().0.to_owned(), "malformed"),
        (with(5, &"a".repeat(3_000)), "too-long"),
        ("\u{feff}\r\n".to_owned(), "empty"),
    ] {
        for attributes in [Value::Null, json!({}), on_file()["attributes"].clone()] {
            let body = merge(&scanned(&card), &json!({"attributes": attributes}));
            let answer = caller.verify(&body).await;
            answer.problem(422, "invalid-value");
            assert_eq!(
                answer.field_errors(),
                [("/subject/card_qr".into(), code.into())],
                "{card:?}"
            );
        }
    }
    assert!(register.asked().is_empty());
}

#[tokio::test]
async fn attributes_may_be_left_out_with_a_card_alone() {
    let (_register, _app, caller) = start().await;
    for subject in [
        json!({"personal_id": ON_FILE}),
        json!({"old_id_number": "012345678"}),
        json!({"subject_token": "x"}),
    ] {
        let body = json!({"subject": subject, "purpose": "telecom.subscriber"});
        let answer = caller.verify(&body).await;
        answer.problem(400, "invalid-request");
        assert_eq!(answer.field_errors(), [("/attributes".into(), "missing".into())], "{subject}");
    }
    for attributes in [json!(null), json!("x"), json!([])] {
        let mut body = scanned(CARD_ON_FILE);
        body["attributes"] = attributes;
        let answer = caller.verify(&body).await;
        answer.problem(400, "invalid-request");
        assert_eq!(answer.field_errors(), [("/attributes".into(), "wrong-type".into())]);
    }
}

#[tokio::test]
async fn a_refusal_names_what_the_card_would_have_asked() {
    let (register, app, caller) = start().await;
    let body = merge(&scanned(CARD_ON_FILE), &json!({"purpose": "tax.control"}));
    caller.verify(&body).await.problem(403, "purpose-not-permitted");
    let entries = entries(&app.app).await;
    let Decided::Refused { asked, .. } = entries[0].record else { panic!("it was refused") };
    let brought: AttributeSet = BROUGHT.into_iter().filter_map(Attribute::find).collect();
    assert_eq!(asked, brought);
    assert_eq!(entries[0].subject.key_kind, KeyKind::CardQr);
    assert!(register.asked().is_empty());
}
