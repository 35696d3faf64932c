//! The published case table, and properties of the comparison over any text.

use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

use super::{Step, compare_name, first_equal_step};
use crate::matching::{Finding, Verdict};
use crate::policy::Reason;

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
    let mut checked = 0;
    for case in cases().iter().filter(|case| case.should_match) {
        let expected = match case.level.as_str() {
            "unicode" => (Step::Canonical, Finding::MATCH),
            "orthography" => (Step::Orthography, Finding::MATCH),
            "fold" => (Step::Fold, Finding::because(Reason::MarksMissing)),
            "mark" | "mrz" | "legacy" => continue,
            other => panic!("a level of which no step is known: {other}"),
        };
        let found =
            (first_equal_step(&case.claim, &case.record), compare_name(&case.claim, &case.record));
        assert_eq!(found, expected, "{:?} for {:?}: {}", case.claim, case.record, case.why);
        checked += 1;
    }
    assert_eq!(checked, 59);
}

#[test]
fn other_names_never_match_and_are_no_folded_form() {
    for case in cases().iter().filter(|case| !case.should_match) {
        let found = compare_name(&case.claim, &case.record);
        assert_ne!(found.verdict(), Verdict::Match, "{:?}: {}", case.claim, case.why);
        assert_ne!(found.reason(), Some(Reason::MarksMissing), "{:?}: {}", case.claim, case.why);
    }
}

#[test]
fn i_and_y_are_one_letter_in_open_toned_syllables_alone() {
    for (claim, record, expected) in [
        ("Lí Mĩ Kì Sĩ Vĩ Tị Hỉ", "Lý Mỹ Kỳ Sỹ Vỹ Tỵ Hỷ", Step::Orthography),
        ("Qui", "Quy", Step::Orthography),
        ("Qúi", "Quý", Step::Orthography),
        ("Vy", "Vi", Step::None),
        ("Thỷ", "Thỉ", Step::None),
        ("Đỹ", "Đĩ", Step::None),
        ("Lỳn", "Lìn", Step::None),
        ("Huy", "Hui", Step::None),
        // The verdict does not depend on the spelling that the register chose.
        ("LY THI QUY", "Lí Thị Quí", Step::Fold),
        ("LI THI QUI", "Lý Thị Quý", Step::Fold),
        ("LI", "Ly", Step::None),
        ("LY", "Li", Step::None),
    ] {
        assert_eq!(first_equal_step(claim, record), expected, "{claim} for {record}");
    }
}

#[test]
fn a_tone_moves_within_a_syllable_and_no_further() {
    for (claim, record, expected) in [
        ("Khoẻ Hùynh Nguỹên", "Khỏe Huỳnh Nguyễn", Step::Orthography),
        ("Hoà", "Hoá", Step::None),
        ("Hòà", "Hòa", Step::None),
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

/// Letters, marks in any order, look-alikes and separators: the raw material of names.
fn name_like() -> impl Strategy<Value = String> {
    let alphabet: Vec<char> =
        "aăâeêioôơuưyàảãáạằẩỗứựỳqkhlmstvđĐÐƣƀčñŭ \u{a0}\t'’-–.\u{ad}\u{200b}\u{300}\u{301}\u{302}\
         \u{303}\u{306}\u{309}\u{30c}\u{31b}\u{323}\u{327}\u{340}"
            .chars()
            .collect();
    proptest::collection::vec(proptest::sample::select(alphabet), 0..24)
        .prop_map(|letters| letters.into_iter().collect())
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![name_like(), any::<String>()]
}

fn composed(text: &str) -> String {
    text.nfc().collect()
}

fn decomposed(text: &str) -> String {
    text.nfd().collect()
}

proptest! {
    #[test]
    fn a_name_is_itself(text in any_text()) {
        let has_letter = text.chars().any(char::is_alphabetic);
        let expected = if has_letter { Finding::MATCH } else { Finding::DIFFERENT };
        prop_assert_eq!(compare_name(&text, &text), expected);
    }

    #[test]
    fn composition_changes_no_verdict(claim in any_text(), record in any_text()) {
        let expected = compare_name(&claim, &record);
        for record in [composed(&record), decomposed(&record)] {
            prop_assert_eq!(compare_name(&composed(&claim), &record), expected);
            prop_assert_eq!(compare_name(&decomposed(&claim), &record), expected);
        }
    }

    #[test]
    fn a_name_is_itself_composed_or_not(text in any_text()) {
        let expected = compare_name(&text, &text);
        prop_assert_eq!(compare_name(&composed(&text), &decomposed(&text)), expected);
        prop_assert_eq!(compare_name(&decomposed(&text), &text), expected);
    }

    #[test]
    fn case_and_spaces_change_no_verdict(claim in name_like(), record in name_like()) {
        let expected = compare_name(&claim, &record);
        let shouted = format!(" {}\t", claim.to_uppercase().replace(' ', "\u{a0} "));
        prop_assert_eq!(compare_name(&shouted, &record), expected);
    }

    /// Or the answer would depend on which spelling the register chose.
    #[test]
    fn twin_spellings_on_record_get_the_same_verdict(
        syllables in proptest::collection::vec((0..TWINS.len(), any::<bool>()), 1..5),
        claimed in proptest::collection::vec(0..TWINS.len(), 1..5),
        is_same_name in any::<bool>(),
        is_folded in any::<bool>(),
    ) {
        let first = spell(syllables.iter().map(|(twin, _)| TWINS[*twin].0));
        let second = spell(syllables.iter().map(|(twin, is_second)| {
            if *is_second { TWINS[*twin].1 } else { TWINS[*twin].0 }
        }));
        prop_assert_eq!(compare_name(&first, &second), Finding::MATCH);
        prop_assert_eq!(compare_name(&second, &first), Finding::MATCH);
        let claim = spell(claimed.iter().map(|twin| TWINS[*twin].1));
        let claim = if is_same_name { first.clone() } else { claim };
        let claim = if is_folded { without_marks(&claim) } else { claim };
        prop_assert_eq!(compare_name(&claim, &first), compare_name(&claim, &second));
        if is_same_name {
            prop_assert_ne!(compare_name(&claim, &second), Finding::DIFFERENT);
        }
    }
}

const TWINS: [(&str, &str); 10] = [
    ("hoà", "hòa"),
    ("hoá", "HÓA"),
    ("quý", "qúi"),
    ("quy", "qui"),
    ("lý", "Lí"),
    ("thuỷ", "thủy"),
    ("giáp", "gíap"),
    ("ðan", "đan"),
    ("vy", "Vy"),
    ("h’hen", "H'Hen"),
];

fn spell<'a>(syllables: impl Iterator<Item = &'a str>) -> String {
    syllables.collect::<Vec<_>>().join(" ")
}

fn without_marks(name: &str) -> String {
    let is_letter = |c: &char| !('\u{300}'..='\u{36f}').contains(c);
    let plain: String = name.nfd().filter(is_letter).collect();
    plain.replace(['đ', 'ð'], "d").replace('’', "'")
}
