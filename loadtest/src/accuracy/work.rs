//! What is compared in which order, written by one thread and judged by another.

use std::io::{Read, Write};

use anyhow::Context;
use mock_population_db::Nation;

use super::kind::Kind;
use super::report::Report;
use super::row::{Answer, Case, Row};
use super::strangers::Pairs;
use super::{benign, near};
use crate::chance::Chance;
use crate::failure::Failure;

/// Cases that one process gets in a row, of one kind.
const CHUNK: u64 = 5_000;

/// The whole work, in pieces that processes take in turn. The cases do not depend on how many
/// processes there are.
pub(super) struct Plan {
    chunks: Vec<Chunk>,
    workers: usize,
}

#[derive(Clone, Copy)]
struct Chunk {
    kind: Kind,
    first: u64,
    count: u64,
}

impl Plan {
    /// Divides what `records` records come to.
    pub(super) fn new(records: u64, workers: usize) -> Self {
        let mut chunks = Vec::new();
        for kind in Kind::ALL {
            let cases = kind.cases(records);
            chunks.extend((0..cases.div_ceil(CHUNK)).map(|chunk| {
                let first = chunk * CHUNK;
                Chunk { kind, first, count: CHUNK.min(cases - first) }
            }));
        }
        Self { chunks, workers }
    }
}

/// Writes the rows of one worker; how many there were.
pub(super) fn send(
    plan: &Plan,
    worker: usize,
    nation: &Nation,
    to: impl Write,
) -> anyhow::Result<u64> {
    let mut rows = csv::Writer::from_writer(to);
    let mut count = 0;
    for chunk in plan.chunks.iter().skip(worker).step_by(plan.workers) {
        let kind = chunk.kind.index();
        let mut pairs = Pairs::new(nation, Chance::of(kind, chunk.first));
        for case in chunk.first..chunk.first + chunk.count {
            let made = make(chunk.kind, case, nation, &mut pairs)
                .with_context(|| format!("planting {}", chunk.kind.name()))?;
            for (attribute, claim, record) in made {
                rows.serialize(Row { kind, case, attribute, claim, record })?;
                count += 1;
            }
        }
    }
    rows.flush()?;
    Ok(count)
}

fn make(kind: Kind, case: u64, nation: &Nation, pairs: &mut Pairs) -> anyhow::Result<Case> {
    let mut chance = Chance::of(kind.index(), case);
    match kind {
        Kind::Same(benign) => benign::make(benign, nation, case, &mut chance),
        Kind::Strangers => Ok(pairs.next_pair()),
        Kind::Planted(near) => Ok(vec![near::make(near, nation, &mut chance)?]),
    }
}

/// Judges the answers of one worker as they come; how many rows there were.
pub(super) fn judge(from: impl Read) -> anyhow::Result<(u64, Report)> {
    let mut report = Report::default();
    let mut answers = csv::Reader::from_reader(from);
    let (mut count, mut case) = (0, Vec::<Answer>::new());
    for answer in answers.deserialize() {
        let answer: Answer = answer.context("an answer of the gateway")?;
        count += 1;
        if case.first().is_some_and(|it| (it.kind, it.case) != (answer.kind, answer.case)) {
            report.judge_case(&case);
            case.clear();
        }
        case.push(answer);
    }
    report.judge_case(&case);
    Ok((count, report))
}

/// What one worker saw, where every row came back.
pub(super) fn complete(
    written: anyhow::Result<u64>,
    read: anyhow::Result<(u64, Report)>,
    last_words: impl Fn() -> String,
) -> Result<Report, Failure> {
    let broken =
        |what: String| Failure::Unavailable(format!("the gateway {what}\n{}", last_words()));
    let (came, report) = read.map_err(|error| broken(format!("does not answer: {error:#}")))?;
    let sent = written.map_err(|error| broken(format!("takes no more rows: {error:#}")))?;
    if came != sent {
        return Err(broken(format!("answered {came} of {sent} rows")));
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cases_are_the_same_for_any_number_of_workers() {
        let nation = Nation::new(1);
        let rows = |workers| {
            let plan = Plan::new(60, workers);
            let mut lines = Vec::new();
            for worker in 0..workers {
                let mut text = Vec::new();
                send(&plan, worker, &nation, &mut text).unwrap();
                let text = String::from_utf8(text).unwrap();
                lines.extend(text.lines().skip(1).map(str::to_owned));
            }
            lines.sort();
            lines
        };
        assert_eq!(rows(1), rows(3));
        assert!(rows(1).len() > 200);
    }

    #[test]
    fn rows_that_do_not_come_back_are_a_failure_with_the_last_words() {
        let lost = complete(Ok(3), Ok((2, Report::default())), || "out of memory".to_owned());
        let failure = lost.err().unwrap();
        assert_eq!(failure.exit_code(), 5);
        assert!(failure.to_string().contains("2 of 3 rows\nout of memory"), "{failure}");
        assert!(judge(&b"attribute,claim\nsex,male\n"[..]).is_err());
    }
}
