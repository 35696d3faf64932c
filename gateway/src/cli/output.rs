//! What commands print: tables for people, JSON and CSV for programs.

use comfy_table::{CellAlignment, Table, presets};

use super::CliError;
use crate::http::DistinctPersonsReply;
use crate::reports::{Figures, MatchRates, Row};

/// Form of what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A table for people.
    Table,
    /// JSON.
    Json,
    /// CSV with a header.
    Csv,
}

/// Columns of figures in the order they are printed.
const FIGURES: [&str; 9] = [
    "received",
    "matched",
    "not_matched",
    "inconclusive",
    "refused",
    "matched_deceased",
    "throttled",
    "malformed",
    "match_rate",
];

/// The match-rate report as a table for people.
pub fn match_rate_table(report: &MatchRates, group_by: &str) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header([
        group_by,
        "received",
        "matched",
        "not matched",
        "inconclusive",
        "refused",
        "deceased",
        "throttled",
        "malformed",
        "match rate",
    ]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for row in &report.rows {
        table.add_row(cells(&group_value(row), &row.figures, true));
    }
    table.add_row(cells("total", &report.total, true));
    format!("{} to {}, Vietnamese days\n{table}", report.from, report.to)
}

/// The report of distinct persons as a table for people.
pub(super) fn distinct_persons_table(report: &DistinctPersonsReply) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["client", "month", "persons"]);
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for row in report.rows() {
        table.add_row([row.client.clone(), row.month.clone(), grouped(row.persons)]);
    }
    format!("{table}\n{} entries are not counted yet", grouped(report.behind()))
}

/// The match-rate report as CSV; the last line is the total.
pub(super) fn match_rate_csv(report: &MatchRates, group_by: &str) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([group_by].iter().chain(&FIGURES))?;
    for row in &report.rows {
        writer.write_record(cells(&group_value(row), &row.figures, false))?;
    }
    writer.write_record(cells("total", &report.total, false))?;
    let bytes = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Rows of text as a table for people.
pub(super) fn plain_table<const N: usize>(columns: &[&str; N], rows: &[[String; N]]) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(columns);
    table.add_rows(rows);
    table.to_string()
}

/// Rows of text as CSV.
pub(super) fn plain_csv<const N: usize>(
    columns: &[&str; N],
    rows: &[[String; N]],
) -> Result<String, CliError> {
    let write = || -> Result<Vec<u8>, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(columns)?;
        for row in rows {
            writer.write_record(row)?;
        }
        Ok(writer.into_inner().map_err(csv::IntoInnerError::into_error)?)
    };
    let bytes = write().map_err(|error| CliError::Failed(error.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn group_value(row: &Row) -> String {
    row.group.values().next().cloned().unwrap_or_else(|| "all".to_owned())
}

fn cells(group: &str, figures: &Figures, for_people: bool) -> [String; 10] {
    let number = |n: i64| {
        if for_people { grouped(n) } else { n.to_string() }
    };
    let rate = match (figures.match_rate, for_people) {
        (Some(rate), true) => format!("{:.2} %", rate * 100.0),
        (Some(rate), false) => rate.to_string(),
        (None, true) => "-".to_owned(),
        (None, false) => String::new(),
    };
    [
        group.to_owned(),
        number(figures.received),
        number(figures.matched),
        number(figures.not_matched),
        number(figures.inconclusive),
        number(figures.refused),
        number(figures.matched_deceased),
        number(figures.throttled),
        number(figures.malformed),
        rate,
    ]
}

/// Digits in groups of three.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_in_threes() {
        assert_eq!(
            [0, 12, 123, 1_234, 98_000_000].map(grouped).join(" "),
            "0 12 123 1,234 98,000,000"
        );
    }
}
