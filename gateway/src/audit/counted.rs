//! What is counted at one moment: the counters, and the entries that they do not cover yet.

use super::counters::Counts;
use super::cube::Cube;
use super::recovery::count_bundles;
use crate::store::{CounterBatch, CounterTable, DayKeys, Extent, LogChoice, Store, StoreError};

/// Reads what is counted in these logs at one moment.
///
/// `plan` is told how far the days reach and says which counters it wants; `visit` gets each of
/// them, negative where it is to be taken away. Entries that the counters do not cover yet are
/// counted in `cubes` and visited too, with keys of the grain of hours, of whatever period.
pub async fn counted<E: From<StoreError>>(
    store: &Store,
    logs: LogChoice<'_>,
    cubes: &'static [Cube],
    days: &DayKeys,
    plan: impl FnOnce(&Extent) -> Result<Vec<CounterBatch>, E>,
    mut visit: impl FnMut(CounterTable, &str, i64) -> Result<(), E>,
) -> Result<(), E> {
    let tails = store.counted(logs, days, plan, &mut visit).await?;
    for (checkpoint, bundles) in &tails {
        let mut tail = Counts::of(cubes);
        if count_bundles(bundles, &mut tail).is_none() && !bundles.is_empty() {
            return Err(E::from(StoreError::Inconsistent {
                table: "log_bundles",
                row: format!("{} from {}", checkpoint.log, checkpoint.counted_size),
            }));
        }
        for (key, n) in tail.hours() {
            visit(CounterTable::Log, key, n)?;
        }
    }
    Ok(())
}
