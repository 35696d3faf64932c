//! How holders of records call their columns, in Vietnamese and English.
//!
//! Only names that cannot mean anything else: a column `Mã tỉnh` may be that of a shop. Names that
//! differ by marks, case, spaces or punctuation are one and stand here once.

pub(super) const ROW_ID: [&str; 10] = [
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
];
pub(super) const PERSONAL_ID: [&str; 24] = [
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
];
pub(super) const ID_NUMBER: [&str; 17] = [
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
];
pub(super) const OLD_ID_NUMBER: [&str; 15] = [
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
];
pub(super) const CARD_QR: [&str; 7] =
    ["QR", "Mã QR", "QR CCCD", "Mã QR CCCD", "QR code", "Chuỗi QR", "Card QR text"];
pub(super) const INSURANCE_NUMBER: [&str; 18] = [
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
];
pub(super) const SUBJECT_TOKEN: [&str; 1] = ["Token"];
pub(super) const CASE_REF: [&str; 7] =
    ["Mã hồ sơ", "Số hồ sơ", "Hồ sơ", "Case", "Case reference", "Case number", "Reference"];
pub(super) const FULL_NAME: [&str; 20] = [
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
];
pub(super) const DATE_OF_BIRTH: [&str; 9] = [
    "Ngày sinh",
    "Ngày tháng năm sinh",
    "Năm sinh",
    "NTNS",
    "Sinh ngày",
    "DOB",
    "Birth date",
    "Birthday",
    "Year of birth",
];
pub(super) const SEX: [&str; 4] = ["Giới tính", "Phái", "Gender", "GT"];
pub(super) const CARD_ISSUE_DATE: [&str; 8] = [
    "Ngày cấp",
    "Ngày cấp CCCD",
    "Ngày cấp thẻ",
    "Ngày cấp căn cước",
    "Ngày cấp CMND/CCCD",
    "Issue date",
    "Date of issue",
    "Issued on",
];
pub(super) const ORIGIN_SCHEME: [&str; 1] = ["Bộ mã quê quán"];
pub(super) const ORIGIN_PROVINCE: [&str; 4] =
    ["Mã tỉnh quê quán", "Quê quán mã tỉnh", "Mã tỉnh nguyên quán", "Origin province code"];
pub(super) const ORIGIN_COMMUNE: [&str; 4] =
    ["Mã xã quê quán", "Quê quán mã xã", "Mã xã nguyên quán", "Origin commune code"];
pub(super) const ADDRESS_SCHEME: [&str; 1] = ["Bộ mã thường trú"];
pub(super) const ADDRESS_PROVINCE: [&str; 3] =
    ["Mã tỉnh thường trú", "Thường trú mã tỉnh", "Mã tỉnh HKTT"];
pub(super) const ADDRESS_COMMUNE: [&str; 3] =
    ["Mã xã thường trú", "Thường trú mã xã", "Mã xã HKTT"];
