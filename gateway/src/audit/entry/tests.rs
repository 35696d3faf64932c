//! Round trips and damage of entries.

use proptest::prelude::*;

use super::*;
use crate::audit::digest::{Pseudonym, ShortDigest};
use crate::matching::{Finding, Findings, Outcome};
use crate::policy::{Reason, Refusal};
use crate::population::SubjectStatus;
use crate::request::{
    AgencyCode, Attribute, AttributeSet, ClientId, KeyKind, Operation, Procedure, Purpose,
};

fn answered() -> Entry {
    let findings = Findings::default()
        .with(Attribute::FullName, Finding::MATCH)
        .with(Attribute::DateOfBirth, Finding::DIFFERENT);
    Entry {
        at: Micros(1_795_000_000_000_000),
        request_id: RequestId([7; 16]),
        item: 3,
        client: ClientId::parse("viettel-subscribers").unwrap(),
        on_behalf_of: Some(AgencyCode::parse("G09.10").unwrap()),
        official: Some(ShortDigest([1; 8])),
        operation: Operation::Verify,
        purpose: Purpose::parse("telecom.subscriber").unwrap(),
        procedure: Some(Procedure::parse("2.000488").unwrap()),
        case: Some(ShortDigest([2; 8])),
        policy: "carrier-basic@3".into(),
        subject: Subject {
            key_kind: KeyKind::PersonalId,
            pseudonym: Pseudonym { period: 8107, digest: [9; 16] },
            prefix: 79,
        },
        record: Decided::Answered {
            profile: "vi-1".into(),
            findings,
            outcome: Outcome::NotMatched,
            status: SubjectStatus::Active,
            failed_guess: Some(FailedGuess { claims: ShortDigest([3; 8]), key: None }),
            registry_as_of: Some(Micros(1_767_200_000_000_000)),
            registry_us: 412,
            total_us: 1_100,
        },
    }
}

fn refused() -> Entry {
    let asked = AttributeSet::EMPTY.with(Attribute::FullName);
    let record = Decided::Refused { refusal: Refusal::Purpose, asked };
    Entry { record, on_behalf_of: None, official: None, case: None, procedure: None, ..answered() }
}

fn text(text: &str) -> EventText {
    EventText::parse(text).unwrap()
}

/// One entry of every kind.
fn all_kinds() -> Vec<LogEntry> {
    let (at, request_id) = (Micros(1_795_000_000_000_000), RequestId([8; 16]));
    let act = Act {
        at,
        request_id,
        by: text("cli:root"),
        act: text("key-destroyed"),
        target: text("pseudonym-2026Q1"),
        detail: None,
    };
    let dispute = Dispute {
        at,
        request_id,
        client: ClientId::parse("viettel").unwrap(),
        operation: Operation::Verify,
        purpose: Purpose::parse("telecom.subscriber").unwrap(),
        by: text("operator"),
        detail: Some(text("thẻ đã được kiểm tra")),
        log: text("n1"),
        index: 18_231,
        note: text("card_seen"),
        state: DisputeState::Upheld,
        reason: Some(Reason::Different),
    };
    let totals = Totals {
        at,
        request_id,
        day: 20_779,
        first_index: 1,
        end_index: 11,
        entries: 10,
        matched: 6,
        not_matched: 3,
        inconclusive: 1,
        refused: 0,
        counters: [5; 32],
    };
    let disclosed = Entry { record: Decided::Disclosed { entries: 12 }, ..refused() };
    vec![
        answered().into(),
        refused().into(),
        LogEntry::Act(act),
        disclosed.into(),
        LogEntry::Dispute(dispute),
        LogEntry::Totals(totals),
    ]
}

#[test]
fn an_entry_of_every_kind_comes_back_as_it_went_in() {
    let entries = all_kinds();
    assert_eq!(entries.iter().map(LogEntry::kind).collect::<Vec<_>>(), Kind::ALL);
    for entry in entries {
        let bytes = entry.encode();
        assert_eq!(LogEntry::decode_at(&bytes), Ok(entry.at()));
        assert_eq!(LogEntry::decode(&bytes), Ok(entry));
    }
}

#[test]
fn a_text_of_an_administrator_is_short_and_on_one_line() {
    assert_eq!(EventText::parse(""), None);
    assert_eq!(EventText::parse("a\nb"), None);
    assert_eq!(EventText::parse(&"x".repeat(256)), None);
    assert_eq!(EventText::shortened(&"ế".repeat(200)).as_str(), "ế".repeat(85));
    assert_eq!(EventText::shortened("\n").as_str(), "-");
}

#[test]
fn the_layout_of_version_1_does_not_change() {
    insta::assert_snapshot!(format!("{:02x?}", LogEntry::from(refused()).encode()));
}

#[test]
fn a_usual_entry_leaves_room_for_its_tree_within_200_bytes() {
    let mut entry = answered();
    (entry.on_behalf_of, entry.official, entry.case, entry.procedure) = (None, None, None, None);
    let bytes = 2 + LogEntry::from(entry).encode().len() + 32 + 1;
    assert!(bytes <= 200, "{bytes}");
}

#[test]
fn every_shortened_entry_and_every_unknown_version_is_an_error() {
    for entry in all_kinds() {
        let bytes = entry.encode();
        for end in 0..bytes.len() {
            assert!(LogEntry::decode(&bytes[..end]).is_err(), "{:?} {end}", entry.kind());
        }
        let (kind, mut newer) = (entry.kind() as u8, bytes.clone());
        newer[0] = 2;
        assert_eq!(LogEntry::decode(&newer), Err(EntryError::Unknown { version: 2, kind }));
        let mut longer = bytes;
        longer.push(0);
        assert!(LogEntry::decode(&longer).is_err());
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        let _read = LogEntry::decode(&bytes);
        for kind in Kind::ALL {
            let mut headed = vec![VERSION, kind as u8];
            headed.extend(&bytes);
            let _read = LogEntry::decode(&headed);
        }
    }

    #[test]
    fn a_changed_byte_is_an_error_or_another_entry(
        kind in 0_usize..6, position in 0_usize..200, change in 1_u8..,
    ) {
        let entry = all_kinds().remove(kind);
        let mut bytes = entry.encode();
        let position = position % bytes.len();
        bytes[position] ^= change;
        prop_assert_ne!(LogEntry::decode(&bytes), Ok(entry));
    }
}

#[test]
fn a_refusal_tells_every_attribute_that_was_asked_and_no_unknown_one() {
    for asked in (0..=0xff_u16).map(|bits| {
        let is_asked = |attribute: &Attribute| bits & 1 << (*attribute as u8 - 1) != 0;
        Attribute::ALL.into_iter().filter(is_asked).collect::<AttributeSet>()
    }) {
        let record = Decided::Refused { refusal: Refusal::Purpose, asked };
        let entry = LogEntry::Request(Entry { record, ..refused() });
        let bytes = entry.encode();
        assert_eq!(LogEntry::decode(&bytes), Ok(entry));
        // Its tag and length; nothing behind it has the same.
        let place = bytes.windows(2).rposition(|field| field == [tag::ASKED, 2]).unwrap() + 2;
        for unknown in [0x01, 0x8000_u16] {
            let mut changed = bytes.clone();
            changed[place] |= (unknown >> 8) as u8;
            changed[place + 1] |= unknown as u8;
            assert!(LogEntry::decode(&changed).is_err(), "{unknown:04x}");
        }
    }
}
