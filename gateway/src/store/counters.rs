//! Sums by key. What a key means is for `audit::counters` and `reports`.

use futures_util::future;

use super::{BundleRow, CheckpointRow, Store, StoreError};

/// Ranges that one statement reads; their sums come as two texts, some megabytes at most.
const RANGES_PER_STATEMENT: usize = 16;

/// Where sums are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CounterTable {
    /// Sums of what the log holds.
    Log,
    /// Sums of what never reaches the log.
    Edge,
}

/// Of which logs sums are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogChoice<'a> {
    /// All in the database.
    All,
    /// One.
    Only(&'a str),
    /// All but one.
    But(&'a str),
}

impl LogChoice<'_> {
    /// Whether a log is meant.
    pub fn has(self, log: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(name) => name == log,
            Self::But(name) => name != log,
        }
    }
}

/// Keys from `first` on and before `past`, by their bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    /// The first key.
    pub first: String,
    /// The key after the last.
    pub past: String,
}

impl KeyRange {
    /// The keys that begin with `path`, whose last character is the `|` behind its last field.
    pub fn below(path: &str) -> Self {
        // `}` is the character after `|`.
        let past = format!("{}}}", path.strip_suffix('|').unwrap_or(path));
        Self { first: path.to_owned(), past }
    }
}

/// Which keys tell the days of each table, by their order.
#[derive(Debug, Clone)]
pub struct DayKeys {
    /// Of what the log holds.
    pub log: Vec<KeyRange>,
    /// Of what never reaches it.
    pub edge: KeyRange,
}

/// The first and the last of the keys that tell the days of each table, without what the range begins with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extent {
    /// Of what the log holds.
    pub log: Option<(String, String)>,
    /// Of what never reaches it.
    pub edge: Option<(String, String)>,
}

/// Counters that are read together.
#[derive(Debug, Clone)]
pub struct CounterBatch {
    /// Where.
    pub table: CounterTable,
    /// Whether they are to be taken away.
    pub is_minus: bool,
    /// Their keys.
    pub ranges: Vec<KeyRange>,
}

/// The counters of some ranges as two texts, keys and sums: a row each would cost ten times as much.
macro_rules! sums_of_ranges {
    ($from:expr) => {
        concat!(
            "with ranges (low, high) as (values ($3, $4), ($5, $6), ($7, $8), ($9, $10), \
             ($11, $12), ($13, $14), ($15, $16), ($17, $18), ($19, $20), ($21, $22), ($23, $24), \
             ($25, $26), ($27, $28), ($29, $30), ($31, $32), ($33, $34)) \
             select string_agg(c.key, $2), string_agg(cast(c.n as text), $2) from ranges cross join ",
            $from
        )
    };
}

/// For `SQLite`, which takes tables in the order in which a cross join names them: so each range is
/// a search of the primary key.
macro_rules! in_written_order {
    ($table:literal) => {
        sums_of_ranges!(concat!(
            $table,
            " c where c.log = $1 and c.key >= ranges.low and c.key < ranges.high"
        ))
    };
}

/// For `PostgreSQL`, whose planner would read all counters of the log while it has no statistics;
/// `offset 0` keeps it from looking into the inner query.
macro_rules! range_by_range {
    ($table:literal) => {
        sums_of_ranges!(concat!(
            "lateral (select key, n from ",
            $table,
            " where log = $1 and key >= ranges.low and key < ranges.high offset 0) c"
        ))
    };
}

/// The statements of a database that read counters of the log and of the edge.
pub(super) struct SumsOfRanges {
    log: &'static str,
    edge: &'static str,
}

pub(super) const SQLITE_SUMS: SumsOfRanges =
    SumsOfRanges { log: in_written_order!("counters"), edge: in_written_order!("edge_counters") };

pub(super) const POSTGRES_SUMS: SumsOfRanges =
    SumsOfRanges { log: range_by_range!("counters"), edge: range_by_range!("edge_counters") };

