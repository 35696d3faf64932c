//! Papers that run out: what is told before a client is refused because of a date.

use std::collections::HashSet;
use std::fmt;

use crate::auth::{Client, ClientState};
use crate::clock::Micros;
use crate::request::ClientId;
use crate::store::ClientRow;

/// Time in which an agreement or an assessment can be renewed, in seconds.
pub const NOTICE_SECONDS: i64 = 30 * 86_400;

/// Which paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Paper {
    /// The agreement.
    Agreement,
    /// The security assessment.
    Assessment,
}

impl Paper {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Agreement => "agreement",
            Self::Assessment => "assessment",
        }
    }
}

/// A paper that ends soon, or has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Warning {
    /// Which paper.
    pub paper: Paper,
    /// The first moment at which it is not in force any more.
    pub until: Micros,
    /// Whether that moment has come.
    pub has_ended: bool,
}

impl Warning {
    /// What it says, a code on the wire: `ended` or `ends-soon`.
    pub fn code(self) -> &'static str {
        if self.has_ended { "ended" } else { "ends-soon" }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.paper.name(), self.code(), self.until)
    }
}

/// The warnings about a client as the store has it.
pub fn warnings(row: &ClientRow, now: Micros) -> Vec<Warning> {
    if row.state == ClientState::Closed.name() {
        return Vec::new();
    }
    let assessed = Micros(if row.assessment_level > 0 { row.assessment_until_us } else { 0 });
    about(Micros(row.agreement_until_us), assessed, now)
}

/// The warnings about a client as a node knows it.
pub fn warnings_about(client: &Client, now: Micros) -> Vec<Warning> {
    if client.state() == ClientState::Closed {
        return Vec::new();
    }
    let (level, until) = client.assessment();
    about(client.agreement().1, if level > 0 { until } else { Micros(0) }, now)
}

/// Papers by their ends; 0 for one that is not there, which is no matter of dates.
fn about(agreement: Micros, assessment: Micros, now: Micros) -> Vec<Warning> {
    let notice = now.plus_seconds(NOTICE_SECONDS);
    [(Paper::Agreement, agreement), (Paper::Assessment, assessment)]
        .into_iter()
        .filter(|(_, until)| until.0 > 0 && *until <= notice)
        .map(|(paper, until)| Warning { paper, until, has_ended: until <= now })
        .collect()
}

/// Who was warned about today. One process remembers; another tells it again.
#[derive(Debug, Default)]
pub struct Warned {
    day: i64,
    clients: HashSet<ClientId>,
}

impl Warned {
    /// Whether a client is to be warned about now: once on each Vietnamese day.
    pub fn is_due(&mut self, client: &ClientId, now: Micros) -> bool {
        let day = now.vietnamese_day();
        if day != self.day {
            *self = Self { day, clients: HashSet::new() };
        }
        !self.clients.contains(client) && self.clients.insert(client.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paper_is_warned_about_from_thirty_days_before_its_end() {
        let end = Micros::parse_rfc3339("2026-12-31T00:00:00+07:00").unwrap();
        let found = |now: Micros| about(end, Micros(0), now);
        let notice = end.plus_seconds(-NOTICE_SECONDS);
        assert_eq!(found(Micros(notice.0 - 1)), []);
        let soon = Warning { paper: Paper::Agreement, until: end, has_ended: false };
        assert_eq!(found(notice), [soon]);
        assert_eq!(found(Micros(end.0 - 1)), [soon]);
        assert_eq!(found(end), [Warning { has_ended: true, ..soon }]);
        assert_eq!(about(Micros(0), end, end)[0].paper, Paper::Assessment);
        assert_eq!(about(Micros(0), Micros(0), end), []);
    }

    #[test]
    fn a_client_is_warned_about_once_a_day() {
        let (a, b) = (ClientId::parse("a").unwrap(), ClientId::parse("b").unwrap());
        let noon = Micros::parse_rfc3339("2026-11-20T12:00:00+07:00").unwrap();
        let mut warned = Warned::default();
        assert!(warned.is_due(&a, noon) && !warned.is_due(&a, noon.plus_seconds(3_600)));
        assert!(warned.is_due(&b, noon));
        let midnight = Micros::parse_rfc3339("2026-11-21T00:00:00+07:00").unwrap();
        assert!(!warned.is_due(&a, Micros(midnight.0 - 1)));
        assert!(warned.is_due(&a, midnight) && !warned.is_due(&a, midnight));
    }
}
