//! Round trips and damage of entries.

use proptest::prelude::*;

use super::*;

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
            failed_guess: Some(ShortDigest([3; 8])),
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

#[test]
fn an_entry_comes_back_as_it_went_in() {
    for entry in [answered(), refused()] {
        assert_eq!(Entry::decode(&entry.encode()), Ok(entry));
    }
}

#[test]
fn the_layout_of_version_1_does_not_change() {
    insta::assert_snapshot!(format!("{:02x?}", refused().encode()));
}

#[test]
fn a_usual_entry_leaves_room_for_its_tree_within_200_bytes() {
    let mut entry = answered();
    (entry.on_behalf_of, entry.official, entry.case, entry.procedure) = (None, None, None, None);
    let bytes = 2 + entry.encode().len() + 32 + 1;
    assert!(bytes <= 200, "{bytes}");
}

#[test]
fn every_shortened_entry_and_every_unknown_version_is_an_error() {
    let bytes = answered().encode();
    for end in 0..bytes.len() {
        assert!(Entry::decode(&bytes[..end]).is_err(), "{end}");
    }
    let mut newer = bytes.clone();
    newer[0] = 2;
    assert_eq!(Entry::decode(&newer), Err(EntryError::Unknown { version: 2, kind: 1 }));
    let mut longer = bytes;
    longer.push(0);
    assert!(Entry::decode(&longer).is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        let _read = Entry::decode(&bytes);
        let mut headed = vec![VERSION, 1];
        headed.extend(bytes);
        let _read = Entry::decode(&headed);
    }

    #[test]
    fn a_changed_byte_is_an_error_or_another_entry(position in 0_usize..100, change in 1_u8..) {
        let entry = answered();
        let mut bytes = entry.encode();
        let position = position % bytes.len();
        bytes[position] ^= change;
        prop_assert_ne!(Entry::decode(&bytes), Ok(entry));
    }
}
