//! Step `orthography`: one spelling where one syllable has two.
//!
//! The tone belongs to the syllable, not to a letter: `hoà` and `hòa`, and the plain mistakes
//! `qúy`, `tòan`, `gíap`. And `i` and `y` spell the same syllable in `lý`, `lí` and `quy`, `qui`.
//! Without a tone `Vy` and `Vi`, `My` and `Mi`, `Ly` and `Li` are different names.

use super::letter::{Letter, Marks};

/// Writes every syllable in the one spelling that all its spellings share.
pub(super) fn unify_spelling(letters: &mut [Letter]) {
    for syllable in letters.split_mut(|letter| letter.is_border()) {
        place_tone(syllable);
        unify_i_and_y(syllable);
    }
}

/// Moves the tone to the first vowel of a syllable. Words of several syllables, as minority names
/// have them, keep their tones where they are: there the place tells which syllable bears it.
fn place_tone(syllable: &mut [Letter]) {
    let Some(first) = syllable.iter().position(|letter| letter.is_vowel()) else {
        return;
    };
    let vowels = syllable[first..].iter().take_while(|letter| letter.is_vowel()).count();
    if syllable[first + vowels..].iter().any(|letter| letter.is_vowel()) {
        return;
    }
    let mut toned = (first..first + vowels).filter(|&at| syllable[at].marks.tones() != Marks::NONE);
    let (Some(at), None) = (toned.next(), toned.next()) else {
        return;
    };
    let tone = syllable[at].marks.tones();
    syllable[at].marks = syllable[at].marks.without(tone);
    syllable[first].marks = syllable[first].marks.with(tone);
}

/// Spells `y` as `i` where nothing tells them apart: alone behind one of h k l m s t v in a toned
/// syllable, and behind `qu` in any. `Quình` and `Quỳnh` are closed, and are two names.
fn unify_i_and_y(syllable: &mut [Letter]) {
    let is_unified = match *syllable {
        [onset, vowel] => {
            matches!(onset.base, 'h' | 'k' | 'l' | 'm' | 's' | 't' | 'v')
                && onset.marks == Marks::NONE
                && vowel.marks != Marks::NONE
                && vowel.marks == vowel.marks.tones()
        }
        [q, u, vowel] => {
            (q.base, u.base) == ('q', 'u')
                && q.marks == Marks::NONE
                && u.marks == u.marks.tones()
                && vowel.marks == Marks::NONE
        }
        _ => false,
    };
    if let Some(vowel) = syllable.last_mut()
        && is_unified
        && matches!(vowel.base, 'i' | 'y')
    {
        vowel.base = 'i';
        vowel.marks = vowel.marks.with(Marks::I_OR_Y);
    }
}
