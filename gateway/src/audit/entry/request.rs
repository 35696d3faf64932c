//! A request: what was asked, and what came of it.

use std::borrow::Cow;
use std::sync::Arc;

use super::super::digest::{Pseudonym, ShortDigest};
use super::super::field::{Reader, Writer};
use super::{EntryError, Head, Kind, RequestId, tag};
use crate::clock::Micros;
use crate::matching::{Finding, Findings, Outcome};
use crate::policy::Refusal;
use crate::population::SubjectStatus;
use crate::request::{
    AgencyCode, Attribute, AttributeSet, ClientId, KeyKind, Operation, Procedure, Purpose,
};

/// The entry of one request.
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
        /// What was guessed, where the answer tells that it was wrong.
        failed_guess: Option<FailedGuess>,
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
    /// It was allowed to see what the log holds about the subject.
    Disclosed {
        /// Entries that it was shown.
        entries: u32,
    },
}

/// A guess that has failed, as keyed digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedGuess {
    /// Of the claims.
    pub claims: ShortDigest,
    /// Of the key that was asked, where it led to a person who has another number.
    pub key: Option<ShortDigest>,
}

impl Entry {
    /// Outcome as it is counted: a refusal counts as refused, and looking into the log has none.
    pub fn outcome(&self) -> Option<Outcome> {
        match &self.record {
            Decided::Answered { outcome, .. } => Some(*outcome),
            Decided::Refused { .. } => Some(Outcome::Refused),
            Decided::Disclosed { .. } => None,
        }
    }

    /// Status as it is counted.
    pub fn status(&self) -> SubjectStatus {
        match &self.record {
            Decided::Answered { status, .. } => *status,
            Decided::Refused { .. } | Decided::Disclosed { .. } => SubjectStatus::NotAsked,
        }
    }

    /// What it records.
    pub fn kind(&self) -> Kind {
        match &self.record {
            Decided::Answered { .. } => Kind::Decision,
            Decided::Refused { .. } => Kind::Refusal,
            Decided::Disclosed { .. } => Kind::Disclosure,
        }
    }

    pub(super) fn head(&self) -> Head {
        Head { kind: self.kind(), at: self.at, request_id: self.request_id, item: self.item }
    }

    pub(super) fn encode_fields(&self, writer: &mut Writer) {
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
        if let Decided::Answered { findings, outcome, status, .. } = &self.record {
            writer.field(tag::FINDINGS, &encode_findings(findings));
            writer.field(tag::OUTCOME, &[*outcome as u8, *status as u8]);
        }
        writer.field(tag::PREFIX, &self.subject.prefix.to_be_bytes());
        self.encode_end(writer);
    }

    fn encode_end(&self, writer: &mut Writer) {
        match &self.record {
            Decided::Answered { failed_guess, registry_as_of, registry_us, total_us, .. } => {
                writer.optional(
                    tag::FAILED_GUESS,
                    failed_guess.as_ref().map(|d| d.claims.0.as_slice()),
                );
                if let Some(as_of) = registry_as_of {
                    writer.field(tag::REGISTRY_AS_OF, &as_of.0.to_be_bytes());
                }
                let mut durations = [0; 8];
                durations[..4].copy_from_slice(&registry_us.to_be_bytes());
                durations[4..].copy_from_slice(&total_us.to_be_bytes());
                writer.field(tag::DURATIONS, &durations);
                let key = failed_guess.as_ref().and_then(|guess| guess.key.as_ref());
                writer.optional(tag::GUESSED_KEY, key.map(|digest| digest.0.as_slice()));
            }
            Decided::Refused { refusal, asked } => {
                writer.field(tag::REFUSAL, &[*refusal as u8]);
                writer.field(tag::ASKED, &bits_of(*asked).to_be_bytes());
            }
            Decided::Disclosed { entries } => {
                writer.field(tag::DISCLOSED, &entries.to_be_bytes());
            }
        }
    }

