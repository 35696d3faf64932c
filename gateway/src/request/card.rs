//! The QR text of the chip card, as readers type it.
//!
//! Seven fields split by `|`: personal number, number of the old card (may be empty), full name,
//! birth date, sex as printed, address, date of issue (may be empty); dates are `ddmmyyyy`. The
//! address is free text, which never decides anything, so it is stepped over and not kept.

use unicode_normalization::UnicodeNormalization as _;

use super::{Attribute, Claims, FullName, Malformed, OldIdNumber, PartialDate, PersonalId, Sex};

/// Longest text: no QR code holds more bytes (ISO/IEC 18004, version 40 at level L). A card's has
/// about 200.
const QR_BYTES_MAX: usize = 2_953;

/// What a card's QR text says: a key and claims.
#[derive(Debug, Clone)]
pub struct CardQr {
    personal_id: PersonalId,
    claims: Claims,
}

impl CardQr {
    /// The attributes about which a card may claim something. The old number and the date of issue
    /// are not on every card.
    pub const ATTRIBUTES: [Attribute; 5] = [
        Attribute::FullName,
        Attribute::DateOfBirth,
        Attribute::Sex,
        Attribute::OldIdNumber,
        Attribute::CardIssueDate,
    ];

    /// Reads what a reader types: a byte order mark, white space and line ends around the text and
    /// around its fields do not matter, nor does how `Nữ` is encoded and in what case.
    ///
    /// An address that holds `|` itself is told by its place: five fields stand before it and one
    /// behind it.
    ///
    /// # Errors
    /// [`Malformed::Future`] for a number or birth date of a year after `current_year`;
    /// [`Malformed::Form`] for everything else that a card does not say, an empty name included.
    pub fn parse(text: &str, current_year: i16) -> Result<Self, Malformed> {
        let text = trimmed(text);
        if text.is_empty() {
            return Err(Malformed::Empty);
        }
        if text.len() > QR_BYTES_MAX {
            return Err(Malformed::TooLong);
        }
        let [number, old_number, name, born, sex, issued] = fields(text).ok_or(Malformed::Form)?;
        let date_of_birth = date(born)?;
        let personal_id = PersonalId::parse(number, current_year).map_err(of_field)?;
        if date_of_birth.year() > current_year {
            return Err(Malformed::Future);
        }
        let claims = Claims {
            full_name: Some(FullName::parse(name).map_err(of_field)?),
            date_of_birth: Some(date_of_birth),
            sex: Some(printed_sex(sex)?),
            old_id_number: unless_empty(old_number, OldIdNumber::parse)?,
            card_issue_date: unless_empty(issued, date)?,
            ..Claims::default()
        };
        Ok(Self { personal_id, claims })
    }

    /// The number of the card's holder.
    pub fn personal_id(&self) -> PersonalId {
        self.personal_id
    }

    /// What the card says about its holder.
    pub fn into_claims(self) -> Claims {
        self.claims
    }
}

/// The fields without the address; `None` where there are fewer than seven.
fn fields(text: &str) -> Option<[&str; 6]> {
    let mut fields = text.splitn(6, '|');
    let mut next = || fields.next();
    let (number, old_number, name) = (next()?, next()?, next()?);
    let (born, sex, address_and_issued) = (next()?, next()?, next()?);
    let (_address, issued) = address_and_issued.rsplit_once('|')?;
    Some([number, old_number, name, born, sex, issued].map(trimmed))
}

/// Some readers begin with a byte order mark, and most end with a line end as a keyboard would.
fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

/// `ddmmyyyy`, or the year alone. Of somebody whose day or month nobody knows, the card says `00`
/// there.
fn date(text: &str) -> Result<PartialDate, Malformed> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let date = match text.len() {
        4 if is_digits => PartialDate::parse(text),
        8 if is_digits => match (&text[..2], &text[2..4], &text[4..]) {
            ("00", "00", year) => PartialDate::parse(year),
            ("00", month, year) => PartialDate::parse(&format!("{year}-{month}")),
            (day, month, year) => PartialDate::parse(&format!("{year}-{month}-{day}")),
        },
        _ => Err(Malformed::Form),
    };
    date.map_err(of_field)
}

/// Sex as the card prints it. `Nữ` comes composed or in parts, as the reader's driver likes it.
fn printed_sex(text: &str) -> Result<Sex, Malformed> {
    let is = |word: &str| text.nfc().flat_map(char::to_lowercase).eq(word.chars());
    if is("nam") {
        return Ok(Sex::Male);
    }
    if is("nữ") {
        return Ok(Sex::Female);
    }
    Err(Malformed::Form)
}

fn unless_empty<T>(
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, Malformed>,
) -> Result<Option<T>, Malformed> {
    if text.is_empty() {
        return Ok(None);
    }
    parse(text).map(Some).map_err(of_field)
}

