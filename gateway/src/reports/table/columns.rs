//! Where the values of a row stand in the keys of the counters that it sums up, and how they are
//! written.

use foldhash::HashMap;

use super::super::grouping::{Dimension, Grouping};
use crate::audit::Cube;

/// Fields of a key before those that its cube names, and of one of what never reached the log.
pub(super) const BEFORE_CUBE: usize = 3;
const BEFORE_EDGE: usize = 2;
/// Fields of a key of what never reached the log, after grain and period.
const EDGE_FIELDS: [&str; 4] = ["client", "operation", "purpose", "edge"];
/// What a row says where its figures cannot know the value.
const UNKNOWN: &str = "-";

/// Where a row's value stands in a key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Column {
    Field(usize),
    KindOf(usize),
    Hour(usize),
    Day(usize),
    Month(usize),
    Unknown,
}

/// The columns of a grouping in each cube and at the edge.
pub(super) struct Columns {
    pub(super) cubes: [Vec<Column>; 4],
    pub(super) edge: Vec<Column>,
}

impl Columns {
    pub(super) fn of(grouping: &Grouping) -> Self {
        Self {
            cubes: Cube::ALL.map(|cube| columns(grouping, cube.fields(), BEFORE_CUBE)),
            edge: columns(grouping, &EDGE_FIELDS, BEFORE_EDGE),
        }
    }
}

fn columns(grouping: &Grouping, fields: &[&str], before: usize) -> Vec<Column> {
    let column = |dimension: &Dimension| {
        let field = dimension.field().map(|name| fields.iter().position(|field| *field == name));
        let place = field.map(|found| found.map(|position| before + position));
        match (dimension, place) {
            (Dimension::Hour, _) => Column::Hour(before - 1),
            (Dimension::Day, _) => Column::Day(before - 1),
            (Dimension::Month, _) => Column::Month(before - 1),
            (Dimension::Kind, Some(Some(place))) => Column::KindOf(place),
            (_, Some(Some(place))) => Column::Field(place),
            (_, None | Some(None)) => Column::Unknown,
        }
    };
    grouping.dimensions().iter().map(column).collect()
}

/// Writes the values of a row, one after the other.
pub(super) fn write_group(
    group: &mut String,
    columns: &[Column],
    kinds: &HashMap<&str, &'static str>,
    fields: &[&str],
) {
    group.clear();
    for (position, column) in columns.iter().enumerate() {
        if position > 0 {
            group.push('|');
        }
        match *column {
            Column::Field(place) => group.push_str(fields[place]),
            Column::KindOf(place) => {
                group.push_str(kinds.get(fields[place]).copied().unwrap_or(UNKNOWN));
            }
            Column::Hour(place) => write_period(group, fields[place], 10),
            Column::Day(place) => write_period(group, fields[place], 8),
            Column::Month(place) => write_period(group, fields[place], 6),
            Column::Unknown => group.push_str(UNKNOWN),
        }
    }
}

/// Writes the first so many digits of a period as a time; what is coarser is not known.
fn write_period(group: &mut String, digits: &str, length: usize) {
    if digits.len() < length {
        return group.push_str(UNKNOWN);
    }
    for (part, sign) in [(0..4, ""), (4..6, "-"), (6..8, "-"), (8..10, "T")] {
        if part.end <= length {
            group.push_str(sign);
            group.push_str(&digits[part]);
        }
    }
}
