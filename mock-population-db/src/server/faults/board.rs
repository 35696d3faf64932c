//! What misbehaviour is in force, and carrying it out.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::watch;

use super::plan::{Fate, Garbage, Plan, Reply};
use super::{Faults, PersonFaults};
use crate::digits::PersonalNumber;

/// After so long the caller of a hanging batch is let go: longer than any waits, and nothing is
/// held forever.
const HANG_MAX: Duration = Duration::from_mins(1);

/// Seconds after which whoever is refused for now may come again.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("1");

/// What is in force.
pub(in super::super) struct Board {
    /// Whether anything is; all that a well-behaved register asks.
    any: AtomicBool,
    ordered: RwLock<Arc<Ordered>>,
    standing: Vec<PersonFaults>,
    standing_rules: HashMap<PersonalNumber, Rule>,
    stopping: watch::Sender<bool>,
}

/// What the last order says, and how far it has been counted.
struct Ordered {
    faults: Faults,
    usual: Option<Rule>,
    people: HashMap<PersonalNumber, Rule>,
}

/// One misbehaviour and the batches it was asked about. A person's rule without a plan stays: the
/// person is spared what others meet.
struct Rule {
    plan: Option<Plan>,
    batches: AtomicU64,
}

/// What is in force, as it is shown.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    ordered: &'a Faults,
    #[serde(skip_serializing_if = "<[PersonFaults]>::is_empty")]
    standing_for_people: &'a [PersonFaults],
}

impl Board {
    /// A board with faults that stand, and others that the next order replaces. All were checked.
    pub(in super::super) fn new(standing: Vec<PersonFaults>, ordered: Faults) -> Self {
        let board = Self {
            any: AtomicBool::default(),
            ordered: RwLock::new(Arc::new(Ordered::new(Faults::default()))),
            standing_rules: rules(&standing),
            standing,
            stopping: watch::Sender::new(false),
        };
        board.replace(ordered);
        board
    }

    /// Puts `faults` in the place of what was ordered before.
    pub(in super::super) fn replace(&self, faults: Faults) {
        let ordered = Ordered::new(faults);
        let any =
            ordered.usual.is_some() || !ordered.people.is_empty() || !self.standing.is_empty();
        let mut current = self.ordered.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(ordered);
        self.any.store(any, Ordering::Relaxed);
    }

    /// What is in force, as JSON.
    pub(in super::super) fn to_json(&self) -> String {
        let ordered = self.ordered();
        let shown = Shown { ordered: &ordered.faults, standing_for_people: &self.standing };
        serde_json::to_string(&shown).expect("text keys and finite numbers are JSON")
    }

    /// Lets everybody go who waits for an answer.
    pub(in super::super) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// What happens to a batch that asks about these people; none where it is answered as usual.
    /// With nothing in force it costs one load.
    pub(in super::super) fn next(
        &self,
        mut asked: impl Iterator<Item = PersonalNumber>,
    ) -> Option<Misfortune> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let ordered = self.ordered();
        let of_person =
            |number| self.standing_rules.get(&number).or_else(|| ordered.people.get(&number));
        let rule = asked.find_map(of_person).or(ordered.usual.as_ref())?;
        let plan = rule.plan.as_ref()?;
        Some(Misfortune(plan.fate(rule.batches.fetch_add(1, Ordering::Relaxed))))
    }

    /// Answers a batch of `items` as it was to happen. `answer` makes the right answer to so many
    /// of them, the first ones.
    pub(in super::super) async fn carry_out(
        &self,
        Misfortune(fate): Misfortune,
        items: usize,
        answer: impl FnOnce(usize) -> String,
    ) -> Response {
        match fate {
            Fate::Reply { delay, reply } => {
                self.wait(delay).await;
                respond(reply, items, answer)
            }
            Fate::Hang => {
                self.wait(HANG_MAX).await;
                hang_up()
            }
            Fate::HangUp => hang_up(),
        }
    }

    /// Waits, but never longer than the server runs.
    async fn wait(&self, time: Duration) {
        if time.is_zero() {
            return;
        }
        let mut stopping = self.stopping.subscribe();
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
    }

    /// How many batches wait, hanging or late.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.stopping.receiver_count()
    }

    fn ordered(&self) -> Arc<Ordered> {
        Arc::clone(&self.ordered.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is to happen to one batch.
pub(in super::super) struct Misfortune(Fate);

impl Ordered {
    fn new(faults: Faults) -> Self {
        let usual = Plan::of(&faults.usual).map(|plan| Rule::new(Some(plan)));
        Self { usual, people: rules(&faults.for_people), faults }
    }
}

impl Rule {
    fn new(plan: Option<Plan>) -> Self {
        Self { plan, batches: AtomicU64::new(0) }
    }
}

fn rules(people: &[PersonFaults]) -> HashMap<PersonalNumber, Rule> {
    let rule = |person: &PersonFaults| Rule::new(Plan::of(&person.misbehaviour));
    people.iter().map(|person| (person.personal_id, rule(person))).collect()
}

fn respond(reply: Reply, items: usize, answer: impl FnOnce(usize) -> String) -> Response {
    let json = |bytes: Vec<u8>| ([(CONTENT_TYPE, "application/json")], bytes).into_response();
    match reply {
        Reply::Right => json(answer(items).into_bytes()),
        Reply::Error(status) => error(status),
        Reply::Garbage(Garbage::CutJson) => {
            let mut bytes = answer(items).into_bytes();
            bytes.truncate(bytes.len() / 2);
            json(bytes)
        }
        Reply::Garbage(Garbage::OneItemTooFew) => json(answer(items - 1).into_bytes()),
        Reply::Garbage(Garbage::Html) => {
            let page = "<!DOCTYPE html><title>502 Bad Gateway</title><h1>502 Bad Gateway</h1>\n";
            ([(CONTENT_TYPE, "text/html")], page).into_response()
        }
    }
}

fn error(status: StatusCode) -> Response {
    let body = r#"{"error":"this was ordered at /v1/faults"}"#;
    let mut response = (status, [(CONTENT_TYPE, "application/json")], body).into_response();
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_S);
    }
    response
}

/// A response that closes its connection before a byte is sent: its body fails while the head still
/// waits to be sent along with it.
fn hang_up() -> Response {
    let failure: Result<Bytes, _> = Err(io::Error::from(io::ErrorKind::ConnectionAborted));
    Body::from_stream(stream::iter([failure])).into_response()
}
