//! How a claim compares with the record: verdicts per attribute, their reasons, the outcome.
//!
//! Pure and total: no clock, no register, no panic on any input. This is what an auditor reads to
//! know what an answer meant, so nothing outside decides a verdict. Whether a caller may ask at all
//! is the policy's business; reading the record is the population client's.

mod date;
mod finding;
mod name;
mod place;
mod verdict;

pub use date::compare_date;
pub use finding::{Finding, Findings};
pub use name::compare_name;
pub use place::compare_address;
pub use verdict::{Reason, ReasonSet, Verdict};

/// The published normalisation rules that these comparisons follow, named in every answer and in
/// every entry of the log. A change that can change a verdict needs a new name.
pub const PROFILE: &str = "vi-1";
