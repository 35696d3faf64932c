//! Why something is done: a sentence of an administrator, which stays in the log for ever.

use crate::audit::EventText;
use crate::request::Malformed;

/// Digits from which on a text could hold a number of a person or of a telephone.
const DIGITS_MIN: usize = 9;

/// Takes a reason of 1 to 255 bytes without control characters. One with nine digits or more is
/// refused: no personal value may come into the log, and none can leave it.
///
/// # Errors
/// [`Malformed`] with what is wrong with it.
pub fn parse_reason(text: &str) -> Result<EventText, Malformed> {
    if text.trim().is_empty() {
        return Err(Malformed::Empty);
    }
    if text.len() > 255 {
        return Err(Malformed::TooLong);
    }
    if text.chars().filter(|c| c.is_numeric()).count() >= DIGITS_MIN {
        return Err(Malformed::Form);
    }
    EventText::parse(text).ok_or(Malformed::Form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_a_sentence_without_a_persons_number() {
        for good in ["agreement 12/2025 ended", "x", &"a".repeat(255), "12345678"] {
            assert!(parse_reason(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("", Malformed::Empty),
            (" \u{a0}", Malformed::Empty),
            (&"a".repeat(256), Malformed::TooLong),
            (&"đ".repeat(128), Malformed::TooLong),
            ("number 001090012345", Malformed::Form),
            ("0 9 1 2 3 4 5 6 7", Malformed::Form),
            ("１２３４５６７８９", Malformed::Form),
            ("two\nlines", Malformed::Form),
        ] {
            assert_eq!(parse_reason(bad), Err(why), "{bad}");
        }
    }
}
