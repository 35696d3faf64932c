//! What belongs to another client, planted before anybody asks: things with ids, and words that
//! nobody else may ever read.

use gateway::alarms::{self, AlarmKind, Figures, Raised, Span, Teller};
use gateway::audit::RequestIds;
use gateway::request::ClientId;
use serde_json::{Value, json};

use super::callers::{spoil, token};
use crate::credentials::Signer;
use crate::support::{Caller, TestApp, TestClient, about_person, merge};

/// The other client.
pub(super) const ID: &str = "canary-7731";
/// Its agency.
pub(super) const AGENCY: &str = "K77.0421";
/// The client that administrators work on.
pub(super) const TARGET: &str = "target";
const KEY: &str = "canary-request";
const DISPUTES: &str = "/v1/disputes";
const PURPOSE: &str = "canary.purpose";
const CASE: &str = "CANARY-CASE-4711";
const OFFICIAL: &str = "canary.official";
const NAMES: [&str; 2] = ["Cục Chim Hoàng Yến", "Bureau of Canaries"];
const DECISION: &str = "the canary was seen";

/// The other client's things.
#[derive(Debug)]
pub(super) struct Planted {
    pub(super) token: String,
    pub(super) receipt: Value,
    pub(super) request_id: String,
    pub(super) subject_token: String,
    pub(super) dispute: String,
    pub(super) kid: String,
    /// Whom it has asked about.
    pub(super) subject: Value,
    /// Index of an administrator's act in the log.
    pub(super) act: u64,
    /// An alarm about it.
    pub(super) alarm: String,
    /// What administrators may do something about.
    pub(super) target_kid: String,
    pub(super) target_dispute: String,
    /// Words of it.
    pub(super) canaries: Vec<String>,
}

/// The client and the one that administrators work on.
pub(super) fn clients() -> [TestClient; 2] {
    let planted =
        TestClient { agency_code: AGENCY, purposes: &[PURPOSE], ..TestClient::carrier(ID) };
    let target = TestClient { agency_code: "K78", ..TestClient::carrier(TARGET) };
    [planted, target]
}

/// An answer that is `not_matched` to somebody who asks so, and can be disputed.
pub(super) async fn receipt_of(app: &TestApp, caller: &Caller, purpose: &str) -> Value {
    let wrong = json!({"purpose": purpose, "attributes": {"full_name": "Đặng Thử Nghiệm"}});
    let body = merge(&about_person(&app.person()), &wrong);
    caller.verify(&body).await.ok()["receipt"].clone()
}

/// Plants everything, with the help of an administrator.
pub(super) async fn plant(app: &TestApp, office: &Caller) -> Planted {
    let names = json!({"name_vi": NAMES[0], "name_en": NAMES[1]});
    office.patch(&format!("/admin/v1/clients/{ID}"), &names).await.ok();
    let (kid, jwk) = add_key(office, ID, 77).await;
    let (target_kid, _) = add_key(office, TARGET, 78).await;
    // What administrators do to the target needs a second credential of each sort.
    new_secret(office, TARGET).await;
    let secret = new_secret(office, ID).await;
    assert!(app.app.store.set_client_state(TARGET, "draft").await.unwrap());
    app.app.load_directory().await.unwrap();

    let token = token(app, ID, &[]).await;
    let caller = app.caller_with(&token);
    let officials = json!({"official": OFFICIAL}).to_string();
    caller.put_text("/v1/officials", "application/x-ndjson", &officials).await.ok();
    let person = app.people(2).remove(1);
    let body = merge(
        &about_person(&person),
        &json!({
            "purpose": PURPOSE, "case_ref": CASE, "official": OFFICIAL,
            "on_behalf_of": format!("{AGENCY}.09"),
            "attributes": {"full_name": "Đặng Thử Nghiệm"},
        }),
    );
    let path = "/v1/verifications";
    let answer = caller.post_once(path, &key_of(path), &body).await;
    let request_id = answer.header("x-request-id").unwrap().to_owned();
    let answer = answer.ok();
    let receipt = answer["receipt"].clone();
    let head = [("idempotency-key", key_of(DISPUTES))];
    let head = head.each_ref().map(|(name, key)| (*name, key.as_str()));
    let dispute = dispute(&caller, &receipt, &head).await;
    decide(office, &dispute).await;
    let target_dispute = {
        let caller = app.caller("ministry").await;
        let receipt = receipt_of(app, &caller, "insurance.reconcile").await;
        self::dispute(&caller, &receipt, &[]).await
    };
    let subject_token = answer["subject_token"].as_str().unwrap().to_owned();
    // It is good, for whom it was given to.
    let again =
        merge(&body, &json!({"subject": {"personal_id": null, "subject_token": subject_token}}));
    caller.verify(&again).await.ok();
    let alarm = raise_alarm(app).await;
    let canaries = [ID, AGENCY, KEY, PURPOSE, CASE, OFFICIAL, NAMES[0], NAMES[1]];
    let canaries = canaries.into_iter().chain([DECISION, person.personal_id.as_str()]);
    let canaries = canaries.chain([person.full_name.as_str(), &request_id, &dispute, &kid, &alarm]);
    let canaries = canaries.chain([jwk.as_str(), &secret, &token, &subject_token]);
    Planted {
        canaries: canaries.map(str::to_owned).collect(),
        act: act_index(office).await,
        subject: json!({"personal_id": person.personal_id.as_str()}),
        token,
        receipt,
        request_id,
        subject_token,
        dispute,
        kid,
        alarm,
        target_kid,
        target_dispute,
    }
}

