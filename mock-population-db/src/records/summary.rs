//! Counts records by mistake: how many there are, and how many must match.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::{Holder, Mistake, Record};

/// Records counted by mistake.
#[derive(Debug, Default)]
pub struct Summary {
    by_mistake: BTreeMap<Mistake, Count>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    records: u64,
    matched: u64,
}

impl Summary {
    /// Counts one record; what must match is judged by the holder's usual policy.
    pub fn count(&mut self, record: &Record, holder: Holder) {
        let count = self.by_mistake.entry(record.truth.mistake).or_default();
        count.records += 1;
        count.matched += u64::from(record.truth.answer(holder.usual_policy()).is_matched);
    }

    /// Writes the table.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{:<22}{:>10}{:>9}{:>10}{:>9}", "error", "records", "%", "match", "%")?;
        let all = self.by_mistake.values().fold(Count::default(), |sum, it| Count {
            records: sum.records + it.records,
            matched: sum.matched + it.matched,
        });
        let rows = self.by_mistake.iter().map(|(mistake, count)| (mistake.name(), *count));
        for (name, count) in rows.chain([("all", all)]) {
            writeln!(
                out,
                "{name:<22}{:>10}{:>9.3}{:>10}{:>9.2}",
                count.records,
                percent(count.records, all.records),
                count.matched,
                percent(count.matched, count.records),
            )?;
        }
        Ok(())
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    part as f64 * 100.0 / whole.max(1) as f64
}
