//! Bodies are read strictly, all that is wrong is told at once, and nothing is sent back.

use serde_json::{Value, json};

use crate::support::{Answer, Caller, TestApp, about_person, merge};

async fn start() -> (TestApp, Caller, Value) {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    let good = about_person(&app.person());
    (app, caller, good)
}

fn told(answer: &Answer) -> Vec<(String, String)> {
    let mut errors = answer.field_errors();
    errors.sort();
    errors
}

fn expected(errors: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut errors: Vec<_> =
        errors.iter().map(|(pointer, code)| ((*pointer).into(), (*code).into())).collect();
    errors.sort();
    errors
}

#[tokio::test]
async fn everything_of_the_wrong_shape_is_told_at_once_by_pointer() {
    let (_app, caller, _) = start().await;
    let body = r#"{
        "subject": {"personal_id": 1090012345, "passport": "B1234567"},
        "case_ref": ["a"], "case_ref": "b", "official": null,
        "attributes": {
            "full_name": true, "nickname": "x",
            "permanent_address": {"commune": "00004", "street": "x"},
            "place_of_origin": "Ha Noi"
        },
        "extra": {"deep": 1}
    }"#;
    let answer = caller.verify_text(body).await;
    answer.problem(400, "invalid-request");
    let wrong = [
        ("/subject/personal_id", "wrong-type"),
        ("/subject/passport", "unknown"),
        ("/case_ref", "duplicate"),
        ("/case_ref", "wrong-type"),
        ("/official", "wrong-type"),
        ("/purpose", "missing"),
        ("/attributes/full_name", "wrong-type"),
        ("/attributes/nickname", "unknown"),
        ("/attributes/permanent_address/province", "missing"),
        ("/attributes/permanent_address/street", "unknown"),
        ("/attributes/place_of_origin", "wrong-type"),
        ("/attributes/place_of_origin/province", "missing"),
        ("/extra", "unknown"),
    ];
    assert_eq!(told(&answer), expected(&wrong));
}

#[tokio::test]
async fn what_is_no_object_at_all_is_told_by_the_pointer_to_the_whole() {
    let (_app, caller, _) = start().await;
    for body in ["[]", "1", "null", "\"text\""] {
        let answer = caller.verify_text(body).await;
        answer.problem(400, "invalid-request");
        assert!(answer.field_errors().contains(&(String::new(), "wrong-type".into())), "{body}");
    }
    for body in ["", "{", "{}{}", "{'subject': 1}", "\u{feff}{}", "nope"] {
        let problem = caller.verify_text(body).await.problem(400, "invalid-json");
        assert!(problem.get("errors").is_none(), "{body}");
    }
}

#[tokio::test]
async fn every_value_that_is_not_well_formed_is_told_at_once() {
    let (_app, caller, good) = start().await;
    let body = merge(
        &good,
        &json!({
            "subject": {"personal_id": "00109001234"},
            "purpose": "",
            "case_ref": "",
            "official": " ",
            "on_behalf_of": "g14",
            "procedure": "2/000488",
            "attributes": {
                "full_name": "Nguy?n Van A",
                "date_of_birth": "2027-01-01",
                "sex": "M",
                "old_id_number": "12345678",
                "card_issue_date": "31/02/2021",
                "insurance_number": "x",
                "permanent_address": {"scheme": "1999", "province": "01"},
                "place_of_origin": {"province": "01", "commune": "4"},
            },
        }),
    );
    let answer = caller.verify(&body).await;
    answer.problem(422, "invalid-value");
    let wrong = [
        ("/subject/personal_id", "malformed"),
        ("/purpose", "empty"),
        ("/case_ref", "empty"),
        ("/official", "malformed"),
        ("/on_behalf_of", "malformed"),
        ("/procedure", "malformed"),
        ("/attributes/full_name", "malformed"),
        ("/attributes/date_of_birth", "in-the-future"),
        ("/attributes/sex", "malformed"),
        ("/attributes/old_id_number", "malformed"),
        ("/attributes/card_issue_date", "malformed"),
        ("/attributes/insurance_number", "malformed"),
        ("/attributes/permanent_address/scheme", "malformed"),
        ("/attributes/place_of_origin/commune", "malformed"),
    ];
    assert_eq!(told(&answer), expected(&wrong));
}

