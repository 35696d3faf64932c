//! One entry of the log: what was decided, in a binary form that never changes once written.
//!
//! Pure. An entry holds no attribute value and no personal number: the subject is a keyed
//! pseudonym, references are keyed digests. Layout, version 1, integers big-endian:
//!
//! | bytes | content |
//! | --- | --- |
//! | 1 | version, 1 |
//! | 1 | kind, see [`Kind`] |
//! | 8 | time, microseconds since 1970 UTC, signed |
//! | 16 | request id |
//! | 2 | item within the request, 0 for a single one |
//! | ... | fields, each: tag (1), length (1), value; tags rise |
//!
//! The fields of a decision or refusal are the constants in [`tag`]. A reader skips nothing: an
//! unknown version, kind or tag is an error, because it cannot be counted.

use std::borrow::Cow;
use std::sync::Arc;

use super::digest::{Pseudonym, ShortDigest};
use super::field::{Reader, Writer};
use crate::clock::Micros;
use crate::matching::{Finding, Findings, Outcome};
use crate::policy::Refusal;
use crate::population::SubjectStatus;
use crate::request::{
    AgencyCode, Attribute, AttributeSet, ClientId, KeyKind, Operation, Procedure, Purpose,
};

/// Version of the layout.
pub const VERSION: u8 = 1;

/// What an entry records, with its number. Numbers without a variant here are taken: 3
/// administrative act, 4 disclosure, 5 dispute, 6 delivery of the feed, 7 alarm, 8 totals of a
/// dropped day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// An admitted request and its answer.
    Decision = 1,
    /// A request that the policy refused.
    Refusal = 2,
}

/// Tags of the fields, version 1.
pub mod tag {
    /// Client identifier, text.
    pub const CLIENT: u8 = 1;
    /// Agency code acted for, text.
    pub const ON_BEHALF_OF: u8 = 2;
    /// Keyed digest of the official, 8 bytes.
    pub const OFFICIAL: u8 = 3;
    /// Operation, 1 byte.
    pub const OPERATION: u8 = 4;
    /// Purpose code, text.
    pub const PURPOSE: u8 = 5;
    /// Procedure code, text.
    pub const PROCEDURE: u8 = 6;
    /// Keyed digest of the case reference, 8 bytes.
    pub const CASE: u8 = 7;
    /// Policy, `name@version`, text.
    pub const POLICY: u8 = 8;
    /// Matching profile, text.
    pub const PROFILE: u8 = 9;
    /// Kind of subject key, 1 byte; key period of the pseudonym, 2 bytes; pseudonym, 16 bytes.
    pub const SUBJECT: u8 = 10;
    /// Per attribute asked: attribute, verdict, reason (0 for none), 1 byte each.
    pub const FINDINGS: u8 = 11;
    /// Outcome and subject status, 1 byte each.
    pub const OUTCOME: u8 = 12;
    /// Digits 1 to 3 of the number asked or found: province or country of birth registration.
    pub const PREFIX: u8 = 13;
    /// Keyed digest of the claims of a failed guess, 8 bytes.
    pub const FAILED_GUESS: u8 = 14;
    /// Freshness of the register's answer, microseconds since 1970 UTC, 8 bytes.
    pub const REGISTRY_AS_OF: u8 = 15;
    /// Microseconds spent on the register and in all, 4 bytes each.
    pub const DURATIONS: u8 = 16;
    /// Why the policy refused, 1 byte.
    pub const REFUSAL: u8 = 17;
    /// Attributes asked in a refused request, 2 bytes, bit n for attribute n.
    pub const ASKED: u8 = 18;
}

/// Identity of one request: 16 bytes, time-ordered (RFC 9562, version 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(pub [u8; 16]);

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 32];
        for (pair, byte) in text.chunks_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When it was decided.
    pub at: Micros,
    /// The request.
    pub request_id: RequestId,
    /// Item within the request.
    pub item: u16,
    /// Who asked.
    pub client: ClientId,
    /// For which agency.
    pub on_behalf_of: Option<AgencyCode>,
    /// Which official.
    pub official: Option<ShortDigest>,
    /// What was done.
    pub operation: Operation,
    /// Why.
    pub purpose: Purpose,
    /// For which procedure.
    pub procedure: Option<Procedure>,
    /// Which file of the caller.
    pub case: Option<ShortDigest>,
    /// Under which policy, `name@version`.
    pub policy: Arc<str>,
    /// Who was asked about.
    pub subject: Subject,
    /// What came of it.
    pub record: Decided,
}

/// The subject without its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// By which key it was asked.
    pub key_kind: KeyKind,
    /// Keyed pseudonym of the number as resolved.
    pub pseudonym: Pseudonym,
    /// Province or country of birth registration, 0 where the key does not tell.
    pub prefix: u16,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// It was answered.
    Answered {
        /// Normalisation rules that were applied.
        profile: Cow<'static, str>,
        /// Verdicts as the answer was made from them: what was concealed is concealed here too.
        findings: Findings,
        /// Outcome of the whole.
        outcome: Outcome,
        /// Status of the subject.
        status: SubjectStatus,
        /// Digest of the claims where they were wrong.
        failed_guess: Option<ShortDigest>,
        /// Freshness of the register's answer.
        registry_as_of: Option<Micros>,
        /// Microseconds spent on the register.
        registry_us: u32,
        /// Microseconds from the request's head to the entry.
        total_us: u32,
    },
    /// The policy refused it.
    Refused {
        /// Why.
        refusal: Refusal,
        /// What was asked.
        asked: AttributeSet,
    },
}

