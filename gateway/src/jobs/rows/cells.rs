//! The cells of a CSV row (RFC 4180): found, not copied.
//!
//! A quoted cell may go over several lines. A quote that is never closed would swallow the rest of
//! the file, and one that another row's quote closes would swallow the rows between. So a row whose
//! quotes cannot be right costs one line, the one where it begins, and the next line is a row again.

use std::borrow::Cow;
use std::io::Read;

use memchr::{memchr, memchr_iter};

use super::problem::{FileCode, RowCode};
use super::source::{Found, Line, ROW_BYTES_MAX, Source};

/// Lines of one row. It bounds how often a line is read again where quotes are not closed: a file of
/// nothing else would take a thousand times as long. Addresses with line ends have two or three.
pub(super) const ROW_LINES_MAX: u64 = 16;

/// The cells of one row.
#[derive(Default)]
pub(super) struct Cells {
    cells: Vec<Cell>,
}

/// A cell, by places in the row.
#[derive(Clone, Copy)]
struct Cell {
    start: usize,
    end: usize,
    /// A quote is written twice in it.
    has_twin_quotes: bool,
}

/// A row as far as its bytes go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// Its text.
    pub(super) end: usize,
    /// Where the next row begins.
    pub(super) next: usize,
    /// Its lines.
    pub(super) lines: u64,
}

/// What a line begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum Split {
    /// A row.
    Row(Extent),
    /// A row whose quotes cannot be right, so that it is the line and no more.
    Fault(RowCode),
}

impl Cells {
    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    /// The bytes of a cell as they stand in the row.
    pub(super) fn raw<'t>(&self, row: &'t [u8], column: usize) -> Option<&'t [u8]> {
        let cell = self.cells.get(column)?;
        row.get(cell.start..cell.end)
    }

    /// The text of a cell.
    pub(super) fn text<'t>(&self, row: &'t str, column: usize) -> Option<Cow<'t, str>> {
        let cell = self.cells.get(column)?;
        let text = row.get(cell.start..cell.end)?;
        if cell.has_twin_quotes {
            return Some(Cow::Owned(text.replace("\"\"", "\"")));
        }
        Some(Cow::Borrowed(text))
    }

    /// Splits the row that begins with `line`.
    pub(super) fn split<R: Read>(
        &mut self,
        source: &mut Source<R>,
        line: Line,
        separator: u8,
    ) -> Result<Split, FileCode> {
        self.cells.clear();
        let text = &source.bytes()[..line.end];
        if memchr(b'"', text).is_some() {
            let row = QuotedRow { source, separator, line, lines: 1, cells: &mut self.cells };
            return row.split();
        }
        let mut start = 0;
        for end in memchr_iter(separator, text) {
            self.cells.push(Cell { start, end, has_twin_quotes: false });
            start = end + 1;
        }
        self.cells.push(Cell { start, end: text.len(), has_twin_quotes: false });
        Ok(Split::Row(Extent { end: line.end, next: line.next, lines: 1 }))
    }
}

/// A row with a quote somewhere.
struct QuotedRow<'s, R> {
    source: &'s mut Source<R>,
    separator: u8,
    /// The line that is being read.
    line: Line,
    /// How many there are with it.
    lines: u64,
    cells: &'s mut Vec<Cell>,
}

impl<R: Read> QuotedRow<'_, R> {
    fn split(mut self) -> Result<Split, FileCode> {
        let mut at = 0;
        loop {
            let quote = self.skip_blanks(at);
            let end = if self.byte(quote) == Some(b'"') {
                let Some(cell) = self.quoted_cell(quote + 1)? else {
                    return Ok(Split::Fault(RowCode::UnclosedQuote));
                };
                self.cells.push(cell);
                let behind = self.skip_blanks(cell.end + 1);
                if self.byte(behind).is_some_and(|byte| byte != self.separator) {
                    let is_one_line = self.lines == 1;
                    return Ok(Split::Fault(if is_one_line {
                        RowCode::StrayQuote
                    } else {
                        RowCode::UnclosedQuote
                    }));
                }
                behind
            } else {
                let rest = &self.source.bytes()[at..self.line.end];
                let end = memchr(self.separator, rest).map_or(self.line.end, |place| at + place);
                self.cells.push(Cell { start: at, end, has_twin_quotes: false });
                end
            };
            if end >= self.line.end {
                let Line { end, next } = self.line;
                return Ok(Split::Row(Extent { end, next, lines: self.lines }));
            }
            at = end + 1;
        }
    }

    /// The cell whose text begins at `start`; `None` where no quote closes it.
    fn quoted_cell(&mut self, start: usize) -> Result<Option<Cell>, FileCode> {
        let mut has_twin_quotes = false;
        let mut from = start;
        loop {
            let line = &self.source.bytes()[from..self.line.end];
            match memchr(b'"', line).map(|place| from + place) {
                Some(quote) if self.byte(quote + 1) == Some(b'"') => {
                    has_twin_quotes = true;
                    from = quote + 2;
                }
                Some(end) => return Ok(Some(Cell { start, end, has_twin_quotes })),
                None => {
                    from = self.line.next;
                    if !self.take_line()? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Goes to the next line; false where none may belong to this row.
    fn take_line(&mut self) -> Result<bool, FileCode> {
        if self.lines >= ROW_LINES_MAX {
            return Ok(false);
        }
        match self.source.line(self.line.next)? {
            Found::Line(line) if line.end <= ROW_BYTES_MAX => {
                self.line = line;
                self.lines += 1;
                Ok(true)
            }
            Found::Line(_) | Found::TooLong | Found::End => Ok(false),
        }
    }

    fn skip_blanks(&self, from: usize) -> usize {
        let line = &self.source.bytes()[from..self.line.end];
        let is_blank = |byte: &&u8| matches!(byte, b' ' | b'\t') && **byte != self.separator;
        from + line.iter().take_while(is_blank).count()
    }

    /// The byte at a place of the line that is being read.
    fn byte(&self, at: usize) -> Option<u8> {
        if at < self.line.end { self.source.bytes().get(at).copied() } else { None }
    }
}
