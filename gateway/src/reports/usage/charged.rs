//! What a counter says about usage, by its key.

use crate::audit::{self, Cube};
use crate::matching::{Outcome, Verdict};
use crate::population::SubjectStatus;
use crate::rate_limit::Amount;

/// Fields of a key before those that its cube names: cube, grain and period.
const BEFORE_CUBE: usize = 3;

/// A counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Charged<'k> {
    /// Its period as it stands in the key: an hour, a day or a month.
    pub(super) digits: &'k str,
    /// Whose.
    pub(super) client: &'k str,
    /// Of what.
    pub(super) what: What<'k>,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What<'k> {
    /// Requests.
    Request {
        /// Of which operation.
        operation: &'k str,
        /// What became of them.
        fate: Fate,
    },
    /// Attributes that were compared.
    ChargedAttribute,
    /// Attributes that were not.
    UnchargedAttribute,
}

/// What became of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Charged,
    Uncharged,
    Refused,
}

impl<'k> Charged<'k> {
    /// Reads a key of the cubes of outcomes and attributes; `None` for any other text.
    pub(super) fn read(key: &'k str) -> Option<Self> {
        let fields: Vec<&str> = key.split('|').collect();
        let (&[cube, _, digits], named) = fields.split_first_chunk::<BEFORE_CUBE>()?;
        let cube = Cube::find(cube)?;
        let is_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits || named.len() != cube.fields().len() {
            return None;
        }
        let (client, what) = match (cube, named) {
            (Cube::Outcomes, &[client, _, operation, _, outcome, status]) => {
                (client, What::Request { operation, fate: fate(outcome, status)? })
            }
            (Cube::Attributes, &[client, _, verdict, _]) => {
                let verdict = Verdict::ALL.into_iter().find(|it| it.name() == verdict)?;
                let is_charged = audit::is_charged_attribute(verdict);
                let what =
                    if is_charged { What::ChargedAttribute } else { What::UnchargedAttribute };
                (client, what)
            }
            (Cube::Outcomes | Cube::Attributes | Cube::Provinces | Cube::Disputes, _) => {
                return None;
            }
        };
        Some(Self { digits, client, what })
    }

    /// What so many of it take of quotas; `None` for nothing.
    pub(super) fn amount(&self, n: u64) -> Option<Amount> {
        match self.what {
            What::Request { fate: Fate::Charged, .. } => {
                Some(Amount { requests: n, ..Amount::default() })
            }
            What::ChargedAttribute => Some(Amount { attributes: n, ..Amount::default() }),
            What::Request { fate: Fate::Uncharged | Fate::Refused, .. }
            | What::UnchargedAttribute => None,
        }
    }

    /// The days and months that it is to be added to, as they stand in keys: its own, or where it is
    /// of an hour, both that the hour lies in.
    pub(super) fn periods(&self) -> impl Iterator<Item = &'k str> {
        let is_hour = self.digits.len() == 10;
        let lengths: &[usize] = if is_hour { &[8, 6] } else { &[usize::MAX] };
        let digits = self.digits;
        lengths.iter().map(move |length| &digits[..digits.len().min(*length)])
    }
}

fn fate(outcome: &str, status: &str) -> Option<Fate> {
    let outcome = Outcome::ALL.into_iter().find(|it| it.name() == outcome)?;
    let status = SubjectStatus::ALL.into_iter().find(|it| it.name() == status)?;
    Some(match outcome {
        Outcome::Refused => Fate::Refused,
        _ if audit::is_charged(outcome, status) => Fate::Charged,
        Outcome::Matched | Outcome::NotMatched | Outcome::Inconclusive => Fate::Uncharged,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_what_was_charged() {
        let read = |key| Charged::read(key).unwrap();
        let verify = |status, outcome| {
            let key = format!("o|d|20261120|c|-|verify|telecom.subscriber|{outcome}|{status}");
            match read(key.leak()).what {
                What::Request { operation: "verify", fate } => fate,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(verify("active", "matched"), Fate::Charged);
        assert_eq!(verify("unknown", "not_matched"), Fate::Charged);
        assert_eq!(verify("active", "inconclusive"), Fate::Charged);
        assert_eq!(verify("not_asked", "inconclusive"), Fate::Uncharged);
        assert_eq!(verify("not_asked", "refused"), Fate::Refused);
        let compared = ["match", "close", "no_match", "not_on_file"];
        for verdict in Verdict::ALL {
            let key = format!("a|m|202611|c|full_name|{}|-", verdict.name());
            let expected =
                compared.contains(&verdict.name()).then_some(Amount { requests: 0, attributes: 7 });
            assert_eq!(Charged::read(&key).unwrap().amount(7), expected, "{key}");
        }
        let hour = read("a|h|2026112009|c|sex|match|-");
        assert_eq!(hour.periods().collect::<Vec<_>>(), ["20261120", "202611"]);
    }

    #[test]
    fn any_other_text_is_no_key() {
        for text in
            ["", "o|d", "p|d|20261120|c|001|matched", "a|d|x|c|sex|match|-", "o|d|20261120|c"]
        {
            assert_eq!(Charged::read(text), None, "{text}");
        }
    }
}