/// Why bytes are not an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// A version or kind this program does not know.
    #[error("entry of version {version} and kind {kind}, which this program does not know")]
    Unknown {
        /// The version.
        version: u8,
        /// The kind.
        kind: u8,
    },
    /// Bytes are missing, left over or out of range.
    #[error("the entry is damaged at field {tag}")]
    Damaged {
        /// Tag of the field, 0 for the head.
        tag: u8,
    },
}

impl Entry {
    /// Outcome as it is counted: a refusal counts as refused.
    pub fn outcome(&self) -> Outcome {
        match &self.record {
            Decided::Answered { outcome, .. } => *outcome,
            Decided::Refused { .. } => Outcome::Refused,
        }
    }

    /// Status as it is counted.
    pub fn status(&self) -> SubjectStatus {
        match &self.record {
            Decided::Answered { status, .. } => *status,
            Decided::Refused { .. } => SubjectStatus::NotAsked,
        }
    }

    /// The bytes that the tree hashes and the store keeps.
    pub fn encode(&self) -> Vec<u8> {
        let kind = match &self.record {
            Decided::Answered { .. } => Kind::Decision,
            Decided::Refused { .. } => Kind::Refusal,
        };
        let mut writer = Writer(Vec::with_capacity(192));
        writer.0.extend_from_slice(&[VERSION, kind as u8]);
        writer.0.extend_from_slice(&self.at.0.to_be_bytes());
        writer.0.extend_from_slice(&self.request_id.0);
        writer.0.extend_from_slice(&self.item.to_be_bytes());
        writer.field(tag::CLIENT, self.client.as_str().as_bytes());
        writer
            .optional(tag::ON_BEHALF_OF, self.on_behalf_of.as_ref().map(|c| c.as_str().as_bytes()));
        writer.optional(tag::OFFICIAL, self.official.as_ref().map(|d| d.0.as_slice()));
        writer.field(tag::OPERATION, &[self.operation as u8]);
        writer.field(tag::PURPOSE, self.purpose.as_str().as_bytes());
        writer.optional(tag::PROCEDURE, self.procedure.as_ref().map(|p| p.as_str().as_bytes()));
        writer.optional(tag::CASE, self.case.as_ref().map(|d| d.0.as_slice()));
        writer.field(tag::POLICY, self.policy.as_bytes());
        if let Decided::Answered { profile, .. } = &self.record {
            writer.field(tag::PROFILE, profile.as_bytes());
        }
        let mut subject = [0; 19];
        subject[0] = self.subject.key_kind as u8;
        subject[1..3].copy_from_slice(&self.subject.pseudonym.period.to_be_bytes());
        subject[3..].copy_from_slice(&self.subject.pseudonym.digest);
        writer.field(tag::SUBJECT, &subject);
        match &self.record {
            Decided::Answered { findings, outcome, status, .. } => {
                writer.field(tag::FINDINGS, &encode_findings(findings));
                writer.field(tag::OUTCOME, &[*outcome as u8, *status as u8]);
            }
            Decided::Refused { .. } => {}
        }
        writer.field(tag::PREFIX, &self.subject.prefix.to_be_bytes());
        self.encode_end(&mut writer);
        writer.0
    }

    fn encode_end(&self, writer: &mut Writer) {
        match &self.record {
            Decided::Answered { failed_guess, registry_as_of, registry_us, total_us, .. } => {
                writer.optional(tag::FAILED_GUESS, failed_guess.as_ref().map(|d| d.0.as_slice()));
                if let Some(as_of) = registry_as_of {
                    writer.field(tag::REGISTRY_AS_OF, &as_of.0.to_be_bytes());
                }
                let mut durations = [0; 8];
                durations[..4].copy_from_slice(&registry_us.to_be_bytes());
                durations[4..].copy_from_slice(&total_us.to_be_bytes());
                writer.field(tag::DURATIONS, &durations);
            }
            Decided::Refused { refusal, asked } => {
                writer.field(tag::REFUSAL, &[*refusal as u8]);
                let bits = asked.iter().fold(0_u16, |bits, attribute| bits | 1 << attribute as u8);
                writer.field(tag::ASKED, &bits.to_be_bytes());
            }
        }
    }

