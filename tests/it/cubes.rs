//! Reports against a count of the log's entries made here, one by one, under every grouping.

use std::collections::BTreeMap;
use std::sync::Arc;

use gateway::audit::{
    Decided, Dispute, DisputeState, Entry, EventText, LogEntry, Pseudonym, RequestId, Subject,
};
use gateway::matching::{Finding, Findings, Outcome};
use gateway::policy::{Reason, Refusal};
use gateway::population::SubjectStatus;
use gateway::reports::{
    Dimension, EdgeCounters, Figure, Grouping, Period, Question, Scope, match_rates,
};
use gateway::request::{
    AgencyCode, Attribute, AttributeSet, ClientId, KeyKind, Operation, Purpose,
};
use jiff::civil::{Date, date};

use crate::support::{Database, TestApp, micros, on_both_databases};

/// So many that the counters cover most of them and the tail has some.
const ENTRIES: usize = 5_000;
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// A repeatable sequence of numbers below `below`.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, below: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

fn request(numbers: &mut Numbers, at: i64, number: usize) -> Entry {
    let mut findings = Findings::EMPTY;
    for attribute in [Attribute::FullName, Attribute::Sex] {
        let finding = [
            Finding::MATCH,
            Finding::DIFFERENT,
            Finding::from_numbers(2, Reason::MarksMissing as u8).unwrap(),
        ];
        findings = findings.with(attribute, numbers.of(&finding));
    }
    let answered = Decided::Answered {
        profile: "vi-1".into(),
        findings,
        outcome: numbers.of(&[Outcome::Matched, Outcome::NotMatched, Outcome::Inconclusive]),
        status: numbers.of(&[SubjectStatus::Active, SubjectStatus::Deceased]),
        failed_guess: None,
        registry_as_of: None,
        registry_us: 1,
        total_us: 2,
    };
    let refused = Decided::Refused { refusal: Refusal::Purpose, asked: AttributeSet::EMPTY };
    Entry {
        at: gateway::clock::Micros(at),
        request_id: RequestId((number as u128).to_be_bytes()),
        item: 0,
        client: ClientId::parse(numbers.of(&["carrier", "carrier.two", "hospital"])).unwrap(),
        on_behalf_of: (numbers.below(3) == 0).then(|| AgencyCode::parse("G09.10").unwrap()),
        official: None,
        // A report of one's own is in the log as little as anybody's; it counts nowhere.
        operation: numbers.of(&[Operation::Verify, Operation::Lookup, Operation::History]),
        purpose: Purpose::parse(numbers.of(&["telecom.subscriber", "health.insurance"])).unwrap(),
        procedure: None,
        case: None,
        policy: Arc::from("policy@1"),
        subject: Subject {
            key_kind: KeyKind::PersonalId,
            pseudonym: Pseudonym { period: 8_107, digest: [0; 16] },
            prefix: u16::try_from(numbers.of(&[0, 1, 79])).unwrap(),
        },
        record: if numbers.below(10) == 0 { refused } else { answered },
    }
}

fn dispute(numbers: &mut Numbers, at: i64, number: usize) -> Dispute {
    let text = |text| EventText::parse(text).unwrap();
    Dispute {
        at: gateway::clock::Micros(at),
        request_id: RequestId((number as u128).to_be_bytes()),
        client: ClientId::parse(numbers.of(&["carrier", "hospital"])).unwrap(),
        operation: Operation::Verify,
        purpose: Purpose::parse(numbers.of(&["telecom.subscriber", "health.insurance"])).unwrap(),
        by: text("carrier"),
        detail: None,
        log: text("n1"),
        index: number as u64,
        note: text("card_seen"),
        state: numbers.of(&DisputeState::ALL),
        reason: numbers.of(&[None, Some(Reason::Different), Some(Reason::OneLetter)]),
    }
}

/// Entries over fourteen months, most of them in the order of their times.
fn entries() -> Vec<LogEntry> {
    let (mut numbers, start) = (Numbers(7), micros("2025-10-20T00:30:00+07:00").0);
    (0..ENTRIES)
        .map(|number| {
            let day = number as i64 * 425 / ENTRIES as i64;
            let at = start + day * MICROS_PER_DAY + numbers.below(24) as i64 * 3_600_000_000;
            if number % 12 == 0 {
                LogEntry::Dispute(dispute(&mut numbers, at, number))
            } else {
                LogEntry::Request(request(&mut numbers, at, number))
            }
        })
        .collect()
}