/// The key under which the other client has asked at a path that takes one.
pub(super) fn key_of(path: &str) -> String {
    format!("{KEY}{}", path.replace(['/', '{', '}'], "-"))
}

impl Planted {
    /// A token like that of the other client, which nobody was given.
    pub(super) fn no_token(&self) -> String {
        spoil(&self.token)
    }

    /// A subject token like that of the other client, which nobody was given.
    pub(super) fn no_subject_token(&self) -> String {
        spoil(&self.subject_token)
    }

    /// The identity of no dispute, which would stand in lists where the other client's stands.
    pub(super) fn no_dispute(&self) -> String {
        let (stem, last) = self.dispute.split_at(self.dispute.len() - 1);
        format!("{stem}{}", if last == "0" { '1' } else { '0' })
    }

    /// The identity of no request.
    pub(super) fn no_request(&self) -> String {
        let (stem, last) = self.request_id.split_at(self.request_id.len() - 1);
        format!("{stem}{}", if last == "0" { '1' } else { '0' })
    }
}

/// Adds a key to a client; its identifier and its coordinate.
async fn add_key(office: &Caller, client: &str, seed: u8) -> (String, String) {
    let signer = Signer::ed25519(&[seed; 32]);
    let path = format!("/admin/v1/clients/{client}/keys");
    let added = office.post(&path, "application/json", &signer.jwk()).await;
    assert_eq!(added.status, 201, "{}", added.text);
    (signer.kid(), added.json()["jwk"]["x"].as_str().unwrap().to_owned())
}

/// The identity of an alarm about the other client.
async fn raise_alarm(app: &TestApp) -> String {
    let (ids, now) = (RequestIds::new(&app.app.random), app.app.clock.now());
    let teller = Teller { node: "n1", ids: &ids, now };
    let figures = Figures { observed: 0.5, habit: Some(0.8), limit: 0.75, clients: Vec::new() };
    let raised = Raised {
        kind: AlarmKind::MatchRateLow,
        client: Some(ClientId::parse(ID).unwrap()),
        about: String::new(),
        span: Span { from: now, to: now, answers: 1_000 },
        figures,
    };
    assert!(alarms::raise(&app.app.store, &teller, &raised).await.unwrap());
    app.app.log_acts().await;
    app.app.store.standing_alarms().await.unwrap().remove(0).id
}

async fn new_secret(office: &Caller, client: &str) -> String {
    let made = office.post(&format!("/admin/v1/clients/{client}/secrets"), "", "").await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()["secret"].as_str().unwrap().to_owned()
}

/// The identity of a new dispute.
async fn dispute(caller: &Caller, receipt: &Value, head: &[(&str, &str)]) -> String {
    let body = json!({"receipt": receipt, "note": "card_seen"}).to_string();
    let opened = caller.post_with(DISPUTES, head, &body).await;
    assert_eq!(opened.status, 201, "{}", opened.text);
    opened.json()["id"].as_str().unwrap().to_owned()
}

async fn decide(office: &Caller, dispute: &str) {
    let body = json!({"decision": "rejected", "reason": DECISION}).to_string();
    let path = format!("/admin/v1/disputes/{dispute}/decision");
    office.post(&path, "application/json", &body).await.ok();
}

/// Where an act stands in the log.
async fn act_index(office: &Caller) -> u64 {
    let found = office.get("/admin/v1/log/entries?kind=act&limit=1").await.ok();
    let index = &found["entries"][0]["index"];
    index.as_u64().unwrap_or_else(|| panic!("no act is found: {found}"))
}
