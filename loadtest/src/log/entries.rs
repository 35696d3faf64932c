//! Entries as a nation makes them: who asks, about what, and what comes of it, by chance that is
//! the same in every run.
//!
//! The shares are those of the founding reports: nearly half of all questions are a carrier's two
//! attributes. Pseudonyms and digests are random, as those of HMAC-SHA-256 are.

use std::sync::Arc;

use anyhow::Context;
use gateway::audit::{
    Decided, Entry, FailedGuess, LogEntry, Pseudonym, RequestIds, ShortDigest, Subject,
};
use gateway::clock::{Micros, Random};
use gateway::matching::{Finding, Findings, Outcome};
use gateway::policy::{Reason, Refusal};
use gateway::population::SubjectStatus;
use gateway::request::{
    AgencyCode, Attribute, AttributeSet, ClientId, KeyKind, Operation, Procedure, Purpose,
};

use crate::chance::Chance;

/// The first entry's time: 20 November 2026, 09:00 in Viet Nam. All rounds lie within that day.
const START: Micros = Micros(1_795_140_000_000_000);
/// Between two entries: 98 million people who are asked about twice a day.
const INTERVAL_US: i64 = 400;
/// Quarter of the pseudonyms: 4 x 2026 + 3.
const QUARTER: u16 = 8_107;
/// Distinct people. More than entries of a run, so that hardly anybody comes twice.
const PEOPLE: usize = 50_000_000;
/// Provinces in which people were registered.
const PROVINCES: usize = 63;
/// Entries of one caller that follow each other: in bulk, a commit holds the rows of one file.
pub(super) const RUN: usize = 4_096;
/// One in so many requests is refused by the policy.
const REFUSED: usize = 50;

/// One kind of caller.
struct Kind {
    /// Per cent of all requests.
    share: usize,
    clients: usize,
    prefix: &'static str,
    agency: Option<&'static str>,
    purpose: &'static str,
    policy: &'static str,
    attributes: &'static [Attribute],
    /// Per cent of the answers that match.
    matched: usize,
    /// Per cent of the subjects who were registered in the caller's own province.
    local: usize,
    /// For which procedure; its requests name the caller's file.
    procedure: Option<&'static str>,
}

/// The national shares and match rates of 2022 and 2023, roughly.
const KINDS: [Kind; 4] = [
    Kind {
        share: 45,
        clients: 3,
        prefix: "carrier",
        local: 0,
        agency: None,
        purpose: "telecom.subscriber",
        policy: "carrier-basic@1",
        attributes: &[Attribute::FullName, Attribute::DateOfBirth],
        matched: 83,
        procedure: None,
    },
    Kind {
        share: 25,
        clients: 200,
        prefix: "bv-",
        local: 85,
        agency: None,
        purpose: "health.insurance",
        policy: "facility-basic@1",
        attributes: &[Attribute::FullName, Attribute::DateOfBirth, Attribute::InsuranceNumber],
        matched: 81,
        procedure: None,
    },
    Kind {
        share: 17,
        clients: 30,
        prefix: "ministry-",
        local: 0,
        agency: None,
        purpose: "insurance.reconcile",
        policy: "ministry-basic@1",
        attributes: &[
            Attribute::FullName,
            Attribute::DateOfBirth,
            Attribute::Sex,
            Attribute::OldIdNumber,
        ],
        matched: 58,
        procedure: None,
    },
    Kind {
        share: 13,
        clients: 63,
        prefix: "tinh-",
        local: 85,
        agency: Some("H26.12"),
        purpose: "service.public",
        policy: "locality-basic@1",
        attributes: &[
            Attribute::FullName,
            Attribute::DateOfBirth,
            Attribute::Sex,
            Attribute::PlaceOfOrigin,
            Attribute::PermanentAddress,
        ],
        matched: 54,
        procedure: Some("2.000488"),
    },
];

/// A client with what all its requests have in common.
#[derive(Debug)]
struct Caller {
    client: ClientId,
    on_behalf_of: Option<AgencyCode>,
    purpose: Purpose,
    procedure: Option<Procedure>,
    policy: Arc<str>,
    attributes: &'static [Attribute],
    matched: usize,
    province: usize,
    local: usize,
    names_case: bool,
}

/// Makes one entry after the other.
#[derive(Debug)]
pub(super) struct Entries {
    /// Callers of each kind with the kind's share.
    callers: Vec<(usize, Vec<Caller>)>,
    ids: RequestIds,
    made: i64,
    run: usize,
}

impl Entries {
    /// The same entries every time, `run` of one caller after the other.
    pub(super) fn new(run: usize) -> anyhow::Result<Self> {
        let callers = KINDS.iter().map(|kind| Ok((kind.share, callers(kind)?)));
        let callers = callers.collect::<anyhow::Result<_>>()?;
        Ok(Self { callers, ids: RequestIds::new(&Random::seeded(1)), made: 0, run })
    }

    /// The next ones.
    pub(super) fn take(&mut self, count: usize) -> Vec<LogEntry> {
        (0..count).map(|_| LogEntry::Request(self.next())).collect()
    }

