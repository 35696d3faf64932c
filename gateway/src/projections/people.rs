//! What an entry says about a person: who, asked about by whom, in which month.
//!
//! Pure. A person is the first 8 of the 16 bytes of a pseudonym, so that a row is short; that two
//! of a hundred million persons share them in one quarter has a chance of about 3 in 10,000. The
//! history compares the whole pseudonym; the number of distinct persons would be one too small.

use crate::audit::{Entry, Pseudonym};
use crate::clock::Micros;
use crate::population::SubjectStatus;
use crate::request::ClientId;

/// One entry as the projections of persons see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) person: i64,
    /// By whom and when, where the register knew the person.
    pub(super) counted: Option<(ClientId, i64)>,
}

impl Asked {
    pub(super) fn by(entry: &Entry) -> Self {
        let counted =
            is_known(entry.status()).then(|| (entry.client.clone(), vietnamese_month(entry.at)));
        Self { person: person(&entry.subject.pseudonym), counted }
    }
}

/// The key of a person's rows.
pub(super) fn person(pseudonym: &Pseudonym) -> i64 {
    let mut beginning = [0; 8];
    beginning.copy_from_slice(&pseudonym.digest[..8]);
    i64::from_be_bytes(beginning)
}

/// The month as a number, such as 202611.
pub fn vietnamese_month(at: Micros) -> i64 {
    let date = at.vietnamese_hour().date;
    i64::from(date.year()) * 100 + i64::from(date.month())
}

/// Whether the register knew a person: of a number that nobody has it knew none.
fn is_known(status: SubjectStatus) -> bool {
    match status {
        SubjectStatus::Active | SubjectStatus::Deceased | SubjectStatus::Superseded => true,
        SubjectStatus::Unknown | SubjectStatus::NotAsked => false,
    }
}
