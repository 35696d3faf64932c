//! What clients have used: requests that were charged, and attributes compared in them, by Vietnamese
//! day and operation. Quotas are counted by the same figures.

mod charged;

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashMapExt as _};

use crate::audit::{self, Cube};
use crate::clock::Micros;
use crate::rate_limit::{Amount, Period, UsedInPeriod};
use crate::request::ClientId;
use crate::store::{
    CounterBatch, CounterTable, DayKeys, Extent, KeyRange, LogChoice, Store, StoreError,
};
use charged::{Charged, Fate, What};

/// Cubes that usage is made of.
const CUBES: [Cube; 2] = [Cube::Outcomes, Cube::Attributes];
/// In place of an operation: what cannot be told apart by it.
pub const NO_OPERATION: &str = "-";
/// Clients that are read one by one; of more, everybody is read.
const APART_MAX: usize = 64;

/// What a client used on one day by one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// Who.
    pub client: String,
    /// The Vietnamese day, `2026-11-20`.
    pub day: String,
    /// The operation, or [`NO_OPERATION`].
    pub operation: String,
    /// What was done.
    pub figures: UsageFigures,
}

/// Figures of usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsageFigures {
    /// Charged.
    pub used: Amount,
    /// Requests that the policy refused.
    pub refused: u64,
    /// Requests that were answered without the register: our own failure.
    pub uncharged: u64,
}

impl UsageFigures {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            used: self.used.plus(other.used),
            refused: self.refused + other.refused,
            uncharged: self.uncharged + other.uncharged,
        }
    }
}

/// What was used in a month.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    /// By client, day and operation, in this order.
    pub rows: Vec<UsageRow>,
}

impl Usage {
    /// All of it.
    pub fn total(&self) -> UsageFigures {
        self.rows.iter().fold(UsageFigures::default(), |sum, row| sum.plus(row.figures))
    }

    /// By day.
    pub fn days(&self) -> BTreeMap<&str, UsageFigures> {
        let mut days: BTreeMap<&str, UsageFigures> = BTreeMap::new();
        for row in &self.rows {
            let sum = days.entry(&row.day).or_default();
            *sum = sum.plus(row.figures);
        }
        days
    }

    /// By client.
    pub fn by_client(self) -> BTreeMap<String, Self> {
        let mut clients: BTreeMap<String, Self> = BTreeMap::new();
        for row in self.rows {
            clients.entry(row.client.clone()).or_default().rows.push(row);
        }
        clients
    }
}

/// Reads what was used in a month, by one client or by all of them; `month` as [`Period::Month`]
/// numbers it.
///
/// # Errors
/// If the store does not answer or holds a counter that nobody can read.
pub async fn usage(
    store: &Store,
    client: Option<&ClientId>,
    month: i64,
) -> Result<Usage, StoreError> {
    let prefix = digits(&Period::Month.label(month));
    let days = (1..=31).map(|day| ("d", format!("{prefix}{day:02}")));
    let ranges = ranges(days, client.map(std::slice::from_ref));
    let mut sums = Sums::default();
    counted(store, LogChoice::All, ranges, |charged, n| {
        let is_meant = client.is_none_or(|client| client.as_str() == charged.client);
        if is_meant && charged.digits.starts_with(&prefix) {
            sums.add(&charged, n);
        }
    })
    .await?;
    Ok(sums.finish())
}

/// Reads what was used in the days and months of a moment and before it. Of these clients, or of all.
///
/// # Errors
/// As [`usage`].
pub async fn used_lately(
    store: &Store,
    logs: LogChoice<'_>,
    clients: Option<&[ClientId]>,
    now: Micros,
) -> Result<Vec<UsedInPeriod>, StoreError> {
    // By its name in keys.
    let mut periods: HashMap<String, (Period, i64)> = HashMap::new();
    for period in Period::ALL {
        let latest = period.number_at(now);
        for number in [latest - 1, latest] {
            periods.insert(digits(&period.label(number)), (period, number));
        }
    }
    let keys = periods.iter().map(|(digits, (period, _))| (grain(*period), digits.clone()));
    let ranges = ranges(keys, clients.filter(|clients| clients.len() <= APART_MAX));
    let meant: Option<BTreeSet<&str>> =
        clients.map(|clients| clients.iter().map(ClientId::as_str).collect());
    let mut used: BTreeMap<(String, Period, i64), Amount> = BTreeMap::new();
    counted(store, logs, ranges, |charged, n| {
        if meant.as_ref().is_some_and(|meant| !meant.contains(charged.client)) {
            return;
        }
        let Some(amount) = charged.amount(n) else { return };
        for digits in charged.periods() {
            if let Some((period, number)) = periods.get(digits) {
                let sum = used.entry((charged.client.to_owned(), *period, *number)).or_default();
                *sum = sum.plus(amount);
            }
        }
    })
    .await?;
    let used = used.into_iter().map(|((client, period, number), used)| {
        let unreadable = || StoreError::Inconsistent { table: "counters", row: client.clone() };
        let client = ClientId::parse(&client).map_err(|_| unreadable())?;
        Ok(UsedInPeriod { client, period, number, used })
    });
    used.collect()
}