    fn next(&mut self) -> Entry {
        let mut chance = Chance::of(0, self.made as u64);
        let at = Micros(START.0 + self.made * INTERVAL_US);
        let mut of_run = Chance::of(2, self.made as u64 / self.run as u64);
        self.made += 1;
        let caller = self.caller(&mut of_run);
        Entry {
            at,
            request_id: self.ids.next(at),
            item: 0,
            client: caller.client.clone(),
            on_behalf_of: caller.on_behalf_of.clone(),
            official: None,
            operation: Operation::Verify,
            purpose: caller.purpose.clone(),
            procedure: caller.procedure.clone(),
            case: caller.names_case.then(|| ShortDigest(chance.next().to_be_bytes())),
            policy: Arc::clone(&caller.policy),
            subject: subject(caller, &mut chance),
            record: record(caller, at, &mut chance),
        }
    }

    fn caller(&self, chance: &mut Chance) -> &Caller {
        let mut drawn = chance.below(100);
        let mut callers = &self.callers[0].1;
        for (share, of_kind) in &self.callers {
            callers = of_kind;
            if drawn < *share {
                break;
            }
            drawn -= share;
        }
        &callers[chance.below(callers.len())]
    }
}

fn callers(kind: &Kind) -> anyhow::Result<Vec<Caller>> {
    let made = (0..kind.clients).map(|n| {
        Some(Caller {
            client: ClientId::parse(&format!("{}{:05}", kind.prefix, 1_000 + n)).ok()?,
            on_behalf_of: kind.agency.map(AgencyCode::parse).transpose().ok()?,
            purpose: Purpose::parse(kind.purpose).ok()?,
            procedure: kind.procedure.map(Procedure::parse).transpose().ok()?,
            policy: kind.policy.into(),
            attributes: kind.attributes,
            matched: kind.matched,
            province: n % PROVINCES,
            local: kind.local,
            names_case: kind.procedure.is_some(),
        })
    });
    made.collect::<Option<_>>().context("the callers of the mix are well-formed")
}

fn subject(caller: &Caller, chance: &mut Chance) -> Subject {
    let is_local = chance.below(100) < caller.local;
    // The people of a province are every sixty-third.
    let person = chance.below(PEOPLE / PROVINCES) * PROVINCES;
    let person = person + if is_local { caller.province } else { chance.below(PROVINCES) };
    // A person's pseudonym is the same every time.
    let mut digest = Chance::of(1, person as u64);
    let digest = u128::from(digest.next()) << 64 | u128::from(digest.next());
    let key_kind = if chance.below(10) == 0 { KeyKind::CardQr } else { KeyKind::PersonalId };
    Subject {
        key_kind,
        pseudonym: Pseudonym { period: QUARTER, digest: digest.to_be_bytes() },
        prefix: 1 + (person % PROVINCES) as u16,
    }
}

fn record(caller: &Caller, at: Micros, chance: &mut Chance) -> Decided {
    if chance.below(REFUSED) == 0 {
        let asked: AttributeSet = caller.attributes.iter().copied().collect();
        return Decided::Refused { refusal: Refusal::Purpose, asked };
    }
    let is_match = chance.below(100) < caller.matched;
    let outcome = if is_match { Outcome::Matched } else { Outcome::NotMatched };
    let registry_us = 300 + chance.below(2_000) as u32;
    Decided::Answered {
        profile: "vi-1".into(),
        findings: findings(caller.attributes, is_match, chance),
        outcome,
        status: if chance.below(60) == 0 { SubjectStatus::Deceased } else { SubjectStatus::Active },
        failed_guess: (!is_match)
            .then(|| FailedGuess { claims: ShortDigest(chance.next().to_be_bytes()), key: None }),
        registry_as_of: Some(Micros(at.0 - 40_000_000)),
        registry_us,
        total_us: registry_us + 200 + chance.below(1_000) as u32,
    }
}

/// All equal, or one attribute that is not.
fn findings(attributes: &[Attribute], is_match: bool, chance: &mut Chance) -> Findings {
    let wrong = chance.below(attributes.len());
    let near = [Reason::ToneDiffers, Reason::OneLetter, Reason::Different, Reason::Different];
    let found = |place: usize| {
        if is_match || place != wrong {
            return Finding::MATCH;
        }
        Finding::because(near[place % near.len()])
    };
    attributes.iter().enumerate().map(|(place, attribute)| (*attribute, found(place))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_makes_the_same_mix() {
        let made = Entries::new(1).unwrap().take(20_000);
        let again = Entries::new(1).unwrap().take(20_000);
        assert_eq!(made, again);
        let made: Vec<&Entry> = made.iter().filter_map(LogEntry::request).collect();
        let share = |is: fn(&&&Entry) -> bool| made.iter().filter(is).count() * 100 / 20_000;
        let carriers = share(|entry| entry.client.as_str().starts_with("carrier"));
        assert!((44..=46).contains(&carriers), "{carriers} %");
        let refused = share(|entry| matches!(entry.record, Decided::Refused { .. }));
        assert!((1..=3).contains(&refused), "{refused} %");
        assert!(made.is_sorted_by_key(|entry| entry.at));
        let clients: std::collections::BTreeSet<&str> =
            made.iter().map(|entry| entry.client.as_str()).collect();
        assert_eq!(clients.len(), 296);
    }
}