/// The first and the last key of a range: two searches of the primary key.
macro_rules! ends_of_range {
    ($table:literal) => {
        concat!(
            "select (select key from ",
            $table,
            " where log = $1 and key >= $2 and key < $3 order by key limit 1), (select key from ",
            $table,
            " where log = $1 and key >= $2 and key < $3 order by key desc limit 1)"
        )
    };
}

/// Reads the counters of some ranges as [`Texts`]. A macro, because the two databases are two types.
macro_rules! texts {
    ($snapshot:ident, $statement:expr, $log:expr, $ranges:expr) => {{
        let mut query = sqlx::query_as($statement).bind($log).bind(SEPARATOR.to_string());
        for position in 0..RANGES_PER_STATEMENT {
            // Ranges that are left over hold nothing; so there is one statement for any number.
            let range = $ranges.get(position);
            let (first, past) =
                range.map_or(("", ""), |range| (range.first.as_str(), range.past.as_str()));
            query = query.bind(first).bind(past);
        }
        let texts: Texts = query.fetch_one(&mut *$snapshot).await.map_err(StoreError::from)?;
        texts
    }};
}

/// Reads the first and the last key of a range, without what the range begins with.
macro_rules! ends {
    ($snapshot:ident, $table:expr, $log:expr, $range:expr) => {{
        let range: &KeyRange = $range;
        let (first, last): (Option<String>, Option<String>) =
            sqlx::query_as($table.ends_of_range())
                .bind($log)
                .bind(&range.first)
                .bind(&range.past)
                .fetch_one(&mut *$snapshot)
                .await
                .map_err(StoreError::from)?;
        let of = |key: String| key.strip_prefix(&range.first).unwrap_or(&key).to_owned();
        first.map(of).zip(last.map(of))
    }};
}

impl CounterBatch {
    /// A quarter of the ranges, so that the four follow each other closely; of many, as many as a
    /// statement takes.
    fn ranges_per_statement(&self) -> usize {
        (self.ranges.len() / 4).clamp(1, RANGES_PER_STATEMENT)
    }
}

impl CounterTable {
    fn name(self) -> &'static str {
        match self {
            Self::Log => "counters",
            Self::Edge => "edge_counters",
        }
    }

    fn sums_of_ranges(self, sums: &SumsOfRanges) -> &'static str {
        match self {
            Self::Log => sums.log,
            Self::Edge => sums.edge,
        }
    }

    fn ends_of_range(self) -> &'static str {
        match self {
            Self::Log => ends_of_range!("counters"),
            Self::Edge => ends_of_range!("edge_counters"),
        }
    }
}

impl Store {
    /// Reads counters of these logs, all of one moment, with the logs' uncounted tails: each log with
    /// the bundles after its `counted_size`, a few thousand entries at most. The writer moves
    /// entries from there to the counters meanwhile.
    ///
    /// `plan` is told how far the days reach and says what is read; `visit` gets every counter.
    pub async fn counted<E: From<StoreError>>(
        &self,
        logs: LogChoice<'_>,
        days: &DayKeys,
        plan: impl FnOnce(&Extent) -> Result<Vec<CounterBatch>, E>,
        visit: &mut impl FnMut(CounterTable, &str, i64) -> Result<(), E>,
    ) -> Result<Vec<(CheckpointRow, Vec<BundleRow>)>, E> {
        on_pool!(self, (pool, dialect) => {
            let begun = pool.begin_with(dialect.begin_snapshot).await;
            let mut snapshot = begun.map_err(StoreError::from)?;
            let mut checkpoints: Vec<CheckpointRow> = sqlx::query_as(
                "select log, tree_size, counted_size, note from log_checkpoints order by log",
            )
            .fetch_all(&mut *snapshot)
            .await
            .map_err(StoreError::from)?;
            checkpoints.retain(|checkpoint| logs.has(&checkpoint.log));
            let mut extent = Extent::default();
            for CheckpointRow { log, .. } in &checkpoints {
                for range in &days.log {
                    extent.log = wider(extent.log, ends!(snapshot, CounterTable::Log, log, range));
                }
                let edge = ends!(snapshot, CounterTable::Edge, log, &days.edge);
                extent.edge = wider(extent.edge, edge);
            }
            let batches = plan(&extent)?;
            let mut tails = Vec::with_capacity(checkpoints.len());
            for checkpoint in checkpoints {
                let mut read = None;
                for batch in &batches {
                    let statement = batch.table.sums_of_ranges(&dialect.sums_of_ranges);
                    for ranges in batch.ranges.chunks(batch.ranges_per_statement()) {
                        let reading =
                            async { Ok(texts!(snapshot, statement, &checkpoint.log, ranges)) };
                        // The database reads on while what it has read is added up: the first of
                        // the two is begun first.
                        let visiting = async { visit_all(read.take(), visit) };
                        let (texts, visited): (Result<Texts, StoreError>, _) =
                            future::join(reading, visiting).await;
                        visited?;
                        read = Some((batch, texts?));
                    }
                }
                visit_all(read, visit)?;
                let bundles = sqlx::query_as(
                    "select first_index, entries_count, entries from log_bundles \
                     where log = $1 and first_index >= $2 order by first_index",
                )
                .bind(&checkpoint.log)
                .bind(checkpoint.counted_size)
                .fetch_all(&mut *snapshot)
                .await
                .map_err(StoreError::from)?;
                tails.push((checkpoint, bundles));
            }
            Ok(tails)
        })
    }

