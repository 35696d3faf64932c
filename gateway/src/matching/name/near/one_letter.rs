//! `one_letter`: one slip of a finger in one token.
//!
//! A letter is another one, or has another mark (`ă` for `a`, `đ` for `d`), or is missing, or is too
//! much, or has changed places with its neighbour. The tone is the same: another letter and another
//! tone are two things, and so is a letter that lost both its mark and its tone.

use super::super::letter::{Letter, Marks, are_alike};

/// Whether all tokens but one are the same and that one is a slip away. Tokens of one letter are
/// not looked at: `Y` and `A` have nothing left in common.
pub(super) fn differs_in_one_letter(claim: &[&[Letter]], record: &[&[Letter]]) -> bool {
    if claim.len() != record.len() {
        return false;
    }
    let mut different = claim.iter().zip(record).filter(|(token, other)| !are_alike(token, other));
    match (different.next(), different.next()) {
        (Some((token, other)), None) => {
            token.len() >= 2
                && other.len() >= 2
                && tones(token) == tones(other)
                && is_slip(token, other)
        }
        _ => false,
    }
}

/// The tones of a token wherever they stand: a letter more or less moves them.
fn tones(token: &[Letter]) -> Marks {
    token.iter().fold(Marks::NONE, |tones, letter| tones.with(letter.marks.tones()))
}

fn is_slip(token: &[Letter], other: &[Letter]) -> bool {
    let is_same = |(letter, other): &(&Letter, &Letter)| letter.is_alike_without_tone(**other);
    let start = token.iter().zip(other).take_while(is_same).count();
    let (token, other) = (&token[start..], &other[start..]);
    let end = token.iter().rev().zip(other.iter().rev()).take_while(is_same).count();
    let is_letter = |letter: &Letter| letter.base.is_alphabetic();
    match (&token[..token.len() - end], &other[..other.len() - end]) {
        ([letter], []) | ([], [letter]) => is_letter(letter),
        ([letter], [other]) => is_letter(letter) && is_letter(other),
        ([first, second], [other_first, other_second]) => {
            first.is_alike_without_tone(*other_second) && second.is_alike_without_tone(*other_first)
        }
        _ => false,
    }
}
