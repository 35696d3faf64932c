//! Which column holds which field: found out from the header, or told by the caller.

use memchr::memchr2;

use super::cells::Cells;
use super::field::{Field, folded};
use super::problem::{FileCode, FileProblem};

/// Columns that a header may have. The widest tables of insurers have some eighty.
pub(super) const COLUMNS_MAX: usize = 256;

/// How the columns of a file, or the members of its objects, are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Columns {
    /// By their names, in Vietnamese or English.
    Auto,
    /// By these names and no others.
    Named(Vec<(Field, Box<str>)>),
}

impl Columns {
    /// The field that a column of this name holds. A name that was told exactly goes before one that
    /// differs by marks, case or punctuation.
    pub(super) fn field_of(&self, header: &str) -> Option<Field> {
        match self {
            Self::Auto => Field::recognise(header),
            Self::Named(named) => {
                let header = header.trim();
                let exactly = named.iter().find(|(_, name)| name.trim() == header);
                let alike = || named.iter().find(|(_, name)| is_alike(name, header));
                exactly.or_else(alike).map(|(field, _)| *field)
            }
        }
    }

    /// The fields that must have a column.
    fn named_fields(&self) -> Vec<Field> {
        match self {
            Self::Auto => Vec::new(),
            Self::Named(named) => named.iter().map(|(field, _)| *field).collect(),
        }
    }

    /// Whether a column of this name is exactly what was told.
    fn is_exact(&self, header: &str) -> bool {
        match self {
            Self::Auto => false,
            Self::Named(named) => named.iter().any(|(_, name)| name.trim() == header.trim()),
        }
    }
}

/// Names of nothing but punctuation are compared as they are.
fn is_alike(name: &str, header: &str) -> bool {
    let name = folded(name);
    !name.is_empty() && name == folded(header)
}

/// The columns of a file that are read.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// How many there are, read or not.
    pub(super) width: usize,
    /// Which of them are read, in the order of the fields.
    pub(super) read: Vec<(Field, usize)>,
}

impl Layout {
    /// Reads a header.
    pub(super) fn read(
        columns: &Columns,
        header: &str,
        cells: &Cells,
        line: u64,
    ) -> Result<Self, FileProblem> {
        let width = cells.len();
        if width > COLUMNS_MAX {
            return Err(FileProblem::new(line, FileCode::TooManyColumns));
        }
        let mut found: Vec<(Field, usize, bool)> = Vec::new();
        for column in 0..width {
            let name = cells.text(header, column).unwrap_or_default();
            if let Some(field) = columns.field_of(&name) {
                found.push((field, column, columns.is_exact(&name)));
            }
        }
        let is_exact = |field| found.iter().any(|(it, _, exact)| *it == field && *exact);
        let mut read: Vec<(Field, usize)> = found
            .iter()
            .filter(|(field, _, exact)| *exact || !is_exact(*field))
            .map(|(field, column, _)| (*field, *column))
            .collect();
        read.sort_unstable();
        check_once(&read, line)?;
        check_needed(columns, &read, line)?;
        Ok(Self { width, read })
    }

    /// Whether a cell that is read has a line end between its first and last character.
    pub(super) fn has_line_ends(&self, row: &[u8], cells: &Cells) -> bool {
        let has = |cell: &[u8]| memchr2(b'\n', b'\r', cell.trim_ascii()).is_some();
        self.read.iter().any(|(_, column)| cells.raw(row, *column).is_some_and(has))
    }

    /// How many columns of a header say what they hold.
    pub(super) fn recognised(columns: &Columns, header: &str, cells: &Cells) -> usize {
        let known = |column: &usize| {
            cells.text(header, *column).is_some_and(|name| columns.field_of(&name).is_some())
        };
        (0..cells.len().min(COLUMNS_MAX)).filter(known).count()
    }
}

/// A column for either number goes with neither of the columns for one of them.
fn check_once(read: &[(Field, usize)], line: u64) -> Result<(), FileProblem> {
    let either = read.iter().any(|(field, _)| *field == Field::IdNumber);
    let place = |field: Field| match field {
        Field::PersonalId | Field::OldIdNumber if either => Field::IdNumber,
        _ => field,
    };
    let is_twice = |field: Field| read.iter().filter(|(it, _)| place(*it) == place(field)).count();
    let twice: Vec<String> = read
        .iter()
        .filter(|(field, _)| is_twice(*field) > 1)
        .map(|(field, column)| format!("{} in column {}", field.name(), column + 1))
        .collect();
    if twice.is_empty() {
        return Ok(());
    }
    Err(FileProblem::with(line, FileCode::DuplicateColumn, twice.join(", ")))
}

fn check_needed(columns: &Columns, read: &[(Field, usize)], line: u64) -> Result<(), FileProblem> {
    let is_read = |field: &Field| read.iter().any(|(it, _)| it == field);
    let mut missing = columns.named_fields();
    missing.retain(|field| !is_read(field));
    let detail = if !missing.is_empty() {
        names(&missing, ", ")
    } else if !Field::KEYS.iter().any(is_read) {
        names(&Field::KEYS, " or ")
    } else {
        return Ok(());
    };
    Err(FileProblem::with(line, FileCode::MissingColumn, detail))
}

fn names(fields: &[Field], between: &str) -> String {
    fields.iter().map(|field| field.name()).collect::<Vec<_>>().join(between)
}
