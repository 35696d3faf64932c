//! The right answer to each kind of request, per kind of client (design sections 2, 5 and 6).

use serde::Deserialize;

use super::Kind;

/// Outcome of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// It is the person.
    Matched,
    /// It is not, as claimed.
    NotMatched,
    /// Cannot be said.
    Inconclusive,
}

/// Verdict on one attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// The same.
    Match,
    /// A named near miss.
    Close,
    /// Different.
    NoMatch,
    /// The register has no value.
    NotOnFile,
    /// The register was not asked, or did not say.
    NotChecked,
    /// The policy does not let this client ask.
    NotPermitted,
}

/// The error in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Planted {
    /// None: the claims are true.
    Nothing,
    /// A name of somebody else.
    WrongName,
    /// A date of birth that is no near miss.
    WrongBirthDate,
    /// The name without Vietnamese marks.
    MarksMissing,
    /// A number that was never issued.
    UnknownNumber,
}

impl Planted {
    /// Its name in tables and messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nothing => "true_claims",
            Self::WrongName => "wrong_name",
            Self::WrongBirthDate => "wrong_birth_date",
            Self::MarksMissing => "marks_missing",
            Self::UnknownNumber => "unknown_number",
        }
    }
}

/// What the answer to one request must say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expected {
    /// What was planted.
    pub(super) planted: Planted,
    /// The outcome.
    pub(super) outcome: Outcome,
    /// Verdict on `full_name`.
    pub(super) full_name: Verdict,
    /// Verdict on `date_of_birth`.
    pub(super) date_of_birth: Verdict,
    /// Verdict on `sex`; `None` where it was not asked.
    pub(super) sex: Option<Verdict>,
}

/// Whether the truth of this error is known for a client of this kind. Under a policy that we do
/// not know, missing marks may or may not be accepted, and a wrong name may or may not hide the
/// rest.
pub(super) fn can_be_planted(planted: Planted, kind: Kind) -> bool {
    match planted {
        Planted::Nothing | Planted::WrongBirthDate | Planted::UnknownNumber => true,
        Planted::WrongName | Planted::MarksMissing => kind != Kind::Other,
    }
}

/// The right answer.
pub(super) fn expected(planted: Planted, kind: Kind, with_sex: bool) -> Expected {
    use Verdict::{Close, Match, NoMatch};
    let rest_if_name_fails = if discloses_status(kind) { Match } else { NoMatch };
    let (full_name, date_of_birth, sex) = match planted {
        Planted::Nothing => (Match, Match, Match),
        Planted::WrongName => (NoMatch, rest_if_name_fails, rest_if_name_fails),
        Planted::WrongBirthDate => (Match, NoMatch, Match),
        Planted::MarksMissing => (Close, Match, Match),
        Planted::UnknownNumber => (NoMatch, NoMatch, NoMatch),
    };
    let matched = match planted {
        Planted::Nothing => true,
        Planted::MarksMissing => accepts_missing_marks(kind),
        Planted::WrongName | Planted::WrongBirthDate | Planted::UnknownNumber => false,
    };
    Expected {
        planted,
        outcome: if matched { Outcome::Matched } else { Outcome::NotMatched },
        full_name,
        date_of_birth,
        sex: with_sex.then_some(sex),
    }
}

/// The default policies (design section 2): where the name is the only near miss, carriers and
/// health facilities take it.
fn accepts_missing_marks(kind: Kind) -> bool {
    matches!(kind, Kind::Carrier | Kind::HealthFacility)
}

/// Without status disclosure a name that fails hides everything else: existence stays secret.
fn discloses_status(kind: Kind) -> bool {
    matches!(kind, Kind::HealthFacility | Kind::Locality | Kind::Ministry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_marks_match_for_carriers_and_not_for_ministries() {
        let carrier = expected(Planted::MarksMissing, Kind::Carrier, true);
        assert_eq!((carrier.outcome, carrier.full_name), (Outcome::Matched, Verdict::Close));
        let ministry = expected(Planted::MarksMissing, Kind::Ministry, true);
        assert_eq!((ministry.outcome, ministry.full_name), (Outcome::NotMatched, Verdict::Close));
    }

    #[test]
    fn a_wrong_name_hides_the_rest_from_carriers_only() {
        let carrier = expected(Planted::WrongName, Kind::Carrier, true);
        assert_eq!(
            (carrier.date_of_birth, carrier.sex),
            (Verdict::NoMatch, Some(Verdict::NoMatch))
        );
        let clinic = expected(Planted::WrongName, Kind::HealthFacility, true);
        assert_eq!((clinic.date_of_birth, clinic.sex), (Verdict::Match, Some(Verdict::Match)));
        assert_eq!(clinic.outcome, Outcome::NotMatched);
    }

    #[test]
    fn a_sex_that_is_not_asked_has_no_verdict() {
        assert_eq!(expected(Planted::Nothing, Kind::Other, false).sex, None);
    }
}
