//! Some thousands of prebuilt requests, sent round and round.

use serde::Serialize;

use super::answer::{Checked, check};
use super::claims::{Claims, Spelling, planted_claims, true_claims};
use super::truth::{Expected, expected};
use super::{Kind, Person};
use crate::wire::{Endpoint, Post};

/// The path that the load is sent to; the peers answer on the same one.
const PATH: &str = "/v1/verifications";

/// Ways to ask truly about one person: each spelling of the name, with and without sex.
const FORMS: [(Spelling, bool); 6] = [
    (Spelling::OnFile, true),
    (Spelling::Capitals, false),
    (Spelling::Decomposed, true),
    (Spelling::OnFile, false),
    (Spelling::Capitals, true),
    (Spelling::Decomposed, false),
];

/// One request and the truth about it.
#[derive(Debug)]
pub(crate) struct Prepared {
    bytes: Box<[u8]>,
    body_at: usize,
    /// What the answer must say; nothing where the request must be refused.
    pub(super) expected: Option<Expected>,
}

impl Prepared {
    /// The whole request on the wire.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Holds the body of a 200 answer against the truth.
    pub(crate) fn check(&self, answer: &[u8]) -> Checked {
        match self.expected {
            Some(expected) => check(answer, expected),
            None => Checked::Wrong("answered what must be refused".to_owned()),
        }
    }

    /// Its body.
    pub(crate) fn body(&self) -> &[u8] {
        &self.bytes[self.body_at..]
    }
}

/// The requests, in the order in which they are sent.
#[derive(Debug)]
pub(crate) struct Ring {
    requests: Vec<Prepared>,
}

/// As whom the ring is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller<'a> {
    /// The bearer token.
    pub(crate) token: &'a str,
    /// The kind of client, which decides what is true.
    pub(crate) kind: Kind,
    /// The purpose named in every request.
    pub(crate) purpose: &'a str,
}

impl Ring {
    /// Builds six requests per person; neighbours in the ring are different people.
    pub(crate) fn build(endpoint: &Endpoint, caller: Caller<'_>, people: &[Person]) -> Self {
        let authorization = format!("Bearer {}", caller.token);
        let mut requests = Vec::with_capacity(FORMS.len() * people.len());
        for (spelling, with_sex) in FORMS {
            for (index, person) in people.iter().enumerate() {
                let claims = planted_claims(people, index, caller.kind)
                    .unwrap_or_else(|| true_claims(person, spelling, with_sex));
                let body = body(&claims, caller.purpose);
                let post = Post {
                    path: PATH,
                    authorization: &authorization,
                    content_type: "application/json",
                    body: &body,
                };
                let bytes = post.bytes(endpoint).into_boxed_slice();
                requests.push(Prepared {
                    body_at: bytes.len() - body.len(),
                    bytes,
                    expected: Some(expected(claims.planted, caller.kind, claims.sex.is_some())),
                });
            }
        }
        Self { requests }
    }

    /// Requests that must all be refused.
    pub(crate) fn of_refused(requests: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let refused = |bytes: Vec<u8>| Prepared {
            body_at: bytes.len(),
            bytes: bytes.into_boxed_slice(),
            expected: None,
        };
        Self { requests: requests.into_iter().map(refused).collect() }
    }

    /// The request of the `index`th arrival; the ring has no end.
    pub(crate) fn at(&self, index: u64) -> &Prepared {
        let len = self.requests.len() as u64;
        &self.requests[(index % len) as usize]
    }

    /// How many requests it holds.
    pub(crate) fn len(&self) -> usize {
        self.requests.len()
    }
}

fn body(claims: &Claims, purpose: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct Subject<'a> {
        personal_id: &'a str,
    }
    #[derive(Serialize)]
    struct Attributes<'a> {
        full_name: &'a str,
        date_of_birth: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        sex: Option<&'a str>,
    }
    #[derive(Serialize)]
    struct Body<'a> {
        subject: Subject<'a>,
        purpose: &'a str,
        attributes: Attributes<'a>,
    }
    let body = Body {
        subject: Subject { personal_id: &claims.personal_id },
        purpose,
        attributes: Attributes {
            full_name: &claims.full_name,
            date_of_birth: &claims.date_of_birth,
            sex: claims.sex.as_deref(),
        },
    };
    serde_json::to_vec(&body).expect("strings always serialise")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::made_up_people;
    use super::*;

    fn ring() -> Ring {
        let caller = Caller { token: "t0k", kind: Kind::Carrier, purpose: "telecom.subscriber" };
        Ring::build(&Endpoint::local(8080), caller, &made_up_people())
    }

    #[test]
    fn a_body_is_what_the_contract_says() {
        let text = String::from_utf8(ring().at(0).body().to_vec()).unwrap();
        assert_eq!(
            text,
            r#"{"subject":{"personal_id":"001000007919"},"purpose":"telecom.subscriber","#
                .to_owned()
                + r#""attributes":{"full_name":"Nguyễn Văn Hoà","date_of_birth":"1900-01-01","#
                + r#""sex":"male"}}"#
        );
        assert!(ring().at(0).bytes().starts_with(b"POST /v1/verifications HTTP/1.1\r\n"));
    }

    #[test]
    fn thousands_of_requests_are_distinct_and_most_are_true() {
        let ring = ring();
        assert_eq!(ring.len(), 6000);
        let distinct: HashSet<_> = ring.requests.iter().map(Prepared::bytes).collect();
        assert!(distinct.len() > 4000, "{}", distinct.len());
        let truth =
            |prepared: &&Prepared| prepared.expected.unwrap().planted.name() == "true_claims";
        assert_eq!(ring.requests.iter().filter(truth).count(), 4800);
    }

    #[test]
    fn the_ring_has_no_end_and_a_person_has_one_false_set_of_claims() {
        let ring = ring();
        assert_eq!(ring.at(3).bytes(), ring.at(6003).bytes());
        assert_eq!(ring.at(3).expected.unwrap().planted.name(), "wrong_name");
        assert_eq!(ring.at(3).bytes(), ring.at(1003).bytes());
    }

    #[test]
    fn an_answer_to_what_must_be_refused_is_wrong() {
        let ring = Ring::of_refused([b"POST / HTTP/1.1\r\n\r\n".to_vec()]);
        assert!(matches!(ring.at(7).check(b"{}"), Checked::Wrong(_)));
    }
}
