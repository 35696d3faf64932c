//! Short texts with a grammar: codes, references, the words for sex.

use std::fmt;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization as _;

use super::Malformed;

/// Longest reference a caller may attach, in bytes.
const REFERENCE_BYTES_MAX: usize = 64;
/// Longest agency code (Decision 20/2020/QD-TTg).
const AGENCY_CODE_BYTES_MAX: usize = 35;

/// Sex as the register records it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sex {
    /// `male`, printed `Nam`.
    Male,
    /// `female`, printed `Nữ`.
    Female,
}

impl Sex {
    /// Reads `male` or `female`.
    ///
    /// # Errors
    /// [`Malformed::Form`] for anything else.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        match text {
            "male" => Ok(Self::Male),
            "female" => Ok(Self::Female),
            "" => Err(Malformed::Empty),
            _ => Err(Malformed::Form),
        }
    }

    /// Reads what holders of records write, in any case: `nam`, `male`, `m`; `nữ`, `nu`, `female`,
    /// `f`. Figures are refused, because 1 is a man in one file and a woman in the next.
    ///
    /// # Errors
    /// [`Malformed::Form`] for anything else.
    pub fn parse_written(text: &str) -> Result<Self, Malformed> {
        let is = |word: &&str| text.eq_ignore_ascii_case(word);
        if ["nam", "male", "m"].iter().any(is) {
            return Ok(Self::Male);
        }
        let is_nu = || text.nfc().flat_map(char::to_lowercase).eq("nữ".chars());
        if ["nu", "female", "f"].iter().any(is) || is_nu() {
            return Ok(Self::Female);
        }
        Err(if text.is_empty() { Malformed::Empty } else { Malformed::Form })
    }
}

/// Defines a newtype over text that was accepted by a rule. Shared, because codes and identifiers
/// go from the directory into every entry.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $bytes_max:expr, $accepts:expr, $debug:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes text that has the form of this field.
            ///
            /// # Errors
            /// [`Malformed`] with what is wrong with it.
            pub fn parse(text: &str) -> Result<Self, Malformed> {
                if text.is_empty() {
                    return Err(Malformed::Empty);
                }
                if text.len() > $bytes_max {
                    return Err(Malformed::TooLong);
                }
                let accepts: fn(&str) -> bool = $accepts;
                if !accepts(text) {
                    return Err(Malformed::Form);
                }
                Ok(Self(text.into()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let shown: &str = if $debug { &self.0 } else { ".." };
                write!(f, "{}({shown})", stringify!($name))
            }
        }
    };
}

checked_text!(
    /// Identifier of a connected system: `[A-Za-z0-9._-]`, at most 64 characters.
    ClientId,
    64,
    |text| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)),
    true
);
checked_text!(
    /// Electronic identifier of an agency: groups of `0-9A-Z` joined by dots, level 1 leftmost, at
    /// most 35 characters (Decision 20/2020/QD-TTg). Twelve digits are a personal number in the
    /// wrong field: enterprise numbers have ten or thirteen.
    AgencyCode,
    AGENCY_CODE_BYTES_MAX,
    |text| !is_personal_number(text) && text.split('.').all(|group| {
        !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
    }),
    true
);
checked_text!(
    /// What stands in the place of a purpose code. Whether it is one, such as
    /// `telecom.subscriber`, and whose, is the policy's question.
    Purpose,
    REFERENCE_BYTES_MAX,
    |text| !text.chars().any(char::is_control),
    true
);
checked_text!(
    /// Code of a public-service procedure, such as `2.000488`: groups joined by at least one dot,
    /// each too short for a personal number typed into the wrong field.
    Procedure,
    32,
    |text| text.contains('.') && text.split('.').all(|group| {
        (1..=8).contains(&group.len()) && group.bytes().all(|b| b.is_ascii_alphanumeric())
    }),
    true
);
checked_text!(
    /// The caller's own reference to a file; never stored in clear.
    CaseRef,
    REFERENCE_BYTES_MAX,
    |text| !text.chars().any(char::is_control),
    false
);
checked_text!(
    /// The person at the client who asks; never stored in clear.
    OfficialRef,
    REFERENCE_BYTES_MAX,
    |text| !text.trim().is_empty() && !text.chars().any(char::is_control),
    false
);

