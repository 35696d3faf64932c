//! A policy in plain words: what a client may ask, what it must send, which near misses count as a
//! match, and what it gets to see. The sentences follow the policy and never the other way round.

use super::document::{Disclosure, Officials, ParsedGrant, Policy};
use super::purposes::PurposeName;
use super::words::{self, Language};
use crate::request::{AttributeSet, Operation, Purpose};

/// The same sentences in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// In Vietnamese.
    pub vi: Vec<String>,
    /// In English.
    pub en: Vec<String>,
}

impl Summary {
    /// Says what a policy says.
    pub fn of(policy: &Policy) -> Self {
        Self {
            vi: sentences(policy, Language::Vietnamese),
            en: sentences(policy, Language::English),
        }
    }
}

fn sentences(policy: &Policy, language: Language) -> Vec<String> {
    let mut sentences: Vec<String> =
        policy.grants().iter().map(|grant| may_do(grant, language)).collect();
    if sentences.is_empty() {
        sentences.push(in_language(
            language,
            "Chính sách này không cho phép thao tác nào.",
            "This policy permits nothing.",
        ));
    }
    // What has no outcome compares nothing: the rest would be about something that never happens.
    if policy.operations().iter().any(Operation::is_counted) {
        sentences.push(must_send(policy.required(), language));
        sentences.push(names_official(policy.officials(), language));
        sentences.push(counts_as_match(policy, language));
        sentences.push(gets_to_see(policy.disclosure(), language));
        sentences.push(learns_status(policy.discloses_status(), language));
    }
    sentences
}

fn may_do(grant: &ParsedGrant, language: Language) -> String {
    let operations = list(grant.operations().iter().map(words::operation), "; ", language);
    let purposes: Vec<String> =
        grant.purposes().iter().map(|purpose| named(purpose, language)).collect();
    let (purposes, attributes) = (purposes.join(", "), attributes(grant.attributes(), language));
    match (language, grant.attributes().is_empty()) {
        (Language::Vietnamese, true) => {
            format!("Với mục đích {purposes}, đơn vị được: {operations}.")
        }
        (Language::Vietnamese, false) => format!(
            "Với mục đích {purposes}, đơn vị được: {operations}. Thuộc tính được hỏi: {attributes}."
        ),
        (Language::English, true) => format!("For {purposes} you may: {operations}."),
        (Language::English, false) => {
            format!("For {purposes} you may: {operations}. You may ask about: {attributes}.")
        }
    }
}

/// The code, which is what a request sends, with its name before it where it has one.
pub(super) fn named(purpose: &Purpose, language: Language) -> String {
    let code = purpose.as_str();
    let name = PurposeName::find(purpose).map(|name| match language {
        Language::Vietnamese => &name.vi,
        Language::English => &name.en,
    });
    name.map_or_else(|| code.to_owned(), |name| format!("\"{name}\" ({code})"))
}

fn must_send(required: AttributeSet, language: Language) -> String {
    if required.is_empty() {
        return in_language(
            language,
            "Không bắt buộc gửi thuộc tính nào.",
            "No attribute is required.",
        );
    }
    let attributes = attributes(required, language);
    match language {
        Language::Vietnamese => format!("Mỗi yêu cầu về một người phải gửi: {attributes}."),
        Language::English => format!("Every request about a person must send: {attributes}."),
    }
}

pub(super) fn names_official(officials: Officials, language: Language) -> String {
    match officials {
        Officials::Optional => in_language(
            language,
            "Có thể nêu cán bộ tra cứu hoặc không.",
            "The official who asks may be named or not.",
        ),
        Officials::Known => in_language(
            language,
            "Cán bộ tra cứu nếu được nêu phải có trong danh sách mà đơn vị đã gửi.",
            "The official who asks may be named, and must then be on the list that you have sent.",
        ),
        Officials::Required => in_language(
            language,
            "Mỗi yêu cầu phải nêu cán bộ tra cứu có trong danh sách mà đơn vị đã gửi.",
            "Every request must name the official who asks, who must be on the list that you have \
             sent.",
        ),
    }
}

fn counts_as_match(policy: &Policy, language: Language) -> String {
    let accepted = policy.accepted_reasons().iter().filter_map(words::near_miss);
    let accepted = list(accepted, "; ", language);
    match (language, accepted.is_empty()) {
        (Language::Vietnamese, true) => {
            "Không chấp nhận trường hợp gần đúng nào: mọi thuộc tính bắt buộc phải khớp.".into()
        }
        (Language::Vietnamese, false) => {
            format!("Các trường hợp gần đúng sau được coi là khớp: {accepted}.")
        }
        (Language::English, true) => {
            "No near miss counts as a match: every required attribute has to be right.".into()
        }
        (Language::English, false) => format!("These near misses count as a match: {accepted}."),
    }
}

pub(super) fn gets_to_see(disclosure: Disclosure, language: Language) -> String {
    match disclosure {
        Disclosure::Outcome => in_language(
            language,
            "Đơn vị chỉ thấy kết quả chung.",
            "You see the outcome of the whole and nothing else.",
        ),
        Disclosure::Verdicts => in_language(
            language,
            "Đơn vị thấy kết quả chung và kết quả của từng thuộc tính, không kèm lý do.",
            "You see the outcome and the verdict on each attribute, without reasons.",
        ),
        Disclosure::Reasons => in_language(
            language,
            "Đơn vị thấy kết quả chung, kết quả của từng thuộc tính và lý do khi không khớp.",
            "You see the outcome, the verdict on each attribute, and the reason where it is not a \
             match.",
        ),
    }
}

