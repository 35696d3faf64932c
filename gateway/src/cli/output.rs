//! What commands print: tables for people, JSON and CSV for programs.

use comfy_table::{CellAlignment, Table, presets};

use super::CliError;
use crate::http::DistinctPersonsReply;
use crate::reports::{Figure, MatchRates, Row, RowFigures};

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

/// The match-rate report as a table for people: disputes only where there are any.
pub fn match_rate_table(report: &MatchRates) -> String {
    let is_shown = |name: &str, figure: &Figure| {
        let is_beside = report.total.answers().is_some() && name.starts_with("dispute");
        !is_beside || *figure != Figure::Number(0)
    };
    let total = report.total.named();
    let shown: Vec<&str> =
        total.iter().filter(|(name, it)| is_shown(name, it)).map(|(name, _)| *name).collect();
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    let mut header = report.grouping.columns();
    let groups = header.len();
    header.extend(&shown);
    table.set_header(header.iter().enumerate().map(|(position, name)| {
        if position < groups { (*name).to_owned() } else { heading(name) }
    }));
    for column in table.column_iter_mut().skip(groups) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for (values, figures) in lines(report) {
        let figures = figures.named().into_iter().filter(|(name, _)| shown.contains(name));
        table.add_row(values.into_iter().chain(figures.map(|(_, figure)| for_people(figure))));
    }
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
pub(super) fn match_rate_csv(report: &MatchRates) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let names = report.total.named();
    let header = report.grouping.columns().into_iter().chain(names.iter().map(|(name, _)| *name));
    writer.write_record(header)?;
    for (values, figures) in lines(report) {
        let figures = figures.named().into_iter().map(|(_, figure)| for_programs(figure));
        writer.write_record(values.into_iter().chain(figures))?;
    }
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

/// The lines of a report, each after the values of its group; the total is the last.
fn lines(report: &MatchRates) -> Vec<(Vec<String>, RowFigures)> {
    let columns = report.grouping.columns();
    let of_all = |word: &str| {
        let values = (0..columns.len()).map(|column| if column == 0 { word } else { "" });
        values.map(str::to_owned).collect::<Vec<_>>()
    };
    let values = |row: &Row| {
        if row.group.is_empty() {
            return of_all("all");
        }
        columns.iter().map(|name| row.group.get(name).cloned().unwrap_or_default()).collect()
    };
    let rows = report.rows.iter().map(|row| (values(row), row.figures));
    rows.chain([(of_all("total"), report.total)]).collect()
}

fn heading(name: &str) -> String {
    if name == "matched_deceased" { "deceased".to_owned() } else { name.replace('_', " ") }
}

fn for_people(figure: Figure) -> String {
    match figure {
        Figure::Number(n) => grouped(n),
        Figure::Rate(Some(rate)) => format!("{:.2} %", rate * 100.0),
        Figure::Rate(None) => "-".to_owned(),
    }
}

fn for_programs(figure: Figure) -> String {
    match figure {
        Figure::Number(n) => n.to_string(),
        Figure::Rate(rate) => rate.map_or_else(String::new, |rate| rate.to_string()),
    }
}

/// Digits in groups of three.
pub(super) fn grouped(number: i64) -> String {
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
