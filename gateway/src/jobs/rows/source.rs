//! A window on the bytes of a file, in which the end of a line is looked for.
//!
//! The window never grows: a line that is longer than a line may be is stepped over.

use std::io::Read;

use memchr::memchr2;

use super::input::Input;
use super::problem::FileCode;

/// Longest row, and longest line, in bytes. A card's QR text, the longest thing that a row may hold,
/// has 2,953.
pub(super) const ROW_BYTES_MAX: usize = 64 * 1024;
/// Room for the longest row, a line behind it, and enough more that little is moved.
const WINDOW_BYTES: usize = 4 * ROW_BYTES_MAX;

/// The bytes behind those that were used up.
pub(super) struct Source<R> {
    input: Input<R>,
    window: Box<[u8]>,
    /// The part of the window that holds bytes not used up.
    from: usize,
    to: usize,
    /// Place in the file of the first of them.
    offset: u64,
    end: Option<End>,
}

/// How the bytes came to an end.
#[derive(Clone, Copy)]
enum End {
    OfFile,
    Broken(FileCode),
}

/// A line, by places behind those that were used up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    /// Where its text ends.
    pub(super) end: usize,
    /// Where the next one begins.
    pub(super) next: usize,
}

/// What stands at a place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found {
    Line(Line),
    /// A line longer than a row may be.
    TooLong,
    /// The end of the file.
    End,
}

impl<R: Read> Source<R> {
    pub(super) fn new(input: Input<R>) -> Self {
        let window = vec![0; WINDOW_BYTES].into_boxed_slice();
        Self { input, window, from: 0, to: 0, offset: 0, end: None }
    }

    /// The bytes that are in the window.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.window[self.from..self.to]
    }

    /// Place in the file behind what was used up.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Uses up `count` bytes of the window.
    pub(super) fn consume(&mut self, count: usize) {
        self.from += count;
        self.offset += count as u64;
    }

    /// Gets more bytes into the window; false where there are none, or no room for them.
    pub(super) fn fill(&mut self) -> bool {
        if self.end.is_some() {
            return false;
        }
        if self.to == self.window.len() {
            self.window.copy_within(self.from..self.to, 0);
            self.to -= self.from;
            self.from = 0;
        }
        if self.to == self.window.len() {
            return false;
        }
        match self.input.read(&mut self.window[self.to..]) {
            Ok(0) => self.end = Some(End::OfFile),
            Ok(count) => {
                self.to += count;
                return true;
            }
            Err(code) => self.end = Some(End::Broken(code)),
        }
        false
    }

    /// Looks for the line that begins at `start`, a place no more than a row behind the first byte.
    ///
    /// Lines end with LF, CR LF or CR. The last one may end with the file, but not with a break of
    /// the stream: nobody knows what else belonged to it.
    pub(super) fn line(&mut self, start: usize) -> Result<Found, FileCode> {
        let mut looked = start;
        loop {
            let bytes = self.bytes();
            if let Some(place) = memchr2(b'\n', b'\r', bytes.get(looked..).unwrap_or_default()) {
                let end = looked + place;
                return Ok(if end - start > ROW_BYTES_MAX {
                    Found::TooLong
                } else {
                    Found::Line(Line { end, next: self.behind_line_end(end) })
                });
            }
            looked = bytes.len().max(start);
            if looked - start > ROW_BYTES_MAX {
                return Ok(Found::TooLong);
            }
            if self.fill() {
                continue;
            }
            return match self.end {
                Some(End::Broken(code)) => Err(code),
                Some(End::OfFile) | None if looked == start => Ok(Found::End),
                Some(End::OfFile) | None => Ok(Found::Line(Line { end: looked, next: looked })),
            };
        }
    }

    /// Uses up a line of any length, whose text is not wanted.
    pub(super) fn skip_line(&mut self) -> Result<(), FileCode> {
        loop {
            if let Some(end) = memchr2(b'\n', b'\r', self.bytes()) {
                let next = self.behind_line_end(end);
                self.consume(next);
                return Ok(());
            }
            self.consume(self.bytes().len());
            if !self.fill() {
                return self.check_end();
            }
        }
    }

    /// Uses up everything before a place in the file, or all where the file ends before it.
    pub(super) fn skip_to(&mut self, offset: u64) -> Result<(), FileCode> {
        while self.offset < offset {
            let wanted = usize::try_from(offset - self.offset).unwrap_or(usize::MAX);
            self.consume(wanted.min(self.bytes().len()));
            if self.offset < offset && !self.fill() {
                return self.check_end();
            }
        }
        Ok(())
    }

    /// The place behind the line end that begins at `end`.
    fn behind_line_end(&mut self, end: usize) -> usize {
        if self.bytes()[end] == b'\n' {
            return end + 1;
        }
        if end + 1 == self.bytes().len() {
            self.fill();
        }
        if self.bytes().get(end + 1) == Some(&b'\n') { end + 2 } else { end + 1 }
    }

    /// Bytes of memory that the window takes, whatever was read.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.window.len()
    }

    fn check_end(&self) -> Result<(), FileCode> {
        match self.end {
            Some(End::Broken(code)) => Err(code),
            Some(End::OfFile) | None => Ok(()),
        }
    }
}
