//! The rows of a bulk file: bytes in, rows out.
//!
//! A file is CSV with a header or NDJSON, gzipped or not. Reading blocks and keeps nothing of the
//! file but a window, so that a file of any size costs the same memory. What is wrong with a row ends
//! that row and nothing else; what is wrong with the file ends the reading, with one problem.
//!
//! Who asks, what they may ask and what becomes of the answers is for others, and so is opening a
//! subject token.

mod aliases;
mod cells;
mod columns;
mod field;
mod header;
mod input;
mod object;
mod problem;
mod source;
#[cfg(test)]
mod tests;
mod values;

use std::io::Read;

use memchr::memchr;
use serde::{Deserialize, Serialize};

use self::cells::{Cells, Extent, Split};
use self::columns::Layout;
use self::header::Header;
use self::input::Input;
use self::object::Members;
use self::source::{Found, Line, Source};
use self::values::Values;

pub use self::columns::Columns;
pub use self::field::Field;
pub use self::problem::{Explained, FileCode, FileProblem, RowCode, RowProblem, RowProblems};
pub use self::values::{RowClaims, RowId, RowSubject, SentToken};

/// How rows are written. Whether the file is gzipped its first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// Lines of cells below a header, separated by `,`, `;` or tab.
    Csv,
    /// A JSON object in each line.
    Ndjson,
}

impl FileFormat {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    /// The format with this name.
    pub fn find(name: &str) -> Option<Self> {
        [Self::Csv, Self::Ndjson].into_iter().find(|format| format.name() == name)
    }
}

/// What has to be known to read a file.
#[derive(Debug, Clone)]
pub struct Reading {
    /// How rows are written.
    pub format: FileFormat,
    /// How columns are told.
    pub columns: Columns,
    /// The year in Vietnam; nobody was born after it.
    pub current_year: i16,
    /// Bytes of the file, unpacked, that are taken.
    pub bytes_max: u64,
}

/// A place between two rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Bytes before it, unpacked.
    pub offset: u64,
    /// Lines before it.
    pub lines: u64,
}

/// One row of a file.
#[derive(Debug, Clone)]
pub struct Row {
    /// The line where it begins, from 1.
    pub line: u64,
    /// What the caller calls it, as far as it could be read.
    pub row_id: Option<RowId>,
    /// What it asks, or all that is wrong with it.
    pub content: Result<RowClaims, RowProblems>,
}

impl Row {
    fn wrong(line: u64, code: RowCode) -> Self {
        Content::wrong(None, code).at(line)
    }
}

/// Reads a file row by row.
pub struct RowReader<R> {
    source: Source<R>,
    rows: Rows,
    current_year: i16,
    /// Lines that were read.
    lines: u64,
    /// Why nothing more comes.
    broken: Option<FileProblem>,
}

/// What reading rows of either format takes.
enum Rows {
    Csv { separator: u8, layout: Layout, cells: Cells },
    Ndjson(Members),
}

impl<R: Read> RowReader<R> {
    /// Opens a file at its first row, or where another reader stood. In the latter case the file is
    /// read up to there, because nobody can begin in the middle of a gzip stream.
    ///
    /// # Errors
    /// What is wrong with the beginning of the file, and that there is no row in it.
    pub fn open(read: R, reading: &Reading, start: Option<Position>) -> Result<Self, FileProblem> {
        let input = Input::open(read, reading.bytes_max);
        let mut source = Source::new(input.map_err(|code| FileProblem::new(1, code))?);
        header::check_beginning(&mut source)?;
        let mut lines = 0;
        skip_blank_lines(&mut source, &mut lines, None)?;
        let mut separator = None;
        let rows = match reading.format {
            FileFormat::Csv => {
                let header = header::read_header(&mut source, &reading.columns, lines + 1)?;
                lines += header.lines;
                separator = Some(header.separator);
                Rows::from(header)
            }
            FileFormat::Ndjson => Rows::Ndjson(Members::new(reading.columns.clone())),
        };
        let found = match start {
            None => skip_blank_lines(&mut source, &mut lines, separator)?,
            Some(start) => {
                let problem = |code| FileProblem::new(start.lines + 1, code);
                source.skip_to(start.offset).map_err(problem)?;
                lines = lines.max(start.lines);
                Found::End
            }
        };
        if start.is_none() && matches!(found, Found::End) {
            return Err(FileProblem::new(lines.max(1), FileCode::NoRows));
        }
        Ok(Self { source, rows, current_year: reading.current_year, lines, broken: None })
    }

    /// The next row; `None` behind the last one.
    ///
    /// # Errors
    /// What ends the reading before the end of the file, again and again.
    pub fn next_row(&mut self) -> Result<Option<Row>, FileProblem> {
        if let Some(problem) = &self.broken {
            return Err(problem.clone());
        }
        self.read_row().inspect_err(|problem| self.broken = Some(problem.clone()))
    }

    /// Where a reader has to start to go on behind the last row.
    pub fn position(&self) -> Position {
        Position { offset: self.source.offset(), lines: self.lines }
    }

