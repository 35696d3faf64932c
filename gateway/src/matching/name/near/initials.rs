//! `initials`: `Nguyễn V. An`, from forms with narrow fields.

use super::super::letter::{Letter, Marks, are_alike};

/// Whether the claim is the record with tokens shortened to their first letters. Two tokens must be
/// whole, one of them the given name (its place is `given`): less would fit half a village.
pub(super) fn has_initials(claim: &[&[Letter]], record: &[&[Letter]], given: usize) -> bool {
    if claim.len() != record.len() {
        return false;
    }
    let is_whole = |place: usize| are_alike(claim[place], record[place]);
    let whole = (0..record.len()).filter(|&place| is_whole(place)).count();
    whole >= 2
        && whole < record.len()
        && is_whole(given)
        && (0..record.len()).all(|at| is_whole(at) || is_initial(claim[at], record[at]))
}

/// An initial may leave out what is written on its vowel, as `A` for Ánh, but Đ is not D.
fn is_initial(token: &[Letter], whole: &[Letter]) -> bool {
    let [initial] = token else {
        return false;
    };
    whole.len() > 1
        && whole.first().is_some_and(|first| {
            initial.base == first.base
                && first.marks.has(initial.marks)
                && initial.marks.has(Marks::STROKE) == first.marks.has(Marks::STROKE)
        })
}