/// Reads counters, and the entries that they do not cover yet by the hour.
async fn counted(
    store: &Store,
    logs: LogChoice<'_>,
    ranges: Vec<KeyRange>,
    mut visit: impl FnMut(Charged<'_>, u64),
) -> Result<(), StoreError> {
    // What the days are is known: nothing is asked of how far they reach.
    let nowhere = KeyRange { first: String::new(), past: String::new() };
    let days = DayKeys { log: Vec::new(), edge: nowhere };
    let batch = CounterBatch { table: CounterTable::Log, is_minus: false, ranges };
    let plan = |_: &Extent| Ok::<_, StoreError>(vec![batch]);
    audit::counted(store, logs, &CUBES, &days, plan, |_, key, n| {
        let unreadable = || StoreError::Inconsistent { table: "counters", row: key.to_owned() };
        let charged = Charged::read(key).ok_or_else(unreadable)?;
        visit(charged, u64::try_from(n).map_err(|_| unreadable())?);
        Ok(())
    })
    .await
}

/// The counters of these periods, by grain and digits, in every cube.
fn ranges(
    periods: impl Iterator<Item = (&'static str, String)>,
    clients: Option<&[ClientId]>,
) -> Vec<KeyRange> {
    let mut ranges = Vec::new();
    for (grain, digits) in periods {
        for cube in CUBES {
            let path = format!("{}|{grain}|{digits}|", cube.letter());
            let ids: Vec<String> = match clients {
                None => vec![String::new()],
                Some(clients) => clients.iter().map(|id| format!("{id}|")).collect(),
            };
            ranges.extend(ids.iter().map(|id| KeyRange::below(&format!("{path}{id}"))));
        }
    }
    ranges
}

fn grain(period: Period) -> &'static str {
    match period {
        Period::Day => audit::Grain::Day.letter(),
        Period::Month => audit::Grain::Month.letter(),
    }
}

/// A day or month as it stands in keys.
fn digits(label: &str) -> String {
    label.replace('-', "")
}

/// Sums by client and day, and by operation where that is counted.
#[derive(Debug, Default)]
struct Sums {
    requests: BTreeMap<(String, String), BTreeMap<String, UsageFigures>>,
    attributes: BTreeMap<(String, String), u64>,
}

impl Sums {
    fn add(&mut self, charged: &Charged<'_>, n: u64) {
        let digits = &charged.digits[..8];
        let day = format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..]);
        let of = (charged.client.to_owned(), day);
        match charged.what {
            What::Request { operation, fate } => {
                let operations = self.requests.entry(of).or_default();
                let figures = operations.entry(operation.to_owned()).or_default();
                match fate {
                    Fate::Charged => figures.used.requests += n,
                    Fate::Uncharged => figures.uncharged += n,
                    Fate::Refused => figures.refused += n,
                }
            }
            What::ChargedAttribute => *self.attributes.entry(of).or_default() += n,
            What::UnchargedAttribute => {}
        }
    }

    /// The rows. Attributes are not counted by operation: those of a day on which one operation was
    /// charged are of that one, others stand in a row of their own.
    fn finish(mut self) -> Usage {
        for (of, attributes) in self.attributes {
            let operations = self.requests.entry(of).or_default();
            let mut charged = operations.iter().filter(|(_, it)| it.used.requests > 0);
            let operation = match (charged.next(), charged.next()) {
                (Some((operation, _)), None) => operation.clone(),
                (None, _) | (Some(_), Some(_)) => NO_OPERATION.to_owned(),
            };
            operations.entry(operation).or_default().used.attributes = attributes;
        }
        let rows = self.requests.into_iter().flat_map(|((client, day), operations)| {
            operations.into_iter().map(move |(operation, figures)| UsageRow {
                client: client.clone(),
                day: day.clone(),
                operation,
                figures,
            })
        });
        Usage { rows: rows.collect() }
    }
}
