//! Comparing full names by the steps of profile `vi-1`, each with its name and its file.
//!
//! | step | equal means |
//! | --- | --- |
//! | [`canonical`] | the same letters, however they were encoded or typed: `match` |
//! | [`orthography`] | the same syllables, where one syllable has two spellings: `match` |
//! | [`mark`] | the same but for signs that systems drop from names of the highlands: `match` |
//! | [`decode`] | one of these, the claim being read in a legacy encoding: `match` |
//! | [`fold`] | the same name written without any mark: `close`, `marks_missing` |
//! | [`near`] | one thing differs that has a name: `close` |
//!
//! What no step recognises differs. The claim is read in a legacy encoding only where it is no name
//! as it stands, and then for all the steps; the record is never decoded.
//!
//! Sources: domain facts 2.7 (both places of the tone and both of i and y are in live use, and
//! Decision 240/QD of 1984 of the Ministry of Education did not end it) and the case table beside
//! this file. `docs/vi-1.md` says the same to the public.

mod canonical;
mod decode;
mod fold;
mod letter;
mod mark;
mod near;
mod normalize;
mod orthography;
#[cfg(test)]
mod legacy_tests;
#[cfg(test)]
mod near_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;

pub(super) use normalize::steps;

use self::letter::are_alike;
use super::Finding;
use crate::policy::Reason;

/// The first step at which a claim and a record are the same name, or nearly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Canonical,
    Orthography,
    Mark,
    Fold,
    Near(Reason),
    None,
}

impl Step {
    /// Whether the names are the same.
    fn is_match(self) -> bool {
        match self {
            Self::Canonical | Self::Orthography | Self::Mark => true,
            Self::Fold | Self::Near(_) | Self::None => false,
        }
    }
}

/// Compares a name claimed with the name on file.
///
/// Not symmetric: a claim without marks may stand for a record with them, never the reverse. Texts
/// without a letter name nobody and never match.
pub fn compare_name(claim: &str, record: &str) -> Finding {
    match first_equal_step(claim, record) {
        Step::Canonical | Step::Orthography | Step::Mark => Finding::MATCH,
        Step::Fold => Finding::because(Reason::MarksMissing),
        Step::Near(reason) => Finding::because(reason),
        Step::None => Finding::DIFFERENT,
    }
}

fn first_equal_step(claim: &str, record: &str) -> Step {
    if !claim.chars().any(char::is_alphabetic) {
        return Step::None;
    }
    // Most claims are copied from a card and are the record byte for byte.
    if claim == record {
        return Step::Canonical;
    }
    let readings = decode::readings(claim);
    let as_it_stands = compare_letters(claim, record);
    // The record may hold the very signs that look like a legacy encoding.
    if readings.is_empty() || as_it_stands.is_match() {
        return as_it_stands;
    }
    let mut steps = readings.iter().map(|reading| compare_letters(reading, record));
    let likeliest = steps.next().unwrap_or(as_it_stands);
    if likeliest.is_match() {
        return likeliest;
    }
    steps.find(|step| step.is_match()).unwrap_or(likeliest)
}

/// Compares two names as they stand.
fn compare_letters(text: &str, record: &str) -> Step {
    let (mut claim, mut record) = (canonical::letters(text), canonical::letters(record));
    if claim == record {
        return Step::Canonical;
    }
    orthography::unify_spelling(&mut claim);
    orthography::unify_spelling(&mut record);
    if claim == record {
        return Step::Orthography;
    }
    let (reduced_claim, reduced_record) = (mark::reduced(&claim), mark::reduced(&record));
    if are_alike(&reduced_claim, &reduced_record) {
        return Step::Mark;
    }
    if fold::is_unmarked(&claim) && fold::is_record_without_marks(&reduced_claim, &reduced_record) {
        return Step::Fold;
    }
    let claim = near::Claimed { text, spelt: &claim, reduced: &reduced_claim };
    let record = near::Recorded { spelt: &record, reduced: &reduced_record };
    near::near_miss(&claim, &record).map_or(Step::None, Step::Near)
}
