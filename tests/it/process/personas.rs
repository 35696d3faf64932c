//! The sandbox's personas: listed alike in both places, and answered as their rows say.

use std::collections::HashMap;
use std::fs;

use anyhow::{Context, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::api::{ATTRIBUTES, Answer, Api, ask_openly};
use super::place::Place;

const PATH: &str = "/sandbox/v1/personas";
/// Columns and members of the same meaning.
const EXPECTED: [(&str, &str); 7] = [
    ("expected_http", "http"),
    ("expected_outcome", "outcome"),
    ("expected_status", "status"),
    ("attribute", "attribute"),
    ("expected_verdict", "verdict"),
    ("expected_reason", "reason"),
    ("expected_advice", "advice"),
];
const PLACES: [&str; 2] = ["place_of_origin", "permanent_address"];

type Row = HashMap<String, String>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_persona_gets_the_answer_that_its_row_tells() -> anyhow::Result<()> {
    let place = Place::new()?;
    let sandbox = place.fresh_sandbox().await?;
    let table = fs::read(place.data().join("personas.csv"))?;
    let personas = shown(&place).await?;
    table_and_endpoint_agree(&table, &personas)?;
    the_edge_is_around_the_endpoint(&place).await?;
    let mut clients: HashMap<&str, Api> = HashMap::new();
    // One after the other: whoever is asked about beside a persona whom the register treats badly
    // is treated so too.
    for persona in &personas {
        let client_id = persona["client_id"].as_str().context("a client")?;
        if !clients.contains_key(client_id) {
            clients.insert(client_id, place.api(client_id).await?);
        }
        let answer = clients[client_id].verify(&persona["request"]).await?;
        is_as_expected(persona, &answer)
            .with_context(|| format!("{persona}\n{} {}", answer.status, answer.body))?;
    }
    sandbox.stop("INT").await?;

    fs::remove_file(place.data().join("personas.csv"))?;
    let sandbox = place.sandbox(&[]).await?;
    ensure!(fs::read(place.data().join("personas.csv"))? == table, "it is written again");
    ensure!(shown(&place).await? == personas, "they are the same people");
    sandbox.stop("INT").await?;
    place.check_log().await
}

/// What the endpoint shows to whoever asks.
async fn shown(place: &Place) -> anyhow::Result<Vec<Value>> {
    let answer = ask_openly(place.port, Method::GET, PATH).await?;
    ensure!(answer.status() == StatusCode::OK, "{}", answer.status());
    ensure!(answer.headers().contains_key("x-request-id"));
    ensure!(answer.headers()["content-type"] == "application/json");
    let body: Value = answer.json().await?;
    Ok(body["personas"].as_array().context("personas")?.clone())
}

async fn the_edge_is_around_the_endpoint(place: &Place) -> anyhow::Result<()> {
    let head = ask_openly(place.port, Method::HEAD, PATH).await?;
    ensure!(head.status() == StatusCode::OK && head.bytes().await?.is_empty());
    for (method, path, status, code) in [
        (Method::POST, PATH.to_owned(), 405, "method-not-allowed"),
        (Method::GET, format!("{PATH}?page=2"), 400, "invalid-request"),
        (Method::GET, format!("{PATH}/twin"), 404, "not-found"),
    ] {
        let answer = ask_openly(place.port, method, &path).await?;
        ensure!(answer.status().as_u16() == status, "{path}: {}", answer.status());
        let problem: Value = answer.json().await?;
        ensure!(problem["code"] == code, "{path}: {problem}");
    }
    Ok(())
}

fn table_and_endpoint_agree(table: &[u8], personas: &[Value]) -> anyhow::Result<()> {
    let mut reader = csv::Reader::from_reader(table);
    let rows: Vec<Row> = reader.deserialize().collect::<Result<_, _>>()?;
    ensure!(rows.len() == personas.len(), "{} rows", rows.len());
    for (row, persona) in rows.iter().zip(personas) {
        let made = from_row(row)?;
        ensure!(made == *persona, "{made} is not {persona}");
    }
    Ok(())
}

/// The persona that a row is, as the endpoint shows it.
fn from_row(row: &Row) -> anyhow::Result<Value> {
    let cell = |name: &str| row.get(name).with_context(|| format!("a column {name}"));
    let mut attributes = Map::new();
    for name in ATTRIBUTES {
        let claim = cell(name)?;
        if !claim.is_empty() {
            let value = if PLACES.contains(&name) { place_of(claim)? } else { json!(claim) };
            attributes.insert(name.to_owned(), value);
        }
    }
    let mut expected = Map::new();
    for (column, member) in EXPECTED {
        let text = cell(column)?;
        let value = match member {
            "http" => json!(text.parse::<u16>()?),
            _ if text.is_empty() => Value::Null,
            _ => json!(text),
        };
        expected.insert(member.to_owned(), value);
    }
    Ok(json!({
        "persona": cell("persona")?,
        "forces": cell("forces")?,
        "client_id": cell("client_id")?,
        "request": {
            "subject": {cell("subject_key")?.clone(): cell("subject")?},
            "purpose": cell("purpose")?,
            "attributes": attributes,
        },
        "expected": expected,
        "vi": cell("vi")?,
        "en": cell("en")?,
    }))
}

/// `scheme/province/commune`.
fn place_of(claim: &str) -> anyhow::Result<Value> {
    let (scheme, codes) = claim.split_once('/').context("a scheme")?;
    let (province, commune) = codes.split_once('/').context("a commune")?;
    Ok(json!({"scheme": scheme, "province": province, "commune": commune}))
}

fn is_as_expected(persona: &Value, answer: &Answer) -> anyhow::Result<()> {
    let (expected, body) = (&persona["expected"], &answer.body);
    ensure!(expected["http"] == answer.status.as_u16(), "status");
    if answer.status != StatusCode::OK {
        return is_expected_problem(persona, body);
    }
    let attribute = expected["attribute"].as_str().context("an attribute")?;
    let shown = &body["attributes"][attribute];
    for (what, expected, found) in [
        ("outcome", &expected["outcome"], &body["outcome"]),
        ("status of the subject", &expected["status"], &body["subject_status"]),
        ("verdict", &expected["verdict"], &shown["verdict"]),
        ("reason", &expected["reason"], &shown["reason"]),
        ("advice", &expected["advice"], &body["advice"]["code"]),
    ] {
        ensure!(expected == found, "{what}: {found} and not {expected}");
    }
    Ok(())
}

/// The problem's code is what the persona forces; where it is about an attribute, that one is
/// pointed to.
fn is_expected_problem(persona: &Value, problem: &Value) -> anyhow::Result<()> {
    let forces = persona["forces"].as_str().and_then(|forces| forces.strip_prefix("problem "));
    ensure!(problem["code"].as_str() == forces, "code");
    if let Some(attribute) = persona["expected"]["attribute"].as_str() {
        let pointer = format!("/attributes/{attribute}");
        ensure!(problem["errors"][0]["pointer"] == pointer, "{pointer}");
    }
    Ok(())
}