    /// Reads an entry back.
    ///
    /// # Errors
    /// [`EntryError`] for anything that [`Entry::encode`] does not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        let (head, fields) = bytes.split_at_checked(28).ok_or(EntryError::Damaged { tag: 0 })?;
        let damaged = EntryError::Damaged { tag: 0 };
        let kind = match (head[0], head[1]) {
            (VERSION, 1) => Kind::Decision,
            (VERSION, 2) => Kind::Refusal,
            (version, kind) => return Err(EntryError::Unknown { version, kind }),
        };
        let at = Micros(i64::from_be_bytes(head[2..10].try_into().map_err(|_| damaged)?));
        let request_id = RequestId(head[10..26].try_into().map_err(|_| damaged)?);
        let item = u16::from_be_bytes(head[26..28].try_into().map_err(|_| damaged)?);
        let mut reader = Reader(fields);
        let client = reader.text(tag::CLIENT, |t| ClientId::parse(t).ok())?;
        let on_behalf_of =
            reader.optional_text(tag::ON_BEHALF_OF, |t| AgencyCode::parse(t).ok())?;
        let official = reader.optional_array(tag::OFFICIAL)?.map(ShortDigest);
        let operation = reader.number(tag::OPERATION, Operation::from_number)?;
        let purpose = reader.text(tag::PURPOSE, |t| Purpose::parse(t).ok())?;
        let procedure = reader.optional_text(tag::PROCEDURE, |t| Procedure::parse(t).ok())?;
        let case = reader.optional_array(tag::CASE)?.map(ShortDigest);
        let policy = reader.text(tag::POLICY, |t| Some(Arc::from(t)))?;
        let profile = match kind {
            Kind::Decision => reader.text(tag::PROFILE, |t| Some(Cow::Owned(t.to_owned())))?,
            Kind::Refusal => Cow::Borrowed(""),
        };
        let subject: [u8; 19] = reader.array(tag::SUBJECT)?;
        let key_kind =
            KeyKind::from_number(subject[0]).ok_or(EntryError::Damaged { tag: tag::SUBJECT })?;
        let period = u16::from_be_bytes([subject[1], subject[2]]);
        let digest = subject[3..].try_into().map_err(|_| damaged)?;
        let (record, prefix) = match kind {
            Kind::Decision => decode_answered(&mut reader, profile)?,
            Kind::Refusal => decode_refused(&mut reader)?,
        };
        if !reader.0.is_empty() {
            return Err(EntryError::Damaged { tag: reader.0[0] });
        }
        let subject = Subject { key_kind, pseudonym: Pseudonym { period, digest }, prefix };
        Ok(Self {
            at,
            request_id,
            item,
            client,
            on_behalf_of,
            official,
            operation,
            purpose,
            procedure,
            case,
            policy,
            subject,
            record,
        })
    }
}

fn encode_findings(findings: &Findings) -> Vec<u8> {
    findings
        .iter()
        .flat_map(|(attribute, finding)| {
            let reason = finding.reason().map_or(0, |reason| reason as u8);
            [attribute as u8, finding.verdict() as u8, reason]
        })
        .collect()
}

fn decode_findings(bytes: &[u8]) -> Option<Findings> {
    let mut findings = Findings::default();
    let mut last = 0;
    for triple in bytes.chunks(3) {
        let &[attribute, verdict, reason] = triple else {
            return None;
        };
        if attribute <= last {
            return None;
        }
        last = attribute;
        let finding = Finding::from_numbers(verdict, reason)?;
        findings = findings.with(Attribute::from_number(attribute)?, finding);
    }
    Some(findings)
}

fn decode_answered(
    reader: &mut Reader<'_>,
    profile: Cow<'static, str>,
) -> Result<(Decided, u16), EntryError> {
    let findings = decode_findings(reader.bytes(tag::FINDINGS)?)
        .ok_or(EntryError::Damaged { tag: tag::FINDINGS })?;
    let [outcome, status] = reader.array(tag::OUTCOME)?;
    let out_of_range = EntryError::Damaged { tag: tag::OUTCOME };
    let outcome = Outcome::from_number(outcome).ok_or(out_of_range)?;
    let status = SubjectStatus::from_number(status).ok_or(out_of_range)?;
    let prefix = u16::from_be_bytes(reader.array(tag::PREFIX)?);
    let failed_guess = reader.optional_array(tag::FAILED_GUESS)?.map(ShortDigest);
    let registry_as_of =
        reader.optional_array(tag::REGISTRY_AS_OF)?.map(|bytes| Micros(i64::from_be_bytes(bytes)));
    let durations = u64::from_be_bytes(reader.array(tag::DURATIONS)?);
    let record = Decided::Answered {
        profile,
        findings,
        outcome,
        status,
        failed_guess,
        registry_as_of,
        registry_us: (durations >> 32) as u32,
        total_us: durations as u32,
    };
    Ok((record, prefix))
}

fn decode_refused(reader: &mut Reader<'_>) -> Result<(Decided, u16), EntryError> {
    let prefix = u16::from_be_bytes(reader.array(tag::PREFIX)?);
    let refusal = reader.number(tag::REFUSAL, Refusal::from_number)?;
    let bits = u16::from_be_bytes(reader.array(tag::ASKED)?);
    let asked: AttributeSet =
        Attribute::ALL.into_iter().filter(|&attribute| bits & 1 << attribute as u8 != 0).collect();
    Ok((Decided::Refused { refusal, asked }, prefix))
}

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
