//! Full names as they arrive: which texts may be compared, and which are no name at all.
//!
//! A text on which letters were lost or never typed is malformed and not a mismatch: the person
//! would pay for a damaged file. Well-formedness as Vietnamese is not asked for: names of the
//! highlands and of foreigners have other syllables (domain facts 2.7), and text in a legacy
//! encoding looks like nothing at all until it is decoded.

mod keystrokes;
mod signs;
mod syllable;
#[cfg(test)]
mod tests;

use std::fmt;

pub(crate) use signs::{is_apostrophe, is_hyphen, is_invisible, windows_1252_byte};
pub(crate) use syllable::{Shape, shape, tokens};

use super::Malformed;

/// Longest full name, in code points. Names of ten tokens exist; the draft limit of 25 letters of
/// 2014 was dropped (domain facts 2.7), so the cap only bounds the work of the matcher.
const FULL_NAME_CHARS_MAX: usize = 160;

/// What stands in name fields where nobody knew the name. Only texts that cannot be a name, and
/// therefore with their marks where these tell them from one: Khong Ro may be somebody.
const PLACEHOLDERS: [&str; 17] = [
    "không rõ",
    "không rõ tên",
    "không tên",
    "không có",
    "không có tên",
    "không biết",
    "không xác định",
    "chưa rõ",
    "chưa có",
    "chưa có tên",
    "chưa biết",
    "chưa xác định",
    "chưa đặt tên",
    "vô danh",
    "khuyết danh",
    "unknown",
    "null",
];

/// A full name as the caller holds it, in one field, before any normalisation.
#[derive(Clone, PartialEq, Eq)]
pub struct FullName(Box<str>);

impl FullName {
    /// Takes a name that may be compared.
    ///
    /// White space is let through, and so are the signs of Latin-1 and Windows-1252 with which the
    /// legacy encodings TCVN3, VNI and misread UTF-8 write letters.
    ///
    /// # Errors
    /// [`Malformed::Form`] for what no name has: digits, `?`, U+FFFD and other signs in the place of
    /// lost letters, another script or two scripts in one name, the keystrokes of Telex and VNI in
    /// the place of the letters they make, and the words that say that there is no name.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.trim().is_empty() {
            return Err(Malformed::Empty);
        }
        if text.chars().count() > FULL_NAME_CHARS_MAX {
            return Err(Malformed::TooLong);
        }
        if !text.chars().all(signs::may_stand_in_a_name)
            || !text.chars().any(char::is_alphabetic)
            || is_placeholder(text)
            || keystrokes::are_keystrokes(text)
        {
            return Err(Malformed::Form);
        }
        Ok(Self(text.into()))
    }

    /// The name as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for FullName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FullName(..)")
    }
}

fn is_placeholder(text: &str) -> bool {
    let is_end = |c: char| c.is_whitespace() || c == '.';
    let text = text.trim_matches(is_end);
    // Most names are told from all of them by their first letter.
    let starts_alike = |word: &str| word.as_bytes()[0] | 0x20 == text.as_bytes()[0] | 0x20;
    !text.is_empty()
        && PLACEHOLDERS.iter().any(|word| starts_alike(word) && is_same_ignoring_case(word, text))
}

fn is_same_ignoring_case(lower: &str, text: &str) -> bool {
    use unicode_normalization::UnicodeNormalization;
    lower.chars().eq(text.nfc().flat_map(char::to_lowercase))
}
