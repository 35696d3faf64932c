//! How a claim compares with the record: verdicts per attribute, their reasons, the outcome.
//!
//! Pure and total: no clock, no register, no panic on any input. This is what an auditor reads to
//! know what an answer meant, so nothing outside decides a verdict. Whether a caller may ask at all
//! is the policy's business; reading the record is the population client's.
//!
//! That no input makes it panic is held by property tests and, with a nightly compiler and
//! cargo-fuzz, from the folder `gateway` by `cargo +nightly fuzz run compare`. What it costs is
//! measured by `cargo bench --bench matching`.
//!
//! [`compare`] finds, [`conceal_existence`] hides what the caller may not know, [`outcome`] sums
//! up, [`disclose`] and [`advice`] make what is shown: in this order.

mod advice;
mod date;
mod disclosure;
mod finding;
mod name;
mod normalize;
mod outcome;
mod pair;
mod place;
#[cfg(test)]
mod published_tests;
#[cfg(test)]
mod tests;
mod verdict;

pub use advice::{Advice, advice};
pub use date::compare_date;
pub use disclosure::{
    Shown, conceal_existence, disclose, findings_alike, findings_for_unknown, knows_name,
    tells_part, tells_wrong,
};
pub use finding::{Finding, Findings};
pub use name::compare_name;
pub use normalize::{NormalizeStep, normalize};
pub use outcome::{Outcome, outcome};
pub use pair::{Pair, compare_texts};
pub use place::{MERGERS, compare_address};
pub use verdict::Verdict;

use crate::population::Record;
use crate::request::{Attribute, AttributeSet, Claims, Sex};

/// The published normalisation rules that these comparisons follow, named in every answer and in
/// every entry of the log. A change that can change a verdict needs a new name.
pub const PROFILE: &str = "vi-1";

/// Compares every claim with the record.
///
/// `permitted` is what the policy names. What was sent beyond it is `not_permitted`, whatever the
/// record holds.
pub fn compare(claims: &Claims, permitted: AttributeSet, record: &Record) -> Findings {
    claims
        .asked()
        .iter()
        .filter_map(|attribute| {
            if !permitted.contains(attribute) {
                return Some((attribute, Finding::NOT_PERMITTED));
            }
            Some((attribute, compare_attribute(attribute, claims, record)?))
        })
        .collect()
}

/// Compares the sex claimed with the sex on file.
pub fn compare_sex(claim: Sex, record: Sex) -> Finding {
    equal_or_different(claim == record)
}

/// Compares a number claimed with the number on file. A near miss is no reason here: a number with
/// one other digit is another person's.
pub fn compare_number<N: PartialEq + Copy>(claim: N, record: N) -> Finding {
    equal_or_different(claim == record)
}

/// Compares one claim with the record; `None` when it was not sent.
fn compare_attribute(attribute: Attribute, claims: &Claims, record: &Record) -> Option<Finding> {
    match attribute {
        Attribute::FullName => {
            pair(claims.full_name.as_ref(), record.full_name.as_deref(), |claim, record| {
                compare_name(claim.as_str(), record)
            })
        }
        Attribute::DateOfBirth => pair(claims.date_of_birth, record.date_of_birth, compare_date),
        Attribute::Sex => pair(claims.sex, record.sex, compare_sex),
        Attribute::OldIdNumber => pair(claims.old_id_number, record.old_id_number, compare_number),
        Attribute::CardIssueDate => {
            pair(claims.card_issue_date, record.card_issue_date, compare_date)
        }
        Attribute::PlaceOfOrigin => {
            pair(claims.place_of_origin, record.place_of_origin, compare_address)
        }
        Attribute::PermanentAddress => {
            pair(claims.permanent_address, record.permanent_address, compare_address)
        }
        Attribute::InsuranceNumber => {
            pair(claims.insurance_number, record.insurance_number, compare_number)
        }
    }
}

fn pair<C, R>(
    claim: Option<C>,
    record: Option<R>,
    compare: impl FnOnce(C, R) -> Finding,
) -> Option<Finding> {
    let claim = claim?;
    Some(record.map_or(Finding::NOT_ON_FILE, |record| compare(claim, record)))
}

fn equal_or_different(is_equal: bool) -> Finding {
    if is_equal {
        return Finding::MATCH;
    }
    Finding::DIFFERENT
}