pub(super) fn learns_status(discloses_status: bool, language: Language) -> String {
    if discloses_status {
        return in_language(
            language,
            "Đơn vị được biết người đó còn sống, đã chết, đã đổi số hay không có trong cơ sở dữ \
             liệu.",
            "You are told whether the person is alive, dead, under another number by now, or \
             unknown.",
        );
    }
    in_language(
        language,
        "Đơn vị không được biết một số có tồn tại hay không: khi không có đúng họ tên, mọi câu \
         trả lời đều như nhau.",
        "You are not told whether a number exists: without the right name all answers read alike.",
    )
}

pub(super) fn attributes(attributes: AttributeSet, language: Language) -> String {
    list(attributes.iter().map(words::attribute), ", ", language)
}

pub(super) fn list(
    items: impl Iterator<Item = words::Words>,
    separator: &str,
    language: Language,
) -> String {
    items.map(|item| item.in_language(language)).collect::<Vec<_>>().join(separator)
}

fn in_language(language: Language, vi: &str, en: &str) -> String {
    match language {
        Language::Vietnamese => vi.to_owned(),
        Language::English => en.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Reason;

    const CARRIER: &str = r#"{
        "grants": [{"operations": ["verify"], "purposes": ["telecom.subscriber", "own.code"],
                    "attributes": ["full_name", "date_of_birth"]}],
        "required": ["full_name"], "accepted_reasons": ["marks_missing", "year_only", "different"],
        "disclosure": "reasons", "rate": 1, "burst": 1}"#;

    fn summary(document: &str) -> Summary {
        Summary::of(&Policy::parse("p", 1, document).unwrap())
    }

    #[test]
    fn a_policy_is_told_in_both_languages() {
        let Summary { vi, en } = summary(CARRIER);
        insta::assert_snapshot!(en.join("\n"), @r#"
        For "Verify a subscriber at registration" (telecom.subscriber), own.code you may: compare what you hold about a person with the register. You may ask about: full name, date of birth.
        Every request about a person must send: full name.
        The official who asks may be named or not.
        These near misses count as a match: the name without any diacritics; one side has the coarser date and they agree as far as it goes.
        You see the outcome, the verdict on each attribute, and the reason where it is not a match.
        You are not told whether a number exists: without the right name all answers read alike.
        "#);
        insta::assert_snapshot!(vi.join("\n"), @r#"
        Với mục đích "Xác thực thông tin thuê bao" (telecom.subscriber), own.code, đơn vị được: đối chiếu thông tin mình có về một người. Thuộc tính được hỏi: họ và tên, ngày sinh.
        Mỗi yêu cầu về một người phải gửi: họ và tên.
        Có thể nêu cán bộ tra cứu hoặc không.
        Các trường hợp gần đúng sau được coi là khớp: họ tên viết không dấu; một bên chỉ có năm hoặc tháng và phần đó khớp.
        Đơn vị thấy kết quả chung, kết quả của từng thuộc tính và lý do khi không khớp.
        Đơn vị không được biết một số có tồn tại hay không: khi không có đúng họ tên, mọi câu trả lời đều như nhau.
        "#);
    }

    #[test]
    fn what_compares_nothing_says_nothing_of_comparing() {
        let document = r#"{"grants": [{"operations": ["report", "audit"],
            "purposes": ["operations.report"]}], "disclosure": "outcome", "rate": 1, "burst": 1}"#;
        let Summary { vi, en } = summary(document);
        let expected = "For \"Reporting and supervision\" (operations.report) you may: see \
                        everyone's figures; read the log of all clients.";
        assert_eq!((en, vi.len()), (vec![expected.to_owned()], 1));
        let nothing = r#"{"grants": [], "disclosure": "outcome", "rate": 1, "burst": 1}"#;
        assert_eq!(summary(nothing).en, ["This policy permits nothing."]);
    }

    /// Every sentence that depends on the policy, in every form it has.
    #[test]
    fn each_part_of_a_policy_changes_its_sentence_and_no_other() {
        let base = summary(CARRIER);
        for (from, to, place) in [
            (r#""verify""#, r#""verify", "lookup""#, 0),
            (r#""own.code""#, r#""health.insurance""#, 0),
            (r#""full_name", "date_of_birth""#, r#""sex""#, 0),
            (r#""required": ["full_name"]"#, r#""required": []"#, 1),
            (r#""required": ["full_name"]"#, r#""required": ["sex"]"#, 1),
            (r#""marks_missing", "year_only", "different""#, r#""different""#, 3),
            (r#""marks_missing""#, r#""one_letter""#, 3),
            (r#""disclosure": "reasons""#, r#""disclosure": "verdicts""#, 4),
            (r#""disclosure": "reasons""#, r#""disclosure": "outcome""#, 4),
            (r#""rate": 1"#, r#""discloses_status": true, "rate": 1"#, 5),
            (r#""rate": 1"#, r#""officials": "known", "rate": 1"#, 2),
            (r#""rate": 1"#, r#""officials": "required", "rate": 1"#, 2),
        ] {
            let changed = summary(&CARRIER.replace(from, to));
            for (before, after) in [(&base.vi, &changed.vi), (&base.en, &changed.en)] {
                let differs: Vec<usize> =
                    (0..before.len()).filter(|place| before[*place] != after[*place]).collect();
                assert_eq!((differs, after.len()), (vec![place], before.len()), "{to}");
            }
        }
    }

    #[test]
    fn a_reason_that_is_no_near_miss_is_not_told_as_one() {
        let unsaid: Vec<Reason> =
            Reason::ALL.into_iter().filter(|reason| words::near_miss(*reason).is_none()).collect();
        let none = [Reason::SubjectAmbiguous, Reason::RegistryUnavailable, Reason::Different];
        assert_eq!(unsaid, none);
    }
}