/// Whether a text looks like a personal identification number.
fn is_personal_number(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

impl AgencyCode {
    /// Takes a code as somebody writes it down for an agency or an enterprise, and gives the form in
    /// which it is kept.
    ///
    /// - The form of QCVN 102:2016/BTTTT, `000.00.18.G12`, is turned round: `G12.18`. Levels that
    ///   are all zero stand for nothing below the others.
    /// - A code of digits alone is an enterprise number: ten digits of which the last is a check
    ///   digit, and three more for a branch.
    ///
    /// # Errors
    /// [`Malformed`] with what is wrong with it.
    pub fn adopt(text: &str) -> Result<Self, Malformed> {
        let code = Self::parse_either(text)?;
        if text.bytes().all(|b| b.is_ascii_digit()) && !is_enterprise_number(text) {
            return Err(Malformed::Form);
        }
        // The older form has four groups: one of more is an old code with something joined to it,
        // and nobody knows on which side.
        let groups: Vec<&str> = code.as_str().split('.').collect();
        if groups.windows(4).any(|four| turn_round(&four.join(".")).is_some()) {
            return Err(Malformed::Form);
        }
        Ok(code)
    }
}

/// The form of Decision 20/2020 of a code in the form of QCVN 102:2016, which begins with the
/// lowest level; `None` for any other text.
fn turn_round(text: &str) -> Option<String> {
    let mut groups = text.split('.');
    let old = [groups.next()?, groups.next()?, groups.next()?, groups.next()?];
    let [level_4, level_3, level_2, level_1] = old;
    let digits =
        |group: &str, count| group.len() == count && group.bytes().all(|b| b.is_ascii_digit());
    let first = level_1.as_bytes().first()?;
    let is_old = groups.next().is_none()
        && digits(level_4, 3)
        && digits(level_3, 2)
        && digits(level_2, 2)
        && first.is_ascii_uppercase()
        && digits(&level_1[1..], 2);
    if !is_old {
        return None;
    }
    let is_zero = |group: &&str| group.bytes().all(|b| b == b'0');
    let lower: Vec<&str> = old[..3].iter().copied().skip_while(is_zero).collect();
    let turned = std::iter::once(level_1).chain(lower.into_iter().rev());
    Some(turned.collect::<Vec<_>>().join("."))
}

/// Whether digits are an enterprise number. The tenth is a check digit (Circular 105/2020/TT-BTC,
/// Article 5): ten less the remainder by eleven of the nine others times these primes.
fn is_enterprise_number(digits: &str) -> bool {
    const WEIGHTS: [u32; 9] = [31, 29, 23, 19, 17, 13, 7, 5, 3];
    let value = |b: u8| u32::from(b - b'0');
    let sum: u32 = digits.bytes().zip(WEIGHTS).map(|(b, weight)| value(b) * weight).sum();
    let tenth = digits.as_bytes().get(9).copied().map(value);
    matches!(digits.len(), 10 | 13) && tenth == Some(10 - sum % 11)
}

impl AgencyCode {
    /// Takes a code as a request names an agency: that of QCVN 102:2016 is turned round, any other
    /// stays as it was sent, because whether it is somebody's is for others to judge.
    ///
    /// # Errors
    /// [`Malformed`] with what is wrong with it.
    pub fn parse_either(text: &str) -> Result<Self, Malformed> {
        let code = Self::parse(text)?;
        turn_round(text).map_or(Ok(code), |turned| Self::parse(&turned))
    }

    /// Whether this is `other` or lies below it: `G14.01` below `G14`, but not `G140`.
    pub fn is_at_or_below(&self, other: &Self) -> bool {
        other.is_at_or_above(self.as_str())
    }

    /// Whether a code, as text, is this one or below it.
    pub fn is_at_or_above(&self, code: &str) -> bool {
        let rest = code.strip_prefix(self.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

impl AgencyCode {
    /// What the log holds in the place of an agency that nobody knows; no code that is given out.
    pub fn unknown() -> Self {
        Self("0".into())
    }
}

impl Purpose {
    /// What the log holds in the place of a purpose that is nobody's.
    pub fn unknown() -> Self {
        Self("-".into())
    }

    /// Whether the text has the form of a purpose code: `[a-z0-9._-]`.
    pub fn is_code(&self) -> bool {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
        self.0.bytes().all(allowed) && !is_personal_number(&self.0)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sex_is_read_as_holders_write_it_but_not_from_figures() {
        for text in ["nam", "Nam", "NAM", "male", "M", "m"] {
            assert_eq!(Sex::parse_written(text), Ok(Sex::Male), "{text}");
        }
        for text in ["nữ", "NỮ", "Nu\u{31b}\u{303}", "nu", "Female", "F"] {
            assert_eq!(Sex::parse_written(text), Ok(Sex::Female), "{text}");
        }
        for text in ["0", "1", "x", "nử", "nam nữ", "khác"] {
            assert_eq!(Sex::parse_written(text), Err(Malformed::Form), "{text}");
        }
        assert_eq!(Sex::parse_written(""), Err(Malformed::Empty));
    }

    #[test]
    fn agency_codes_follow_decision_20() {
        for code in ["G14", "G14.01", "H26.03.02", "0100109106"] {
            assert!(AgencyCode::parse(code).is_ok(), "{code}");
        }
        for code in ["g14", "G14.", ".G14", "G14..01", "G 14", "001090012345"] {
            assert_eq!(AgencyCode::parse(code), Err(Malformed::Form), "{code}");
        }
        assert_eq!(AgencyCode::parse(&"A".repeat(36)), Err(Malformed::TooLong));
    }

    #[test]
    fn only_dots_make_an_agency_lie_below_another() {
        let code = |text| AgencyCode::parse(text).unwrap();
        assert!(code("G14").is_at_or_below(&code("G14")));
        assert!(code("G14.01").is_at_or_below(&code("G14")));
        assert!(!code("G140").is_at_or_below(&code("G14")));
        assert!(!code("G14").is_at_or_below(&code("G14.01")));
    }

    #[test]
    fn a_request_may_name_an_agency_in_either_form() {
        for (given, read) in [("000.00.18.G12", "G12.18"), ("G12.18", "G12.18"), ("12345", "12345")]
        {
            assert_eq!(AgencyCode::parse_either(given).unwrap().as_str(), read, "{given}");
        }
        assert_eq!(AgencyCode::parse_either("g12"), Err(Malformed::Form));
    }

    #[test]
    fn a_code_is_kept_in_the_form_of_decision_20() {
        let longest = "G12.18.03.001.ABCDEFGHIJKLMNOPQRSTU";
        assert_eq!(longest.len(), AGENCY_CODE_BYTES_MAX);
        for (given, kept) in [
            ("G14", "G14"),
            ("G14.01", "G14.01"),
            ("H26.03.02", "H26.03.02"),
            ("H26.03.02.A1", "H26.03.02.A1"),
            ("K01", "K01"),
            (longest, longest),
            ("000.00.00.H49", "H49"),
            ("000.00.18.G12", "G12.18"),
            ("000.05.18.G12", "G12.18.05"),
            ("001.05.18.G12", "G12.18.05.001"),
            ("001.00.18.G12", "G12.18.00.001"),
            ("000.18.G12", "000.18.G12"),
            ("000.00.18.GA2", "000.00.18.GA2"),
            ("0100109106", "0100109106"),
            ("0100684378", "0100684378"),
            ("0100686209", "0100686209"),
            ("0100686209001", "0100686209001"),
        ] {
            assert_eq!(AgencyCode::adopt(given).unwrap().as_str(), kept, "{given}");
        }
        for (given, wrong) in [
            ("", Malformed::Empty),
            ("A".repeat(36).as_str(), Malformed::TooLong),
            (" G14", Malformed::Form),
            ("G14 ", Malformed::Form),
            ("g14", Malformed::Form),
            ("G14..01", Malformed::Form),
            ("G14.", Malformed::Form),
            (".", Malformed::Form),
            ("G14-01", Malformed::Form),
            ("G14,01", Malformed::Form),
            ("000.00.24.G12.01001", Malformed::Form),
            ("000.00.24.G12.5", Malformed::Form),
            ("01.000.00.24.G12", Malformed::Form),
            ("Ｇ14", Malformed::Form),
            ("Đ14", Malformed::Form),
            ("G14\0", Malformed::Form),
            ("0100109107", Malformed::Form),
            ("0100109106-001", Malformed::Form),
            ("01001091060", Malformed::Form),
            ("001090012345", Malformed::Form),
            ("12345", Malformed::Form),
        ] {
            assert_eq!(AgencyCode::adopt(given), Err(wrong), "{given}");
        }
    }
}
