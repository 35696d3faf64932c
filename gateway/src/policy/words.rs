//! Operations, attributes and near misses as people say them, in both languages.

use super::Reason;
use crate::request::{Attribute, Operation};

/// The languages of the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Vietnamese,
    English,
}

/// The same thing in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Words {
    vi: &'static str,
    en: &'static str,
}

impl Words {
    pub(super) fn in_language(self, language: Language) -> &'static str {
        match language {
            Language::Vietnamese => self.vi,
            Language::English => self.en,
        }
    }
}

const fn words(vi: &'static str, en: &'static str) -> Words {
    Words { vi, en }
}

/// What somebody with this operation may do: follows "may" and "được".
pub(super) fn operation(operation: Operation) -> Words {
    match operation {
        Operation::Verify => words(
            "đối chiếu thông tin mình có về một người",
            "compare what you hold about a person with the register",
        ),
        Operation::Lookup => words("xem thông tin của một người", "read values about a person"),
        Operation::Insurance => words(
            "kiểm tra một người có bảo hiểm y tế hay không",
            "see whether a person is insured now",
        ),
        Operation::Sync => {
            words("nhận các thay đổi của cơ sở dữ liệu", "follow the changes of the register")
        }
        Operation::Push => words("báo các sự kiện hộ tịch", "report vital events to the register"),
        Operation::Report => words("xem số liệu của mọi hệ thống", "see everyone's figures"),
        Operation::History => {
            words("xem ai đã tra cứu về một người", "see who asked about a person")
        }
        Operation::Audit => words("đọc nhật ký của mọi hệ thống", "read the log of all clients"),
        Operation::Admin => words(
            "quản trị các hệ thống kết nối, chính sách và khóa",
            "administer clients, policies and keys",
        ),
    }
}

/// An attribute as a form names it.
pub(super) fn attribute(attribute: Attribute) -> Words {
    match attribute {
        Attribute::FullName => words("họ và tên", "full name"),
        Attribute::DateOfBirth => words("ngày sinh", "date of birth"),
        Attribute::Sex => words("giới tính", "sex"),
        Attribute::OldIdNumber => words("số chứng minh nhân dân cũ", "old identity card number"),
        Attribute::CardIssueDate => words("ngày cấp thẻ", "date of issue of the card"),
        Attribute::PlaceOfOrigin => words("quê quán", "place of origin"),
        Attribute::PermanentAddress => words("nơi thường trú", "permanent address"),
        Attribute::InsuranceNumber => words("mã số bảo hiểm y tế", "health insurance number"),
    }
}

/// A near miss that a policy can accept; `None` for the reasons that are none and change nothing
/// where a policy lists them.
pub(super) fn near_miss(reason: Reason) -> Option<Words> {
    Some(match reason {
        Reason::MarksMissing => words("họ tên viết không dấu", "the name without any diacritics"),
        Reason::ToneDiffers => words("họ tên sai một dấu thanh", "one tone of the name differs"),
        Reason::OneLetter => words("họ tên sai một chữ cái", "one letter of the name differs"),
        Reason::TokenMissing => words("họ tên thiếu một chữ", "the name lacks a word"),
        Reason::ExtraToken => words("họ tên thừa một chữ", "the name has one word too many"),
        Reason::TokenOrder => {
            words("họ tên đảo thứ tự các chữ", "the words of the name in another order")
        }
        Reason::Initials => {
            words("họ tên viết tắt bằng chữ cái đầu", "words of the name as first letters")
        }
        Reason::DayMonthSwapped => {
            words("ngày và tháng bị đảo chỗ", "day and month have changed places")
        }
        Reason::OneDigit => words("ngày tháng sai một chữ số", "one digit of a date differs"),
        Reason::YearOnly => words(
            "một bên chỉ có năm hoặc tháng và phần đó khớp",
            "one side has the coarser date and they agree as far as it goes",
        ),
        Reason::MergedPlace => words(
            "cùng một địa danh theo mã trước hoặc sau sắp xếp năm 2025",
            "the same place in the codes of the other side of the merger of 2025",
        ),
        Reason::Squashed => words("họ tên viết liền", "the name with its spaces lost"),
        Reason::SubjectAmbiguous | Reason::RegistryUnavailable | Reason::Different => return None,
    })
}