type Sums = BTreeMap<Vec<String>, BTreeMap<&'static str, i64>>;

fn kind(client: &str) -> &'static str {
    match client {
        "carrier" => "carrier",
        "hospital" => "health_facility",
        _ => "-",
    }
}

/// The value of a dimension that request and dispute share.
fn shared(
    dimension: Dimension,
    at: gateway::clock::Micros,
    client: &ClientId,
    (operation, purpose): (Operation, &Purpose),
) -> String {
    let hour = at.vietnamese_hour();
    let day = hour.date.to_string();
    match dimension {
        Dimension::Client => client.to_string(),
        Dimension::Kind => kind(client.as_str()).to_owned(),
        Dimension::Operation => operation.name().to_owned(),
        Dimension::Purpose => purpose.as_str().to_owned(),
        Dimension::Hour => format!("{day}T{:02}", hour.hour),
        Dimension::Month => day[..7].to_owned(),
        Dimension::Day => day,
        _ => "-".to_owned(),
    }
}

/// The figures of the entries, counted without the counters' keys.
fn expected(entries: &[LogEntry], grouping: &Grouping, period: Period, own: Option<&str>) -> Sums {
    let mut sums = Sums::new();
    let is_about = |names: &[Dimension]| names.iter().any(|name| grouping.has(*name));
    let by_attribute = is_about(&[Dimension::Attribute, Dimension::Verdict, Dimension::Reason]);
    let by_dispute = is_about(&[Dimension::DisputeReason]);
    let by_province = is_about(&[Dimension::Province]);
    let mut add = |value: &dyn Fn(Dimension) -> String, name: &'static str| {
        let group = grouping.dimensions().iter().map(|dimension| value(*dimension)).collect();
        *sums.entry(group).or_default().entry(name).or_default() += 1;
    };
    for entry in entries {
        let day = entry.at().vietnamese_hour().date;
        if period.from.is_some_and(|from| day < from) || period.to.is_some_and(|to| day > to) {
            continue;
        }
        match entry {
            LogEntry::Dispute(it) => {
                if own.is_some_and(|own| own != it.client.as_str()) || by_attribute {
                    continue;
                }
                let name = match it.state {
                    DisputeState::Open => "disputed",
                    DisputeState::Upheld => "disputes_upheld",
                    DisputeState::Rejected => "disputes_rejected",
                };
                let value = |dimension| match dimension {
                    Dimension::DisputeReason => it.reason.map_or("-", Reason::name).to_owned(),
                    other => shared(other, it.at, &it.client, (it.operation, &it.purpose)),
                };
                // By province it is known of whom, when, but nothing else.
                let by_cube = |dimension| match dimension {
                    Dimension::Operation | Dimension::Purpose if by_province => "-".to_owned(),
                    other => value(other),
                };
                add(&by_cube, name);
            }
            LogEntry::Request(it) => {
                let outside = own.is_some_and(|own| own != it.client.as_str()) || by_dispute;
                if outside || it.operation == Operation::History {
                    continue;
                }
                let outcome = it.outcome().unwrap();
                let value = |dimension| match dimension {
                    Dimension::OnBehalfOf => {
                        it.on_behalf_of.as_ref().map_or("-", |code| code.as_str()).to_owned()
                    }
                    Dimension::Outcome => outcome.name().to_owned(),
                    Dimension::Status => it.status().name().to_owned(),
                    Dimension::Province => format!("{:03}", it.subject.prefix),
                    other => shared(other, it.at, &it.client, (it.operation, &it.purpose)),
                };
                if by_attribute {
                    let Decided::Answered { findings, .. } = &it.record else { continue };
                    for (attribute, finding) in findings.iter() {
                        let of_finding = |dimension| match dimension {
                            Dimension::Attribute => attribute.name().to_owned(),
                            Dimension::Verdict => finding.verdict().name().to_owned(),
                            Dimension::Reason => {
                                finding.reason().map_or("-", Reason::name).to_owned()
                            }
                            other => value(other),
                        };
                        add(&of_finding, "asked");
                        add(&of_finding, finding.verdict().name());
                    }
                    continue;
                }
                add(&value, "received");
                add(&value, outcome.name());
                if outcome == Outcome::Matched && it.status() == SubjectStatus::Deceased {
                    let without_province = |dimension| match dimension {
                        Dimension::Province => "-".to_owned(),
                        other => value(other),
                    };
                    add(&without_province, "matched_deceased");
                }
            }
            LogEntry::Act(_) | LogEntry::Totals(_) => {}
        }
    }
    sums
}

