//! Comparing full names by the steps of profile `vi-1`, each with its name and its file.
//!
//! | step | equal means |
//! | --- | --- |
//! | [`canonical`] | the same letters, however they were encoded or typed: `match` |
//! | [`orthography`] | the same syllables, where one syllable has two spellings: `match` |
//! | [`fold`] | the same name written without any mark: `close`, `marks_missing` |
//!
//! What no step recognises differs. Decoding of legacy encodings belongs before these steps and
//! takes the text as it was sent; the other near misses belong after them.
//!
//! Sources: domain facts 2.7 (both places of the tone and both of i and y are in live use, and
//! Decision 240/QD of 1984 of the Ministry of Education did not end it) and the case table beside
//! this file. Of the table, the levels `mark`, `mrz` and `legacy` are not matched yet.

mod canonical;
mod fold;
mod letter;
mod orthography;
#[cfg(test)]
mod tests;

use super::Finding;
use crate::policy::Reason;

/// The first step at which a claim and a record are the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Canonical,
    Orthography,
    Fold,
    None,
}

/// Compares a name claimed with the name on file.
///
/// Not symmetric: a claim without marks may stand for a record with them, never the reverse. Texts
/// without a letter name nobody and never match.
pub fn compare_name(claim: &str, record: &str) -> Finding {
    match first_equal_step(claim, record) {
        Step::Canonical | Step::Orthography => Finding::MATCH,
        Step::Fold => Finding::because(Reason::MarksMissing),
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
    let mut claim = canonical::letters(claim);
    let mut record = canonical::letters(record);
    if claim == record {
        return Step::Canonical;
    }
    orthography::unify_spelling(&mut claim);
    orthography::unify_spelling(&mut record);
    if claim == record {
        return Step::Orthography;
    }
    if fold::is_record_without_marks(&claim, &record) {
        return Step::Fold;
    }
    Step::None
}
