//! The JSON of `POST /v1/persons/batch-get`, written and read without a detour.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::Deserialize;

use super::{Finding, Person, Question, Record, SubjectStatus};
use crate::clock::Micros;
use crate::request::{
    Address, Attribute, InsuranceNumber, OldIdNumber, PartialDate, PersonalId, Sex,
};

/// The register's answer does not follow the contract.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Not the JSON of the contract. Says where and never what: the parser's own message quotes
    /// values, and they are personal.
    #[error("the answer is not the JSON of the contract: line {line}, column {column}")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// A value that its field cannot have.
    #[error("the answer holds a value that {field} cannot have")]
    Value {
        /// The field.
        field: &'static str,
    },
    /// More or fewer answers than questions.
    #[error("{answers} answers came for {questions} questions")]
    Count {
        /// Questions put.
        questions: usize,
        /// Answers that came.
        answers: usize,
    },
}

/// The field of cancelled numbers, which is no attribute: nobody claims anything about it.
const SUPERSEDED_NUMBERS: &str = "superseded_numbers";

/// Writes the request body. Keys are digits and field names are ours, so nothing needs escaping.
pub(super) fn write_request(questions: &[Question]) -> String {
    let mut body = String::with_capacity(32 + questions.len() * 128);
    body.push_str(r#"{"items":["#);
    for (position, question) in questions.iter().enumerate() {
        if position > 0 {
            body.push(',');
        }
        let (kind, key) = (question.key.kind().name(), question.key);
        write!(body, r#"{{"key":{{"{kind}":"{key}"}},"fields":["#)
            .expect("a String takes every write");
        let superseded = question.superseded_numbers.then_some(SUPERSEDED_NUMBERS);
        let fields = question.fields.iter().map(Attribute::name).chain(superseded);
        for (position, field) in fields.enumerate() {
            if position > 0 {
                body.push(',');
            }
            body.push('"');
            body.push_str(field);
            body.push('"');
        }
        body.push_str("]}");
    }
    body.push_str("]}");
    body
}

/// Reads the answer to `questions`, in their order.
pub(super) fn read_answer(
    questions: usize,
    body: &[u8],
) -> Result<(Option<Micros>, Vec<Finding>), WireError> {
    let answer: AnswerBody<'_> = serde_json::from_slice(body)
        .map_err(|error| WireError::Json { line: error.line(), column: error.column() })?;
    if answer.items.len() != questions {
        return Err(WireError::Count { questions, answers: answer.items.len() });
    }
    let as_of = Micros::parse_rfc3339(&answer.as_of).ok_or(WireError::Value { field: "as_of" })?;
    // One bad record must not spoil the answers of those who were asked for beside it.
    let findings = answer.items.into_iter().map(|item| {
        finding(item.persons).unwrap_or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the register holds a record that cannot be read");
            Finding::Unavailable
        })
    });
    Ok((Some(as_of), findings.collect()))
}

#[derive(Deserialize)]
struct AnswerBody<'a> {
    #[serde(borrow)]
    as_of: Cow<'a, str>,
    #[serde(borrow)]
    items: Vec<ItemBody<'a>>,
}

#[derive(Deserialize)]
struct ItemBody<'a> {
    #[serde(borrow)]
    persons: Vec<PersonBody<'a>>,
}

#[derive(Deserialize)]
struct PersonBody<'a> {
    #[serde(borrow)]
    personal_id: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(default)]
    superseded: bool,
    #[serde(borrow, default)]
    full_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    date_of_birth: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    sex: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    old_id_number: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    card_issue_date: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    place_of_origin: Option<AddressBody<'a>>,
    #[serde(borrow, default)]
    permanent_address: Option<AddressBody<'a>>,
    #[serde(borrow, default)]
    insurance_number: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    superseded_numbers: Vec<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct AddressBody<'a> {
    #[serde(borrow)]
    scheme: Cow<'a, str>,
    #[serde(borrow)]
    province: Cow<'a, str>,
    #[serde(borrow, default)]
    commune: Option<Cow<'a, str>>,
}

