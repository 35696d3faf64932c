//! One answer held against the truth.

use serde::Deserialize;

use super::truth::{Expected, Outcome, Verdict};

/// What an answer turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Checked {
    /// Outcome and every verdict are true.
    Right,
    /// It says that the register did not answer: honest, and not what was asked for.
    RegistryUnavailable,
    /// Something in it is false or missing; the text says what, without personal values.
    Wrong(String),
}

#[derive(Deserialize)]
struct Answer {
    outcome: Outcome,
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    full_name: Option<Judged>,
    date_of_birth: Option<Judged>,
    sex: Option<Judged>,
}

#[derive(Deserialize)]
struct Judged {
    verdict: Verdict,
    reason: Option<String>,
}

/// Checks the body of a 200 answer.
pub(super) fn check(body: &[u8], expected: Expected) -> Checked {
    let answer: Answer = match serde_json::from_slice(body) {
        Ok(answer) => answer,
        Err(error) => return Checked::Wrong(format!("not a verification's answer: {error}")),
    };
    let got = &answer.attributes;
    let pairs = [
        ("full_name", got.full_name.as_ref(), Some(expected.full_name)),
        ("date_of_birth", got.date_of_birth.as_ref(), Some(expected.date_of_birth)),
        ("sex", got.sex.as_ref(), expected.sex),
    ];
    if answer.outcome == Outcome::Inconclusive && pairs.iter().any(|(_, got, _)| gave_up(*got)) {
        return Checked::RegistryUnavailable;
    }
    let kind = expected.planted.name();
    if answer.outcome != expected.outcome {
        let (is, must) = (answer.outcome, expected.outcome);
        return Checked::Wrong(format!("{kind}: outcome is {is:?}, must be {must:?}"));
    }
    for (name, got, must) in pairs {
        let is = got.map(|judged| judged.verdict);
        if is != must {
            return Checked::Wrong(format!("{kind}: {name} is {is:?}, must be {must:?}"));
        }
    }
    Checked::Right
}

fn gave_up(judged: Option<&Judged>) -> bool {
    judged.is_some_and(|judged| {
        judged.verdict == Verdict::NotChecked
            && judged.reason.as_deref() == Some("registry_unavailable")
    })
}

/// The stable code of a problem document, or `-` where there is none.
pub(crate) fn problem_code(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Problem {
        code: String,
    }
    serde_json::from_slice(body).map_or_else(|_| "-".to_owned(), |problem: Problem| problem.code)
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::truth::{Planted, expected};
    use super::*;

    const MATCHED: &str = r#"{"id":"ver_1","outcome":"matched","profile":"vi-1","attributes":
        {"full_name":{"verdict":"match"},"date_of_birth":{"verdict":"match"},
         "sex":{"verdict":"match"}},"receipt":{"log":"l","index":1,"leaf":"x"}}"#;

    #[test]
    fn a_true_answer_is_right() {
        let truth = expected(Planted::Nothing, Kind::Carrier, true);
        assert_eq!(check(MATCHED.as_bytes(), truth), Checked::Right);
    }

    #[test]
    fn a_false_outcome_or_verdict_is_wrong_and_named() {
        let wrong = |body: &str, truth| match check(body.as_bytes(), truth) {
            Checked::Wrong(what) => what,
            other => panic!("{other:?}"),
        };
        let truth = expected(Planted::WrongName, Kind::Carrier, true);
        assert_eq!(wrong(MATCHED, truth), "wrong_name: outcome is Matched, must be NotMatched");
        let close = MATCHED.replacen(r#""match""#, r#""close""#, 1);
        let truth = expected(Planted::Nothing, Kind::Carrier, true);
        let must = "true_claims: full_name is Some(Close), must be Some(Match)";
        assert_eq!(wrong(&close, truth), must);
        assert!(wrong("<html>", truth).starts_with("not a verification's answer"));
    }

    #[test]
    fn an_attribute_that_nobody_asked_for_is_wrong() {
        let truth = expected(Planted::Nothing, Kind::Carrier, false);
        assert!(matches!(check(MATCHED.as_bytes(), truth), Checked::Wrong(_)));
    }

    #[test]
    fn a_register_that_did_not_answer_is_not_a_wrong_verdict() {
        let body = r#"{"outcome":"inconclusive","attributes":{"full_name":
            {"verdict":"not_checked","reason":"registry_unavailable"}}}"#;
        let truth = expected(Planted::Nothing, Kind::Carrier, true);
        assert_eq!(check(body.as_bytes(), truth), Checked::RegistryUnavailable);
    }

    #[test]
    fn the_code_of_a_problem_is_found() {
        assert_eq!(problem_code(br#"{"status":429,"code":"rate-limited"}"#), "rate-limited");
        assert_eq!(problem_code(b"busy"), "-");
    }
}
