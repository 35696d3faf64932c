//! The rules: what of a window stands out, what is normal, and what is neither. Pure; the arithmetic is
//! explained in `docs/alarms.md`.

use serde::Serialize;

use super::habit::Habit;
use super::kind::AlarmKind;
use super::window::{ClientWindow, Span, SubjectAsked, SubjectsWindow};
use crate::clock::Micros;
use crate::config::AlarmsConfig;
use crate::request::ClientId;

/// How many standard deviations a match rate must lie below the habit: chance alone does it once in
/// 3.5 million windows.
const DEVIATIONS: f64 = 5.0;
/// What is within this part of the way from the habit to an alarm is normal again.
const NORMAL_PART: f64 = 0.5;

/// The numbers behind an alarm; nothing in them is about a person.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// What was seen: a rate, a share, people an hour, clients, seconds.
    pub observed: f64,
    /// What the client's habit is; none where there is no such thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub habit: Option<f64>,
    /// From where on it stands out.
    pub limit: f64,
    /// The clients, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "names")]
    pub clients: Vec<ClientId>,
}

/// Something that stands out.
#[derive(Debug, Clone, PartialEq)]
pub struct Raised {
    /// What.
    pub kind: AlarmKind,
    /// Whose doing it is, if one client's.
    pub client: Option<ClientId>,
    /// What else it is about: digest of a subject, name of a node; or empty.
    pub about: String,
    /// Where it was seen.
    pub span: Span,
    /// The numbers.
    pub figures: Figures,
}

/// Something that does not stand out any more, if it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normal {
    /// What.
    pub kind: AlarmKind,
    /// Whose doing.
    pub client: Option<ClientId>,
    /// What else it is about.
    pub about: String,
}

/// What a window came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judged {
    /// What stands out.
    pub raised: Vec<Raised>,
    /// What does not.
    pub normal: Vec<Normal>,
}

/// Where a figure lies.
enum Place {
    StandsOut,
    Between,
    Normal,
}

/// Judges what one client was answered against its habit.
pub fn judge(window: &ClientWindow, habit: &Habit, config: &AlarmsConfig) -> Judged {
    let mut judged = Judged::default();
    let found = [
        (AlarmKind::MatchRateLow, match_rate(window, habit, config)),
        (AlarmKind::ConsecutiveNumbers, Some(consecutive(window, config))),
        (AlarmKind::ManyDistinctSubjects, distinct(window, habit, config)),
    ];
    for (kind, found) in found {
        let client = Some(window.client.clone());
        let about = String::new();
        match found {
            Some((Place::StandsOut, figures)) => {
                judged.raised.push(Raised { kind, client, about, span: window.span, figures });
            }
            Some((Place::Normal, _)) => judged.normal.push(Normal { kind, client, about }),
            Some((Place::Between, _)) | None => {}
        }
    }
    judged
}

/// A two-proportion test with a margin: the rate must lie below the habit by `match_rate_fall`, and by
/// five standard deviations of the difference between two samples of one rate.
fn match_rate(
    window: &ClientWindow,
    habit: &Habit,
    config: &AlarmsConfig,
) -> Option<(Place, Figures)> {
    let usual = habit.match_rate?;
    let answers = f64::from(window.span.answers);
    let observed = f64::from(window.matched) / answers;
    let pooled =
        (f64::from(window.matched) + usual.rate * usual.answers) / (answers + usual.answers);
    let deviation = (pooled * (1.0 - pooled) * (1.0 / answers + 1.0 / usual.answers)).sqrt();
    let fall = config.match_rate_fall.max(DEVIATIONS * deviation);
    let limit = usual.rate - fall;
    let place = if observed < limit {
        Place::StandsOut
    } else if observed >= usual.rate - NORMAL_PART * fall {
        Place::Normal
    } else {
        Place::Between
    };
    Some((place, Figures { observed, habit: Some(usual.rate), limit, clients: Vec::new() }))
}

fn consecutive(window: &ClientWindow, config: &AlarmsConfig) -> (Place, Figures) {
    let observed = f64::from(window.consecutive) / f64::from(window.span.answers);
    let limit = config.consecutive_share;
    (above(observed, limit), Figures { observed, habit: None, limit, clients: Vec::new() })
}

/// People an hour against answers in a usual busiest hour: a client that asked about somebody new each
/// time would be as far above its own figure as this.
fn distinct(
    window: &ClientWindow,
    habit: &Habit,
    config: &AlarmsConfig,
) -> Option<(Place, Figures)> {
    let usual = habit.busiest_hour?;
    let (observed, limit) = (window.distinct / window.span.hours(), usual * config.distinct_factor);
    let figures = Figures { observed, habit: Some(usual), limit, clients: Vec::new() };
    Some((above(observed, limit), figures))
}

fn above(observed: f64, limit: f64) -> Place {
    if observed >= limit {
        return Place::StandsOut;
    }
    if observed < NORMAL_PART * limit { Place::Normal } else { Place::Between }
}

/// Everybody about whom many clients have asked. Whoever is not among them is normal again.
pub fn judge_subjects(window: &SubjectsWindow, config: &AlarmsConfig) -> Vec<Raised> {
    let raised = |asked: &SubjectAsked| Raised {
        kind: AlarmKind::SubjectAskedByMany,
        client: None,
        about: format!("{:016x}", asked.digest),
        span: window.span,
        figures: Figures {
            observed: asked.clients.len() as f64,
            habit: None,
            limit: config.subject_clients as f64,
            clients: asked.clients.clone(),
        },
    };
    window.by_many.iter().map(raised).collect()
}

/// A node whose limits are not shared since a moment, if that is long enough ago.
pub fn unshared(node: &str, since: Micros, now: Micros, config: &AlarmsConfig) -> Option<Raised> {
    let seconds = now.since(since) as f64 / 1e6;
    let limit = f64::from(config.unshared_seconds);
    (seconds >= limit).then(|| Raised {
        kind: AlarmKind::LimitsUnshared,
        client: None,
        about: node.to_owned(),
        span: Span { from: since, to: now, answers: 0 },
        figures: Figures { observed: seconds, habit: None, limit, clients: Vec::new() },
    })
}

fn names<S: serde::Serializer>(clients: &[ClientId], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(clients.iter().map(ClientId::as_str))
}

#[cfg(test)]
mod tests;
