//! The counters that so many entries of a year would have: 292 clients, every usual combination of
//! purpose, outcome and status, of attribute, verdict and reason. The same every time.
//!
//! Hours and provinces are left out: the reports that are measured do not read them, and in the
//! order of the keys they lie apart.

use std::sync::Arc;

use anyhow::Context as _;
use gateway::audit::{Cube, Decided, Entry, Grain, LogEntry, Pseudonym, RequestId, Subject, Sums};
use gateway::clock::Micros;
use gateway::matching::{Finding, Outcome};
use gateway::population::SubjectStatus;
use gateway::reports::Kinds;
use gateway::request::{Attribute, ClientId, KeyKind, Operation, Purpose};
use gateway::store::{Append, Signed, Store};

use crate::failure::Failure;

/// Entries that the counters do not cover; the log's writer covers them about every 4,096.
pub(super) const UNCOUNTED: usize = 4_096;
/// The log.
const LOG: &str = "n1";
const DAYS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// Kind, how many clients are of it, its part of all entries, and what they ask for.
const KINDS: [(&str, &str, u32, f64, [&str; 2]); 5] = [
    ("carrier", "carrier", 3, 0.40, ["telecom.subscriber", "telecom.cleanup"]),
    ("ministry", "ministry", 22, 0.20, ["insurance.reconcile", "tax.registration"]),
    ("locality", "locality", 63, 0.18, ["public.service", "civil.registration"]),
    ("platform", "platform", 4, 0.02, ["public.service", "health.insurance"]),
    ("health_facility", "health", 200, 0.20, ["health.insurance", "health.record"]),
];

/// Outcome and status, and how often.
const OUTCOMES: [(&str, f64); 9] = [
    ("matched|active", 0.66),
    ("matched|deceased", 0.017),
    ("matched|superseded", 0.012),
    ("not_matched|active", 0.20),
    ("not_matched|unknown", 0.07),
    ("not_matched|deceased", 0.006),
    ("not_matched|superseded", 0.004),
    ("inconclusive|not_asked", 0.006),
    ("refused|not_asked", 0.025),
];

/// Attribute, verdict and reason, and how often.
const FINDINGS: [(&str, f64); 25] = [
    ("full_name|match|-", 0.70),
    ("full_name|close|marks_missing", 0.06),
    ("full_name|close|tone_differs", 0.02),
    ("full_name|close|one_letter", 0.03),
    ("full_name|close|token_missing", 0.015),
    ("full_name|close|extra_token", 0.01),
    ("full_name|close|token_order", 0.01),
    ("full_name|close|initials", 0.01),
    ("full_name|close|squashed", 0.005),
    ("full_name|no_match|different", 0.12),
    ("full_name|not_checked|registry_unavailable", 0.005),
    ("full_name|not_checked|subject_ambiguous", 0.001),
    ("date_of_birth|match|-", 0.80),
    ("date_of_birth|close|day_month_swapped", 0.03),
    ("date_of_birth|close|year_only", 0.02),
    ("date_of_birth|close|one_digit", 0.02),
    ("date_of_birth|no_match|different", 0.12),
    ("date_of_birth|not_checked|registry_unavailable", 0.005),
    ("sex|match|-", 0.90),
    ("sex|no_match|different", 0.08),
    ("sex|not_checked|registry_unavailable", 0.005),
    ("permanent_address|match|-", 0.40),
    ("permanent_address|close|merged_place", 0.20),
    ("permanent_address|no_match|different", 0.20),
    ("permanent_address|not_on_file|-", 0.05),
];

/// One counter by the day: where it is kept, the end of its key, and how many entries a day.
struct Line {
    cube: Option<Cube>,
    tail: String,
    per_day: f64,
}

/// A year of entries.
pub(super) struct Year {
    entries: u64,
    clients: Vec<(String, &'static str)>,
    lines: Vec<Line>,
}

impl Year {
    pub(super) fn new(entries: u64) -> Self {
        let (mut clients, mut lines) = (Vec::new(), Vec::new());
        for (kind, prefix, count, part, purposes) in KINDS {
            let per_day = entries as f64 * part / f64::from(count) / 365.0;
            for number in 1..=count {
                let client = format!("{prefix}-{number:03}");
                for (purpose, share) in purposes.iter().zip([0.8, 0.2]) {
                    for (outcome, often) in OUTCOMES {
                        let tail = format!("{client}|-|verify|{purpose}|{outcome}");
                        let per_day = per_day * share * often;
                        lines.push(Line { cube: Some(Cube::Outcomes), tail, per_day });
                    }
                    for (edge, often) in [("throttled", 0.001), ("malformed", 0.002)] {
                        let tail = format!("{client}|verify|{purpose}|{edge}");
                        lines.push(Line { cube: None, tail, per_day: per_day * share * often });
                    }
                }
                for (finding, often) in FINDINGS {
                    let tail = format!("{client}|{finding}");
                    let per_day = per_day * often;
                    lines.push(Line { cube: Some(Cube::Attributes), tail, per_day });
                }
                clients.push((client, kind));
            }
        }
        Self { entries, clients, lines }
    }

