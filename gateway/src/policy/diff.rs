//! What one policy grants more than another and what less, in words. Not what either document says:
//! two that are written differently and grant the same have no difference.

use std::collections::{BTreeMap, BTreeSet};

use super::Policy;
use super::summary::{attributes, gets_to_see, learns_status, list, named, names_official};
use super::terms;
use super::words::{self, Language};
use crate::request::{AttributeSet, Operation, Purpose};

/// Which way a change goes, for the clients under the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// They may, see or pass more.
    More,
    /// They may, see or pass less.
    Less,
}

impl Effect {
    /// The name in what is printed and answered.
    pub fn name(self) -> &'static str {
        match self {
            Self::More => "more",
            Self::Less => "less",
        }
    }
}

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyChange {
    /// Which way it goes.
    pub effect: Effect,
    /// What it is about: `grant`, `attributes`, `required`, `officials`, `near_misses`, `disclosure`,
    /// `status`, `rate`, `burst`, `official_limits`, `concurrency`, `quotas` or `lane`.
    pub about: &'static str,
    /// In Vietnamese.
    pub vi: String,
    /// In English.
    pub en: String,
}

/// What is another in `new` than in `old`: grants first, then what is asked and shown, then limits.
pub fn diff(old: &Policy, new: &Policy) -> Vec<PolicyChange> {
    let mut changes = grants(old, new);
    changes.extend(required(old, new));
    changes.extend(officials(old, new));
    changes.extend(near_misses(old, new));
    changes.extend(disclosure(old, new));
    changes.extend(terms::changes(old.terms(), new.terms()));
    changes
}

/// A change, told twice.
pub(super) fn change(
    effect: Effect,
    about: &'static str,
    tell: impl Fn(Language) -> String,
) -> PolicyChange {
    let (vi, en) = (tell(Language::Vietnamese), tell(Language::English));
    PolicyChange { effect, about, vi, en }
}

pub(super) fn in_language(language: Language, vi: String, en: String) -> String {
    match language {
        Language::Vietnamese => vi,
        Language::English => en,
    }
}

/// What happens to an operation for a purpose. Purposes to which the same happens are told at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Granted(AttributeSet),
    Withdrawn,
    AttributesAdded(AttributeSet),
    AttributesWithdrawn(AttributeSet),
}

fn grants(old: &Policy, new: &Policy) -> Vec<PolicyChange> {
    let mut changes: Vec<PolicyChange> = Vec::new();
    for operation in Operation::ALL {
        let mut told: Vec<(Fate, Vec<Purpose>)> = Vec::new();
        for purpose in purposes(old, operation).union(&purposes(new, operation)) {
            let before = old.granted(operation, purpose);
            for fate in fates(before, new.granted(operation, purpose)) {
                match told.iter_mut().find(|(known, _)| *known == fate) {
                    Some((_, purposes)) => purposes.push(purpose.clone()),
                    None => told.push((fate, vec![purpose.clone()])),
                }
            }
        }
        changes.extend(told.iter().map(|(fate, purposes)| granted(operation, *fate, purposes)));
    }
    changes.sort_by_key(|change| change.effect);
    changes
}

fn purposes(policy: &Policy, operation: Operation) -> BTreeSet<Purpose> {
    let with = policy.grants().iter().filter(|grant| grant.operations().contains(operation));
    with.flat_map(|grant| grant.purposes().iter().cloned()).collect()
}

fn fates(before: Option<AttributeSet>, after: Option<AttributeSet>) -> Vec<Fate> {
    let (before, after) = match (before, after) {
        (None, None) => return Vec::new(),
        (None, Some(after)) => return vec![Fate::Granted(after)],
        (Some(_), None) => return vec![Fate::Withdrawn],
        (Some(before), Some(after)) => (before, after),
    };
    let (added, withdrawn) = (after.difference(before), before.difference(after));
    let mut fates = Vec::new();
    if !added.is_empty() {
        fates.push(Fate::AttributesAdded(added));
    }
    if !withdrawn.is_empty() {
        fates.push(Fate::AttributesWithdrawn(withdrawn));
    }
    fates
}

