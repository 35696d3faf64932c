//! The match-rate report.

use std::collections::BTreeMap;

use foldhash::HashMap;
use jiff::civil::Date;
use serde::Serialize;

use super::{Edge, EdgeCounters};
use crate::audit::{self, OUTCOMES_BY_DAY, OutcomeKey};
use crate::clock::Micros;
use crate::matching::Outcome;
use crate::population::SubjectStatus;
use crate::request::ClientId;
use crate::store::{Store, StoreError};

/// What the figures mean, in English.
pub const DEFINITION_EN: &str = "received = matched + not_matched + inconclusive + refused = \
    entries of verify, lookup, insurance and push in the log. match_rate = matched / (matched + \
    not_matched), null when nothing was answered. Days are Vietnamese (UTC+7), both inclusive. \
    throttled and malformed are not part of received and not in the log; they are counted in \
    memory and written every 10 seconds.";

/// What the figures mean, in Vietnamese.
pub const DEFINITION_VI: &str = "received (đã nhận) = matched (khớp) + not_matched (không khớp) + \
    inconclusive (chưa kết luận) + refused (bị từ chối) = số bản ghi verify, lookup, insurance và \
    push trong nhật ký. match_rate (tỷ lệ khớp) = matched / (matched + not_matched), null khi chưa \
    trả lời yêu cầu nào. Ngày theo giờ Việt Nam (UTC+7), tính cả hai đầu. throttled (vượt hạn mức) \
    và malformed (sai định dạng) không nằm trong received và không có trong nhật ký; được đếm \
    trong bộ nhớ và ghi lại 10 giây một lần.";

/// The kind of each client by name.
pub type Kinds = HashMap<ClientId, &'static str>;

/// By what the rows are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    /// Client.
    Client,
    /// Kind of client.
    Kind,
    /// Operation.
    Operation,
    /// Purpose.
    Purpose,
    /// Nothing: one row.
    None,
}

impl GroupBy {
    /// All groupings.
    pub const ALL: [Self; 5] =
        [Self::Client, Self::Kind, Self::Operation, Self::Purpose, Self::None];

    /// The name of the parameter's value, and of the row's key.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Kind => "kind",
            Self::Operation => "operation",
            Self::Purpose => "purpose",
            Self::None => "none",
        }
    }

    /// The grouping with this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group_by| group_by.name() == name)
    }
}

/// Whose figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's.
    All,
    /// One client's.
    Client(ClientId),
}

/// Vietnamese days, both inclusive; open ends reach to the first and last day counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    /// First day.
    pub from: Option<Date>,
    /// Last day.
    pub to: Option<Date>,
}

/// The figures of one row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Figures {
    /// matched + `not_matched` + inconclusive + refused.
    pub received: i64,
    /// Answered: what the caller holds is true.
    pub matched: i64,
    /// Answered: it is not.
    pub not_matched: i64,
    /// Not answered: the register did not tell.
    pub inconclusive: i64,
    /// Refused by policy.
    pub refused: i64,
    /// Of `matched`: the person is dead.
    pub matched_deceased: i64,
    /// Refused by a limit; not part of `received`.
    pub throttled: i64,
    /// Not well formed; not part of `received`.
    pub malformed: i64,
    /// matched / (matched + `not_matched`), 0 to 1; null when nothing was answered.
    pub match_rate: Option<f64>,
}

/// One row: a group and its figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The grouping's name and this row's value; empty for `none`.
    pub group: BTreeMap<&'static str, String>,
    /// The figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// The report.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchRates {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// The rows, by group.
    pub rows: Vec<Row>,
    /// All rows together.
    pub total: Figures,
}

/// The match rate: one function, used everywhere.
pub fn match_rate(matched: i64, not_matched: i64) -> Option<f64> {
    let answered = matched + not_matched;
    (answered > 0).then(|| matched as f64 / answered as f64)
}

