//! Step `canonical`: what was typed, without the accidents of typing and encoding.
//!
//! Undone are composition and the order of marks, case, runs of spaces, invisible characters,
//! look-alike letters, full-width forms, the many apostrophes and hyphens, the fillers of machine-
//! readable zones (`NGUYEN<<VAN<AN`), and a full stop or comma at either end. Deliberately not NFKC:
//! it would turn the `ª` of a damaged name into a real `a`.
//!
//! The soft hyphen U+00AD is dropped with the invisible characters. In TCVN3 read as Latin-1 it is
//! `ư`, so decoding must be given the text as sent and not this form.

use unicode_normalization::char::{canonical_combining_class, decompose_canonical};

use super::letter::{Letter, Marks};
use crate::request::{is_apostrophe, is_hyphen, is_invisible};

/// The letters of a name in canonical form. Canonically equivalent texts have the same letters.
pub(super) fn letters(text: &str) -> Vec<Letter> {
    let mut writer = Writer {
        // One letter per byte is the most that text in ASCII has; other text has fewer.
        letters: Vec::with_capacity(text.len()),
        base: None,
        space_is_due: false,
    };
    for c in text.chars() {
        if c.is_ascii() {
            writer.take(c);
        } else {
            decompose_canonical(c, |part| writer.take(part));
        }
    }
    trim_punctuation(writer.letters)
}

struct Writer {
    letters: Vec<Letter>,
    /// Where the letter is that marks are written on; none at the start and after a space.
    base: Option<usize>,
    /// Spaces were seen since the last letter; written only when another letter follows.
    space_is_due: bool,
}

impl Writer {
    /// Takes one character that does not decompose further.
    fn take(&mut self, c: char) {
        match c {
            'a'..='z' => self.write_letter(c),
            'A'..='Z' => self.write_letter(c.to_ascii_lowercase()),
            // The filler of machine-readable zones stands where a space or a hyphen was.
            _ if c.is_whitespace() || c == '<' => {
                self.space_is_due = !self.letters.is_empty();
                self.base = None;
            }
            _ if is_invisible(c) => {}
            // Full-width forms repeat ASCII from 0x21 to 0x7E at this distance.
            '\u{ff01}'..='\u{ff5e}' => {
                if let Some(narrow) = char::from_u32(u32::from(c) - 0xfee0) {
                    self.take(narrow);
                }
            }
            _ => self.take_other(c),
        }
    }

    fn take_other(&mut self, c: char) {
        if canonical_combining_class(c) != 0 {
            return self.write_mark(c);
        }
        match c {
            // Eth and African D are printed like Đ and were typed for it; Windows-1258 and VISCII
            // have đ where Latin-1 has ð.
            'Đ' | 'đ' | 'Ð' | 'ð' | 'Ɖ' | 'ɖ' => self.write_marked('d', Marks::STROKE),
            // The letter OI, U+01A2, was typed for Ư ("Ngƣời" on an official statistics page).
            'Ƣ' | 'ƣ' => self.write_marked('u', Marks::HORN),
            _ if is_apostrophe(c) => self.write_letter('\''),
            _ if is_hyphen(c) => self.write_letter('-'),
            _ => c.to_lowercase().for_each(|lower| self.write_letter(lower)),
        }
    }

    fn write_letter(&mut self, base: char) {
        self.write_marked(base, Marks::NONE);
    }

    fn write_marked(&mut self, base: char, marks: Marks) {
        self.write_due_space();
        self.base = Some(self.letters.len());
        self.letters.push(Letter { base, marks });
    }

    /// Writes a Vietnamese mark on the last letter. Any other mark becomes a letter in canonical
    /// order, so that NFC and NFD of it read the same.
    fn write_mark(&mut self, mark: char) {
        let base = self.base.and_then(|place| self.letters.get_mut(place));
        if let (Some(letter), Some(mark)) = (base, Marks::from_combining(mark)) {
            letter.marks = letter.marks.with(mark);
            return;
        }
        self.write_due_space();
        let class = canonical_combining_class(mark);
        let is_before = |letter: &Letter| canonical_combining_class(letter.base) <= class;
        let place = self.letters.iter().rposition(is_before).map_or(0, |before| before + 1);
        self.letters.insert(place, Letter::plain(mark));
    }

    fn write_due_space(&mut self) {
        if self.space_is_due {
            self.letters.push(Letter::plain(' '));
            self.space_is_due = false;
        }
    }
}

/// Lists leave a comma or a full stop behind a name. Inside a name it stays: it may mark an initial.
fn trim_punctuation(mut letters: Vec<Letter>) -> Vec<Letter> {
    let is_trimmed = |letter: &Letter| matches!(letter.base, '.' | ',' | ';' | ' ');
    let end = letters.iter().rposition(|letter| !is_trimmed(letter)).map_or(0, |last| last + 1);
    letters.truncate(end);
    let start = letters.iter().position(|letter| !is_trimmed(letter)).unwrap_or(0);
    letters.drain(..start);
    letters
}
