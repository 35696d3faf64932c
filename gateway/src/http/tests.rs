//! Descriptions held to what the handlers read.

use serde_json::{Value, json};

use super::json::parse;
use super::subject::Reader;
use super::verifications::read_verification;
use crate::policy::Demands;
use crate::population::SubjectTokens;
use crate::request::{ClientId, PersonalId, SubjectKey};

fn schema(name: &str) -> Value {
    let description: Value = serde_json::to_value(super::openapi()).unwrap();
    description["components"]["schemas"][name].clone()
}

fn members(name: &str) -> Vec<String> {
    schema(name)["properties"].as_object().unwrap().keys().cloned().collect()
}

fn sample(name: &str) -> Value {
    match name {
        "sex" => json!("female"),
        "date_of_birth" | "card_issue_date" => json!("1990-05-01"),
        "old_id_number" => json!("123456789"),
        "personal_id" => json!("001090012345"),
        "insurance_number" => json!("DN4790123456789"),
        "card_qr" => json!("001090012345||Nguyễn Văn Hoà|01051990|Nam|Số 1, Hà Nội|"),
        "subject_token" => {
            let key = SubjectKey::PersonalId(PersonalId::from_register("001090012345").unwrap());
            json!(tokens().token(&client(), &key, None))
        }
        "place_of_origin" | "permanent_address" => {
            json!({"scheme": "2004", "province": "01", "commune": "00004"})
        }
        "on_behalf_of" => json!("G09.10"),
        "subject" => json!({"personal_id": sample("personal_id")}),
        "procedure" => json!("2.000488"),
        "purpose" => json!("telecom.subscriber"),
        "full_name" => json!("Nguyễn Văn Hoà"),
        _ => json!("x"),
    }
}

fn client() -> ClientId {
    ClientId::parse("client").unwrap()
}

fn tokens() -> SubjectTokens {
    SubjectTokens::new(&[7; 32])
}

fn read(body: &Value) -> Result<(), super::Problem> {
    let text = body.to_string();
    let reader = Reader { client: &client(), tokens: &tokens(), current_year: 2026 };
    read_verification(&parse(text.as_bytes())?, Demands::default(), reader).map(drop)
}

#[test]
fn the_described_body_is_the_one_that_is_read() {
    let attributes: Value =
        members("AttributesBody").iter().map(|name| (name.clone(), sample(name))).collect();
    let mut body: Value = members("VerificationBody")
        .iter()
        .filter(|name| *name != "attributes")
        .map(|name| (name.clone(), sample(name)))
        .collect();
    body["attributes"] = attributes;
    assert!(read(&body).is_ok(), "every described member is read");
    for pointer in ["", "/subject", "/attributes", "/attributes/place_of_origin"] {
        let mut wider = body.clone();
        wider.pointer_mut(pointer).unwrap()["undescribed"] = json!("x");
        assert!(read(&wider).is_err(), "{pointer}");
    }
    for key in members("SubjectBody") {
        body["subject"] = json!({key.clone(): sample(&key)});
        assert!(read(&body).is_ok(), "{key}");
    }
    for required in schema("VerificationBody")["required"].as_array().unwrap() {
        let mut without = body.clone();
        without.as_object_mut().unwrap().remove(required.as_str().unwrap());
        assert!(read(&without).is_err(), "{required}");
    }
}

#[test]
fn no_member_of_a_request_is_described_as_null() {
    for name in ["VerificationBody", "SubjectBody", "AttributesBody", "AddressBody"] {
        assert!(!schema(name)["properties"].to_string().contains("\"null\""), "{name}");
    }
}

#[test]
fn a_subject_is_described_and_read_as_exactly_one_key() {
    let subject = schema("SubjectBody");
    assert_eq!((&subject["minProperties"], &subject["maxProperties"]), (&json!(1), &json!(1)));
    assert_eq!(subject["additionalProperties"], false);
    assert!(subject.get("required").is_none());
    let all: Value = members("SubjectBody").iter().map(|key| (key.clone(), sample(key))).collect();
    let body = |subject| json!({"subject": subject, "purpose": "x", "attributes": {}});
    assert!(read(&body(json!({"personal_id": sample("personal_id")}))).is_ok());
    assert!(read(&body(all)).is_err());
    assert!(read(&body(json!({}))).is_err());
}

#[test]
fn attributes_are_described_and_read_as_optional_with_a_card_alone() {
    assert_eq!(schema("VerificationBody")["required"], json!(["subject", "purpose"]));
    for key in members("SubjectBody") {
        let body = json!({"subject": {key.clone(): sample(&key)}, "purpose": "x"});
        assert_eq!(read(&body).is_ok(), key == "card_qr", "{key}");
    }
}

/// Those alone which are recorded.
#[test]
fn every_post_that_is_recorded_is_described_with_its_key() {
    let description: Value = serde_json::to_value(super::openapi()).unwrap();
    let takes_key = |post: &Value| {
        let parameters = post["parameters"].as_array().into_iter().flatten();
        let mut headers = parameters.filter(|parameter| parameter["in"] == "header");
        headers.any(|header| header["name"] == "Idempotency-Key")
            && post["responses"].get("409").is_some()
    };
    let paths = description["paths"].as_object().unwrap().iter();
    let keyed = paths.filter(|(_, item)| takes_key(&item["post"])).map(|(path, _)| path.as_str());
    let mut keyed: Vec<&str> = keyed.collect();
    keyed.sort_unstable();
    assert_eq!(keyed, ["/v1/disputes", "/v1/subjects/history", "/v1/verifications"]);
}

#[test]
fn the_api_description_is_published_as_3_1() {
    let description: Value = serde_json::to_value(super::openapi()).unwrap();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut paths: Vec<&str> =
        description["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        [
            "/.well-known/jwks.json",
            "/.well-known/oauth-authorization-server",
            "/livez",
            "/oauth2/introspect",
            "/oauth2/revoke",
            "/oauth2/token",
            "/readyz",
            "/v1/disputes",
            "/v1/logs",
            "/v1/logs/{log}/checkpoint",
            "/v1/logs/{log}/entries/{index}",
            "/v1/logs/{log}/proof/consistency",
            "/v1/logs/{log}/proof/inclusion",
            "/v1/logs/{log}/tile/entries/{index}",
            "/v1/logs/{log}/tile/{level}/{index}",
            "/v1/normalize",
            "/v1/officials",
            "/v1/reports/distinct-persons",
            "/v1/reports/match-rates",
            "/v1/subjects/history",
            "/v1/usage",
            "/v1/verifications",
            "/v1/whoami"
        ]
    );
}
