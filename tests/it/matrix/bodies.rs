//! Good bodies, by the names of their schemas.

use std::sync::atomic::{AtomicU8, Ordering};

use serde_json::{Value, json};

use super::callers::Who;
use super::planted::TARGET;
use super::requests::NO_INDEX;
use super::stage::Stage;
use crate::credentials::Signer;
use crate::support::{about_person, merge};

type Make = fn(&Stage, &Who) -> String;

/// A good body of each schema.
const BODIES: [(&str, Make); 19] = [
    ("TokenForm", |_, _| "grant_type=client_credentials".to_owned()),
    ("IssuedTokenForm", issued_token),
    ("VerificationBody", |stage, who| {
        let purpose = json!({"purpose": who.purpose});
        merge(&about_person(&stage.app.person()), &purpose).to_string()
    }),
    ("BatchBody", |stage, who| {
        let purpose = json!({"purpose": who.purpose});
        json!({"items": [merge(&about_person(&stage.app.person()), &purpose)]}).to_string()
    }),
    ("JobBody", |_, who| json!({"purpose": who.purpose}).to_string()),
    ("JobFileBody", |_, _| "personal_id,full_name,date_of_birth\n".to_owned()),
    ("HistoryBody", |stage, who| {
        json!({"subject": stage.planted.subject, "purpose": who.purpose}).to_string()
    }),
    ("DisputeBody", |_, who| {
        let absent = json!({"log": "n1", "index": NO_INDEX});
        let receipt = if who.receipt.is_null() { &absent } else { &who.receipt };
        json!({"receipt": receipt, "note": "card_seen"}).to_string()
    }),
    ("DecisionBody", |_, _| {
        json!({"decision": "upheld", "reason": "it was corrected"}).to_string()
    }),
    ("NormalizeBody", |_, _| {
        json!({"attribute": "full_name", "value": "NGUYEN VAN HOA"}).to_string()
    }),
    ("NewClientBody", |_, _| new_client().to_string()),
    ("ClientChangeBody", |_, _| json!({"name_en": format!("Changed {}", another())}).to_string()),
    ("ClientStateBody", |_, _| json!({"state": "security_review"}).to_string()),
    ("SlowBody", |_, _| json!({"rate": 1, "reason": "it asks too much"}).to_string()),
    ("AcknowledgeBody", |_, _| json!({"note": "a new branch was opened"}).to_string()),
    ("UnslowBody", |_, _| json!({"reason": "it was explained"}).to_string()),
    ("PublicJwk", |_, _| Signer::ed25519(&[another(); 32]).jwk()),
    ("PolicyBody", |_, _| policy().to_string()),
    // A list is lines of it.
    ("OfficialBody", |_, _| json!({"official": "nguyen.thi.lan"}).to_string() + "\n"),
];

/// Whether a good body of this schema can be made.
pub(super) fn is_known(schema: &str) -> bool {
    BODIES.iter().any(|(name, _)| *name == schema)
}

/// A good body of this schema, which is known.
pub(super) fn good(schema: &str, stage: &Stage, who: &Who) -> String {
    let (_, make) = BODIES.iter().find(|(name, _)| *name == schema).unwrap();
    make(stage, who)
}

/// It is well formed and nobody's: the same body goes to where tokens are taken back.
fn issued_token(_: &Stage, who: &Who) -> String {
    format!("token={}x", who.token.as_deref().unwrap_or_default())
}

fn new_client() -> Value {
    json!({
        "client_id": format!("new-{}", another()), "kind": "health_facility",
        "agency_code": "G12.24.01001", "name_vi": "Trạm y tế", "name_en": "Station",
        "policy": format!("{TARGET}-policy@1"),
    })
}

fn policy() -> Value {
    json!({
        "grants": [{"operations": ["verify"], "purposes": ["telecom.subscriber"]}],
        "disclosure": "outcome", "rate": 10, "burst": 10,
    })
}

/// A number that no other body of this run has.
fn another() -> u8 {
    static MADE: AtomicU8 = AtomicU8::new(100);
    MADE.fetch_add(1, Ordering::Relaxed)
}
