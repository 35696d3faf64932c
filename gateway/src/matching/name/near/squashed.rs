//! `squashed`: `NguyễnVănAn`, from systems that cannot store spaces.
//!
//! Spaces are borders of syllables: `Thị En` and `Thiên` are two names with the same letters. So
//! the claim must have every letter with its mark and its tone in the same syllable as the record.
//! That leaves claims without marks out, unless the record has none either: `TRANTHIEN` lacks marks
//! and spaces, which is two things.

use super::super::letter::{Letter, are_alike};
use super::super::{canonical, mark, orthography};

/// Whether the claim is the record with spaces lost and none gained. It must already be known to
/// have fewer tokens.
pub(super) fn is_squashed(text: &str, claim: &[Letter], record: &[&[Letter]]) -> bool {
    let length = record.iter().map(|token| token.len()).sum::<usize>();
    if claim.iter().filter(|letter| letter.base != ' ').count() != length {
        return false;
    }
    // The tone moves within a syllable, and where syllables end only the record knows.
    let mut letters = mark::reduced_as_written(&canonical::letters(text)).into_owned();
    let borders = borders_before(&letters, ' ');
    letters.retain(|letter| letter.base != ' ');
    let mut start = 0;
    let mut record_borders = Vec::with_capacity(record.len());
    for token in record {
        let Some(syllable) = letters.get_mut(start..start + token.len()) else {
            return false;
        };
        orthography::unify_spelling(syllable);
        if !are_alike(syllable, token) {
            return false;
        }
        start += token.len();
        record_borders.push(start);
    }
    borders.iter().all(|border| record_borders.contains(border))
}

/// How many letters stand before each border.
fn borders_before(letters: &[Letter], border: char) -> Vec<usize> {
    let mut before = 0;
    let mut borders = Vec::new();
    for letter in letters {
        if letter.base == border {
            borders.push(before);
        } else {
            before += 1;
        }
    }
    borders
}
