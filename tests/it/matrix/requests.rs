//! Good requests, made from what a route's description says it takes.

use reqwest::Method;

use super::bodies;
use super::callers::Who;
use super::described::{Door, Route};
use super::ids::{self, Asked, Id};
use super::jobs;
use super::planted::TARGET;
use super::stage::Stage;

/// Where no entry of any log stands.
pub(super) const NO_INDEX: u64 = 999_999;

/// A request that is ready to be sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) door: Door,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) media_type: Option<String>,
    pub(super) body: String,
}

impl Stage {
    /// A good request.
    pub(super) fn good(&self, route: &Route, who: &Who) -> Sent {
        let mut path = route.path.clone();
        for (before, name) in ids::names_in(&route.path) {
            let own = match ids::of_path(&before).unwrap() {
                Id::Job => jobs::fitting(route, who),
                id => self.own(id, who),
            };
            path = path.replace(&format!("{{{name}}}"), &own);
        }
        let value = |asked: Asked| match asked {
            Asked::Value(value) => Some(value.to_owned()),
            Asked::LeftOut
            | Asked::Shows(_)
            | Asked::Client
            | Asked::Request
            | Asked::ClientCursor
            | Asked::DisputeCursor => None,
        };
        let query = route.query.iter();
        let query = query.filter_map(|it| Some((it.name.clone(), value(it.asked)?))).collect();
        let body = route.body.as_ref();
        Sent {
            door: route.door,
            method: route.method.clone(),
            path,
            query,
            headers: Vec::new(),
            media_type: body.map(|(media_type, _)| media_type.clone()),
            body: body.map_or_else(String::new, |(_, schema)| bodies::good(schema, self, who)),
        }
    }

    /// What a name in a path stands for, of the caller's own or of what it may work on.
    pub(super) fn own(&self, id: Id, who: &Who) -> String {
        match id {
            Id::Client => TARGET.to_owned(),
            Id::Slot => "1".to_owned(),
            Id::Kid => self.planted.target_kid.clone(),
            Id::Dispute => self.planted.target_dispute.clone(),
            Id::Alarm => self.planted.alarm.clone(),
            Id::Job => jobs::id_of(who.client.unwrap_or("nobody"), "cancelled"),
            Id::Policy => format!("{TARGET}-policy"),
            Id::Entry => who.receipt["index"].as_u64().unwrap_or(NO_INDEX).to_string(),
            Id::Bundle | Id::Tile => "000.p/1".to_owned(),
            Id::Log => "n1".to_owned(),
            Id::Level => "0".to_owned(),
        }
    }
}
