//! Descriptions held to what the handlers read.

use serde_json::{Value, json};

use super::batch::read_batch;
use super::json::{parse, parse_long};
use super::subject::Reader;
use super::verifications::read_verification;
use crate::batch::ITEMS_MAX;
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
    let node = parse(text.as_bytes())?;
    read_verification(&node, String::new(), Demands::default(), reader).map(drop)
}

/// The pointers to what is wrong with the batch, or with each of its items.
fn read_items(body: &Value) -> Result<Vec<Vec<String>>, Vec<String>> {
    let text = body.to_string();
    let reader = Reader { client: &client(), tokens: &tokens(), current_year: 2026 };
    let pointers = |problem: super::Problem| -> Vec<String> {
        problem.errors().iter().map(|error| error.pointer.clone()).collect()
    };
    let node = parse_long(text.as_bytes(), ITEMS_MAX + 1).unwrap();
    let items = read_batch(&node, Demands::default(), reader).map_err(pointers)?;
    Ok(items.into_iter().map(|item| item.err().map_or(Vec::new(), pointers)).collect())
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

fn good_item() -> Value {
    json!({
        "subject": {"personal_id": sample("personal_id")}, "purpose": "x", "attributes": {},
    })
}

#[test]
fn the_described_batch_is_the_one_that_is_read() {
    let items = &schema("BatchBody")["properties"]["items"];
    assert_eq!((&items["minItems"], &items["maxItems"]), (&json!(1), &json!(ITEMS_MAX)));
    assert!(items["items"]["$ref"].as_str().unwrap().ends_with("/VerificationBody"));
    assert_eq!(schema("BatchBody")["required"], json!(["items"]));
    let batch = |items: usize| json!({"items": vec![good_item(); items]});
    for most in [1, ITEMS_MAX] {
        assert_eq!(read_items(&batch(most)), Ok(vec![Vec::new(); most]));
    }
    for wrong in [batch(0), batch(ITEMS_MAX + 1), json!({"items": good_item()}), json!({})] {
        assert_eq!(read_items(&wrong), Err(vec!["/items".to_owned()]));
    }
    let wider = json!({"items": [good_item()], "x": 1});
    assert_eq!(read_items(&wider), Err(vec!["/x".to_owned()]));
    assert_eq!(read_items(&json!([])), Err(vec![String::new(), "/items".to_owned()]));
}

#[test]
fn what_is_wrong_with_an_item_is_told_by_its_place_in_the_whole() {
    let unknown = (0..200_u8)
        .map(|n| (char::from(b'a' + n % 26).to_string().repeat(1 + usize::from(n / 26)), json!(1)));
    let unknown: serde_json::Map<String, Value> = unknown.collect();
    let no_purpose = json!({"subject": {"personal_id": "1"}});
    let items = json!([good_item(), no_purpose, 7, good_item(), unknown]);
    let wrong = read_items(&json!({"items": items})).unwrap();
    let told = |place: usize| wrong[place].iter().map(String::as_str).collect::<Vec<_>>();
    assert!(told(0).is_empty() && told(3).is_empty());
    assert_eq!(told(1), ["/items/1/purpose", "/items/1/attributes"]);
    assert_eq!(told(2)[0], "/items/2");
    assert_eq!(told(4).len(), 32);
    assert!(told(4).iter().all(|pointer| pointer.starts_with("/items/4/")));
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
    let recorded =
        ["/v1/disputes", "/v1/subjects/history", "/v1/verifications", "/v1/verifications/batch"];
    assert_eq!(keyed, recorded);
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
            "/v1/jobs",
            "/v1/jobs/{id}",
            "/v1/jobs/{id}/events",
            "/v1/jobs/{id}/file",
            "/v1/jobs/{id}/receipts",
            "/v1/jobs/{id}/results",
            "/v1/jobs/{id}/resume",
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
            "/v1/verifications/batch",
            "/v1/whoami"
        ]
    );
}