fn granted(operation: Operation, fate: Fate, purposes: &[Purpose]) -> PolicyChange {
    let effect = match fate {
        Fate::Granted(_) | Fate::AttributesAdded(_) => Effect::More,
        Fate::Withdrawn | Fate::AttributesWithdrawn(_) => Effect::Less,
    };
    let about = match fate {
        Fate::Granted(_) | Fate::Withdrawn => "grant",
        Fate::AttributesAdded(_) | Fate::AttributesWithdrawn(_) => "attributes",
    };
    change(effect, about, |language| {
        let does = words::operation(operation).in_language(language);
        let purposes = purposes.iter().map(|purpose| named(purpose, language));
        let purposes = purposes.collect::<Vec<_>>().join(", ");
        let of = |set| attributes(set, language);
        match fate {
            Fate::Granted(set) if set.is_empty() => in_language(
                language,
                format!("Nay được: {does}, với mục đích {purposes}."),
                format!("May now: {does}, for {purposes}."),
            ),
            Fate::Granted(set) => in_language(
                language,
                format!("Nay được: {does}, với mục đích {purposes}; hỏi về: {}.", of(set)),
                format!("May now: {does}, for {purposes}; may ask about: {}.", of(set)),
            ),
            Fate::Withdrawn => in_language(
                language,
                format!("Không còn được: {does}, với mục đích {purposes}."),
                format!("May no longer: {does}, for {purposes}."),
            ),
            Fate::AttributesAdded(set) => in_language(
                language,
                format!("Nay được hỏi thêm về: {} ({does}; mục đích {purposes}).", of(set)),
                format!("May now ask about: {} ({does}; for {purposes}).", of(set)),
            ),
            Fate::AttributesWithdrawn(set) => in_language(
                language,
                format!("Không còn được hỏi về: {} ({does}; mục đích {purposes}).", of(set)),
                format!("May no longer ask about: {} ({does}; for {purposes}).", of(set)),
            ),
        }
    })
}

fn required(old: &Policy, new: &Policy) -> Vec<PolicyChange> {
    let added = new.required().difference(old.required());
    let dropped = old.required().difference(new.required());
    let mut changes = Vec::new();
    if !dropped.is_empty() {
        changes.push(change(Effect::More, "required", |language| {
            let dropped = attributes(dropped, language);
            in_language(
                language,
                format!("Không còn bắt buộc gửi: {dropped}."),
                format!("Need no longer send: {dropped}."),
            )
        }));
    }
    if !added.is_empty() {
        changes.push(change(Effect::Less, "required", |language| {
            let added = attributes(added, language);
            in_language(
                language,
                format!("Nay bắt buộc gửi và phải khớp: {added}."),
                format!("Must now send, and have right: {added}."),
            )
        }));
    }
    changes
}

fn officials(old: &Policy, new: &Policy) -> Option<PolicyChange> {
    let (before, after) = (old.officials(), new.officials());
    let effect = if after < before { Effect::More } else { Effect::Less };
    (after != before)
        .then(|| change(effect, "officials", |language| names_official(after, language)))
}

fn near_misses(old: &Policy, new: &Policy) -> Vec<PolicyChange> {
    let beyond = |one: &Policy, other: &Policy, language: Language| {
        let (mine, theirs) = (one.accepted_reasons(), other.accepted_reasons());
        let only = mine.iter().filter(|reason| !theirs.contains(*reason));
        list(only.filter_map(words::near_miss), "; ", language)
    };
    let mut changes = Vec::new();
    if !beyond(new, old, Language::English).is_empty() {
        changes.push(change(Effect::More, "near_misses", |language| {
            let added = beyond(new, old, language);
            in_language(
                language,
                format!("Nay được coi là khớp: {added}."),
                format!("Now counts as a match: {added}."),
            )
        }));
    }
    if !beyond(old, new, Language::English).is_empty() {
        changes.push(change(Effect::Less, "near_misses", |language| {
            let dropped = beyond(old, new, language);
            in_language(
                language,
                format!("Không còn được coi là khớp: {dropped}."),
                format!("No longer counts as a match: {dropped}."),
            )
        }));
    }
    changes
}

fn disclosure(old: &Policy, new: &Policy) -> Vec<PolicyChange> {
    let effect = |is_more| if is_more { Effect::More } else { Effect::Less };
    let mut changes = Vec::new();
    if new.disclosure() != old.disclosure() {
        let effect = effect(new.disclosure() > old.disclosure());
        changes
            .push(change(effect, "disclosure", |language| gets_to_see(new.disclosure(), language)));
    }
    if new.discloses_status() != old.discloses_status() {
        let discloses = new.discloses_status();
        changes.push(change(effect(discloses), "status", |language| {
            learns_status(discloses, language)
        }));
    }
    changes
}

