//! What became of a file, for a clerk: outcomes, what was wrong with rows, where values differ, and what to
//! do about it in both languages.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;

use super::job::Job;
use crate::cli::output::{grouped, plain_csv, plain_table};
use crate::cli::report::{print_json, print_text};
use crate::cli::{CliError, Format};
use crate::http::Code;
use crate::jobs::rows::RowCode;
use crate::matching::{Advice, Outcome};

/// Rows that have something in common.
#[derive(Debug, PartialEq, Serialize)]
struct Line {
    name: String,
    rows: u64,
    /// Of all rows, 0 to 1.
    share: f64,
    #[serde(skip_serializing_if = "String::is_empty")]
    vi: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    en: String,
}

/// A summary as it is printed.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    out: String,
    outcomes: Vec<Line>,
    problems: Vec<Line>,
    /// `attribute/verdict` or `attribute/verdict/reason`.
    attributes: Vec<Line>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<Line>,
    advice: Vec<Line>,
    job: &'a Job,
}

/// Prints the summary of a job whose results are in `out`.
pub(super) fn print(job: &Job, out: &Path, format: Format) -> Result<(), CliError> {
    let summary = Summary::of(job, out);
    match format {
        Format::Json => print_json(&summary),
        Format::Csv => print_text(&summary.csv()?),
        Format::Table => print_text(&summary.text()),
    }
}

impl<'a> Summary<'a> {
    fn of(job: &'a Job, out: &Path) -> Self {
        let all = job.summary.rows;
        let line = |name: &str, rows: u64, (en, vi): (&str, &str)| Line {
            name: name.to_owned(),
            rows,
            share: if all == 0 { 0.0 } else { rows as f64 / all as f64 },
            en: en.to_owned(),
            vi: vi.to_owned(),
        };
        let of = |name: &String, rows: &u64, explain: fn(&str) -> (&'static str, &'static str)| {
            line(name, *rows, explain(name))
        };
        let mut outcomes: Vec<Line> =
            job.summary.outcomes.iter().map(|(name, rows)| of(name, rows, nothing)).collect();
        outcomes.sort_by_key(|line| Outcome::ALL.iter().position(|it| it.name() == line.name));
        let nested = |of: &std::collections::BTreeMap<String, std::collections::BTreeMap<_, _>>| {
            let each = of.iter().flat_map(|(name, counts)| {
                counts.iter().map(move |(told, rows)| (format!("{name}/{told}"), *rows))
            });
            each.map(|(name, rows): (String, u64)| line(&name, rows, ("", ""))).collect::<Vec<_>>()
        };
        let problems = job.summary.problems.iter();
        let advice = job.summary.advice.iter();
        Self {
            out: out.display().to_string(),
            outcomes,
            problems: most_first(problems.map(|(name, rows)| of(name, rows, problem)).collect()),
            attributes: nested(&job.summary.attributes),
            values: nested(&job.summary.values),
            advice: most_first(advice.map(|(name, rows)| of(name, rows, advised)).collect()),
            job,
        }
    }