    /// Every counter of one log and the number of entries it covers, for a recount.
    pub async fn counters_of_log(
        &self,
        log: &str,
    ) -> Result<Option<(CheckpointRow, Vec<(String, i64)>)>, StoreError> {
        on_pool!(self, (pool, dialect) => {
            let mut snapshot = pool.begin_with(dialect.begin_snapshot).await?;
            let checkpoint: Option<CheckpointRow> = sqlx::query_as(
                "select log, tree_size, counted_size, note from log_checkpoints where log = $1",
            )
            .bind(log)
            .fetch_optional(&mut *snapshot)
            .await?;
            let Some(checkpoint) = checkpoint else { return Ok(None) };
            let counters = sqlx::query_as("select key, n from counters where log = $1 order by key")
                .bind(log)
                .fetch_all(&mut *snapshot)
                .await?;
            Ok(Some((checkpoint, counters)))
        })
    }

    /// Adds to the counters that stand outside the log; `counts` is a JSON object of key and
    /// number.
    pub async fn add_edge_counters(&self, log: &str, counts: &str) -> Result<(), StoreError> {
        on_pool!(self, (pool, dialect) => {
            sqlx::query(dialect.add_edge_counters).bind(log).bind(counts).execute(pool).await.map(drop)
        })?;
        Ok(())
    }
}

/// Keys and sums, one after the other.
type Texts = (Option<String>, Option<String>);

/// Between keys and between sums; no key holds it. A character, because the library looks for one
/// much faster than for a text of one.
const SEPARATOR: char = '\n';

fn visit_all<E: From<StoreError>>(
    read: Option<(&CounterBatch, Texts)>,
    visit: &mut impl FnMut(CounterTable, &str, i64) -> Result<(), E>,
) -> Result<(), E> {
    let Some((&CounterBatch { table, is_minus, .. }, (Some(keys), Some(sums)))) = read else {
        return Ok(());
    };
    let mut sums = sums.split(SEPARATOR);
    for key in keys.split(SEPARATOR) {
        let sum: Option<i64> = sums.next().and_then(|sum| sum.parse().ok());
        let sum = sum.ok_or_else(|| {
            E::from(StoreError::Inconsistent { table: table.name(), row: key.to_owned() })
        })?;
        visit(table, key, if is_minus { -sum } else { sum })?;
    }
    Ok(())
}

fn wider(
    one: Option<(String, String)>,
    other: Option<(String, String)>,
) -> Option<(String, String)> {
    let (Some(one), Some(other)) = (&one, &other) else { return one.or(other) };
    Some((one.0.clone().min(other.0.clone()), one.1.clone().max(other.1.clone())))
}