/// Reads the report from the counters. `kinds` names the kind of each client.
pub async fn match_rates(
    store: &Store,
    edge: &EdgeCounters,
    now: Micros,
    period: Period,
    group_by: GroupBy,
    scope: &Scope,
    kinds: &Kinds,
) -> Result<MatchRates, StoreError> {
    let (first, last) = (bound(period.from, "0"), bound(period.to, "9"));
    let until = |prefix: &str| format!("{prefix}{last}~");
    let counted =
        audit::counted(store, &format!("{OUTCOMES_BY_DAY}{first}"), &until(OUTCOMES_BY_DAY))
            .await?;
    let mut at_the_edge = store.edge_counters(&first, &until("")).await?;
    at_the_edge.extend(
        edge.unflushed()
            .into_iter()
            .filter(|(key, _)| key.as_str() >= first.as_str() && key.as_str() < until("").as_str()),
    );
    let mut table = Table::new(group_by, scope, kinds);
    for (key, n) in &counted {
        table.add_counted(key, *n)?;
    }
    for (key, n) in &at_the_edge {
        table.add_edge(key, *n)?;
    }
    Ok(table.finish(period, now))
}

fn bound(day: Option<Date>, open: &str) -> String {
    day.map_or_else(|| open.to_owned(), digits)
}

fn digits(day: Date) -> String {
    format!("{:04}{:02}{:02}", day.year(), day.month(), day.day())
}

struct Table<'a> {
    group_by: GroupBy,
    scope: &'a Scope,
    kinds: &'a Kinds,
    rows: BTreeMap<String, Figures>,
    days: Option<(String, String)>,
}

impl<'a> Table<'a> {
    fn new(group_by: GroupBy, scope: &'a Scope, kinds: &'a Kinds) -> Self {
        Self { group_by, scope, kinds, rows: BTreeMap::new(), days: None }
    }

    fn add_counted(&mut self, key: &str, n: i64) -> Result<(), StoreError> {
        let inconsistent = || StoreError::Inconsistent { table: "counters", row: key.to_owned() };
        let parsed = OutcomeKey::parse(key).ok_or_else(inconsistent)?;
        let outcome = Outcome::ALL
            .into_iter()
            .find(|outcome| outcome.name() == parsed.outcome)
            .ok_or_else(inconsistent)?;
        let place = (parsed.day, parsed.client, parsed.operation, parsed.purpose);
        let Some(figures) = self.row(place) else {
            return Ok(());
        };
        figures.received += n;
        match outcome {
            Outcome::Matched => {
                figures.matched += n;
                if parsed.status == SubjectStatus::Deceased.name() {
                    figures.matched_deceased += n;
                }
            }
            Outcome::NotMatched => figures.not_matched += n,
            Outcome::Inconclusive => figures.inconclusive += n,
            Outcome::Refused => figures.refused += n,
        }
        Ok(())
    }

    fn add_edge(&mut self, key: &str, n: i64) -> Result<(), StoreError> {
        let fields: Vec<&str> = key.split('|').collect();
        let [day, client, operation, purpose, what] = fields[..] else {
            return Err(StoreError::Inconsistent { table: "edge_counters", row: key.to_owned() });
        };
        let Some(figures) = self.row((day, client, operation, purpose)) else {
            return Ok(());
        };
        if what == Edge::Throttled.name() {
            figures.throttled += n;
        } else {
            figures.malformed += n;
        }
        Ok(())
    }

    /// The row that a counter belongs to, if it is within the scope.
    fn row(
        &mut self,
        (day, client, operation, purpose): (&str, &str, &str, &str),
    ) -> Option<&mut Figures> {
        if matches!(self.scope, Scope::Client(own) if own.as_str() != client) {
            return None;
        }
        let (first, last) = self.days.get_or_insert_with(|| (day.to_owned(), day.to_owned()));
        if day < first.as_str() {
            day.clone_into(first);
        }
        if day > last.as_str() {
            day.clone_into(last);
        }
        let group = match self.group_by {
            GroupBy::Client => client,
            GroupBy::Kind => ClientId::parse(client)
                .ok()
                .and_then(|client| self.kinds.get(&client).copied())
                .unwrap_or("-"),
            GroupBy::Operation => operation,
            GroupBy::Purpose => purpose,
            GroupBy::None => "",
        };
        Some(self.rows.entry(group.to_owned()).or_default())
    }

