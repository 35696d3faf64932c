//! Adds counters up by group while they are read: no row is kept that is not shown.

mod columns;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use foldhash::HashMap;

use super::figures::RowFigures;
use super::grouping::Grouping;
use super::{Edge, Kinds, ReportError, Row, Scope};
use crate::audit::{Cube, DisputeState};
use crate::matching::{Outcome, Verdict};
use crate::population::SubjectStatus;
use crate::store::{CounterTable, StoreError};
use columns::{BEFORE_CUBE, Columns, write_group};

/// Rows of one report: beyond it the answer would be tens of megabytes.
const ROWS_MAX: usize = 100_000;
/// Fields of the longest key.
const FIELDS_MAX: usize = 9;
/// A report in the making.
pub(super) struct Table<'a> {
    grouping: &'a Grouping,
    scope: &'a Scope,
    kinds: HashMap<&'a str, &'static str>,
    /// First and last day by their digits.
    days: (String, String),
    columns: Columns,
    rows: HashMap<String, RowFigures>,
    group: String,
}

impl<'a> Table<'a> {
    pub(super) fn new(
        grouping: &'a Grouping,
        scope: &'a Scope,
        kinds: &'a Kinds,
        days: (String, String),
    ) -> Self {
        let columns = Columns::of(grouping);
        let kinds = kinds.iter().map(|(client, kind)| (client.as_str(), *kind)).collect();
        let (rows, group) = (HashMap::default(), String::with_capacity(96));
        Self { grouping, scope, kinds, days, columns, rows, group }
    }

    /// Adds one counter.
    pub(super) fn add(
        &mut self,
        table: CounterTable,
        key: &str,
        n: i64,
    ) -> Result<(), ReportError> {
        let (mut fields, mut count) = ([""; FIELDS_MAX], 0);
        // By hand: the library's search has a price by the field, and fields are short.
        let mut begins = 0;
        let ends = key.bytes().enumerate().filter(|(_, byte)| *byte == b'|').map(|(at, _)| at);
        for end in ends.chain([key.len()]) {
            *fields.get_mut(count).ok_or_else(|| inconsistent(table, key))? = &key[begins..end];
            (begins, count) = (end + 1, count + 1);
        }
        match table {
            CounterTable::Log => self.add_counted(key, &fields[..count], n),
            CounterTable::Edge => self.add_edge(key, &fields[..count], n),
        }
    }

    fn add_counted(&mut self, key: &str, fields: &[&str], n: i64) -> Result<(), ReportError> {
        let inconsistent = || inconsistent(CounterTable::Log, key);
        let cube = Cube::find(fields[0]).ok_or_else(inconsistent)?;
        if fields.len() != BEFORE_CUBE + cube.fields().len() {
            return Err(inconsistent());
        }
        // Of entries that the counters do not cover there is more than was asked for.
        let is_outside = fields[1] == "h" && !self.is_within(&fields[2][..8]);
        if is_outside || !self.is_in_scope(cube, &fields[BEFORE_CUBE..]) {
            return Ok(());
        }
        let subject = self.grouping.cube();
        match cube {
            Cube::Outcomes => {
                let [.., outcome, status] = fields else { return Err(inconsistent()) };
                let outcome = find_outcome(outcome).ok_or_else(inconsistent)?;
                let is_deceased =
                    outcome == Outcome::Matched && *status == SubjectStatus::Deceased.name();
                match subject {
                    Cube::Outcomes => {
                        let row = self.row(cube, fields)?;
                        row.add_outcome(outcome, n);
                        if is_deceased {
                            row.add_deceased(n);
                        }
                    }
                    Cube::Provinces if is_deceased => self.row(cube, fields)?.add_deceased(n),
                    Cube::Provinces | Cube::Attributes | Cube::Disputes => {}
                }
            }
            Cube::Provinces if subject == cube => {
                let outcome = fields.last().and_then(|outcome| find_outcome(outcome));
                self.row(cube, fields)?.add_outcome(outcome.ok_or_else(inconsistent)?, n);
            }
            Cube::Attributes if subject == cube => {
                let verdict = Verdict::ALL.into_iter().find(|verdict| verdict.name() == fields[5]);
                self.row(cube, fields)?.add_verdict(verdict.ok_or_else(inconsistent)?, n);
            }
            Cube::Disputes if subject != Cube::Attributes => {
                let state = fields.last().and_then(|state| DisputeState::find(state));
                self.row(cube, fields)?.add_dispute(state.ok_or_else(inconsistent)?, n);
            }
            Cube::Provinces | Cube::Attributes | Cube::Disputes => {}
        }
        Ok(())
    }

