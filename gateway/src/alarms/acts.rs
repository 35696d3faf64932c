//! Alarms on their way into the store and, as acts, into the log: `alarm-raised`,
//! `alarm-acknowledged`, `alarm-cleared`, each once.

use serde_json::json;

use super::kind::AlarmKind;
use super::rules::{Normal, Raised};
use crate::access::{Administrator, parse_reason};
use crate::audit::{EventText, RequestIds};
use crate::clock::Micros;
use crate::request::Malformed;
use crate::store::{ActRow, AlarmRow, Store, StoreError};

/// By whom alarms are raised and cleared.
const BY: &str = "gateway";
/// Another node's alarm that it has not seen for so long may be cleared by anybody: it may be gone.
const UNSEEN_SECONDS: i64 = 3_600;
/// Longest note in bytes, as it stands in an act: with the rest it is one entry's detail.
const NOTE_BYTES_MAX: usize = 150;

/// Where an alarm is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmState {
    /// It stands, and nobody has seen to it.
    Open,
    /// It stands, and somebody has.
    Acknowledged,
    /// It is over.
    Cleared,
}

impl AlarmState {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Open, Self::Acknowledged, Self::Cleared];

    /// The name in the store and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Cleared => "cleared",
        }
    }

    /// The state with this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// What came of acknowledging an alarm.
#[derive(Debug)]
pub enum Acknowledged {
    /// It is; or was already, by whomever.
    Now(Box<AlarmRow>),
    /// It is over.
    Over,
    /// There is no such alarm.
    Unknown,
}

/// Whether a text has the form of an alarm's identity.
pub fn is_alarm_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Takes a note about an alarm, as a reason but shorter.
///
/// # Errors
/// [`Malformed`] with what is wrong with it.
pub fn parse_note(text: &str) -> Result<EventText, Malformed> {
    let note = parse_reason(text)?;
    if json!(text).to_string().len() > NOTE_BYTES_MAX {
        return Err(Malformed::TooLong);
    }
    Ok(note)
}

/// Who raises and clears: a node at a moment.
#[derive(Debug, Clone, Copy)]
pub struct Teller<'a> {
    /// Name of its log.
    pub node: &'a str,
    /// Makes identities.
    pub ids: &'a RequestIds,
    /// When.
    pub now: Micros,
}

impl Teller<'_> {
    fn act(&self, id: String, act: &str, target: &str, detail: &serde_json::Value) -> ActRow {
        ActRow {
            id,
            at_us: self.now.0,
            made_by: BY.to_owned(),
            act: act.to_owned(),
            target: target.to_owned(),
            detail: Some(detail.to_string()),
        }
    }
}

/// Raises an alarm, unless it stands; whether it is new.
///
/// # Errors
/// If the store does not answer.
pub async fn raise(
    store: &Store,
    teller: &Teller<'_>,
    raised: &Raised,
) -> Result<bool, StoreError> {
    let Raised { kind, client, about, span, figures } = raised;
    let id = teller.ids.next(teller.now).to_string();
    let client_id = client.as_ref().map_or("", |client| client.as_str());
    let row = AlarmRow {
        id: id.clone(),
        kind: kind.name().to_owned(),
        client_id: client_id.to_owned(),
        about: about.clone(),
        state: AlarmState::Open.name().to_owned(),
        node: teller.node.to_owned(),
        raised_us: teller.now.0,
        seen_us: teller.now.0,
        from_us: span.from.0,
        to_us: span.to.0,
        answers: i64::from(span.answers),
        figures: json!(figures).to_string(),
        acknowledged_us: None,
        acknowledged_by: None,
        note: None,
        cleared_us: None,
    };
    // Four digits tell enough, and the detail of an entry is short.
    let short = |figure: f64| (figure * 1e4).round() / 1e4;
    let mut detail = json!({
        "alarm": id, "kind": kind.name(), "from": span.from.to_string(),
        "to": span.to.to_string(), "answers": span.answers, "observed": short(figures.observed),
    });
    if let Some(habit) = figures.habit {
        detail["habit"] = json!(short(habit));
    }
    let act = teller.act(id, "alarm-raised", target(&row), &detail);
    store.raise_alarm(&row, &act).await
}

/// Clears an alarm; whether it stood, and no other node has seen it stand lately.
///
/// # Errors
/// If the store does not answer.
pub async fn clear(store: &Store, teller: &Teller<'_>, row: &AlarmRow) -> Result<bool, StoreError> {
    let detail = json!({
        "alarm": row.id, "kind": row.kind, "raised_at": Micros(row.raised_us).to_string(),
    });
    let id = teller.ids.next(teller.now).to_string();
    let act = teller.act(id, "alarm-cleared", target(row), &detail);
    let before = teller.now.plus_seconds(-UNSEEN_SECONDS);
    store.clear_alarm((&row.id, teller.node), before.0, &act).await
}

impl Normal {
    /// Whether it is what an alarm is about.
    pub fn is(&self, row: &AlarmRow) -> bool {
        let client = self.client.as_ref().map_or("", |client| client.as_str());
        row.kind == self.kind.name() && row.client_id == client && row.about == self.about
    }
}

impl Raised {
    /// Whether it is what an alarm is about.
    pub fn is(&self, row: &AlarmRow) -> bool {
        let Self { kind, client, about, .. } = self.clone();
        Normal { kind, client, about }.is(row)
    }
}

/// Notes that somebody has seen to an alarm.
///
/// # Errors
/// If the store does not answer.
pub async fn acknowledge(
    store: &Store,
    administrator: &Administrator,
    id: &str,
    note: Option<&EventText>,
) -> Result<Acknowledged, StoreError> {
    if !is_alarm_id(id) {
        return Ok(Acknowledged::Unknown);
    }
    let Some(row) = store.alarm(id).await? else { return Ok(Acknowledged::Unknown) };
    let mut detail = json!({ "alarm": row.id, "kind": row.kind });
    if let Some(note) = note {
        detail["note"] = json!(note.as_str());
    }
    let act = ActRow {
        id: administrator.request_id.to_string(),
        at_us: administrator.at.0,
        made_by: administrator.by.clone(),
        act: "alarm-acknowledged".to_owned(),
        target: target(&row).to_owned(),
        detail: Some(detail.to_string()),
    };
    store.acknowledge_alarm(id, note.map(EventText::as_str), &act).await?;
    // As it is now: somebody may have been first, or it may be over.
    let Some(row) = store.alarm(id).await? else { return Ok(Acknowledged::Unknown) };
    match AlarmState::find(&row.state) {
        Some(AlarmState::Acknowledged) => Ok(Acknowledged::Now(Box::new(row))),
        Some(AlarmState::Cleared) => Ok(Acknowledged::Over),
        Some(AlarmState::Open) | None => {
            Err(StoreError::Inconsistent { table: "alarms", row: row.id })
        }
    }
}

/// What an alarm is about, as acts name it: a client, or a subject's digest, or a node.
fn target(row: &AlarmRow) -> &str {
    if row.client_id.is_empty() { &row.about } else { &row.client_id }
}

/// Alarms that a window over all clients has not seen again: their subjects are normal.
pub fn is_over(row: &AlarmRow, node: &str, raised: &[Raised]) -> bool {
    row.kind == AlarmKind::SubjectAskedByMany.name()
        && row.node == node
        && !raised.iter().any(|raised| raised.about == row.about)
}