fn finding(mut persons: Vec<PersonBody<'_>>) -> Result<Finding, WireError> {
    match persons.len() {
        0 => Ok(Finding::Unknown),
        1 => Ok(Finding::Found(Box::new(person(persons.remove(0))?))),
        _ => Ok(Finding::Ambiguous(persons.into_iter().map(person).collect::<Result<_, _>>()?)),
    }
}

fn person(body: PersonBody<'_>) -> Result<Person, WireError> {
    let bad = |field| move || WireError::Value { field };
    let status = match (SubjectStatus::find(&body.status), body.superseded) {
        (Some(SubjectStatus::Active), true) => SubjectStatus::Superseded,
        (Some(status @ (SubjectStatus::Active | SubjectStatus::Deceased)), _) => status,
        _ => return Err(WireError::Value { field: "status" }),
    };
    let date = |text: Option<Cow<'_, str>>, field| {
        text.map(|text| PartialDate::parse(&text).map_err(|_| WireError::Value { field }))
            .transpose()
    };
    let record = Record {
        full_name: body.full_name.map(|name| name.into_owned().into_boxed_str()),
        date_of_birth: date(body.date_of_birth, "date_of_birth")?,
        sex: body
            .sex
            .map(|text| Sex::parse(&text).map_err(|_| WireError::Value { field: "sex" }))
            .transpose()?,
        old_id_number: body
            .old_id_number
            .map(|text| OldIdNumber::parse(&text).map_err(|_| bad("old_id_number")()))
            .transpose()?,
        card_issue_date: date(body.card_issue_date, "card_issue_date")?,
        place_of_origin: address(body.place_of_origin, "place_of_origin")?,
        permanent_address: address(body.permanent_address, "permanent_address")?,
        insurance_number: body
            .insurance_number
            .map(|text| InsuranceNumber::parse(&text).map_err(|_| bad("insurance_number")()))
            .transpose()?,
        superseded_numbers: body
            .superseded_numbers
            .iter()
            .map(|text| PersonalId::from_register(text).ok_or_else(bad(SUPERSEDED_NUMBERS)))
            .collect::<Result<_, _>>()?,
    };
    let personal_id =
        PersonalId::from_register(&body.personal_id).ok_or_else(bad("personal_id"))?;
    Ok(Person { personal_id, status, record })
}

