//! Adds counters up by group while they are read: no row is kept that is not shown.

use std::collections::BTreeMap;

use foldhash::HashMap;

use super::figures::RowFigures;
use super::grouping::{Dimension, Grouping};
use super::{Edge, Kinds, ReportError, Row, Scope};
use crate::audit::{Cube, DisputeState};
use crate::matching::{Outcome, Verdict};
use crate::population::SubjectStatus;
use crate::store::{CounterTable, StoreError};

/// Rows of one report: beyond it the answer would be tens of megabytes.
const ROWS_MAX: usize = 100_000;
/// Fields of the longest key.
const FIELDS_MAX: usize = 9;
/// Fields of a key before those that its cube names, and of one of what never reached the log.
const BEFORE_CUBE: usize = 3;
const BEFORE_EDGE: usize = 2;
/// Fields of a key of what never reached the log, after grain and period.
const EDGE_FIELDS: [&str; 4] = ["client", "operation", "purpose", "edge"];
/// What a row says where its figures cannot know the value.
const UNKNOWN: &str = "-";

/// Where a row's value stands in a key.
#[derive(Debug, Clone, Copy)]
enum Column {
    Field(usize),
    KindOf(usize),
    Hour(usize),
    Day(usize),
    Month(usize),
    Unknown,
}

/// The columns of a grouping in each cube and at the edge.
struct Columns {
    cubes: [Vec<Column>; 4],
    edge: Vec<Column>,
}