    /// The kind of each client.
    pub(super) fn kinds(&self) -> Kinds {
        let kind = |(id, kind): &(String, &'static str)| Some((ClientId::parse(id).ok()?, *kind));
        self.clients.iter().filter_map(kind).collect()
    }

    /// Writes the counters month by month, then the entries that they do not cover; returns how
    /// many counters there are.
    pub(super) async fn write(&self, store: &Store) -> Result<u64, Failure> {
        let mut writer = store.log_writer().await.context("the log's connection")?;
        writer.create(LOG, "").await.context("the log")?;
        let per_month = (self.entries / 12) as i64;
        let (mut day, mut size, mut counters) = (0_u32, 0, 0);
        let mut year = [Sums::default(), Sums::default()];
        for (month, days) in (1..).zip(DAYS) {
            let mut sums = [Sums::default(), Sums::default()];
            for day_of_month in 1..=days {
                let digits = format!("2026{month:02}{day_of_month:02}");
                self.add_day(&digits, day, &mut sums, &mut year);
                day += 1;
            }
            if month == 12 {
                for (sums, year) in sums.iter_mut().zip(&mut year) {
                    sums.append(std::mem::take(year));
                }
            }
            counters += sums.iter().map(Sums::len).sum::<usize>() as u64;
            let [log, edge] = sums.map(|sums| sums.to_json());
            store.add_edge_counters(LOG, &edge).await.context("the edge counters")?;
            let entries: &[u8] = &[];
            append(&mut writer, size, per_month, &log, entries).await?;
            size += per_month;
        }
        let tail = tail(UNCOUNTED)?;
        append(&mut writer, size, UNCOUNTED as i64, "{}", &tail).await?;
        Ok(counters)
    }

    fn add_day(&self, digits: &str, day: u32, sums: &mut [Sums; 2], year: &mut [Sums; 2]) {
        for (position, line) in self.lines.iter().enumerate() {
            // What comes less than once a day comes on different days for different lines.
            let offset = (position % 97) as f64 / 97.0;
            let until = |day: u32| (f64::from(day) * line.per_day + offset) as i64;
            let n = until(day + 1) - until(day);
            if n == 0 {
                continue;
            }
            let place = usize::from(line.cube.is_none());
            let shorter = [Grain::Day, Grain::Third, Grain::Month];
            sums[place].add(line.cube, &shorter, digits, &line.tail, n);
            year[place].add(line.cube, &[Grain::Year], digits, &line.tail, n);
        }
    }
}

async fn append(
    writer: &mut gateway::store::LogWriter,
    size: i64,
    entries_count: i64,
    counters: &str,
    entries: &[u8],
) -> Result<(), Failure> {
    let append = Append {
        log: LOG,
        size_before: size,
        entries_count,
        day: 20_800,
        entries,
        tiles: &[],
        counters,
        keys: &[],
        keys_after_us: 0,
        chunks: &[],
    };
    writer.append(&append).await.context("the counters")?;
    let signed = Signed {
        log: LOG,
        size_before: size,
        size_after: size + entries_count,
        counted_size: size,
        note: "",
    };
    writer.sign(&signed).await.context("the checkpoint")?;
    Ok(())
}

/// A bundle of entries that are not counted yet, each after its length as big-endian `uint16`.
fn tail(count: usize) -> Result<Vec<u8>, Failure> {
    let mut bundle = Vec::with_capacity(count * 192);
    let at = Micros::parse_rfc3339("2026-12-31T20:00:00+07:00").context("a time")?;
    for number in 0..count {
        let findings = [Attribute::FullName, Attribute::DateOfBirth, Attribute::Sex]
            .into_iter()
            .map(|attribute| (attribute, Finding::MATCH))
            .collect();
        let entry = LogEntry::Request(Entry {
            at,
            request_id: RequestId((number as u128).to_be_bytes()),
            item: 0,
            client: ClientId::parse(&format!("health-{:03}", number % 200 + 1))
                .ok()
                .context("an identifier")?,
            on_behalf_of: None,
            official: None,
            operation: Operation::Verify,
            purpose: Purpose::parse("health.insurance").ok().context("a purpose")?,
            procedure: None,
            case: None,
            policy: Arc::from("health@1"),
            subject: Subject {
                key_kind: KeyKind::PersonalId,
                pseudonym: Pseudonym { period: 8_107, digest: [7; 16] },
                prefix: 1,
            },
            record: Decided::Answered {
                profile: "vi-1".into(),
                findings,
                outcome: Outcome::Matched,
                status: SubjectStatus::Active,
                failed_guess: None,
                registry_as_of: None,
                registry_us: 100,
                total_us: 900,
            },
        });
        let bytes = entry.encode();
        bundle.extend_from_slice(&(bytes.len() as u16).to_be_bytes());
        bundle.extend_from_slice(&bytes);
    }
    Ok(bundle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_grain_sums_up_to_the_same() {
        let year_of_few = Year::new(3_650_000);
        let (mut sums, mut year) = Default::default();
        let mut day = 0;
        for (month, days) in (1..).zip(DAYS) {
            for day_of_month in 1..=days {
                let digits = format!("2026{month:02}{day_of_month:02}");
                year_of_few.add_day(&digits, day, &mut sums, &mut year);
                day += 1;
            }
        }
        let of = |sums: &Sums, prefix: &str| -> i64 {
            sums.iter().filter(|(key, _)| key.starts_with(prefix)).map(|(_, n)| n).sum()
        };
        let all = of(&year[0], "o|y|2026|");
        assert!((3_600_000..3_700_000).contains(&all), "{all}");
        for grain in ["o|d|", "o|t|", "o|m|"] {
            assert_eq!(of(&sums[0], grain), all, "{grain}");
        }
        assert_eq!(of(&year[1], "y|"), of(&sums[1], "d|"));
    }
}