/// What a change is about, once each in order, for one line of the log.
pub fn headline(changes: &[PolicyChange]) -> String {
    let mut by_effect: BTreeMap<Effect, BTreeSet<&str>> = BTreeMap::new();
    for change in changes {
        by_effect.entry(change.effect).or_default().insert(change.about);
    }
    let told = by_effect.into_iter().map(|(effect, about)| {
        format!("{} {}", effect.name(), about.into_iter().collect::<Vec<_>>().join(" "))
    });
    told.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = r#"{
        "grants": [{"operations": ["verify"], "purposes": ["telecom.subscriber", "own.code"],
                    "attributes": ["full_name", "date_of_birth"]}],
        "required": ["full_name"], "accepted_reasons": ["marks_missing", "different"],
        "disclosure": "reasons", "rate": 10, "burst": 20,
        "quotas": {"day": {"requests": 1000}, "month": {"requests": 20000, "attributes": 40000}}}"#;
    const AFTER: &str = r#"{
        "grants": [{"operations": ["verify"], "purposes": ["telecom.subscriber"],
                    "attributes": ["full_name", "sex"]},
                   {"operations": ["history"], "purposes": ["own.code"]}],
        "required": ["full_name", "sex"], "accepted_reasons": ["one_letter"],
        "disclosure": "verdicts", "discloses_status": true, "rate": 5, "burst": 40,
        "officials": "known", "official_limits": {"rate": 1, "burst": 9}, "concurrency": 16,
        "quotas": {"day": {"requests": 2000, "attributes": 6000}, "month": {"attributes": 40000}},
        "lane": "bulk"}"#;

    fn between(old: &str, new: &str) -> Vec<PolicyChange> {
        let parse = |document| Policy::parse("p", 1, document).unwrap();
        diff(&parse(old), &parse(new))
    }

    fn told(changes: &[PolicyChange]) -> String {
        let line = |change: &PolicyChange| {
            format!("{} {}: {}", change.effect.name(), change.about, change.en)
        };
        changes.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_is_granted_more_and_what_less_is_told_in_words() {
        let changes = between(BEFORE, AFTER);
        insta::assert_snapshot!(told(&changes), @r#"
        more attributes: May now ask about: sex (compare what you hold about a person with the register; for "Verify a subscriber at registration" (telecom.subscriber)).
        more grant: May now: see who asked about a person, for own.code.
        less grant: May no longer: compare what you hold about a person with the register, for own.code.
        less attributes: May no longer ask about: date of birth (compare what you hold about a person with the register; for "Verify a subscriber at registration" (telecom.subscriber)).
        less required: Must now send, and have right: sex.
        less officials: The official who asks may be named, and must then be on the list that you have sent.
        more near_misses: Now counts as a match: one letter of the name differs.
        less near_misses: No longer counts as a match: the name without any diacritics.
        less disclosure: You see the outcome and the verdict on each attribute, without reasons.
        more status: You are told whether the person is alive, dead, under another number by now, or unknown.
        less rate: 5 requests a second in place of 10.
        more burst: 40 requests at once in place of 20.
        less concurrency: 16 requests on their way at once in place of 256.
        less official_limits: Each official: 1 requests a second, 9 at once.
        more quotas: At most 2000 requests a day.
        less quotas: At most 6000 attributes a day.
        more quotas: No quota of requests a month any more.
        less lane: Requests travel on the bulk lane, behind all others.
        "#);
        for PolicyChange { vi, en, .. } in changes {
            assert!(vi.ends_with('.') && !vi.contains(&en), "{vi}");
        }
    }

    #[test]
    fn backwards_more_is_less() {
        let about = |changes: Vec<PolicyChange>, effect: Effect| {
            let of_it = changes.into_iter().filter(|change| change.effect == effect);
            of_it.map(|change| change.about).collect::<BTreeSet<_>>()
        };
        for (effect, reverse) in [(Effect::More, Effect::Less), (Effect::Less, Effect::More)] {
            let (there, back) = (between(BEFORE, AFTER), between(AFTER, BEFORE));
            assert_eq!(about(there, effect), about(back, reverse));
        }
    }

    #[test]
    fn what_grants_the_same_does_not_differ_however_it_is_written() {
        assert_eq!(between(BEFORE, BEFORE), []);
        let split = BEFORE.replace(
            r#""purposes": ["telecom.subscriber", "own.code"],"#,
            r#""purposes": ["own.code"], "attributes": ["full_name", "date_of_birth"]},
               {"operations": ["verify"], "purposes": ["telecom.subscriber"],"#,
        );
        assert_eq!(between(BEFORE, &split), []);
        let without_effect = BEFORE.replace(r#", "different""#, "");
        assert_eq!(between(BEFORE, &without_effect), []);
    }
}
