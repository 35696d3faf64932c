//! Numbers that are kept as numbers: small, copied freely, and never shown by `Debug`.
//!
//! Both are attributes of a person and keys that lead to one. The personal identification number
//! says more about itself and stands with the subject.

use std::fmt;

use super::Malformed;

/// Number of the old identity card: nine digits, in use until the end of 2024 (Law 26/2023/QH15).
///
/// Its first digits were a police province code of which no list can be relied on, so they tell
/// nothing here. Two people may have had one number, and one person several.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OldIdNumber(u64);

impl OldIdNumber {
    const LENGTH: usize = 9;

    /// Reads nine digits.
    ///
    /// # Errors
    /// By form alone.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        digits(text, Self::LENGTH).map(Self)
    }
}

/// Health insurance number: ten digits (Decision 1666/QD-BHXH).
///
/// Cards from before April 2021 print 15 characters: two letters and a digit for the group of the
/// insured, two digits for the province, then the ten digits that stay with the person. The first
/// five change with job and home, so they are read and left out.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct InsuranceNumber(u64);

impl InsuranceNumber {
    const LENGTH: usize = 10;
    /// Letters, group digit and province of the old card.
    const GROUP_LENGTH: usize = 5;

    /// Reads ten digits, or the 15 characters of the old card. Nothing is trimmed and small
    /// letters are none of a card's.
    ///
    /// # Errors
    /// By form alone; a group that nobody has is not malformed, because lists of them change.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let number = match text.split_at_checked(Self::GROUP_LENGTH) {
            Some((group, number)) if number.len() == Self::LENGTH && is_card_group(group) => number,
            Some(_) | None => text,
        };
        digits(number, Self::LENGTH).map(Self)
    }
}

/// Whether this is how the old card's number begins: `DN479`.
fn is_card_group(text: &str) -> bool {
    let (letters, rest) = text.as_bytes().split_at(2);
    letters.iter().all(u8::is_ascii_uppercase) && rest.iter().all(u8::is_ascii_digit)
}

/// A text of so many digits as a number; 18 digits fit.
fn digits(text: &str, length: usize) -> Result<u64, Malformed> {
    if text.is_empty() {
        return Err(Malformed::Empty);
    }
    if text.len() != length || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Malformed::Form);
    }
    text.parse().map_err(|_| Malformed::Form)
}

impl fmt::Display for OldIdNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:01$}", self.0, Self::LENGTH)
    }
}

impl fmt::Debug for OldIdNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OldIdNumber(..)")
    }
}

impl fmt::Display for InsuranceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:01$}", self.0, Self::LENGTH)
    }
}

impl fmt::Debug for InsuranceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InsuranceNumber(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_number_is_nine_digits_and_keeps_its_zeros() {
        assert_eq!(OldIdNumber::parse("012345678").unwrap().to_string(), "012345678");
        assert_eq!(OldIdNumber::parse(""), Err(Malformed::Empty));
        for text in ["01234567", "0123456789", "01234567x", "+12345678", " 12345678", "０1234567"]
        {
            assert_eq!(OldIdNumber::parse(text), Err(Malformed::Form), "{text}");
        }
    }

    #[test]
    fn an_old_cards_number_is_the_ten_digits_that_stay_with_the_person() {
        let number = InsuranceNumber::parse("0123456789").unwrap();
        assert_eq!(number.to_string(), "0123456789");
        for card in ["DN4790123456789", "TE1010123456789", "QQ9990123456789"] {
            assert_eq!(InsuranceNumber::parse(card), Ok(number), "{card}");
        }
    }

    #[test]
    fn what_is_neither_form_is_no_insurance_number() {
        assert_eq!(InsuranceNumber::parse(""), Err(Malformed::Empty));
        for text in [
            "012345678",
            "01234567890",
            "dn4790123456789",
            "Dn4790123456789",
            "D14790123456789",
            "DNX790123456789",
            "DN47901234567",
            "DN47901234567890",
            "DN479012345678x",
            " DN4790123456789",
            "DN479 0123456789",
            "ĐN4790123456789",
            "123450123456789",
            "DN479",
        ] {
            assert_eq!(InsuranceNumber::parse(text), Err(Malformed::Form), "{text}");
        }
    }

    #[test]
    fn debug_shows_no_digit() {
        let shown = format!(
            "{:?} {:?}",
            OldIdNumber::parse("999999999"),
            InsuranceNumber::parse("9999999999")
        );
        assert!(!shown.contains('9'), "{shown}");
    }
}