/// A report in the making.
pub(super) struct Table<'a> {
    grouping: &'a Grouping,
    own: Option<&'a str>,
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
        let own = match scope {
            Scope::All => None,
            Scope::Client(own) => Some(own.as_str()),
        };
        let columns = Columns {
            cubes: Cube::ALL.map(|cube| columns(grouping, cube.fields(), BEFORE_CUBE)),
            edge: columns(grouping, &EDGE_FIELDS, BEFORE_EDGE),
        };
        let kinds = kinds.iter().map(|(client, kind)| (client.as_str(), *kind)).collect();
        let (rows, group) = (HashMap::default(), String::with_capacity(96));
        Self { grouping, own, kinds, days, columns, rows, group }
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
        if is_outside || self.own.is_some_and(|own| own != fields[BEFORE_CUBE]) {
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
        if self.own.is_some_and(|own| own != client) {
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
fn write_group(
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::Figures;
    use crate::request::ClientId;

    const COUNTED: [(&str, i64); 14] = [
        ("o|d|20261120|viettel|-|verify|telecom.subscriber|matched|active", 80),
        ("o|d|20261120|viettel|-|verify|telecom.subscriber|matched|deceased", 3),
        ("o|h|2026112109|viettel|G09.10|verify|telecom.cleanup|not_matched|unknown", 17),
        ("o|h|2026112109|hospital|-|verify|health.insurance|refused|not_asked", 2),
        ("p|d|20261120|viettel|001|matched", 60),
        ("p|d|20261120|viettel|079|matched", 23),
        ("p|h|2026112109|viettel|000|not_matched", 17),
        ("p|h|2026112109|hospital|001|refused", 2),
        ("a|d|20261120|viettel|full_name|match|-", 83),
        ("a|h|2026112109|viettel|full_name|close|marks_missing", 10),
        ("a|h|2026112109|viettel|sex|no_match|different", 7),
        ("d|d|20261120|viettel|verify|telecom.cleanup|different|open", 5),
        ("d|d|20261120|viettel|verify|telecom.cleanup|different|upheld", 1),
        ("d|h|2026112109|viettel|verify|telecom.cleanup|-|rejected", 2),
    ];

    fn table(grouping: &Grouping, scope: &Scope) -> (Vec<Row>, RowFigures) {
        let viettel = ClientId::parse("viettel").unwrap();
        let kinds = [(viettel, "carrier")].into_iter().collect::<Kinds>();
        let days = ("20261101".to_owned(), "20261130".to_owned());
        let mut table = Table::new(grouping, scope, &kinds, days);
        for (key, n) in COUNTED {
            table.add(CounterTable::Log, key, n).unwrap();
        }
        // Not covered by the counters yet, and of another month.
        let outside = "o|h|2026103123|viettel|-|verify|telecom.subscriber|matched|active";
        table.add(CounterTable::Log, outside, 1).unwrap();
        let edge = "d|20261121|viettel|verify|-|malformed";
        table.add(CounterTable::Edge, edge, 4).unwrap();
        table.finish()
    }

    /// Every dimension alone, and pairs of them.
    fn groupings() -> Vec<Grouping> {
        let pairs = Dimension::ALL.iter().flat_map(|one| {
            Dimension::ALL.iter().filter_map(move |other| Grouping::by(&[*one, *other]))
        });
        let alone = Dimension::ALL.iter().filter_map(|dimension| Grouping::by(&[*dimension]));
        let all: Vec<_> = alone.chain(pairs).chain([Grouping::none()]).collect();
        assert!(all.len() > 80);
        all
    }

    #[test]
    fn rows_add_up_to_the_total_under_every_grouping() {
        for grouping in groupings() {
            let (rows, total) = table(&grouping, &Scope::All);
            let mut sum = RowFigures::empty(grouping.cube());
            for row in &rows {
                sum.add(&row.figures);
                assert_eq!(row.group.len(), grouping.dimensions().len());
            }
            assert_eq!(sum.with_rate(), total, "{grouping:?}");
            match total {
                RowFigures::Answers(total) => {
                    let counted = [
                        total.received,
                        total.matched,
                        total.matched_deceased,
                        total.malformed,
                        total.disputed,
                        total.disputes_upheld,
                        total.disputes_rejected,
                    ];
                    assert_eq!(counted, [102, 83, 3, 4, 5, 1, 2], "{grouping:?}");
                    assert_eq!(total.match_rate, Some(0.83));
                }
                RowFigures::Attributes(total) => {
                    assert_eq!((total.asked, total.matched, total.close), (100, 83, 10));
                }
                RowFigures::Disputes(total) => {
                    let counted = (total.disputed, total.disputes_upheld, total.disputes_rejected);
                    assert_eq!(counted, (5, 1, 2));
                }
            }
        }
    }

    fn values(text: &str) -> Vec<(Vec<String>, i64)> {
        let grouping = Grouping::parse(text).unwrap();
        let (rows, _) = table(&grouping, &Scope::All);
        let values =
            |row: &Row| grouping.columns().iter().map(|name| row.group[name].clone()).collect();
        let received = |row: &Row| row.figures.answers().map_or(0, |figures| figures.received);
        rows.iter().map(|row| (values(row), received(row))).collect()
    }

    fn row(values: &[&str], received: i64) -> (Vec<String>, i64) {
        (values.iter().map(|value| (*value).to_owned()).collect(), received)
    }

    #[test]
    fn what_a_grouping_cannot_know_stands_in_a_row_of_its_own() {
        assert_eq!(
            values("province"),
            [row(&["-"], 0), row(&["000"], 17), row(&["001"], 62), row(&["079"], 23)]
        );
        assert_eq!(
            values("outcome"),
            [
                row(&["-"], 0),
                row(&["matched"], 83),
                row(&["not_matched"], 17),
                row(&["refused"], 2)
            ]
        );
    }

    #[test]
    fn times_are_told_by_hour_day_and_month() {
        assert_eq!(
            values("day,kind"),
            [
                row(&["2026-11-20", "carrier"], 83),
                row(&["2026-11-21", "-"], 2),
                row(&["2026-11-21", "carrier"], 17)
            ]
        );
        assert_eq!(values("month"), [row(&["2026-11"], 102)]);
        assert_eq!(values("hour"), [row(&["-"], 83), row(&["2026-11-21T09"], 19)]);
    }

    #[test]
    fn a_client_sees_its_own_rows_only() {
        let own = Scope::Client(ClientId::parse("hospital").unwrap());
        let (rows, total) = table(&Grouping::parse("client").unwrap(), &own);
        let figures = Figures { received: 2, refused: 2, ..Figures::default() };
        assert_eq!((rows.len(), total), (1, RowFigures::Answers(figures)));
    }

    #[test]
    fn what_was_added_and_taken_away_is_no_row() {
        let (grouping, kinds) = (Grouping::parse("client").unwrap(), Kinds::default());
        let days = (String::new(), "9".to_owned());
        let mut table = Table::new(&grouping, &Scope::All, &kinds, days);
        let key = "o|m|202611|viettel|-|verify|telecom.cleanup|matched|active";
        table.add(CounterTable::Log, key, 7).unwrap();
        table.add(CounterTable::Log, key, -7).unwrap();
        assert_eq!(table.finish().0, []);
    }

    #[test]
    fn a_counter_that_nobody_can_have_written_is_an_error() {
        let (grouping, kinds) = (Grouping::none(), Kinds::default());
        let days = (String::new(), "9".to_owned());
        let mut table = Table::new(&grouping, &Scope::All, &kinds, days);
        for key in [
            "o|d|20261120|viettel",
            "x|d|20261120|viettel|-|verify|telecom.cleanup|matched|active",
            "o|d|20261120|viettel|-|verify|telecom.cleanup|perhaps|active",
            "d|d|20261120|viettel|verify|telecom.cleanup|different|lost",
            "o|d|20261120|viettel|-|verify|telecom.cleanup|matched|active|more|still",
        ] {
            assert!(table.add(CounterTable::Log, key, 1).is_err(), "{key}");
        }
        assert!(table.add(CounterTable::Edge, "20261120", 1).is_err());
    }
}
