//! Tones and marks of a name's letters.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Grave, acute, hook, tilde, dot below: huyền, sắc, hỏi, ngã, nặng.
pub(super) const TONES: [char; 5] = ['\u{300}', '\u{301}', '\u{309}', '\u{303}', '\u{323}'];

/// Breve, circumflex and horn: marks that make another letter.
const HATS: [char; 3] = ['\u{306}', '\u{302}', '\u{31b}'];

/// Whether the name has any mark, which tells it from one typed without.
pub(super) fn has_mark(name: &str) -> bool {
    name.nfd().any(|letter| is_combining_mark(letter) || matches!(letter, 'đ' | 'Đ'))
}

/// The text with every letter decomposed and the tone in front of circumflex, breve and horn, as
/// some systems store it; none where no letter has both.
pub(super) fn tone_first(name: &str) -> Option<String> {
    let mut letters: Vec<char> = name.nfd().collect();
    let mut changed = false;
    for at in 1..letters.len() {
        if HATS[..2].contains(&letters[at - 1]) && TONES[..4].contains(&letters[at]) {
            letters.swap(at - 1, at);
            changed = true;
        }
    }
    changed.then(|| letters.into_iter().collect())
}

/// The letter with the hat composed and the tone behind it.
pub(super) fn tone_apart(letter: char) -> String {
    let (base, tone) = without_tone(letter);
    base.into_iter().chain(tone).collect()
}

/// A letter without its tone, and the tone. The ñ of the Ê Đê is a letter and has none.
pub(super) fn without_tone(letter: char) -> (Option<char>, Option<char>) {
    if matches!(letter, 'ñ' | 'Ñ') {
        return (Some(letter), None);
    }
    let parts: Vec<char> = std::iter::once(letter).nfd().collect();
    let tone = parts.iter().copied().find(|mark| TONES.contains(mark));
    (parts.into_iter().filter(|mark| !TONES.contains(mark)).nfc().next(), tone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tones_are_told_from_hats() {
        assert_eq!(without_tone('ễ'), (Some('ê'), Some('\u{303}')));
        assert_eq!(without_tone('ư'), (Some('ư'), None));
        assert_eq!(without_tone('ñ'), (Some('ñ'), None));
        assert_eq!(tone_apart('ế'), "ê\u{301}");
        assert_eq!(tone_first("Trần").as_deref(), Some("Tra\u{300}\u{302}n"));
        assert_eq!(tone_first("Lê Hòa"), None);
        assert!(has_mark("Đan") && !has_mark("Phan Thanh"));
    }
}