    fn add_edge(&mut self, key: &str, fields: &[&str], n: i64) -> Result<(), ReportError> {
        let inconsistent = || inconsistent(CounterTable::Edge, key);
        let &[_, _, client, _, _, what] = fields else { return Err(inconsistent()) };
        let edge = Edge::find(what).ok_or_else(inconsistent)?;
        let is_in_scope = match self.scope {
            Scope::All => true,
            Scope::Client(own) => own.as_str() == client,
            Scope::ActedFor(_) => false,
        };
        if !is_in_scope {
            return Ok(());
        }
        match self.grouping.cube() {
            Cube::Outcomes | Cube::Provinces => {
                write_group(&mut self.group, &self.columns.edge, &self.kinds, fields);
                self.row_of_group()?.add_edge(edge, n);
            }
            Cube::Attributes | Cube::Disputes => {}
        }
        Ok(())
    }

    /// Whether a counter of the log, by the fields of its cube, is asked for.
    fn is_in_scope(&self, cube: Cube, fields: &[&str]) -> bool {
        match self.scope {
            Scope::All => true,
            Scope::Client(own) => own.as_str() == fields[0],
            Scope::ActedFor(agency) => cube == Cube::Outcomes && agency.is_at_or_above(fields[1]),
        }
    }

    /// Whether a day, by its digits, lies in the period.
    pub(super) fn is_within(&self, day: &str) -> bool {
        self.days.0.as_str() <= day && day <= self.days.1.as_str()
    }

    fn row(&mut self, cube: Cube, fields: &[&str]) -> Result<&mut RowFigures, ReportError> {
        let columns = &self.columns.cubes[cube as usize];
        write_group(&mut self.group, columns, &self.kinds, fields);
        self.row_of_group()
    }

    fn row_of_group(&mut self) -> Result<&mut RowFigures, ReportError> {
        if !self.rows.contains_key(self.group.as_str()) {
            if self.rows.len() >= ROWS_MAX {
                return Err(ReportError::TooManyRows);
            }
            let empty = RowFigures::empty(self.grouping.cube());
            self.rows.insert(self.group.clone(), empty);
        }
        self.rows.get_mut(self.group.as_str()).ok_or(ReportError::TooManyRows)
    }

    /// The rows in the order of their groups, and their total.
    pub(super) fn finish(self) -> (Vec<Row>, RowFigures) {
        let mut total = RowFigures::empty(self.grouping.cube());
        let dimensions = self.grouping.dimensions();
        let mut rows: Vec<(Vec<String>, RowFigures)> = self
            .rows
            .into_iter()
            // What was added and taken away again was not counted in this period.
            .filter(|(_, figures)| !figures.is_empty())
            .map(|(group, figures)| {
                (group.split('|').take(dimensions.len()).map(str::to_owned).collect(), figures)
            })
            .collect();
        rows.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let rows = rows
            .into_iter()
            .map(|(values, figures)| {
                total.add(&figures);
                let names = dimensions.iter().map(|dimension| dimension.name());
                let group: BTreeMap<_, _> = names.zip(values).collect();
                Row { group, figures: figures.with_rate() }
            })
            .collect();
        (rows, total.with_rate())
    }
}

fn find_outcome(name: &str) -> Option<Outcome> {
    Outcome::ALL.into_iter().find(|outcome| outcome.name() == name)
}

fn inconsistent(table: CounterTable, key: &str) -> ReportError {
    let table = match table {
        CounterTable::Log => "counters",
        CounterTable::Edge => "edge_counters",
    };
    ReportError::Store(StoreError::Inconsistent { table, row: key.to_owned() })
}
