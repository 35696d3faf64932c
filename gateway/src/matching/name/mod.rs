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

use self::letter::{Letter, are_alike};
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
    let mut as_it_stands = Names::of(claim, record);
    if let Some(step) = as_it_stands.equal_step() {
        // The record may hold the very signs that look like a legacy encoding.
        return step;
    }
    let readings = decode::readings(claim);
    let Some((likeliest, others)) = readings.split_first() else {
        return as_it_stands.near_step();
    };
    let mut likeliest = Names::of(likeliest, record);
    likeliest
        .equal_step()
        .or_else(|| others.iter().find_map(|other| Names::of(other, record).equal_step()))
        .unwrap_or_else(|| likeliest.near_step())
}

/// Two names on their way through the steps.
struct Names<'a> {
    text: &'a str,
    claim: Vec<Letter>,
    record: Vec<Letter>,
}

impl<'a> Names<'a> {
    /// The names after the step `canonical`.
    fn of(text: &'a str, record: &str) -> Self {
        Self { text, claim: canonical::letters(text), record: canonical::letters(record) }
    }

    /// The first step at which they are equal; where there is none, both are left as the step
    /// `orthography` spells them.
    fn equal_step(&mut self) -> Option<Step> {
        if self.claim == self.record {
            return Some(Step::Canonical);
        }
        orthography::unify_spelling(&mut self.claim);
        orthography::unify_spelling(&mut self.record);
        if self.claim == self.record {
            return Some(Step::Orthography);
        }
        are_alike(&mark::reduced(&self.claim), &mark::reduced(&self.record)).then_some(Step::Mark)
    }

    /// How they nearly are equal, once they are known not to be.
    fn near_step(&self) -> Step {
        let (claim, record) = (mark::reduced(&self.claim), mark::reduced(&self.record));
        if fold::is_unmarked(&self.claim) && fold::is_record_without_marks(&claim, &record) {
            return Step::Fold;
        }
        let claim = near::Claimed { text: self.text, spelt: &self.claim, reduced: &claim };
        let record = near::Recorded { spelt: &self.record, reduced: &record };
        near::near_miss(&claim, &record).map_or(Step::None, Step::Near)
    }
}
