//! The near misses: what differs in one way that has a name. Each has its own function.
//!
//! Tried in this order, the first that fits being the reason: [`squashed`], [`tone`],
//! [`one_letter`], then the three of [`tokens`] (missing, extra, order), then [`initials`]. Two of
//! them at once have no name and differ, and so do a missing mark and a near miss: a claim without
//! marks may already be many names, and a letter more would make it any.
//!
//! A near miss is never a match. Whether one is good enough is for the policy to say.

mod initials;
mod one_letter;
mod squashed;
mod tokens;
mod tone;

use self::tokens::{Given, Tokens};
use super::letter::Letter;
use crate::policy::Reason;

/// The claim on its way through the steps.
pub(super) struct Claimed<'a> {
    /// Decoded, and otherwise as it was sent.
    pub(super) text: &'a str,
    /// After the step `orthography`.
    pub(super) spelt: &'a [Letter],
    /// After the step `mark`.
    pub(super) reduced: &'a [Letter],
}

/// The record on its way through the steps.
pub(super) struct Recorded<'a> {
    /// After the step `orthography`.
    pub(super) spelt: &'a [Letter],
    /// After the step `mark`.
    pub(super) reduced: &'a [Letter],
}

/// How the claim nearly is the record, if it is.
pub(super) fn near_miss(claim: &Claimed, record: &Recorded) -> Option<Reason> {
    let claimed = Tokens::of(claim.reduced)?;
    let recorded = Tokens::of(record.reduced)?;
    let spelt = Tokens::of(record.spelt)?;
    let given = Given::of(&spelt);
    let (claimed, recorded) = (claimed.all(), recorded.all());
    if claimed.len() < recorded.len() && squashed::is_squashed(claim.text, claim.reduced, recorded)
    {
        return Some(Reason::Squashed);
    }
    if tone::differs_in_one_tone(claim.reduced, record.reduced) {
        return Some(Reason::ToneDiffers);
    }
    if one_letter::differs_in_one_letter(claimed, recorded) {
        return Some(Reason::OneLetter);
    }
    if tokens::lacks_one(claimed, recorded, given.among(recorded)) {
        return Some(Reason::TokenMissing);
    }
    if tokens::has_one_more(claimed, recorded) {
        return Some(Reason::ExtraToken);
    }
    if tokens::has_other_order(claimed, recorded) {
        return Some(Reason::TokenOrder);
    }
    let claimed = Tokens::with_stops_as_borders(claim.spelt)?;
    initials::has_initials(claimed.all(), spelt.all(), given.among_spelt(spelt.all()))
        .then_some(Reason::Initials)
}
