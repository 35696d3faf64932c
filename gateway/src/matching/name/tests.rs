//! The published case table, and the steps at which names are the same.

use super::{Step, compare_name, decode, first_equal_step};
use crate::matching::{Finding, Verdict};
use crate::policy::Reason;
use crate::request::FullName;

struct Case {
    claim: String,
    record: String,
    should_match: bool,
    why: String,
    level: String,
}

/// Reads the table as it was published. One explanation holds a comma without quotes, so the level
/// is the last field, whatever comes before it.
fn cases() -> Vec<Case> {
    csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(include_bytes!("name_normalisation_cases.csv").as_slice())
        .into_records()
        .map(|row| {
            let fields: Vec<String> = row.unwrap().iter().map(str::to_owned).collect();
            Case {
                claim: fields[0].clone(),
                record: fields[1].clone(),
                should_match: fields[2] == "yes",
                why: fields[3].clone(),
                level: fields.last().unwrap().clone(),
            }
        })
        .collect()
}

#[test]
fn the_case_table_is_whole() {
    let cases = cases();
    let yes = cases.iter().filter(|case| case.should_match).count();
    assert_eq!((cases.len(), yes), (147, 81));
}

#[test]
fn names_match_at_the_step_that_the_table_names() {
    for case in cases().iter().filter(|case| case.should_match) {
        let is_decoded = !decode::readings(&case.claim).is_empty();
        let step = first_equal_step(&case.claim, &case.record);
        let is_expected = match case.level.as_str() {
            "unicode" => step == Step::Canonical && !is_decoded,
            "orthography" => step == Step::Orthography && !is_decoded,
            "mark" => step == Step::Mark && !is_decoded,
            "fold" | "mrz" => step == Step::Fold && !is_decoded,
            "legacy" => step == Step::Canonical && is_decoded,
            other => panic!("a level of which no step is known: {other}"),
        };
        assert!(is_expected, "{:?} for {:?}: {step:?}, {}", case.claim, case.record, case.why);
        assert!(FullName::parse(&case.claim).is_ok(), "{:?}", case.claim);
    }
}

#[test]
fn other_names_never_match_and_are_no_folded_form() {
    for case in cases().iter().filter(|case| !case.should_match) {
        let found = compare_name(&case.claim, &case.record);
        assert_ne!(found.verdict(), Verdict::Match, "{:?}: {}", case.claim, case.why);
        assert_ne!(found.reason(), Some(Reason::MarksMissing), "{:?}: {}", case.claim, case.why);
    }
}

/// The reasons of the table in the words of an answer. Where one reason of the table is several of
/// ours, all that may be found are named.
#[test]
fn other_names_are_near_misses_with_the_reason_of_the_table() {
    use Reason::{
        Different, ExtraToken, Initials, OneLetter, Squashed, TokenMissing, TokenOrder, ToneDiffers,
    };
    for case in cases().iter().filter(|case| !case.should_match) {
        let allowed: &[Reason] = match case.level.as_str() {
            "tone" => &[ToneDiffers],
            "letter" | "iy" | "family_variant" | "prefix_sex" => &[OneLetter, Different],
            "partial_marks" => &[OneLetter, ToneDiffers, Different],
            "missing_token" => &[TokenMissing, Different],
            "extra_token" | "honorific" => &[ExtraToken],
            "order" => &[TokenOrder],
            "abbrev" => &[Initials, Different],
            "space_collision" => &[Squashed, Different],
            // TCVN3 for Lê Duy is a name; only NFKC would have damaged it.
            "corrupt" if case.claim == "Lª Duy" => &[OneLetter],
            "corrupt" | "mixed_script" | "not_a_name" => {
                assert!(FullName::parse(&case.claim).is_err(), "{:?}: {}", case.claim, case.why);
                continue;
            }
            other => panic!("a reason that no answer has: {other}"),
        };
        assert!(FullName::parse(&case.claim).is_ok(), "{:?}: {}", case.claim, case.why);
        let found = compare_name(&case.claim, &case.record).reason();
        let is_allowed = found.is_some_and(|reason| allowed.contains(&reason));
        assert!(is_allowed, "{:?} for {:?}: {found:?}, {}", case.claim, case.record, case.why);
    }
}

#[test]
fn i_and_y_are_one_letter_in_open_toned_syllables_alone() {
    for (claim, record, expected) in [
        ("Lí Mĩ Kì Sĩ Vĩ Tị Hỉ", "Lý Mỹ Kỳ Sỹ Vỹ Tỵ Hỷ", Step::Orthography),
        ("Qui", "Quy", Step::Orthography),
        ("Qúi", "Quý", Step::Orthography),
        ("Vy", "Vi", Step::Near(Reason::OneLetter)),
        ("Thỷ", "Thỉ", Step::Near(Reason::OneLetter)),
        ("Đỹ", "Đĩ", Step::Near(Reason::OneLetter)),
        ("Lỳn", "Lìn", Step::Near(Reason::OneLetter)),
        ("Huy", "Hui", Step::Near(Reason::OneLetter)),
        // The verdict does not depend on the spelling that the register chose.
        ("LY THI QUY", "Lí Thị Quí", Step::Fold),
        ("LI THI QUI", "Lý Thị Quý", Step::Fold),
        ("LI", "Ly", Step::Near(Reason::OneLetter)),
        ("LY", "Li", Step::Near(Reason::OneLetter)),
    ] {
        assert_eq!(first_equal_step(claim, record), expected, "{claim} for {record}");
    }
}

#[test]
fn a_tone_moves_within_a_syllable_and_no_further() {
    for (claim, record, expected) in [
        ("Khoẻ Hùynh Nguỹên", "Khỏe Huỳnh Nguyễn", Step::Orthography),
        ("Hoà", "Hoá", Step::Near(Reason::ToneDiffers)),
        ("Hòà", "Hòa", Step::Near(Reason::ToneDiffers)),
        ("Sàrai", "Sarài", Step::None),
        ("Hoà An", "Hoa Àn", Step::None),
    ] {
        assert_eq!(first_equal_step(claim, record), expected, "{claim} for {record}");
    }
}

#[test]
fn a_claim_with_any_mark_is_not_a_folded_form_and_a_record_never_is() {
    for (claim, record) in [
        ("NGUYEN VĂN AN", "Nguyễn Văn An"),
        ("ĐINH THI DOAN", "Đinh Thị Đoan"),
        ("Nguyễn Văn An", "NGUYEN VAN AN"),
        ("NGUYENVANAN", "Nguyễn Văn An"),
        ("ÐINH THI DOAN", "Đinh Thị Đoan"),
    ] {
        assert_eq!(compare_name(claim, record), Finding::DIFFERENT, "{claim} for {record}");
    }
}

#[test]
fn text_without_a_letter_names_nobody() {
    for text in ["", " ", "\u{200b}", ".", "- '", "\u{301}", "\u{ad}"] {
        assert_eq!(compare_name(text, text), Finding::DIFFERENT, "{text:?}");
        assert_eq!(compare_name("An", text), Finding::DIFFERENT, "{text:?}");
    }
}
