//! The same requests with another client's ids, or ids of nothing, in the places of the caller's own.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::callers::Who;
use super::described::Route;
use super::ids::{self, Asked, Id};
use super::jobs;
use super::planted::{AGENCY, ID, key_of};
use super::requests::{NO_INDEX, Sent};
use super::stage::Stage;
use crate::support::merge;

/// Identifiers of nothing.
const NO_CLIENT: &str = "nobody-7731";
const NO_POLICY: &str = "nobody-7731-policy";
const NO_KID: &str = "ed-nobodys";
const NO_AGENCY: &str = "K79.0421";

/// A request with another client's id in one place, and with that of nothing.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) what: String,
    pub(super) another: Sent,
    pub(super) absent: Sent,
    /// Nobody but the other client may use it, whatever it sees.
    pub(super) never: bool,
    /// Two good requests are answered differently: each answer is a new one.
    pub(super) fresh: bool,
}

impl Stage {
    /// Each place where the route takes an id, with another client's and with that of nothing. A
    /// parameter that names a client is tried on every route.
    pub(super) fn foreign(&self, route: &Route, who: &Who) -> Vec<Pair> {
        let good = self.good(route, who);
        let mut pairs = self.foreign_paths(route, &good, who);
        pairs.extend(self.foreign_parameters(route, &good));
        for name in &route.headers {
            let with = |value: &str| {
                let mut sent = good.clone();
                sent.headers.push((name.clone(), value.to_owned()));
                sent
            };
            let pair = pair(name, with(&key_of(&route.path)), with(&no_key_of(&route.path)));
            pairs.push(Pair { never: true, fresh: true, ..pair });
        }
        if let Some((_, schema)) = &route.body {
            pairs.extend(self.foreign_bodies(schema, &good));
        }
        pairs
    }

    fn foreign_paths(&self, route: &Route, good: &Sent, who: &Who) -> Vec<Pair> {
        let (planted, mut pairs) = (&self.planted, Vec::new());
        for (before, name) in ids::names_in(&route.path) {
            let id = ids::of_path(&before).unwrap();
            let index = |index: &Value| index.as_u64().unwrap().to_string();
            let foreign = match id {
                Id::Client => vec![(ID.to_owned(), NO_CLIENT.to_owned())],
                Id::Kid => vec![(planted.kid.clone(), NO_KID.to_owned())],
                Id::Dispute => vec![(planted.dispute.clone(), planted.no_dispute())],
                Id::Alarm => vec![(planted.alarm.clone(), "0".repeat(32))],
                Id::Job => {
                    let states = ["cancelled", "paused", "created"];
                    let another = states.map(|state| jobs::id_of(ID, state));
                    another.map(|id| (id, "job_nobodys".to_owned())).to_vec()
                }
                Id::Policy => vec![(format!("{ID}-policy"), NO_POLICY.to_owned())],
                Id::Entry => vec![
                    (index(&planted.receipt["index"]), NO_INDEX.to_string()),
                    (planted.act.to_string(), NO_INDEX.to_string()),
                ],
                // Nobody's own.
                Id::Slot | Id::Bundle | Id::Log | Id::Level | Id::Tile => Vec::new(),
            };
            for (another, absent) in foreign {
                let with = |value: &str| {
                    let mut path = route.path.clone();
                    for (before, other) in ids::names_in(&route.path) {
                        let filled = match ids::of_path(&before).unwrap() {
                            _ if other == name => value.to_owned(),
                            // Where the other client has it.
                            Id::Client if id == Id::Kid => ID.to_owned(),
                            known => self.own(known, who),
                        };
                        path = path.replace(&format!("{{{other}}}"), &filled);
                    }
                    Sent { path, ..good.clone() }
                };
                pairs.push(pair(&format!("{name} {another}"), with(&another), with(&absent)));
            }
        }
        pairs
    }

