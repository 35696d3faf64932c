//! Reads what is ordered.

use std::collections::HashMap;

use utoipa::ToSchema;

use crate::http::call::Call;
use crate::http::code::Code;
use crate::http::error::Problem;
use crate::http::json::{Errors, Fields, Node};
use crate::jobs::rows::{Columns, Field, FileFormat};
use crate::jobs::{Mode, Order};
use crate::request::{AgencyCode, Malformed, OfficialRef, Procedure, Purpose};

/// Part of the rows that may be wrong, unless told.
const THRESHOLD_USUAL: f64 = 0.05;
/// Bytes of the name of a column.
const COLUMN_BYTES_MAX: usize = 128;

/// What is ordered.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct JobBody {
    /// Purpose code of the client, for every row.
    #[schema(example = "telecom.cleanup")]
    purpose: String,
    /// `verify`, which is what is done unless told.
    #[schema(nullable = false)]
    mode: Option<String>,
    /// How the file is written: `csv` (unless told) or `ndjson`; gzip is recognised.
    #[schema(nullable = false)]
    format: Option<String>,
    /// How the results are written; as the file, unless told.
    #[schema(nullable = false)]
    results: Option<String>,
    /// `auto` (unless told), or an object: for each field the name of its column.
    #[schema(nullable = false, value_type = Option<Object>)]
    columns: Option<HashMap<String, String>>,
    /// The job stands still when more than this part of its rows cannot be read; 0.05 unless told.
    #[schema(nullable = false, minimum = 0, maximum = 1)]
    error_threshold: Option<f64>,
    /// `true`: rows are read, and nobody is asked.
    #[schema(nullable = false)]
    dry_run: Option<bool>,
    /// Agency code for which the client acts.
    #[schema(nullable = false)]
    on_behalf_of: Option<String>,
    /// The official who orders it; kept only as a keyed digest.
    #[schema(nullable = false)]
    official: Option<String>,
    /// Code of the public-service procedure.
    #[schema(nullable = false)]
    procedure: Option<String>,
}

/// Reads an order.
///
/// # Errors
/// 400 or 422 with every wrong field.
pub(super) fn read_order(call: &Call, node: &Node<'_>) -> Result<Order, Problem> {
    let mut errors = Errors::default();
    let mut fields = Fields::of(node, String::new(), &mut errors);
    if !fields.has("purpose") {
        fields.missing("purpose", &mut errors);
    }
    let purpose = fields.parsed("purpose", &mut errors, Purpose::parse);
    let mode = word(&mut fields, "mode", &mut errors, Mode::find);
    let format = word(&mut fields, "format", &mut errors, FileFormat::find);
    let results = word(&mut fields, "results", &mut errors, FileFormat::find);
    let columns = read_columns(&mut fields, &mut errors);
    let error_threshold = fields.part("error_threshold", &mut errors);
    let dry_run = fields.truth("dry_run", &mut errors).unwrap_or(false);
    let on_behalf_of = fields.parsed("on_behalf_of", &mut errors, AgencyCode::parse_either);
    if call.policy()?.demands().official && !fields.has("official") {
        errors.required_attribute(fields.pointer("official"));
    }
    let official = fields.parsed("official", &mut errors, OfficialRef::parse);
    let procedure = fields.parsed("procedure", &mut errors, Procedure::parse);
    fields.finish(&mut errors);
    errors.finish()?;
    let client = call.client().as_str();
    let digest = |official: OfficialRef| call.app.digests.official(client, official.as_str());
    let format = format.unwrap_or(FileFormat::Csv);
    Ok(Order {
        // It was noted above if it is not there.
        purpose: purpose.ok_or(Code::InternalError)?,
        mode: mode.unwrap_or(Mode::Verify),
        format,
        results: results.unwrap_or(format),
        columns,
        error_threshold: error_threshold.unwrap_or(THRESHOLD_USUAL),
        dry_run,
        on_behalf_of,
        official: official.map(digest),
        procedure,
        chunk_rows: call.app.config.jobs.chunk_rows,
    })
}

fn word<T>(
    fields: &mut Fields<'_, '_>,
    name: &str,
    errors: &mut Errors,
    find: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    let text = fields.text(name, errors)?;
    let found = find(text);
    if found.is_none() {
        errors.unknown_name(fields.pointer(name));
    }
    found
}

fn read_columns(fields: &mut Fields<'_, '_>, errors: &mut Errors) -> Columns {
    let pointer = fields.pointer("columns");
    let Some(node) = fields.take("columns") else { return Columns::Auto };
    if let Node::Text(text) = node {
        if text != "auto" {
            errors.unknown_name(pointer);
        }
        return Columns::Auto;
    }
    let mut columns = Fields::of(node, pointer, errors);
    let mut named = Vec::new();
    for name in columns.names() {
        let Some(field) = Field::find(&name) else {
            // What is not taken is unknown.
            continue;
        };
        let Some(column) = columns.text(&name, errors) else { continue };
        if column.trim().is_empty() || column.len() > COLUMN_BYTES_MAX {
            errors.value(columns.pointer(&name), Malformed::Form);
        }
        named.push((field, column.into()));
    }
    columns.finish(errors);
    Columns::Named(named)
}
