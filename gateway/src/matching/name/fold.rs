//! Step `fold`: the recorded name as a system writes it that knows no marks.
//!
//! Court and portal clients send names in upper case without marks, and machine-readable zones have
//! none. All or nothing: a single mark in the claim shows that marks could be written, and then an
//! unmarked syllable is a really unmarked one. Spaces are syllable borders and stay.

use super::letter::{Letter, Marks};

/// Whether the claim is the record without any mark, once the claim is known to carry none
/// ([`is_unmarked`]). Both have been through the steps before, so that it does not matter which
/// spelling the register chose.
pub(super) fn is_record_without_marks(claim: &[Letter], record: &[Letter]) -> bool {
    claim.len() == record.len()
        && claim.iter().zip(record).all(|(claim, record)| is_fold_of(*claim, *record))
}

/// Whether nothing is written on any letter.
pub(super) fn is_unmarked(letters: &[Letter]) -> bool {
    letters.iter().all(|letter| letter.base.is_ascii() && letter.marks.is_unwritten())
}

/// A claim without tones still has the `y` that the register may spell `i`.
fn is_fold_of(claim: Letter, record: Letter) -> bool {
    claim.base == record.base || (record.marks.has(Marks::I_OR_Y) && claim.base == 'y')
}