fn address(
    body: Option<AddressBody<'_>>,
    field: &'static str,
) -> Result<Option<Address>, WireError> {
    body.map(|body| {
        Address::parse(Some(&body.scheme), &body.province, body.commune.as_deref())
            .map_err(|_| WireError::Value { field })
    })
    .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{AttributeSet, SubjectKey};

    /// A question about nothing but who has the key.
    fn nothing(key: SubjectKey) -> Question {
        Question { key, fields: AttributeSet::EMPTY, superseded_numbers: false }
    }

    #[test]
    fn a_question_names_its_own_fields() {
        let key = SubjectKey::PersonalId(PersonalId::from_register("001090012345").unwrap());
        let one =
            Question { fields: AttributeSet::EMPTY.with(Attribute::FullName), ..nothing(key) };
        let two = nothing(key);
        insta::assert_snapshot!(
            write_request(&[one, two]),
            @r#"{"items":[{"key":{"personal_id":"001090012345"},"fields":["full_name"]},{"key":{"personal_id":"001090012345"},"fields":[]}]}"#
        );
    }

    #[test]
    fn cancelled_numbers_are_asked_for_and_read() {
        let key = SubjectKey::PersonalId(PersonalId::from_register("001090012345").unwrap());
        let fields = AttributeSet::EMPTY.with(Attribute::OldIdNumber);
        let question = Question { key, fields, superseded_numbers: true };
        insta::assert_snapshot!(
            write_request(&[question]),
            @r#"{"items":[{"key":{"personal_id":"001090012345"},"fields":["old_id_number","superseded_numbers"]}]}"#
        );
        let person = |numbers: &str| {
            format!(
                r#"{{"as_of":"2026-01-01T00:00:00Z","items":[{{"persons":[{{"personal_id":
                "001090012345","status":"active","superseded_numbers":{numbers}}}]}}]}}"#
            )
        };
        let (_, findings) = read_answer(1, person(r#"["001090054321"]"#).as_bytes()).unwrap();
        let Finding::Found(found) = &findings[0] else { panic!("one person is on file") };
        let number = PersonalId::from_register("001090054321").unwrap();
        assert_eq!(*found.record.superseded_numbers, [number]);
        let (_, findings) = read_answer(1, person(r#"["1"]"#).as_bytes()).unwrap();
        assert!(matches!(findings[0], Finding::Unavailable));
    }

    #[test]
    fn a_key_goes_under_its_own_name_and_in_its_canonical_form() {
        let old = SubjectKey::OldIdNumber(OldIdNumber::parse("012345678").unwrap());
        let card = SubjectKey::InsuranceNumber(InsuranceNumber::parse("DN4790123456789").unwrap());
        let questions = [old, card].map(nothing);
        insta::assert_snapshot!(
            write_request(&questions),
            @r#"{"items":[{"key":{"old_id_number":"012345678"},"fields":[]},{"key":{"insurance_number":"0123456789"},"fields":[]}]}"#
        );
    }

    #[test]
    fn a_shared_key_is_answered_by_several_persons() {
        let body = r#"{"as_of":"2026-01-01T00:00:00Z","items":[{"persons":[
            {"personal_id":"001090012345","status":"active"},
            {"personal_id":"001090012346","status":"deceased"}]}]}"#;
        let (_, findings) = read_answer(1, body.as_bytes()).unwrap();
        let [Finding::Ambiguous(persons)] = &findings[..] else { panic!("two share the key") };
        assert_eq!(persons[1].status, SubjectStatus::Deceased);
    }

    #[test]
    fn an_answer_is_read_into_our_words() {
        let body = r#"{"as_of":"2026-01-01T00:00:00+07:00","items":[
            {"persons":[{"personal_id":"001090012345","status":"active","superseded":false,
              "full_name":"Nguyễn Văn Hoà","date_of_birth":"1990","sex":null,
              "permanent_address":{"scheme":"2025","province":"01","commune":"00004"}}]},
            {"persons":[]}]}"#;
        let (as_of, findings) = read_answer(2, body.as_bytes()).unwrap();
        assert_eq!(as_of.unwrap().to_string(), "2026-01-01T00:00:00.000+07:00");
        let Finding::Found(person) = &findings[0] else { panic!("one person is on file") };
        assert_eq!(person.record.full_name.as_deref(), Some("Nguyễn Văn Hoà"));
        assert_eq!((person.record.sex, person.status), (None, SubjectStatus::Active));
        assert!(matches!(findings[1], Finding::Unknown));
    }

    #[test]
    fn garbage_is_an_error_and_never_an_answer() {
        for body in [
            "",
            "{}",
            r#"{"as_of":"x","items":[{"persons":[]}]}"#,
            r#"{"as_of":"2026-01-01T00:00:00Z","items":[]}"#,
        ] {
            assert!(read_answer(1, body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn a_bad_record_is_unavailable_and_spoils_nothing_beside_it() {
        for bad in [
            r#"{"personal_id":"1","status":"active"}"#,
            r#"{"personal_id":"001090012345","status":"unknown"}"#,
            r#"{"personal_id":"001090012345","status":"active","date_of_birth":"0000-00-00"}"#,
        ] {
            let body = format!(
                r#"{{"as_of":"2026-01-01T00:00:00Z","items":[{{"persons":[{bad}]}},{{"persons":[]}}]}}"#
            );
            let (_, findings) = read_answer(2, body.as_bytes()).unwrap();
            assert!(matches!(findings[..], [Finding::Unavailable, Finding::Unknown]), "{bad}");
        }
    }
}
