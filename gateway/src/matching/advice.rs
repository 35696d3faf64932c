//! What the clerk should do now: one sentence from a closed list, never a value.
//!
//! Advice is made from what [`disclose`] shows and from nothing else, so that it cannot tell more
//! than the answer it stands in.

use super::{Findings, Outcome, Shown, Verdict, disclose};
use crate::policy::{Disclosure, Reason, ReasonSet};
use crate::population::SubjectStatus;
use crate::request::Attribute;

/// What a clerk can do about an answer that is not `matched`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Advice {
    /// Type it again as the card has it.
    CopyFromCard,
    /// Day and month have changed places: type the date again.
    RetypeDayMonth,
    /// Ask with the 12-digit number in place of the old one.
    UseNewNumber,
    /// The number itself is wrong: type it again.
    RetypeNumber,
    /// Use the code of the place after the merger of 2025.
    UseNewPlaceCode,
    /// The register lacks the value: the person can have it entered.
    CorrectAtPolice,
    /// Nothing is wrong with the claims: ask again.
    RetryLater,
    /// The papers and the register disagree: let the operator look.
    OpenDispute,
    /// The client's policy does not cover the question.
    AskOperator,
}

impl Advice {
    /// All advice.
    pub const ALL: [Self; 9] = [
        Self::CopyFromCard,
        Self::RetypeDayMonth,
        Self::UseNewNumber,
        Self::RetypeNumber,
        Self::UseNewPlaceCode,
        Self::CorrectAtPolice,
        Self::RetryLater,
        Self::OpenDispute,
        Self::AskOperator,
    ];

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::CopyFromCard => "copy_from_card",
            Self::RetypeDayMonth => "retype_day_month",
            Self::UseNewNumber => "use_new_number",
            Self::RetypeNumber => "retype_number",
            Self::UseNewPlaceCode => "use_new_place_code",
            Self::CorrectAtPolice => "correct_at_police",
            Self::RetryLater => "retry_later",
            Self::OpenDispute => "open_dispute",
            Self::AskOperator => "ask_operator",
        }
    }

    /// The sentence in Vietnamese.
    pub fn vi(self) -> &'static str {
        match self {
            Self::CopyFromCard => {
                "Vui lòng nhập lại đúng như trên thẻ căn cước, đủ dấu và đủ chữ, rồi kiểm tra lại."
            }
            Self::RetypeDayMonth => {
                "Ngày và tháng có thể bị đảo chỗ. Vui lòng nhập lại theo thứ tự ngày, tháng, năm."
            }
            Self::UseNewNumber => {
                "Vui lòng dùng số định danh cá nhân 12 chữ số trên thẻ căn cước mới nhất."
            }
            Self::RetypeNumber => "Vui lòng kiểm tra và nhập lại số đúng như trên thẻ.",
            Self::UseNewPlaceCode => {
                "Vui lòng dùng mã địa danh theo danh mục áp dụng từ ngày 01/7/2025."
            }
            Self::CorrectAtPolice => {
                "Cơ sở dữ liệu chưa có thông tin này. Vui lòng hướng dẫn người dân liên hệ công an \
                 cấp xã nơi cư trú để bổ sung."
            }
            Self::RetryLater => "Chưa kiểm tra được. Vui lòng thử lại sau ít phút.",
            Self::OpenDispute => {
                "Nếu giấy tờ gốc đúng như thông tin đã gửi, vui lòng gửi yêu cầu rà soát kèm biên \
                 nhận này."
            }
            Self::AskOperator => {
                "Đơn vị chưa được phép kiểm tra thông tin này. Vui lòng liên hệ đơn vị vận hành."
            }
        }
    }

    /// The sentence in English.
    pub fn en(self) -> &'static str {
        match self {
            Self::CopyFromCard => {
                "Please type it again exactly as on the identity card, with every mark and every \
                 word, and check again."
            }
            Self::RetypeDayMonth => {
                "Day and month may have changed places. Please type the date again as day, month, \
                 year."
            }
            Self::UseNewNumber => {
                "Please use the 12-digit personal number on the latest identity card."
            }
            Self::RetypeNumber => {
                "Please check the number and type it again as it stands on the card."
            }
            Self::UseNewPlaceCode => {
                "Please use the place code from the list in force since 1 July 2025."
            }
            Self::CorrectAtPolice => {
                "The register does not hold this yet. Please direct the person to the commune \
                 police where they live to have it added."
            }
            Self::RetryLater => "It could not be checked. Please try again in a few minutes.",
            Self::OpenDispute => {
                "If the original papers say what was sent, please open a dispute with this receipt."
            }
            Self::AskOperator => {
                "Your organisation may not check this. Please contact the operator."
            }
        }
    }
}

