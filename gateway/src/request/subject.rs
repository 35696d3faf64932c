//! The person asked about, by exactly one key.

use std::fmt;

use super::{InsuranceNumber, Malformed, OldIdNumber};

/// A personal identification number: 12 digits (Decree 137/2015, article 13).
///
/// Three digits of the province or country of birth registration, one for century and sex, two for
/// the birth year, six random ones. There is no check digit. A prefix that nobody has is not
/// malformed: the register alone knows who was issued which number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PersonalId(u64);

impl PersonalId {
    /// Reads 12 digits.
    ///
    /// # Errors
    /// By form, by a century digit above 3 (nobody is born after 2099 yet) and by a birth year
    /// after `current_year`; by nothing else, or the answer would tell issued numbers apart.
    pub fn parse(text: &str, current_year: i16) -> Result<Self, Malformed> {
        if text.is_empty() {
            return Err(Malformed::Empty);
        }
        let id = Self::from_register(text).ok_or(Malformed::Form)?;
        if id.century_digit() > 3 {
            return Err(Malformed::Form);
        }
        if id.birth_year() > current_year {
            return Err(Malformed::Future);
        }
        Ok(id)
    }

    /// The number as the register writes it; `None` where it is not 12 digits. The register is
    /// believed about centuries and years.
    pub fn from_register(text: &str) -> Option<Self> {
        if text.len() != 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        text.parse().ok().map(Self)
    }

    /// First three digits: province or country of birth registration.
    pub fn prefix(self) -> u16 {
        (self.0 / 1_000_000_000) as u16
    }

    /// Birth year that the number spells: digit 0/1 is the 1900s, 2/3 the 2000s.
    pub fn birth_year(self) -> i16 {
        1900 + 100 * (i16::from(self.century_digit()) / 2) + (self.0 / 1_000_000 % 100) as i16
    }

    /// The numbers before and after it that have the same first six digits: province, century with
    /// sex, and birth year.
    pub fn neighbours(self) -> [Option<Self>; 2] {
        let serial = self.0 % 1_000_000;
        [(serial > 0).then(|| Self(self.0 - 1)), (serial < 999_999).then(|| Self(self.0 + 1))]
    }

    fn century_digit(self) -> u8 {
        (self.0 / 100_000_000 % 10) as u8
    }
}

impl fmt::Display for PersonalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}", self.0)
    }
}

impl fmt::Debug for PersonalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonalId(..)")
    }
}

/// One key of a person, as the register knows it.
///
/// A personal number leads to one person at most. The other two may lead to several; which of
/// them is meant, the name decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubjectKey {
    /// The personal identification number.
    PersonalId(PersonalId),
    /// Number of the old identity card.
    OldIdNumber(OldIdNumber),
    /// Health insurance number.
    InsuranceNumber(InsuranceNumber),
}

impl SubjectKey {
    /// Which key it is.
    pub fn kind(&self) -> KeyKind {
        match self {
            Self::PersonalId(_) => KeyKind::PersonalId,
            Self::OldIdNumber(_) => KeyKind::OldIdNumber,
            Self::InsuranceNumber(_) => KeyKind::InsuranceNumber,
        }
    }
}

/// The canonical digits, all of them: for the register and for digests.
impl fmt::Display for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PersonalId(id) => id.fmt(f),
            Self::OldIdNumber(number) => number.fmt(f),
            Self::InsuranceNumber(number) => number.fmt(f),
        }
    }
}

/// The person asked about, and how the caller named them.
///
/// A card's QR text and a subject token hold one of the other keys. The register, pseudonyms and
/// tokens know the key alone; the log says by which kind it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NamedSubject {
    key: SubjectKey,
    named_by: KeyKind,
}

impl NamedSubject {
    /// Named by the key itself.
    pub fn by_key(key: SubjectKey) -> Self {
        Self { key, named_by: key.kind() }
    }

    /// Named by a card, which has this number.
    pub fn on_card(id: PersonalId) -> Self {
        Self { key: SubjectKey::PersonalId(id), named_by: KeyKind::CardQr }
    }

    /// Named by a token, in which this key was.
    pub fn of_token(key: SubjectKey) -> Self {
        Self { key, named_by: KeyKind::SubjectToken }
    }

    /// The key that leads to the person.
    pub fn key(self) -> SubjectKey {
        self.key
    }

    /// The kind of key that the caller sent.
    pub fn named_by(self) -> KeyKind {
        self.named_by
    }
}

/// The kinds of key, with their numbers in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum KeyKind {
    /// Personal identification number, 12 digits.
    PersonalId = 1,
    /// Number of the old identity card, 9 digits.
    OldIdNumber = 2,
    /// QR text of the chip card.
    CardQr = 3,
    /// Health insurance number.
    InsuranceNumber = 4,
    /// A token that this client was given before.
    SubjectToken = 5,
}

impl KeyKind {
    /// All kinds in the order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::PersonalId,
        Self::OldIdNumber,
        Self::CardQr,
        Self::InsuranceNumber,
        Self::SubjectToken,
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::PersonalId => "personal_id",
            Self::OldIdNumber => "old_id_number",
            Self::CardQr => "card_qr",
            Self::InsuranceNumber => "insurance_number",
            Self::SubjectToken => "subject_token",
        }
    }

    /// The kind with this number in the log.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_malformed_by_form_century_and_future_year_alone() {
        let parse = |text| PersonalId::parse(text, 2026);
        assert!(parse("001090012345").is_ok());
        assert!(parse("999326012345").is_ok(), "an unknown prefix is not malformed");
        assert_eq!(parse("001490012345").unwrap_err(), Malformed::Form);
        assert_eq!(parse("001227012345").unwrap_err(), Malformed::Future);
        for text in ["00109001234", "0010900123456", "00109001234x", "+01090012345", " 01090012345"]
        {
            assert_eq!(parse(text).unwrap_err(), Malformed::Form, "{text}");
        }
        assert_eq!(parse("").unwrap_err(), Malformed::Empty);
    }

    #[test]
    fn debug_shows_no_digit() {
        let id = PersonalId::parse("001090012345", 2026).unwrap();
        assert!(!format!("{id:?}").contains('9'));
        assert_eq!((id.prefix(), id.birth_year()), (1, 1990));
        let keys = [
            SubjectKey::PersonalId(id),
            SubjectKey::OldIdNumber(OldIdNumber::parse("999999999").unwrap()),
            SubjectKey::InsuranceNumber(InsuranceNumber::parse("9999999999").unwrap()),
        ];
        assert!(!format!("{keys:?}").contains('9'));
    }
}