fn groupings() -> Vec<Grouping> {
    let alone = Dimension::ALL.iter().filter_map(|one| Grouping::by(&[*one]));
    let texts = [
        "none",
        "client,month",
        "kind,day",
        "month,attribute,reason",
        "attribute,verdict,kind",
        "province,outcome",
        "client,province,month",
        "on_behalf_of,operation,purpose,outcome,status",
        "dispute_reason,client,month",
        "outcome,day",
    ];
    alone.chain(texts.iter().filter_map(|text| Grouping::parse(text))).collect()
}

fn periods() -> Vec<Period> {
    let days: [(Option<Date>, Option<Date>); 7] = [
        (None, None),
        (Some(date(2026, 1, 1)), Some(date(2026, 12, 31))),
        (Some(date(2026, 2, 10)), Some(date(2026, 11, 20))),
        (Some(date(2025, 11, 9)), None),
        (None, Some(date(2026, 4, 30))),
        (Some(date(2026, 6, 15)), Some(date(2026, 6, 15))),
        (Some(date(2031, 1, 1)), None),
    ];
    days.map(|(from, to)| Period { from, to }).to_vec()
}

on_both_databases! {
    a_report_is_the_recount_under_every_grouping_and_period,
}

async fn a_report_is_the_recount_under_every_grouping_and_period(database: Database) {
    let app = TestApp::start_on(database).await;
    let entries = entries();
    for entries in entries.chunks(500) {
        app.app.audit.record_many(entries).await.unwrap();
    }
    assert_eq!(app.recount().await.entries, ENTRIES as u64);
    let row = app.app.store.checkpoint("n1").await.unwrap().unwrap();
    assert!(0 < row.counted_size && row.counted_size < row.tree_size, "{row:?}");
    let (edge, kinds) = (EdgeCounters::default(), app.app.client_kinds());
    let now = app.app.clock.now();
    for grouping in groupings() {
        for (position, period) in periods().into_iter().enumerate() {
            // The periods are the same for one client's figures; three of them will do.
            let scopes = [None, Some("hospital")];
            for own in scopes.into_iter().take(if position < 3 { 2 } else { 1 }) {
                let scope =
                    own.map_or(Scope::All, |own| Scope::Client(ClientId::parse(own).unwrap()));
                let question = Question { period, grouping: grouping.clone(), scope };
                let report = match_rates(&app.app.store, &edge, now, &question, &kinds).await;
                if grouping.has(Dimension::Hour)
                    && period.to.is_none_or(|to| to > date(2026, 6, 30))
                {
                    // More hours than anybody reads, but for a period in which nothing is.
                    assert!(report.is_err() || period.from == Some(date(2031, 1, 1)));
                    continue;
                }
                let Ok(report) = report else {
                    assert!(grouping.has(Dimension::Hour), "{question:?}");
                    continue;
                };
                let counted: Sums = report
                    .rows
                    .iter()
                    .map(|row| {
                        let names = grouping.dimensions().iter().map(|it| it.name());
                        let values = names.map(|name| row.group[name].clone()).collect();
                        let figures = row.figures.named().into_iter();
                        let numbers = figures.filter_map(|(name, figure)| match figure {
                            Figure::Number(n) if n != 0 => Some((name, n)),
                            Figure::Number(_) | Figure::Rate(_) => None,
                        });
                        (values, numbers.collect())
                    })
                    .collect();
                assert_eq!(counted, expected(&entries, &grouping, period, own), "{question:?}");
            }
        }
    }
}