/// The advice that goes with an answer; `None` for `matched` alone.
///
/// `findings` are those left by [`conceal_existence`](super::conceal_existence), `accepted` the
/// near misses that need no repair, and `status` the subject's status where the policy discloses
/// it, else `None`.
pub fn advice(
    outcome: Outcome,
    findings: &Findings,
    accepted: ReasonSet,
    disclosure: Disclosure,
    status: Option<SubjectStatus>,
) -> Option<Advice> {
    match outcome {
        Outcome::Matched => None,
        Outcome::Refused => Some(Advice::AskOperator),
        Outcome::NotMatched => {
            let repair = disclose(findings, disclosure)
                .filter_map(|(attribute, shown)| repair(attribute, shown, accepted))
                .min();
            Some(for_status(status).or(repair).unwrap_or(Advice::CopyFromCard))
        }
        Outcome::Inconclusive => {
            let remedy =
                disclose(findings, disclosure).filter_map(|(_, shown)| remedy(shown)).min();
            Some(remedy.map_or(Advice::RetryLater, Remedy::advice))
        }
    }
}

/// A wrong or cancelled number is repaired before anything else.
fn for_status(status: Option<SubjectStatus>) -> Option<Advice> {
    match status? {
        SubjectStatus::Unknown => Some(Advice::RetypeNumber),
        SubjectStatus::Superseded => Some(Advice::UseNewNumber),
        SubjectStatus::Active | SubjectStatus::Deceased | SubjectStatus::NotAsked => None,
    }
}

/// What would repair one finding of an answer that is not matched. Of several the caller gets the
/// first in the order of [`Advice`]: copying from the card repairs the most at once.
fn repair(attribute: Attribute, shown: Shown, accepted: ReasonSet) -> Option<Advice> {
    match shown.verdict {
        Verdict::NoMatch => Some(for_difference(attribute)),
        Verdict::Close => match shown.reason {
            Some(reason) if accepted.contains(reason) => None,
            Some(reason) => Some(for_near_miss(reason)),
            None => Some(Advice::CopyFromCard),
        },
        Verdict::Match | Verdict::NotOnFile | Verdict::NotChecked | Verdict::NotPermitted => None,
    }
}

/// What stands on the card can be copied from it. The rest comes from other papers or has changed
/// since, so that typing it again helps less than having it looked at.
fn for_difference(attribute: Attribute) -> Advice {
    match attribute {
        Attribute::FullName
        | Attribute::DateOfBirth
        | Attribute::Sex
        | Attribute::CardIssueDate => Advice::CopyFromCard,
        Attribute::OldIdNumber
        | Attribute::PlaceOfOrigin
        | Attribute::PermanentAddress
        | Attribute::InsuranceNumber => Advice::OpenDispute,
    }
}

fn for_near_miss(reason: Reason) -> Advice {
    match reason {
        Reason::DayMonthSwapped => Advice::RetypeDayMonth,
        Reason::MergedPlace => Advice::UseNewPlaceCode,
        // A card shows a birth date at the register's precision, so it repairs `year_only` too.
        Reason::YearOnly
        | Reason::MarksMissing
        | Reason::ToneDiffers
        | Reason::OneLetter
        | Reason::TokenMissing
        | Reason::ExtraToken
        | Reason::TokenOrder
        | Reason::Initials
        | Reason::OneDigit
        | Reason::Squashed
        | Reason::SubjectAmbiguous
        | Reason::RegistryUnavailable
        | Reason::Different => Advice::CopyFromCard,
    }
}

/// Ways out of an inconclusive answer, the most pressing first: nothing else is known before the
/// subject is found and the register has answered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Remedy {
    NameOneSubject,
    AskAgain,
    CompleteRegister,
    WidenPolicy,
}

impl Remedy {
    fn advice(self) -> Advice {
        match self {
            Self::NameOneSubject => Advice::UseNewNumber,
            Self::AskAgain => Advice::RetryLater,
            Self::CompleteRegister => Advice::CorrectAtPolice,
            Self::WidenPolicy => Advice::AskOperator,
        }
    }
}

fn remedy(shown: Shown) -> Option<Remedy> {
    match shown.verdict {
        Verdict::NotChecked if shown.reason == Some(Reason::SubjectAmbiguous) => {
            Some(Remedy::NameOneSubject)
        }
        Verdict::NotChecked => Some(Remedy::AskAgain),
        Verdict::NotOnFile => Some(Remedy::CompleteRegister),
        Verdict::NotPermitted => Some(Remedy::WidenPolicy),
        Verdict::Match | Verdict::Close | Verdict::NoMatch => None,
    }
}
