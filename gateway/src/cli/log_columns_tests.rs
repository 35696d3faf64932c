//! Every kind of entry as it is exported.

use super::*;
use crate::audit::{DisputeState, Pseudonym, RequestId, ShortDigest, Subject};
use crate::clock::Micros;
use crate::matching::{Finding, Findings};
use crate::policy::Refusal;
use crate::population::SubjectStatus;
use crate::request::{AttributeSet, ClientId, KeyKind, Operation, Purpose};

const AT: Micros = Micros(1_795_000_000_000_000);
const ID: RequestId = RequestId([7; 16]);

fn request(record: Decided) -> LogEntry {
    LogEntry::Request(Entry {
        at: AT,
        request_id: ID,
        item: 3,
        client: ClientId::parse("viettel-subscribers").unwrap(),
        on_behalf_of: None,
        official: Some(ShortDigest([1; 8])),
        operation: Operation::Verify,
        purpose: Purpose::unknown(),
        procedure: None,
        case: None,
        policy: "carrier-basic@3".into(),
        subject: Subject {
            key_kind: KeyKind::PersonalId,
            pseudonym: Pseudonym { period: 8107, digest: [9; 16] },
            prefix: 79,
        },
        record,
    })
}

fn text(text: &str) -> EventText {
    EventText::parse(text).unwrap()
}

/// One entry of every kind.
fn entries() -> Vec<LogEntry> {
    let findings = Findings::default()
        .with(Attribute::FullName, Finding::because(Reason::OneLetter))
        .with(Attribute::DateOfBirth, Finding::MATCH);
    vec![
        request(Decided::Answered {
            profile: "vi-1".into(),
            findings,
            outcome: Outcome::NotMatched,
            status: SubjectStatus::Active,
            failed_guess: Some(crate::audit::FailedGuess {
                claims: ShortDigest([3; 8]),
                key: None,
            }),
            registry_as_of: Some(AT),
            registry_us: 412,
            total_us: 1_100,
        }),
        request(Decided::Refused {
            refusal: Refusal::Purpose,
            asked: AttributeSet::EMPTY.with(Attribute::FullName).with(Attribute::Sex),
        }),
        request(Decided::Disclosed { entries: 12 }),
        LogEntry::Act(Act {
            at: AT,
            request_id: ID,
            by: text("cli:root"),
            act: text("key-destroyed"),
            target: text("=cmd()"),
            detail: Some(text("-1, \"quoted\"")),
        }),
        LogEntry::Dispute(Dispute {
            at: AT,
            request_id: ID,
            client: ClientId::parse("viettel-subscribers").unwrap(),
            operation: Operation::Verify,
            purpose: Purpose::parse("telecom.subscriber").unwrap(),
            by: text("viettel-subscribers"),
            detail: None,
            log: text("n1"),
            index: 5,
            note: text("person-present"),
            state: DisputeState::Open,
            reason: Some(Reason::OneLetter),
        }),
        LogEntry::Totals(Totals {
            at: AT,
            request_id: ID,
            day: 20_777,
            first_index: 10,
            end_index: 20,
            entries: 10,
            matched: 4,
            not_matched: 3,
            inconclusive: 2,
            refused: 1,
            counters: [8; 32],
        }),
    ]
}

fn listed() -> Vec<Listed> {
    let place = |(index, entry)| Listed { index, leaf: [0xab; 32], entry };
    (0..).zip(entries()).map(place).collect()
}

#[test]
fn every_kind_of_entry_is_exported_with_its_own_fields() {
    let lines: Vec<String> =
        listed().iter().map(|listed| json_line(&cells(listed)).unwrap()).collect();
    insta::assert_snapshot!(lines.concat());
}

#[test]
fn what_an_entry_fills_stands_in_the_order_of_the_columns() {
    let columns = columns();
    for listed in listed() {
        let cells = cells(&listed);
        let row = csv_row(&columns, cells.clone());
        assert_eq!(row.len(), columns.len());
        let filled = row.iter().filter(|text| !text.is_empty()).count();
        assert_eq!(filled, cells.len(), "{row:?}");
    }
}

#[test]
fn no_text_in_csv_is_a_formula() {
    let columns = columns();
    let row = csv_row(&columns, cells(&listed()[3]));
    let at = |name: &str| row[columns.iter().position(|column| column == name).unwrap()].as_str();
    assert_eq!((at("target"), at("detail")), ("'=cmd()", "'-1, \"quoted\""));
    let refused = csv_row(&columns, cells(&listed()[1]));
    assert!(refused.iter().any(|text| text == "-"), "the purpose that is nobody's stays");
}
