//! The fields of a row, and how the columns that hold them are called.
//!
//! Headers are compared without marks, case, spaces and punctuation: `Số CCCD`, `so_cccd` and
//! `SOCCCD` are one name.

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::aliases;

/// What a column may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// The caller's own name of the row, given back with its result.
    RowId,
    /// Personal identification number.
    PersonalId,
    /// Personal identification number or number of the old card, told apart by their digits.
    IdNumber,
    /// Number of the old identity card.
    OldIdNumber,
    /// QR text of the chip card.
    CardQr,
    /// Health insurance number.
    InsuranceNumber,
    /// Token that the client was given before.
    SubjectToken,
    /// The caller's reference to a file.
    CaseRef,
    /// Full name.
    FullName,
    /// Date of birth.
    DateOfBirth,
    /// Sex.
    Sex,
    /// Date of issue of the current card.
    CardIssueDate,
    /// Code scheme of the place of origin.
    OriginScheme,
    /// Province of the place of origin.
    OriginProvince,
    /// Commune of the place of origin.
    OriginCommune,
    /// Code scheme of the permanent address.
    AddressScheme,
    /// Province of the permanent address.
    AddressProvince,
    /// Commune of the permanent address.
    AddressCommune,
}

impl Field {
    /// All fields in their order.
    pub const ALL: [Self; 18] = [
        Self::RowId,
        Self::PersonalId,
        Self::IdNumber,
        Self::OldIdNumber,
        Self::CardQr,
        Self::InsuranceNumber,
        Self::SubjectToken,
        Self::CaseRef,
        Self::FullName,
        Self::DateOfBirth,
        Self::Sex,
        Self::CardIssueDate,
        Self::OriginScheme,
        Self::OriginProvince,
        Self::OriginCommune,
        Self::AddressScheme,
        Self::AddressProvince,
        Self::AddressCommune,
    ];

    /// Those by which a person can be named; a file has at least one of them.
    pub const KEYS: [Self; 6] = [
        Self::PersonalId,
        Self::IdNumber,
        Self::CardQr,
        Self::SubjectToken,
        Self::OldIdNumber,
        Self::InsuranceNumber,
    ];

    /// The canonical name, which is that of the request's member.
    pub fn name(self) -> &'static str {
        match self {
            Self::RowId => "row_id",
            Self::PersonalId => "personal_id",
            Self::IdNumber => "id_number",
            Self::OldIdNumber => "old_id_number",
            Self::CardQr => "card_qr",
            Self::InsuranceNumber => "insurance_number",
            Self::SubjectToken => "subject_token",
            Self::CaseRef => "case_ref",
            Self::FullName => "full_name",
            Self::DateOfBirth => "date_of_birth",
            Self::Sex => "sex",
            Self::CardIssueDate => "card_issue_date",
            Self::OriginScheme => "place_of_origin.scheme",
            Self::OriginProvince => "place_of_origin.province",
            Self::OriginCommune => "place_of_origin.commune",
            Self::AddressScheme => "permanent_address.scheme",
            Self::AddressProvince => "permanent_address.province",
            Self::AddressCommune => "permanent_address.commune",
        }
    }

    /// Other names by which columns are recognised.
    pub fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::RowId => &aliases::ROW_ID,
            Self::PersonalId => &aliases::PERSONAL_ID,
            Self::IdNumber => &aliases::ID_NUMBER,
            Self::OldIdNumber => &aliases::OLD_ID_NUMBER,
            Self::CardQr => &aliases::CARD_QR,
            Self::InsuranceNumber => &aliases::INSURANCE_NUMBER,
            Self::SubjectToken => &aliases::SUBJECT_TOKEN,
            Self::CaseRef => &aliases::CASE_REF,
            Self::FullName => &aliases::FULL_NAME,
            Self::DateOfBirth => &aliases::DATE_OF_BIRTH,
            Self::Sex => &aliases::SEX,
            Self::CardIssueDate => &aliases::CARD_ISSUE_DATE,
            Self::OriginScheme => &aliases::ORIGIN_SCHEME,
            Self::OriginProvince => &aliases::ORIGIN_PROVINCE,
            Self::OriginCommune => &aliases::ORIGIN_COMMUNE,
            Self::AddressScheme => &aliases::ADDRESS_SCHEME,
            Self::AddressProvince => &aliases::ADDRESS_PROVINCE,
            Self::AddressCommune => &aliases::ADDRESS_COMMUNE,
        }
    }

    /// The field with this canonical name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    /// The field that a column of this name holds, as far as it can be told.
    pub(super) fn recognise(header: &str) -> Option<Self> {
        static NAMES: LazyLock<HashMap<String, Field>> = LazyLock::new(|| {
            let names =
                |field: Field| std::iter::once(field.name()).chain(field.aliases().iter().copied());
            let folded = |field: Field| names(field).map(move |name| (folded(name), field));
            Field::ALL.into_iter().flat_map(folded).collect()
        });
        NAMES.get(&folded(header)).copied()
    }
}

/// A header as it is compared: letters and figures alone, small, without marks.
pub(super) fn folded(header: &str) -> String {
    let plain = header.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
    let plain = plain.map(|c| if c == 'đ' { 'd' } else { c });
    plain.filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_compared_without_marks_case_spaces_and_punctuation() {
        for (header, field) in [
            ("Số CCCD", Field::PersonalId),
            ("so_cccd", Field::PersonalId),
            ("  SỐ   CCCD ", Field::PersonalId),
            ("So\u{302}\u{301} CCCD", Field::PersonalId),
            ("số ĐDCN", Field::PersonalId),
            ("So DDCN", Field::PersonalId),
            ("CMND/CCCD", Field::IdNumber),
            ("Họ và tên", Field::FullName),
            ("Ho va ten (*)", Field::FullName),
            ("Ngày sinh", Field::DateOfBirth),
            ("Giới tính", Field::Sex),
            ("Mã số BHXH", Field::InsuranceNumber),
            ("STT", Field::RowId),
            ("No", Field::RowId),
            ("permanentAddress.province", Field::AddressProvince),
        ] {
            assert_eq!(Field::recognise(header), Some(field), "{header}");
        }
        for header in ["", "-", "Địa chỉ", "001090012345", "Số CCCD của vợ", "Số điện thoại"]
        {
            assert_eq!(Field::recognise(header), None, "{header}");
        }
    }

    #[test]
    fn no_name_stands_for_two_fields_and_none_is_there_twice() {
        let mut names = HashMap::new();
        for field in Field::ALL {
            assert_eq!(Field::find(field.name()), Some(field));
            for name in field.aliases().iter().chain([&field.name()]) {
                let other = names.insert(folded(name), *name);
                assert_eq!(other, None, "{name}");
            }
        }
    }

    #[test]
    fn the_order_of_the_fields_is_that_of_their_numbers() {
        for (place, field) in Field::ALL.into_iter().enumerate() {
            assert_eq!(field as usize, place);
        }
    }
}
