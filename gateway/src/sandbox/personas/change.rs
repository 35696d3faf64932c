//! What a persona's claims have unlike the record.

use mock_population_db::Date;
use mock_population_db::records::{legacy, spelling};
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;

use super::cast::Found;
use super::misspelling;
use super::request::Request;
use crate::request::Attribute;

/// One change to the claims, named after what comes of it where that has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Change {
    #[serde(rename = "")]
    Nothing,
    /// Nothing is typed beside a card.
    LeftToTheCard,

    // The same name, written otherwise.
    TonePlacement,
    IOrY,
    Decomposed,
    UpperCase,
    LookAlike,
    CurlyApostrophe,
    Tcvn3,
    Vni,
    Latin1,

    // Another name, or less of it.
    MarksMissing,
    ToneDiffers,
    OneLetter,
    TokenMissing,
    ExtraToken,
    TokenOrder,
    Initials,
    Squashed,
    LettersLost,
    OtherName,

    // Dates of birth.
    AsTyped,
    DayMonthSwapped,
    OneDigit,
    OtherYear,
    FirstOfJanuary,
    FifthOfJune,
    NoSuchDay,
    DateMissing,

    // The rest.
    OtherSex,
    FormerAddress,
    SomeCard,
}

impl Change {
    /// Changes the claims; none where it would change nothing or cannot be made.
    pub(super) fn apply(self, request: &mut Request, found: &Found) -> Option<()> {
        let name = found.person.full_name.as_str();
        let born = found.person.date_of_birth;
        let rename = |changed: Option<String>| {
            Some((Attribute::FullName, changed.filter(|changed| changed != name)?))
        };
        let redate = |text: String| Some((Attribute::DateOfBirth, text));
        let (attribute, text) = match self {
            Self::Nothing => return Some(()),
            Self::LeftToTheCard => {
                for attribute in Attribute::ALL {
                    request.leave_out(attribute);
                }
                return Some(());
            }
            Self::TonePlacement => rename(spelling::other_tone_place(name)),
            Self::IOrY => rename(spelling::other_i(name)),
            Self::Decomposed => rename(Some(name.nfd().collect())),
            Self::UpperCase => rename(Some(name.to_uppercase())),
            Self::LookAlike => rename(Some(name.replace('Đ', "\u{d0}").replace('đ', "\u{f0}"))),
            Self::CurlyApostrophe => rename(Some(name.replace('\'', "\u{2019}"))),
            Self::Tcvn3 => rename(legacy::tcvn3(name)),
            Self::Vni => rename(legacy::vni(name)),
            Self::Latin1 => rename(legacy::utf8_misread(name).filter(|text| is_shown(text))),
            Self::MarksMissing => rename(spelling::without_marks(name)),
            Self::ToneDiffers => rename(misspelling::other_tone(name)),
            Self::OneLetter => rename(misspelling::other_letter(name)),
            Self::TokenMissing => rename(misspelling::without_middle(name)),
            Self::ExtraToken => rename(misspelling::with_one_more(name)),
            Self::TokenOrder => rename(misspelling::given_name_first(name)),
            Self::Initials => rename(misspelling::with_initial(name)),
            Self::Squashed => rename(spelling::squashed(name)),
            Self::LettersLost => rename(Some(misspelling::with_letters_lost(name))),
            Self::OtherName => rename(misspelling::nobodys(name)),
            Self::AsTyped => redate(as_typed(born.day()?)),
            Self::DayMonthSwapped => redate(swapped(born.day()?)?),
            Self::OneDigit => redate(with_next_day(born.day()?)?),
            Self::OtherYear => redate(other_year(born.day()?)),
            Self::FirstOfJanuary => redate(format!("{:04}-01-01", born.year())),
            Self::FifthOfJune => redate(format!("{:04}-06-05", born.year())),
            Self::NoSuchDay => redate(format!("31/02/{:04}", born.year())),
            Self::DateMissing => {
                request.leave_out(Attribute::DateOfBirth);
                return Some(());
            }
            Self::OtherSex => Some((Attribute::Sex, found.person.sex.other().name().to_owned())),
            Self::FormerAddress => {
                request.claim_place(Attribute::PermanentAddress, found.person.former_address);
                return Some(());
            }
            // For who has no card: any day will do.
            Self::SomeCard => Some((Attribute::CardIssueDate, "2025-12-31".to_owned())),
        }?;
        request.claim(attribute, text);
        Some(())
    }
}

/// Whether a text can be read in a table: bytes that became control characters cannot.
fn is_shown(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// `01/05/1990`, as people type it.
fn as_typed(date: Date) -> String {
    format!("{:02}/{:02}/{:04}", date.day(), date.month(), date.year())
}

fn swapped(date: Date) -> Option<String> {
    let (year, month, day) = (date.year(), date.month(), date.day());
    (day <= 12 && day != month).then(|| format!("{year:04}-{day:02}-{month:02}"))
}

/// The day after, where it differs in one digit and every month has it; nothing like the day and
/// month in each other's place.
fn with_next_day(date: Date) -> Option<String> {
    let (year, month, day) = (date.year(), date.month(), date.day());
    let is_one_digit = day % 10 != 9 && (13..28).contains(&day);
    is_one_digit.then(|| format!("{year:04}-{month:02}-{:02}", day + 1))
}

/// Thirteen years before, on a day that every year has: two digits differ at least.
fn other_year(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year() - 13, date.month(), date.day().min(28))
}