    fn foreign_parameters(&self, route: &Route, good: &Sent) -> Vec<Pair> {
        let planted = &self.planted;
        let cursor = |id: &str| URL_SAFE_NO_PAD.encode(id);
        let with = |name: &str, value: &str| {
            let mut sent = good.clone();
            sent.query.push((name.to_owned(), value.to_owned()));
            sent
        };
        let mut pairs = Vec::new();
        for parameter in &route.query {
            let (another, absent) = match parameter.asked {
                Asked::Client => (ID.to_owned(), NO_CLIENT.to_owned()),
                Asked::ClientCursor => (cursor(ID), cursor(NO_CLIENT)),
                Asked::Request => (planted.request_id.clone(), planted.no_request()),
                Asked::DisputeCursor => (cursor(&planted.dispute), cursor(&planted.no_dispute())),
                // Equal to itself: what counts is what is read there.
                Asked::Shows(value) => (value.to_owned(), value.to_owned()),
                Asked::LeftOut | Asked::Value(_) => continue,
            };
            let name = &parameter.name;
            let never = matches!(parameter.asked, Asked::Shows(_));
            let pair = pair(name, with(name, &another), with(name, &absent));
            pairs.push(Pair { never, ..pair });
        }
        if !route.query.iter().any(|known| known.name == "client") {
            let pair = pair("?client", with("client", ID), with("client", NO_CLIENT));
            pairs.push(Pair { never: true, ..pair });
        }
        pairs
    }

    fn foreign_bodies(&self, schema: &str, good: &Sent) -> Vec<Pair> {
        if schema.ends_with("Form") {
            self.foreign_forms(schema, good)
        } else {
            self.foreign_json(schema, good)
        }
    }

    fn foreign_forms(&self, schema: &str, good: &Sent) -> Vec<Pair> {
        let form = |what: &str, another: String, absent: String| {
            let with = |body| Sent { body, ..good.clone() };
            pair(what, with(another), with(absent))
        };
        let of_client = |id| format!("{}&client_id={id}", good.body);
        let of_token = |token: &str| format!("token={token}");
        let client_id =
            Pair { never: true, ..form("client_id", of_client(ID), of_client(NO_CLIENT)) };
        match schema {
            "IssuedTokenForm" => {
                let planted = &self.planted;
                let (another, absent) = (of_token(&planted.token), of_token(&planted.no_token()));
                vec![form("token", another, absent), client_id]
            }
            _ => vec![client_id],
        }
    }

    fn foreign_json(&self, schema: &str, good: &Sent) -> Vec<Pair> {
        let planted = &self.planted;
        let places = |what: &str, another: &Value, absent: &Value| {
            let body: Value = serde_json::from_str(&good.body).unwrap();
            let with = |change| Sent { body: merge(&body, change).to_string(), ..good.clone() };
            pair(what, with(another), with(absent))
        };
        let never = |what: &str, another: &Value, absent: &Value| Pair {
            never: true,
            ..places(what, another, absent)
        };
        let subject =
            |token: &str| json!({"subject": {"personal_id": null, "subject_token": token}});
        let (token, no_token) =
            (subject(&planted.subject_token), subject(&planted.no_subject_token()));
        match schema {
            "VerificationBody" => {
                let agency = |code: &str| json!({"on_behalf_of": code});
                vec![
                    never("subject_token", &token, &no_token),
                    never("on_behalf_of", &agency(AGENCY), &agency(NO_AGENCY)),
                ]
            }
            "HistoryBody" => vec![never("subject_token", &token, &no_token)],
            "DisputeBody" => {
                let receipt = |index: &Value, leaf: &Value| json!({"receipt": {"log": "n1", "index": index, "leaf": leaf}});
                let (index, none) = (&planted.receipt["index"], json!(NO_INDEX));
                let of = |leaf: &Value| (receipt(index, leaf), receipt(&none, leaf));
                let (whole, bare) = (of(&planted.receipt["leaf"]), of(&Value::Null));
                vec![never("receipt", &whole.0, &whole.1), never("index", &bare.0, &bare.1)]
            }
            "NewClientBody" => {
                let id = |id: &str| json!({"client_id": id});
                vec![places("client_id", &id(ID), &id("nobody-yet"))]
            }
            "ClientChangeBody" => {
                let policy = |name: &str| json!({"policy": format!("{name}@1")});
                vec![places("policy", &policy(&format!("{ID}-policy")), &policy(NO_POLICY))]
            }
            _ => Vec::new(),
        }
    }
}

fn pair(what: &str, another: Sent, absent: Sent) -> Pair {
    Pair { what: what.to_owned(), another, absent, never: false, fresh: false }
}

/// A key under which nobody has asked at a path. Every client asks there under it and under that of
/// the other client, so that both are as new to it.
fn no_key_of(path: &str) -> String {
    key_of(path).replace("canary", "nobody")
}
