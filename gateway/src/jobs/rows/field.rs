//! The fields of a row, and how the columns that hold them are called.
//!
//! Headers are compared without marks, case, spaces and punctuation: `Số CCCD`, `so_cccd` and
//! `SOCCCD` are one name.

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

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
        self.names().0
    }

    /// Other names by which columns are recognised.
    pub fn aliases(self) -> &'static [&'static str] {
        self.names().1
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

    fn names(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::RowId => (
                "row_id",
                &[
                    "STT",
                    "Số thứ tự",
                    "TT",
                    "ID",
                    "Row",
                    "No.",
                    "Row number",
                    "Mã dòng",
                    "Mã bản ghi",
                    "Record ID",
                ],
            ),
            Self::PersonalId => (
                "personal_id",
                &[
                    "CCCD",
                    "Số CCCD",
                    "Mã CCCD",
                    "Căn cước",
                    "Số căn cước",
                    "Thẻ căn cước",
                    "Số thẻ căn cước",
                    "Căn cước công dân",
                    "Số căn cước công dân",
                    "Số thẻ căn cước công dân",
                    "Số thẻ CCCD",
                    "ĐDCN",
                    "Số ĐDCN",
                    "Mã ĐDCN",
                    "Số định danh",
                    "Mã định danh",
                    "Số định danh cá nhân",
                    "Mã định danh cá nhân",
                    "PID",
                    "Personal number",
                    "Personal identification number",
                    "Citizen ID",
                    "Citizen ID number",
                    "National ID",
                ],
            ),
            Self::IdNumber => (
                "id_number",
                &[
                    "CMND/CCCD",
                    "CCCD/CMND",
                    "Số CMND/CCCD",
                    "Số CCCD/CMND",
                    "Số CMND/Số CCCD",
                    "CMT/CCCD",
                    "Số CMT/CCCD",
                    "CMND/Căn cước",
                    "CMND/Thẻ căn cước",
                    "Số CMND/Căn cước",
                    "CMND hoặc CCCD",
                    "CMND/CCCD/Số định danh",
                    "Số giấy tờ",
                    "Số GTTT",
                    "Identity number",
                    "ID card number",
                    "ID No.",
                ],
            ),
            Self::OldIdNumber => (
                "old_id_number",
                &[
                    "CMND",
                    "Số CMND",
                    "CMT",
                    "Số CMT",
                    "CMTND",
                    "Số CMTND",
                    "Chứng minh nhân dân",
                    "Số chứng minh nhân dân",
                    "CMND cũ",
                    "Số CMND cũ",
                    "CMND 9 số",
                    "Số CMND 9 số",
                    "Old ID",
                    "Old ID card number",
                    "Old identity card number",
                ],
            ),
            Self::CardQr => (
                "card_qr",
                &["QR", "Mã QR", "QR CCCD", "Mã QR CCCD", "QR code", "Chuỗi QR", "Card QR text"],
            ),
            Self::InsuranceNumber => (
                "insurance_number",
                &[
                    "BHXH",
                    "Số BHXH",
                    "Mã BHXH",
                    "Mã số BHXH",
                    "Số sổ BHXH",
                    "BHYT",
                    "Số BHYT",
                    "Mã BHYT",
                    "Mã số BHYT",
                    "Số thẻ BHYT",
                    "Mã thẻ BHYT",
                    "Thẻ BHYT",
                    "Mã số bảo hiểm xã hội",
                    "Số bảo hiểm xã hội",
                    "Số thẻ bảo hiểm y tế",
                    "Health insurance number",
                    "Social insurance number",
                    "Insurance card number",
                ],
            ),
            Self::SubjectToken => ("subject_token", &["Token"]),
            Self::CaseRef => (
                "case_ref",
                &[
                    "Mã hồ sơ",
                    "Số hồ sơ",
                    "Hồ sơ",
                    "Case",
                    "Case reference",
                    "Case number",
                    "Reference",
                ],
            ),
            Self::FullName => (
                "full_name",
                &[
                    "Họ và tên",
                    "Họ tên",
                    "Họ, chữ đệm và tên",
                    "Họ chữ đệm tên",
                    "Họ và tên khai sinh",
                    "Họ tên khách hàng",
                    "Họ và tên khách hàng",
                    "Tên khách hàng",
                    "Tên KH",
                    "Tên thuê bao",
                    "Chủ thuê bao",
                    "Tên chủ thuê bao",
                    "Họ tên chủ thuê bao",
                    "Họ và tên chủ thuê bao",
                    "Tên đầy đủ",
                    "Họ tên người tham gia",
                    "Họ và tên người tham gia",
                    "Name",
                    "Customer name",
                    "Subscriber name",
                ],
            ),
            Self::DateOfBirth => (
                "date_of_birth",
                &[
                    "Ngày sinh",
                    "Ngày tháng năm sinh",
                    "Năm sinh",
                    "NTNS",
                    "Sinh ngày",
                    "DOB",
                    "Birth date",
                    "Birthday",
                    "Year of birth",
                ],
            ),
            Self::Sex => ("sex", &["Giới tính", "Phái", "Gender", "GT"]),
            Self::CardIssueDate => (
                "card_issue_date",
                &[
                    "Ngày cấp",
                    "Ngày cấp CCCD",
                    "Ngày cấp thẻ",
                    "Ngày cấp căn cước",
                    "Ngày cấp CMND/CCCD",
                    "Issue date",
                    "Date of issue",
                    "Issued on",
                ],
            ),
            Self::OriginScheme => ("place_of_origin.scheme", &["Bộ mã quê quán"]),
            Self::OriginProvince => (
                "place_of_origin.province",
                &[
                    "Mã tỉnh quê quán",
                    "Quê quán mã tỉnh",
                    "Mã tỉnh nguyên quán",
                    "Origin province code",
                ],
            ),
            Self::OriginCommune => (
                "place_of_origin.commune",
                &["Mã xã quê quán", "Quê quán mã xã", "Mã xã nguyên quán", "Origin commune code"],
            ),
            Self::AddressScheme => ("permanent_address.scheme", &["Bộ mã thường trú"]),
            Self::AddressProvince => (
                "permanent_address.province",
                &["Mã tỉnh thường trú", "Thường trú mã tỉnh", "Mã tỉnh HKTT"],
            ),
            Self::AddressCommune => (
                "permanent_address.commune",
                &["Mã xã thường trú", "Thường trú mã xã", "Mã xã HKTT"],
            ),
        }
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
