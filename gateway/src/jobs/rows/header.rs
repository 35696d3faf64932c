//! The beginning of a file: in what encoding it is, which character separates the columns, and what
//! they hold.

use std::io::Read;

use memchr::{memchr, memchr_iter};

use super::cells::{Cells, Split};
use super::columns::{Columns, Layout};
use super::problem::{FileCode, FileProblem};
use super::source::{Found, Line, Source};

/// What separates columns, the likeliest first. Excel writes `;` where the comma is in numbers, as in
/// Vietnam.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// How files begin that are not UTF-8 text, the longer beginnings first.
const BEGINNINGS: [(&[u8], &str); 5] = [
    (b"\xff\xfe\0\0", "UTF-32LE"),
    (b"\0\0\xfe\xff", "UTF-32BE"),
    (b"\xff\xfe", "UTF-16LE"),
    (b"\xfe\xff", "UTF-16BE"),
    (b"PK\x03\x04", "ZIP or XLSX"),
];
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// Steps over the byte order mark of UTF-8 and refuses those of others.
pub(super) fn check_beginning<R: Read>(source: &mut Source<R>) -> Result<(), FileProblem> {
    while source.bytes().len() < 4 && source.fill() {}
    let is_there = |(beginning, _): &&(&[u8], &str)| source.bytes().starts_with(beginning);
    if let Some((_, name)) = BEGINNINGS.iter().find(is_there) {
        return Err(FileProblem::with(1, FileCode::Encoding, *name));
    }
    if source.bytes().starts_with(UTF8_MARK) {
        source.consume(UTF8_MARK.len());
    }
    Ok(())
}

/// What the header of a CSV file says.
pub(super) struct Header {
    pub(super) separator: u8,
    pub(super) layout: Layout,
    /// Its lines.
    pub(super) lines: u64,
}

/// Reads the header, which begins with line `number`, and uses it up.
pub(super) fn read_header<R: Read>(
    source: &mut Source<R>,
    columns: &Columns,
    number: u64,
) -> Result<Header, FileProblem> {
    let at = |code| FileProblem::new(number, code);
    let line = match source.line(0).map_err(at)? {
        Found::Line(line) => line,
        Found::TooLong => return Err(at(FileCode::LineTooLong)),
        Found::End => return Err(FileProblem::new((number - 1).max(1), FileCode::NoRows)),
    };
    check_text(&source.bytes()[..line.end], number)?;
    let mut cells = Cells::default();
    let separator = separator(source, columns, &mut cells, line).map_err(at)?;
    let Split::Row(extent) = cells.split(source, line, separator).map_err(at)? else {
        return Err(at(FileCode::UnclosedQuote));
    };
    let row = &source.bytes()[..extent.end];
    check_text(row, number)?;
    let text = std::str::from_utf8(row).map_err(|_| at(FileCode::Encoding))?;
    let layout = Layout::read(columns, text, &cells, number)?;
    source.consume(extent.next);
    Ok(Header { separator, layout, lines: extent.lines })
}

/// The one that gives most columns which say what they hold, else most columns.
fn separator<R: Read>(
    source: &mut Source<R>,
    columns: &Columns,
    cells: &mut Cells,
    line: Line,
) -> Result<u8, FileCode> {
    let mut best = (SEPARATORS[0], (0, 0));
    for separator in SEPARATORS {
        let Split::Row(extent) = cells.split(source, line, separator)? else {
            continue;
        };
        let row = std::str::from_utf8(&source.bytes()[..extent.end]).unwrap_or_default();
        let found = (Layout::recognised(columns, row, cells), cells.len());
        if found > best.1 {
            best = (separator, found);
        }
    }
    Ok(best.0)
}

fn check_text(row: &[u8], number: u64) -> Result<(), FileProblem> {
    if memchr(0, row).is_some() {
        // In UTF-16 every other byte of a Latin text is NUL.
        let nuls = memchr_iter(0, row).count();
        return Err(if nuls * 3 > row.len() {
            FileProblem::with(number, FileCode::Encoding, "UTF-16 without a byte order mark")
        } else {
            FileProblem::new(number, FileCode::NulByte)
        });
    }
    if std::str::from_utf8(row).is_err() {
        return Err(FileProblem::with(number, FileCode::Encoding, "the header is not UTF-8"));
    }
    Ok(())
}