    fn finish(self, period: Period, now: Micros) -> MatchRates {
        let today = now.vietnamese_hour().date;
        let (first, last) = self.days.map_or((None, None), |(first, last)| {
            (Date::strptime("%Y%m%d", first).ok(), Date::strptime("%Y%m%d", last).ok())
        });
        let mut total = Figures::default();
        let mut rows: Vec<Row> = Vec::with_capacity(self.rows.len());
        for (value, mut figures) in self.rows {
            total.received += figures.received;
            total.matched += figures.matched;
            total.not_matched += figures.not_matched;
            total.inconclusive += figures.inconclusive;
            total.refused += figures.refused;
            total.matched_deceased += figures.matched_deceased;
            total.throttled += figures.throttled;
            total.malformed += figures.malformed;
            figures.match_rate = match_rate(figures.matched, figures.not_matched);
            let group = match self.group_by {
                GroupBy::None => BTreeMap::new(),
                grouping => BTreeMap::from([(grouping.name(), value)]),
            };
            rows.push(Row { group, figures });
        }
        total.match_rate = match_rate(total.matched, total.not_matched);
        MatchRates {
            from: period.from.or(first).or(period.to).unwrap_or(today),
            to: period.to.or(last).or(period.from).unwrap_or(today),
            rows,
            total,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(group_by: GroupBy, scope: &Scope) -> MatchRates {
        let viettel = ClientId::parse("viettel").unwrap();
        let kinds = [(viettel, "carrier")].into_iter().collect::<Kinds>();
        let mut table = Table::new(group_by, scope, &kinds);
        for (key, n) in [
            ("o|d|20261120|viettel|-|verify|telecom.subscriber|matched|active", 80),
            ("o|d|20261120|viettel|-|verify|telecom.subscriber|matched|deceased", 3),
            ("o|d|20261121|viettel|-|verify|telecom.cleanup|not_matched|unknown", 17),
            ("o|d|20261121|hospital|-|verify|health.insurance|refused|not_asked", 2),
        ] {
            table.add_counted(key, n).unwrap();
        }
        table.add_edge("20261121|viettel|verify|-|malformed", 4).unwrap();
        table.finish(Period::default(), Micros(0))
    }

    #[test]
    fn rows_add_up_to_the_total_under_every_grouping() {
        for group_by in GroupBy::ALL {
            let report = table(group_by, &Scope::All);
            let sum = |figure: fn(&Figures) -> i64| {
                report.rows.iter().map(|row| figure(&row.figures)).sum::<i64>()
            };
            assert_eq!(sum(|f| f.received), report.total.received, "{group_by:?}");
            assert_eq!(sum(|f| f.malformed), 4, "{group_by:?}");
            let total = report.total;
            assert_eq!((total.received, total.matched, total.matched_deceased), (102, 83, 3));
            assert_eq!(total.match_rate, Some(0.83));
            assert_eq!(report.from.to_string(), "2026-11-20");
        }
    }

    #[test]
    fn a_client_sees_its_own_rows_only() {
        let own = Scope::Client(ClientId::parse("hospital").unwrap());
        let report = table(GroupBy::Client, &own);
        assert_eq!(report.rows.len(), 1);
        assert_eq!((report.total.refused, report.total.match_rate), (2, None));
    }

    #[test]
    fn a_counter_that_nobody_can_have_written_is_an_error() {
        let kinds = Kinds::default();
        let mut table = Table::new(GroupBy::None, &Scope::All, &kinds);
        assert!(table.add_counted("o|d|20261120|viettel", 1).is_err());
        assert!(table.add_edge("20261120", 1).is_err());
    }
}
