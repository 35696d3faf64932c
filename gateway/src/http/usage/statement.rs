//! The monthly statement: CSV (RFC 4180) with a header, a row for each day and operation, and the
//! total.

use super::super::code::Code;
use crate::rate_limit::Period;
use crate::reports::{Usage, UsageFigures};

/// Names of the columns.
const COLUMNS: [&str; 7] =
    ["client", "day", "operation", "requests", "attributes", "refused", "uncharged"];
/// In the first column of the last row, whose day is the month.
const TOTAL: &str = "total";

/// The statement of what was used in a month.
///
/// # Errors
/// Only if text cannot be written to memory.
pub fn statement(usage: &Usage, month: i64) -> Result<String, Code> {
    let write = || -> Result<Vec<u8>, csv::Error> {
        let ends = csv::Terminator::CRLF;
        let mut writer = csv::WriterBuilder::new().terminator(ends).from_writer(Vec::new());
        writer.write_record(COLUMNS)?;
        for row in &usage.rows {
            writer.write_record(record(&row.client, &row.day, &row.operation, row.figures))?;
        }
        let month = Period::Month.label(month);
        writer.write_record(record(TOTAL, &month, "", usage.total()))?;
        Ok(writer.into_inner().map_err(csv::IntoInnerError::into_error)?)
    };
    write().ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(Code::InternalError)
}

fn record(client: &str, day: &str, operation: &str, figures: UsageFigures) -> [String; 7] {
    let UsageFigures { used, refused, uncharged } = figures;
    let numbers = [used.requests, used.attributes, refused, uncharged].map(|n| n.to_string());
    let [requests, attributes, refused, uncharged] = numbers;
    let [client, day, operation] = [client, day, operation].map(str::to_owned);
    [client, day, operation, requests, attributes, refused, uncharged]
}