    /// Reads the fields of a request; what follows them is for the caller to refuse.
    pub(super) fn decode_fields(head: Head, reader: &mut Reader<'_>) -> Result<Self, EntryError> {
        let client = reader.text(tag::CLIENT, |t| ClientId::parse(t).ok())?;
        let on_behalf_of =
            reader.optional_text(tag::ON_BEHALF_OF, |t| AgencyCode::parse(t).ok())?;
        let official = reader.optional_array(tag::OFFICIAL)?.map(ShortDigest);
        let operation = reader.number(tag::OPERATION, Operation::from_number)?;
        let purpose = reader.text(tag::PURPOSE, |t| Purpose::parse(t).ok())?;
        let procedure = reader.optional_text(tag::PROCEDURE, |t| Procedure::parse(t).ok())?;
        let case = reader.optional_array(tag::CASE)?.map(ShortDigest);
        let policy = reader.text(tag::POLICY, |t| Some(Arc::from(t)))?;
        let profile = match head.kind {
            Kind::Decision => reader.text(tag::PROFILE, |t| Some(Cow::Owned(t.to_owned())))?,
            _ => Cow::Borrowed(""),
        };
        let (key_kind, pseudonym) = decode_subject(reader)?;
        let (record, prefix) = match head.kind {
            Kind::Decision => decode_answered(reader, profile)?,
            Kind::Refusal => decode_refused(reader)?,
            _ => decode_disclosed(reader)?,
        };
        Ok(Self {
            at: head.at,
            request_id: head.request_id,
            item: head.item,
            client,
            on_behalf_of,
            official,
            operation,
            purpose,
            procedure,
            case,
            policy,
            subject: Subject { key_kind, pseudonym, prefix },
            record,
        })
    }
}

fn decode_subject(reader: &mut Reader<'_>) -> Result<(KeyKind, Pseudonym), EntryError> {
    let [kind, period_high, period_low, digest @ ..] = reader.array::<19>(tag::SUBJECT)?;
    let key_kind = KeyKind::from_number(kind).ok_or(EntryError::Damaged { tag: tag::SUBJECT })?;
    let period = u16::from_be_bytes([period_high, period_low]);
    Ok((key_kind, Pseudonym { period, digest }))
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
    let claims = reader.optional_array(tag::FAILED_GUESS)?.map(ShortDigest);
    let registry_as_of =
        reader.optional_array(tag::REGISTRY_AS_OF)?.map(|bytes| Micros(i64::from_be_bytes(bytes)));
    let durations = u64::from_be_bytes(reader.array(tag::DURATIONS)?);
    let key = reader.optional_array(tag::GUESSED_KEY)?.map(ShortDigest);
    if claims.is_none() && key.is_some() {
        return Err(EntryError::Damaged { tag: tag::GUESSED_KEY });
    }
    let failed_guess = claims.map(|claims| FailedGuess { claims, key });
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

/// A bit for each attribute, at the place of its number.
fn bits_of(asked: AttributeSet) -> u16 {
    asked.iter().fold(0, |bits, attribute| bits | 1 << attribute as u8)
}

fn decode_refused(reader: &mut Reader<'_>) -> Result<(Decided, u16), EntryError> {
    let prefix = u16::from_be_bytes(reader.array(tag::PREFIX)?);
    let refusal = reader.number(tag::REFUSAL, Refusal::from_number)?;
    let bits = u16::from_be_bytes(reader.array(tag::ASKED)?);
    let asked: AttributeSet =
        Attribute::ALL.into_iter().filter(|&attribute| bits & 1 << attribute as u8 != 0).collect();
    // An attribute that nobody knows was never asked: two entries would read alike.
    if bits_of(asked) != bits {
        return Err(EntryError::Damaged { tag: tag::ASKED });
    }
    Ok((Decided::Refused { refusal, asked }, prefix))
}

fn decode_disclosed(reader: &mut Reader<'_>) -> Result<(Decided, u16), EntryError> {
    let prefix = u16::from_be_bytes(reader.array(tag::PREFIX)?);
    let entries = u32::from_be_bytes(reader.array(tag::DISCLOSED)?);
    Ok((Decided::Disclosed { entries }, prefix))
}
