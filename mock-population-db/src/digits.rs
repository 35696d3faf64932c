//! Strings of exactly `N` decimal digits: numbers of papers and codes of places, where a leading
//! zero means something.

use std::fmt;

/// The personal number: three digits of province, one of century and sex, two of birth year, six
/// that tell people of one cell apart.
pub type PersonalNumber = Digits<12>;

/// Exactly `N` ASCII digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digits<const N: usize>([u8; N]);

impl<const N: usize> Digits<N> {
    /// Reads a text of exactly `N` ASCII digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: [u8; N] = text.as_bytes().try_into().ok()?;
        digits.iter().all(u8::is_ascii_digit).then_some(Self(digits))
    }

    /// The last `N` decimal digits of `value`.
    pub(crate) fn from_value(mut value: u64) -> Self {
        let mut digits = [b'0'; N];
        for digit in digits.iter_mut().rev() {
            *digit += (value % 10) as u8; // a single digit
            value /= 10;
        }
        Self(digits)
    }

    /// The number the digits spell. `N` is at most 19, so that it fits.
    pub(crate) fn value(self) -> u64 {
        self.0.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'))
    }

    /// The digits as text.
    #[expect(clippy::missing_panics_doc, reason = "digits are ASCII")]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("ASCII digits are UTF-8")
    }
}

impl Digits<12> {
    /// The birth year that a personal number spells: digit 0 or 1 stands for the 1900s, 2 or 3
    /// for the 2000s.
    pub(crate) fn birth_year(self) -> u16 {
        let digits = self.value() / 1_000_000 % 1_000;
        (1_900 + digits / 200 * 100 + digits % 100) as u16 // below 2,500
    }
}

impl<const N: usize> fmt::Display for Digits<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for Digits<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exactly_n_ascii_digits_are_read() {
        assert_eq!(Digits::<3>::parse("007").map(Digits::value), Some(7));
        for wrong in ["", "07", "0007", "00a", "+07", " 07", "٠٧", "0.7"] {
            assert_eq!(Digits::<3>::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn leading_zeros_are_kept() {
        assert_eq!(Digits::<5>::from_value(97).as_str(), "00097");
        assert_eq!(Digits::<12>::from_value(1_090_012_345).to_string(), "001090012345");
    }
}
