//! Names of the highlands as systems hold them that lack their signs and letters.

use unicode_normalization::UnicodeNormalization;

use super::unicode::Vary;
use crate::chance::Chance;

/// All ways; none where the name has no such sign or letter.
const VARIANTS: [Vary; 5] =
    [other_apostrophe, hyphen, apostrophe_as_space, apostrophe_lost, reduced_letters];

/// What keyboards and word processors give for an apostrophe.
const APOSTROPHES: [char; 6] = ['\u{2019}', '\u{2018}', '\u{2bc}', '`', '\u{b4}', '\u{2032}'];

/// Letters that Vietnamese does not have, and what is left of them.
const REDUCED: [(char, char); 12] = [
    ('ŭ', 'u'),
    ('Ŭ', 'U'),
    ('ŏ', 'o'),
    ('Ŏ', 'O'),
    ('ĕ', 'e'),
    ('ĭ', 'i'),
    ('č', 'c'),
    ('Č', 'C'),
    ('ñ', 'n'),
    ('Ñ', 'N'),
    ('ƀ', 'b'),
    ('Ƀ', 'B'),
];

/// One of the ways that apply; none where none does. The few who have letters of their own lose
/// them, so that these occur at all.
pub(super) fn vary(name: &str, chance: &mut Chance) -> Option<String> {
    let varied: Vec<String> = VARIANTS.iter().filter_map(|variant| variant(name, chance)).collect();
    let at = chance.below(varied.len());
    reduced_letters(name, chance).or_else(|| varied.into_iter().nth(at))
}

fn other_apostrophe(name: &str, chance: &mut Chance) -> Option<String> {
    let other = chance.pick(&APOSTROPHES)?;
    name.contains('\'').then(|| name.replace('\'', &other.to_string()))
}

/// `K-Đam`; only behind the single letters, where the rules see a marker of sex.
fn hyphen(name: &str, _: &mut Chance) -> Option<String> {
    behind_markers(name, "-")
}

/// `K Đam`.
fn apostrophe_as_space(name: &str, _: &mut Chance) -> Option<String> {
    behind_markers(name, " ")
}

/// `KĐam`.
fn apostrophe_lost(name: &str, _: &mut Chance) -> Option<String> {
    name.contains('\'').then(|| name.replace('\'', ""))
}

fn reduced_letters(name: &str, _: &mut Chance) -> Option<String> {
    let reduce = |letter| {
        REDUCED.iter().find(|(full, _)| *full == letter).map_or(letter, |(_, plain)| *plain)
    };
    let reduced: String = name.nfc().map(reduce).collect();
    Some(reduced).filter(|reduced| reduced != name)
}

/// Puts `sign` where the markers K and H have their apostrophe; none where another letter has one.
fn behind_markers(name: &str, sign: &str) -> Option<String> {
    let is_marker = |token: &str| match token.split_once('\'') {
        Some((marker, rest)) => matches!(marker, "K" | "H") && !rest.contains('\''),
        None => true,
    };
    let fits = name.contains('\'') && name.split(' ').all(is_marker);
    fits.then(|| name.replace('\'', sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_have_signs_lose_them() {
        let mut chance = Chance::of(0, 0);
        let mut vary = |variant: usize, name| VARIANTS[variant](name, &mut chance);
        assert_eq!(vary(1, "Cil K'Brè").as_deref(), Some("Cil K-Brè"));
        assert_eq!(vary(2, "H'Hen Niê").as_deref(), Some("H Hen Niê"));
        assert_eq!(vary(2, "M'Lô An"), None);
        assert_eq!(vary(3, "M'Lô An").as_deref(), Some("MLô An"));
        assert_eq!(vary(4, "Y Ƀham Êñuôl").as_deref(), Some("Y Bham Ênuôl"));
        assert!((0..5).all(|variant| vary(variant, "Nguyễn Văn An").is_none()));
        assert!(!vary(0, "K'Đam").unwrap().contains('\''));
    }
}