    fn sections(&self) -> [(&'static str, &[Line]); 5] {
        [
            ("outcome", &self.outcomes),
            ("problem", &self.problems),
            ("attribute", &self.attributes),
            ("value", &self.values),
            ("advice", &self.advice),
        ]
    }

    fn csv(&self) -> Result<String, CliError> {
        let rows = self.job.summary.rows.to_string();
        let total = ["rows", "", &rows, "1", "", ""].map(str::to_owned);
        let lines = self.sections().into_iter().flat_map(|(section, lines)| {
            lines.iter().map(move |line| {
                let Line { name, rows, share, vi, en } = line;
                let (rows, share) = (rows.to_string(), share.to_string());
                [section.to_owned(), name.clone(), rows, share, vi.clone(), en.clone()]
            })
        });
        let lines: Vec<_> = std::iter::once(total).chain(lines).collect();
        plain_csv(&["section", "name", "rows", "share", "vi", "en"], &lines)
    }

    fn text(&self) -> String {
        let (rows, lines) = (grouped(self.job.summary.rows as i64), grouped(self.job.lines as i64));
        let mut text = format!("{rows} rows in {lines} lines; their results are in {}", self.out);
        if self.job.dry_run {
            text.push_str("\na dry run: rows were read, and nobody was asked");
        }
        if let Some(digest) = &self.job.digest {
            let _infallible = write!(text, "\nSHA-256 as the gateway says: {}", digest.sha256);
        }
        text.push('\n');
        for (section, lines) in self.sections() {
            if !lines.is_empty() {
                text.push_str(&table(section, lines));
                text.push('\n');
            }
        }
        text
    }
}

fn table(section: &str, lines: &[Line]) -> String {
    let figures = |line: &Line| {
        let (rows, share) = (grouped(line.rows as i64), format!("{:.2} %", line.share * 100.0));
        [line.name.clone(), rows, share]
    };
    if lines.iter().all(|line| line.vi.is_empty()) {
        let lines: Vec<_> = lines.iter().map(figures).collect();
        return plain_table(&[section, "rows", "share"], &lines);
    }
    let explained = |line: &Line| {
        let [name, rows, share] = figures(line);
        [name, rows, share, format!("{}\n{}", line.vi, line.en)]
    };
    let lines: Vec<_> = lines.iter().map(explained).collect();
    plain_table(&[section, "rows", "share", "what to do"], &lines)
}

fn most_first(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort_by_key(|line| std::cmp::Reverse(line.rows));
    lines
}

fn nothing(_: &str) -> (&'static str, &'static str) {
    ("", "")
}

/// What a problem of rows means. Of those that a single request can have too, the API's sentence.
fn problem(code: &str) -> (&'static str, &'static str) {
    let of_row = RowCode::ALL.iter().map(|it| it.explained()).find(|it| it.name == code);
    let of_row = of_row.map(|it| (it.en, it.vi));
    let of_request = || {
        let explained = Code::ALL.iter().map(|it| it.explained()).find(|it| it.code == code);
        explained.map(|it| (it.en, it.vi))
    };
    of_row.or_else(of_request).unwrap_or_default()
}

fn advised(code: &str) -> (&'static str, &'static str) {
    let advice = Advice::ALL.into_iter().find(|advice| advice.code() == code);
    advice.map(|advice| (advice.en(), advice.vi())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> Job {
        let job = r#"{"id": "j", "state": "done", "rows": 4, "lines": 5, "summary": {"rows": 4,
            "outcomes": {"inconclusive": 1, "matched": 2}, "problems": {"malformed": 1},
            "attributes": {"full_name": {"match": 2, "close/marks_missing": 1}},
            "advice": {"copy_from_card": 1, "new_advice": 2}}}"#;
        serde_json::from_str(job).unwrap()
    }

    #[test]
    fn outcomes_stand_in_their_order_with_their_share() {
        let job = job();
        let summary = Summary::of(&job, Path::new("out.csv"));
        let outcomes: Vec<_> = summary
            .outcomes
            .iter()
            .map(|line| (line.name.as_str(), line.rows, line.share))
            .collect();
        assert_eq!(outcomes, [("matched", 2, 0.5), ("inconclusive", 1, 0.25)]);
    }

    #[test]
    fn advice_and_problems_come_with_their_sentences_and_unknown_ones_without() {
        let job = job();
        let summary = Summary::of(&job, Path::new("out.csv"));
        assert_eq!(summary.problems[0].vi, RowCode::Malformed.explained().vi);
        assert_eq!(summary.advice[0].name, "new_advice");
        assert_eq!(summary.advice[0].en, "");
        assert_eq!(summary.advice[1].en, Advice::CopyFromCard.en());
        assert_eq!(summary.attributes[0].name, "full_name/close/marks_missing");
        let text = summary.text();
        assert!(text.contains(Advice::CopyFromCard.vi()) && text.contains("50.00 %"), "{text}");
    }

    #[test]
    fn problems_that_single_requests_have_too_are_explained() {
        for code in ["required-attribute-missing", "subject-guarded"] {
            assert_ne!(problem(code).1, "", "{code}");
        }
    }
}
