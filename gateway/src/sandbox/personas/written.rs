//! Personas as people and programs read them: a table, and the same as JSON.

use serde_json::{Value, json};

use super::Persona;
use crate::cli::CliError;
use crate::request::Attribute;

/// The table with its header: whom the request is about, the claims, what is expected.
pub(in super::super) fn to_csv(personas: &[Persona]) -> Result<Vec<u8>, CliError> {
    let refuse =
        |error: String| CliError::Failed(format!("the personas cannot be written: {error}"));
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(header()).map_err(|error| refuse(error.to_string()))?;
    for persona in personas {
        table.write_record(record(persona)).map_err(|error| refuse(error.to_string()))?;
    }
    table.into_inner().map_err(|error| refuse(error.to_string()))
}

/// `{"personas": [...]}`, each with a body that is ready to be sent.
pub(in super::super) fn to_json(personas: &[Persona]) -> String {
    let personas: Vec<Value> = personas.iter().map(entry).collect();
    json!({ "personas": personas }).to_string()
}

fn header() -> impl Iterator<Item = &'static str> {
    ["persona", "forces", "client_id", "purpose", "subject_key", "subject"]
        .into_iter()
        .chain(Attribute::ALL.map(Attribute::name))
        .chain(["expected_http", "expected_outcome", "expected_status"])
        .chain(["attribute", "expected_verdict", "expected_reason", "expected_advice"])
        .chain(["vi", "en"])
}

fn record(Persona { row, request, .. }: &Persona) -> Vec<String> {
    let (key, subject) = &request.subject;
    let expected = [
        &row.expected_outcome,
        &row.expected_status,
        &row.attribute,
        &row.expected_verdict,
        &row.expected_reason,
        &row.expected_advice,
    ];
    [&row.persona, &row.forces, &row.client_id, &row.purpose, *key, subject]
        .map(|cell: &str| cell.to_owned())
        .into_iter()
        .chain(request.cells())
        .chain([row.expected_http.to_string()])
        .chain(expected.map(|cell| cell.clone().unwrap_or_default()))
        .chain([row.vi.clone(), row.en.clone()])
        .collect()
}

fn entry(Persona { row, request, .. }: &Persona) -> Value {
    json!({
        "persona": row.persona,
        "forces": row.forces,
        "client_id": row.client_id,
        "request": request.to_json(),
        "expected": {
            "http": row.expected_http,
            "outcome": row.expected_outcome,
            "status": row.expected_status,
            "attribute": row.attribute,
            "verdict": row.expected_verdict,
            "reason": row.expected_reason,
            "advice": row.expected_advice,
        },
        "vi": row.vi,
        "en": row.en,
    })
}
