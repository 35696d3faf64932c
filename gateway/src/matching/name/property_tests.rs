//! Properties of the comparison over any text.

use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

use super::{compare_name, decode, normalize};
use crate::matching::{Finding, Verdict};
use crate::request::FullName;

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

/// The text after one step.
fn after(step: &str, text: &str) -> String {
    normalize::steps(text).into_iter().find(|(name, _)| *name == step).unwrap().1
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
        let shouted = format!(" {}\t", claim.to_uppercase().replace(' ', "\u{a0} "));
        // Capitals are other bytes, and therefore other letters, in a legacy encoding.
        prop_assume!(decode::readings(&claim).is_empty() && decode::readings(&shouted).is_empty());
        let expected = compare_name(&claim, &record);
        prop_assert_eq!(compare_name(&shouted, &record), expected);
    }

    #[test]
    fn a_name_that_was_taken_is_itself(text in any_text()) {
        if FullName::parse(&text).is_ok() {
            prop_assert_eq!(compare_name(&text, &text), Finding::MATCH);
        }
    }

    #[test]
    fn the_canonical_form_is_its_own(text in any_text()) {
        let canonical = after("canonical", &text);
        prop_assume!(decode::readings(&canonical).is_empty());
        prop_assert_eq!(after("canonical", &canonical), canonical);
    }

    /// What a step has made passes through it unchanged, and is the same name. Stops and marks that
    /// stand on nothing are no part of a name and left out: they hide what is trimmed at its ends.
    #[test]
    fn steps_are_done_once(text in name_like()) {
        let is_stray = |c| c == '.' || canonical_combining_class(c) != 0;
        let text: String = text.chars().filter(|c| !is_stray(*c)).collect();
        let steps = normalize::steps(&text);
        prop_assume!(decode::readings(&text).is_empty());
        // Letters that were not neighbours before may make one letter of a legacy encoding.
        prop_assume!(steps.iter().all(|(_, value)| decode::readings(value).is_empty()));
        for (step, once) in &steps {
            prop_assert_eq!(&after(step, once), once, "{}", step);
        }
        if text.chars().any(char::is_alphabetic) {
            for same in ["canonical", "orthography", "mark"] {
                let found = compare_name(&after(same, &text), &text);
                prop_assert_eq!(found.verdict(), Verdict::Match, "{}", same);
            }
        }
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
