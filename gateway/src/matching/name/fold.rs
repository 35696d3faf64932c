//! Step `fold`: the recorded name as a system writes it that knows no marks.
//!
//! Court and portal clients send names in upper case without marks, and machine-readable zones have
//! none. All or nothing: a single mark in the claim shows that marks could be written, and then an
//! unmarked syllable is a really unmarked one. Spaces are syllable borders and stay.

use unicode_normalization::char::canonical_combining_class;

use super::letter::{Letter, Marks};

/// Whether the claim carries no mark at all and is otherwise the record. Both have been through the
/// step `orthography`, so that it does not matter which spelling the register chose.
pub(super) fn is_record_without_marks(claim: &[Letter], record: &[Letter]) -> bool {
    if !claim.iter().copied().all(is_unmarked) {
        return false;
    }
    let (mut claim, mut record) = (folded(claim), folded(record));
    loop {
        match (claim.next(), record.next()) {
            (None, None) => return true,
            (Some(claim), Some(record)) if is_fold_of(claim, record) => {}
            _ => return false,
        }
    }
}

fn is_unmarked(letter: Letter) -> bool {
    letter.base.is_ascii() && letter.marks.is_unwritten()
}

/// The letters that are left in such a system: apostrophes go, hyphens become spaces, marks that
/// Vietnamese does not have go with the others.
fn folded(letters: &[Letter]) -> impl Iterator<Item = Letter> {
    letters
        .iter()
        .filter(|letter| letter.base != '\'')
        .filter(|letter| letter.base.is_ascii() || canonical_combining_class(letter.base) == 0)
        .map(|letter| Letter { base: fold_base(letter.base), ..*letter })
}

fn fold_base(base: char) -> char {
    match base {
        '-' => ' ',
        // The b with stroke of Ê Đê and Mnông has no decomposition; đ is a marked d already.
        'ƀ' => 'b',
        other => other,
    }
}

/// A claim without tones still has the `y` that the register may spell `i`.
fn is_fold_of(claim: Letter, record: Letter) -> bool {
    claim.base == record.base || (record.marks.has(Marks::I_OR_Y) && claim.base == 'y')
}