#[tokio::test]
async fn a_wrong_shape_wins_over_a_wrong_value() {
    let (_app, caller, good) = start().await;
    let body = merge(&good, &json!({"subject": {"personal_id": "x"}, "extra": "y"}));
    let answer = caller.verify(&body).await;
    answer.problem(400, "invalid-request");
    assert_eq!(told(&answer), expected(&[("/extra", "unknown")]));
}

#[tokio::test]
async fn all_missing_required_attributes_are_told_and_any_other_error_changes_the_code() {
    let (_app, caller, good) = start().await;
    let body = merge(&good, &json!({"attributes": {"full_name": null, "date_of_birth": null}}));
    let answer = caller.verify(&body).await;
    answer.problem(422, "required-attribute-missing");
    let missing = [
        ("/attributes/full_name", "required-attribute-missing"),
        ("/attributes/date_of_birth", "required-attribute-missing"),
    ];
    assert_eq!(told(&answer), expected(&missing));
    let answer = caller.verify(&merge(&body, &json!({"attributes": {"sex": "x"}}))).await;
    answer.problem(422, "invalid-value");
    let also = [missing[0], missing[1], ("/attributes/sex", "malformed")];
    assert_eq!(told(&answer), expected(&also));
}

#[tokio::test]
async fn a_personal_number_is_malformed_by_form_century_and_future_year_alone() {
    let (_app, caller, good) = start().await;
    let ask = async |number: &str| {
        caller.verify(&merge(&good, &json!({"subject": {"personal_id": number}}))).await
    };
    // An unknown province, and the last year that has come.
    for number in ["999090012345", "001226012345", "000000000000"] {
        ask(number).await.ok();
    }
    let malformed = [
        "00109001234",
        "0010900123456",
        "00109001234x",
        "001490012345",
        "001 90012345",
        "００１０９００１２３４５",
    ];
    for number in malformed {
        let answer = ask(number).await;
        answer.problem(422, "invalid-value");
        assert_eq!(told(&answer), expected(&[("/subject/personal_id", "malformed")]), "{number}");
    }
    let future = ask("001227012345").await;
    assert_eq!(told(&future), expected(&[("/subject/personal_id", "in-the-future")]));
}

#[tokio::test]
async fn the_other_keys_are_malformed_by_form_alone() {
    let (_app, caller, good) = start().await;
    let ask = async |subject: &Value| {
        let mut body = good.clone();
        body["subject"] = subject.clone();
        caller.verify(&body).await
    };
    for subject in [
        json!({"old_id_number": "000000000"}),
        json!({"insurance_number": "0000000000"}),
        json!({"insurance_number": "QQ9990000000000"}),
    ] {
        ask(&subject).await.ok();
    }
    for (kind, values) in [
        (
            "old_id_number",
            vec!["12345678", "1234567890", "12345678x", " 123456789", "００１２３４５６７"],
        ),
        (
            "insurance_number",
            vec![
                "123456789",
                "01234567890",
                "dn4790123456789",
                "DN47 0123456789",
                "D14790123456789",
            ],
        ),
    ] {
        let pointer = format!("/subject/{kind}");
        for value in values {
            let answer = ask(&json!({kind: value})).await;
            answer.problem(422, "invalid-value");
            assert_eq!(told(&answer), expected(&[(&pointer, "malformed")]), "{value}");
        }
        assert_eq!(told(&ask(&json!({kind: ""})).await), expected(&[(&pointer, "empty")]));
    }
}