/// A field that is empty or too long makes a text of the wrong form: the whole is neither.
fn of_field(malformed: Malformed) -> Malformed {
    match malformed {
        Malformed::Empty | Malformed::TooLong | Malformed::Form => Malformed::Form,
        Malformed::Future => Malformed::Future,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: &str = "001190012345|012345678|Nguyễn Thị Ví Dụ|01051990|Nữ|\
                         Số 1, Phường B, Quận C, Hà Nội|15072021";

    fn read(text: &str) -> Result<CardQr, Malformed> {
        CardQr::parse(text, 2026)
    }

    /// The usual text with one field changed.
    fn with(field: usize, value: &str) -> String {
        let mut fields: Vec<&str> = USUAL.split('|').collect();
        fields[field] = value;
        fields.join("|")
    }

    fn claims(text: &str) -> Claims {
        read(text).unwrap_or_else(|error| panic!("{text:?}: {error}")).into_claims()
    }

    /// What a card says, in one line.
    fn said(text: &str) -> String {
        let card = read(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        let id = card.personal_id();
        let claims = card.into_claims();
        let (name, sex) = (claims.full_name.unwrap(), claims.sex.unwrap());
        let old = claims.old_id_number.map(|number| number.to_string());
        let dates = [claims.date_of_birth, claims.card_issue_date];
        let dates = dates.map(|date| date.map(|date| date.to_string()));
        assert!(claims.permanent_address.is_none() && claims.place_of_origin.is_none());
        format!("{id} {old:?} {} {sex:?} {dates:?}", name.as_str())
    }

    #[test]
    fn a_card_says_number_name_birth_date_sex_old_number_and_date_of_issue() {
        assert_eq!(
            said(USUAL),
            "001190012345 Some(\"012345678\") Nguyễn Thị Ví Dụ Female \
             [Some(\"1990-05-01\"), Some(\"2021-07-15\")]"
        );
        let brought: Vec<Attribute> = claims(USUAL).asked().iter().collect();
        assert_eq!(brought, CardQr::ATTRIBUTES);
    }

    #[test]
    fn what_readers_put_around_it_does_not_matter() {
        let spaced = USUAL.replace('|', " | ");
        for text in [
            format!("\u{feff}{USUAL}"),
            format!("{USUAL}\r\n"),
            format!("{USUAL}\r"),
            format!("{USUAL}\n"),
            format!(" \t\u{feff} {USUAL}\u{a0}\r\n\r\n"),
            with(4, "Nu\u{31b}\u{303}"),
            with(4, "Nu\u{303}\u{31b}"),
            with(4, "Nư\u{303}"),
            with(4, "NỮ"),
            with(4, "nữ"),
            spaced,
        ] {
            assert_eq!(said(&text), said(USUAL), "{text:?}");
        }
        for nam in ["Nam", "nam", "NAM"] {
            assert_eq!(claims(&with(4, nam)).sex, Some(Sex::Male));
        }
    }

    #[test]
    fn the_address_is_stepped_over_whatever_it_holds() {
        for address in ["", "Số 1|Phường B||Hà Nội", "?\u{fffd}", "||||||", "01011990"] {
            assert_eq!(said(&with(5, address)), said(USUAL), "{address}");
        }
    }

    #[test]
    fn what_a_card_does_not_say_is_no_claim() {
        assert!(claims(&with(1, "")).old_id_number.is_none());
        assert!(claims(&with(6, "")).card_issue_date.is_none());
        assert!(claims(&format!("{}\r\n", with(6, " "))).card_issue_date.is_none());
    }

    #[test]
    fn a_birth_date_is_as_precise_as_the_card() {
        let born = |text: &str| claims(&with(3, text)).date_of_birth.unwrap().to_string();
        assert_eq!(born("01051990"), "1990-05-01");
        assert_eq!(born("00001953"), "1953");
        assert_eq!(born("1953"), "1953");
        assert_eq!(born("00051953"), "1953-05");
    }

    #[test]
    fn what_no_card_says_is_malformed() {
        for text in [
            "x".to_owned(),
            "001190012345".to_owned(),
            "|||||".to_owned(),
            "||||||".to_owned(),
            USUAL.replace('|', ","),
            USUAL.rsplit_once('|').unwrap().0.to_owned(),
            with(0, ""),
            with(0, "00119001234"),
            with(0, "001490012345"),
            with(0, "００１１９００１２３４５"),
            with(1, "12345678"),
            with(1, "001190012345"),
            with(2, ""),
            with(2, "Nguy?n"),
            with(2, &"A".repeat(161)),
            with(3, ""),
            with(3, "31021990"),
            with(3, "01001990"),
            with(3, "01/05/1990"),
            with(3, "19900501"),
            with(3, "0105199"),
            with(3, "010519é"),
            with(4, ""),
            with(4, "Nu"),
            with(4, "male"),
            with(6, "32012021"),
            with(6, "x"),
        ] {
            assert_eq!(read(&text).unwrap_err(), Malformed::Form, "{text:?}");
        }
        for text in ["", " \r\n", "\u{feff}"] {
            assert_eq!(read(text).unwrap_err(), Malformed::Empty, "{text:?}");
        }
        for text in [with(0, "001227012345"), with(3, "01012027")] {
            assert_eq!(read(&text).unwrap_err(), Malformed::Future, "{text:?}");
        }
        assert_eq!(read(&with(5, &"a".repeat(QR_BYTES_MAX))).unwrap_err(), Malformed::TooLong);
        let longest = QR_BYTES_MAX - with(5, "").len();
        assert!(read(&with(5, &"a".repeat(longest))).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(
            text in "[0-9]{12}\\|[0-9]{0,9}\\|.{0,9}\\|\\PC{0,8}\\|\\PC{0,3}\\|.{0,9}\\|\\PC{0,8}",
        ) {
            let _whatever_comes = read(&text);
        }
    }
}