    fn read_row(&mut self) -> Result<Option<Row>, FileProblem> {
        let separator = match &self.rows {
            Rows::Csv { separator, .. } => Some(*separator),
            Rows::Ndjson(_) => None,
        };
        let found = skip_blank_lines(&mut self.source, &mut self.lines, separator)?;
        let number = self.lines + 1;
        let at = |code| FileProblem::new(number, code);
        match found {
            Found::End => Ok(None),
            Found::TooLong => {
                self.source.skip_line().map_err(at)?;
                self.lines = number;
                Ok(Some(Row::wrong(number, RowCode::LineTooLong)))
            }
            Found::Line(line) => self.read_line(line).map(Some).map_err(at),
        }
    }

    fn read_line(&mut self, line: Line) -> Result<Row, FileCode> {
        let number = self.lines + 1;
        let (row, next, passed) = match &mut self.rows {
            Rows::Csv { separator, layout, cells } => {
                let split = cells.split(&mut self.source, line, *separator)?;
                let bytes = self.source.bytes();
                match read_cells(split, bytes, cells, layout, self.current_year) {
                    Ok((extent, content)) => (content.at(number), extent.next, extent.lines),
                    Err(code) => (Row::wrong(number, code), line.next, 1),
                }
            }
            Rows::Ndjson(members) => {
                let bytes = &self.source.bytes()[..line.end];
                let content = read_object(bytes, members, self.current_year);
                (content.at(number), line.next, 1)
            }
        };
        self.source.consume(next);
        self.lines += passed;
        Ok(row)
    }
}

impl From<Header> for Rows {
    fn from(Header { separator, layout, lines: _ }: Header) -> Self {
        Self::Csv { separator, layout, cells: Cells::default() }
    }
}

/// Uses up lines in which nothing stands but blanks and separators, as Excel leaves them below a
/// table; gives what stands behind them.
fn skip_blank_lines<R: Read>(
    source: &mut Source<R>,
    lines: &mut u64,
    separator: Option<u8>,
) -> Result<Found, FileProblem> {
    loop {
        let found = source.line(0).map_err(|code| FileProblem::new(*lines + 1, code))?;
        let Found::Line(line) = found else {
            return Ok(found);
        };
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t') || Some(*byte) == separator;
        if !source.bytes()[..line.end].iter().all(is_blank) {
            return Ok(found);
        }
        source.consume(line.next);
        *lines += 1;
    }
}

/// What a row says, without where it stands.
struct Content {
    row_id: Option<RowId>,
    content: Result<RowClaims, RowProblems>,
}

impl Content {
    fn wrong(row_id: Option<RowId>, code: RowCode) -> Self {
        Self { row_id, content: Err(RowProblems::whole(code)) }
    }

    fn at(self, line: u64) -> Row {
        Row { line, row_id: self.row_id, content: self.content }
    }
}

/// Reads what was split. A row of several lines that does not fit the header, or is wrong and has
/// line ends where values stand, has a quote which another row's quote closed: that costs one line
/// and not all of them.
fn read_cells(
    split: Split,
    bytes: &[u8],
    cells: &Cells,
    layout: &Layout,
    current_year: i16,
) -> Result<(Extent, Content), RowCode> {
    let extent = match split {
        Split::Row(extent) => extent,
        Split::Fault(code) => return Err(code),
    };
    let row = &bytes[..extent.end];
    let is_one_line = extent.lines == 1;
    if cells.len() != layout.width {
        return Err(if is_one_line {
            RowCode::WrongNumberOfColumns
        } else {
            RowCode::UnclosedQuote
        });
    }
    let content = read_values(row, cells, layout, current_year);
    if !is_one_line && content.content.is_err() && layout.has_line_ends(row, cells) {
        return Err(RowCode::UnclosedQuote);
    }
    Ok((extent, content))
}

fn read_values(bytes: &[u8], cells: &Cells, layout: &Layout, current_year: i16) -> Content {
    let text = match checked_text(bytes) {
        Ok(text) => text,
        Err(code) => return Content::wrong(find_row_id(bytes, cells, layout), code),
    };
    let mut values = Values::default();
    for (field, column) in &layout.read {
        if let Some(text) = cells.text(text, *column) {
            values.put(*field, text);
        }
    }
    let (row_id, content) = values.read(current_year);
    Content { row_id, content }
}

fn read_object(bytes: &[u8], members: &mut Members, current_year: i16) -> Content {
    let values =
        checked_text(bytes).and_then(|text| members.read(text).ok_or(RowCode::NotAnObject));
    match values {
        Ok(values) => {
            let (row_id, content) = values.read(current_year);
            Content { row_id, content }
        }
        Err(code) => Content::wrong(None, code),
    }
}

fn checked_text(bytes: &[u8]) -> Result<&str, RowCode> {
    if memchr(0, bytes).is_some() {
        return Err(RowCode::NulByte);
    }
    std::str::from_utf8(bytes).map_err(|_| RowCode::InvalidUtf8)
}

/// The row's name where the row as a whole is no text.
fn find_row_id(row: &[u8], cells: &Cells, layout: &Layout) -> Option<RowId> {
    let (_, column) = layout.read.iter().find(|(field, _)| *field == Field::RowId)?;
    let text = std::str::from_utf8(cells.raw(row, *column)?).ok()?.trim();
    if text.is_empty() { None } else { RowId::parse(text).ok() }
}