#[tokio::test]
async fn a_subject_has_exactly_one_key() {
    let (_app, caller, good) = start().await;
    let ask = async |subject: Value| {
        let mut body = good.clone();
        body["subject"] = subject;
        let answer = caller.verify(&body).await;
        answer.problem(400, "invalid-request");
        told(&answer)
    };
    let not_one = ("/subject", "not-one-key");
    assert_eq!(ask(json!({})).await, expected(&[not_one]));
    let both = json!({"personal_id": "001090012345", "old_id_number": "012345678"});
    assert_eq!(ask(both).await, expected(&[not_one]));
    // What else is wrong with the shape is told beside it; values are not looked at then.
    let all = json!({"personal_id": "x", "old_id_number": 12_345_678, "insurance_number": "x"});
    let wrong_type = ("/subject/old_id_number", "wrong-type");
    assert_eq!(ask(all).await, expected(&[not_one, wrong_type]));
    let every = json!({
        "personal_id": "x", "old_id_number": "x", "insurance_number": "x", "card_qr": "x",
        "subject_token": "x",
    });
    assert_eq!(ask(every).await, expected(&[not_one]));
    for kind in ["card_qr", "subject_token"] {
        let pointer = format!("/subject/{kind}");
        assert_eq!(ask(json!({kind: 1})).await, expected(&[(&pointer, "wrong-type")]));
        assert_eq!(ask(json!({kind: null})).await, expected(&[(&pointer, "wrong-type")]));
    }
    let another = json!({"phone_number": "x"});
    assert_eq!(ask(another).await, expected(&[not_one, ("/subject/phone_number", "unknown")]));
    let list = json!(["001090012345"]);
    assert_eq!(ask(list).await, expected(&[not_one, ("/subject", "wrong-type")]));
}

#[tokio::test]
async fn a_query_parameter_on_a_post_is_refused() {
    let (_app, caller, good) = start().await;
    for (query, pointer) in [
        ("?trace=1", "/trace"),
        ("?access_token=x", "/access_token"),
        ("?001090012345=personal_id", "/*"),
    ] {
        let path = format!("/v1/verifications{query}");
        let answer = caller.post(&path, "application/json", &good.to_string()).await;
        answer.problem(400, "invalid-request");
        assert_eq!(answer.field_errors(), [(pointer.into(), "unknown".into())], "{query}");
    }
}

#[tokio::test]
async fn no_submitted_value_and_no_strange_name_comes_back() {
    let (app, caller, good) = start().await;
    let canary = "Canary-Phượng-0471";
    let bodies = [
        merge(&good, &json!({"case_ref": [canary]})),
        merge(&good, &json!({canary: canary})),
        merge(&good, &json!({"attributes": {canary: canary, "full_name": canary}})),
        merge(&good, &json!({"attributes": {"sex": canary, "date_of_birth": canary}})),
        merge(&good, &json!({"subject": {"personal_id": canary}})),
        merge(&good, &json!({"subject": {"personal_id": null, "card_qr": canary}})),
        merge(&good, &json!({"subject": {"personal_id": null, "card_qr": "Canary|0471|||||"}})),
        merge(&good, &json!({"subject": {"personal_id": null, "subject_token": canary}})),
        merge(&good, &json!({"purpose": canary})),
        merge(&good, &json!({"case_ref": canary, "official": canary})),
        merge(
            &good,
            &json!({"attributes": {"permanent_address": {"scheme": canary, "province": canary}}}),
        ),
        json!(canary),
    ];
    let mut answers = Vec::new();
    for body in &bodies {
        answers.push(caller.verify(body).await);
    }
    answers.push(caller.verify_text(&format!("{{\"{canary}\": ")).await);
    answers.push(caller.post("/v1/verifications", "application/json", canary).await);
    answers.push(caller.report("?from=Canary-0471&Canary-0471=1").await);
    answers.push(caller.get("/v1/Canary-0471").await);
    answers.push(app.ask_token_with("Canary-0471", "Canary-0471").await);
    for answer in &answers {
        let headers = format!("{:?}", answer.headers);
        for text in [&answer.text, &headers] {
            assert!(!text.contains("Canary") && !text.contains("0471"), "{text}");
        }
    }
}
