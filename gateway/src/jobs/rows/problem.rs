//! Everything that can be wrong with a file and with a row, with stable names and a sentence in both
//! languages.
//!
//! No problem holds a value of the file: not a cell, and not a column's name either, because in a
//! file without a header somebody's data stand there. What is named are our own fields.

use std::fmt;

use super::field::Field;
use crate::request::Malformed;

/// What is wrong with a file, so that it is not read, or read no further.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {code}{}{detail}", if detail.is_empty() { "" } else { ": " })]
pub struct FileProblem {
    /// The line where it shows, from 1; of a broken gzip stream the line that was reached.
    pub line: u64,
    /// What is wrong.
    pub code: FileCode,
    /// Fields, numbers of columns and encodings that say more; empty where nothing does.
    pub detail: Box<str>,
}

impl FileProblem {
    pub(super) fn new(line: u64, code: FileCode) -> Self {
        Self { line, code, detail: Box::default() }
    }

    pub(super) fn with(line: u64, code: FileCode, detail: impl Into<Box<str>>) -> Self {
        Self { line, code, detail: detail.into() }
    }
}

/// A name with what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explained {
    /// The stable name.
    pub name: &'static str,
    /// What it means and what to do, in English.
    pub en: &'static str,
    /// What it means and what to do, in Vietnamese.
    pub vi: &'static str,
}

/// Defines an enum of codes, each with its name and its sentences.
macro_rules! explained_codes {
    (
        $(#[$doc:meta])* $enum:ident;
        $($(#[$code_doc:meta])* $code:ident = $name:literal, $en:literal, $vi:literal;)+
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $enum {
            $($(#[$code_doc])* $code,)+
        }

        impl $enum {
            /// All of them, in the order in which they are published.
            pub const ALL: &[Self] = &[$(Self::$code),+];

            /// The name, and what it means in both languages.
            pub fn explained(self) -> Explained {
                match self {
                    $(Self::$code => Explained { name: $name, en: $en, vi: $vi },)+
                }
            }
        }

        impl fmt::Display for $enum {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.explained().name)
            }
        }
    };
}

explained_codes! {
    /// What can be wrong with a file.
    FileCode;
    /// The file or its header is not UTF-8.
    Encoding = "encoding",
        "The file is not UTF-8 text: save it as CSV UTF-8.",
        "Tệp không phải văn bản UTF-8: hãy lưu tệp dưới dạng CSV UTF-8.";
    /// The header has a NUL byte.
    NulByte = "nul-byte",
        "The header has a NUL byte: the file is damaged or not text.",
        "Dòng tiêu đề có byte NUL: tệp bị hỏng hoặc không phải văn bản.";
    /// The header is longer than a line may be.
    LineTooLong = "line-too-long",
        "The header is longer than 65,536 bytes.",
        "Dòng tiêu đề dài hơn 65.536 byte.";
    /// A quote of the header is not closed, or has text behind it.
    UnclosedQuote = "unclosed-quote",
        "A quote in the header is not closed, or has text behind it.",
        "Dấu nháy kép trong dòng tiêu đề không được đóng hoặc có chữ ngay phía sau.";
    /// The header has more columns than are read.
    TooManyColumns = "too-many-columns",
        "The header has more than 256 columns.",
        "Dòng tiêu đề có hơn 256 cột.";
    /// A column that is needed is not there.
    MissingColumn = "missing-column",
        "The header has no column for a field that is needed: name the columns as documented, or say which column holds which field.",
        "Dòng tiêu đề thiếu cột cho trường bắt buộc: hãy đặt tên cột theo tài liệu hoặc khai báo cột nào chứa trường nào.";
    /// Two columns for one field.
    DuplicateColumn = "duplicate-column",
        "Several columns hold the same field: remove all but one, or say which column holds it.",
        "Nhiều cột cùng chứa một trường: hãy chỉ giữ lại một cột hoặc khai báo cột chứa trường đó.";
    /// There is nothing to answer.
    NoRows = "no-rows",
        "The file has no rows.",
        "Tệp không có dòng dữ liệu nào.";
    /// The gzip stream ends early, is damaged or has something behind it.
    GzipBroken = "gzip-broken",
        "The gzip stream is cut off, damaged or followed by something else: compress and send the file again.",
        "Luồng gzip bị cắt, bị hỏng hoặc có dữ liệu thừa phía sau: hãy nén và gửi lại tệp.";
    /// The gzip stream unpacks to far too much.
    GzipBomb = "gzip-bomb",
        "The gzip stream unpacks to more than is taken, or to more than 1,000 times its size.",
        "Luồng gzip giải nén ra lớn hơn mức cho phép hoặc hơn 1.000 lần kích thước của nó.";
    /// The file is larger than the caller takes.
    FileTooLarge = "file-too-large",
        "The file is larger than is taken: divide it.",
        "Tệp lớn hơn mức cho phép: hãy chia nhỏ tệp.";
    /// Our storage failed; nothing is wrong with the file.
    ReadFailed = "read-failed",
        "The file could not be read on our side; reading may go on later.",
        "Phía máy chủ không đọc được tệp; có thể đọc tiếp sau.";
}

explained_codes! {
    /// What can be wrong with a row, or with a field of it.
    RowCode;
    /// The row is not UTF-8.
    InvalidUtf8 = "invalid-utf8",
        "The row is not UTF-8.",
        "Dòng không phải UTF-8.";
    /// The row has a NUL byte.
    NulByte = "nul-byte",
        "The row has a NUL byte.",
        "Dòng có byte NUL.";
    /// The line is longer than a line may be.
    LineTooLong = "line-too-long",
        "The line is longer than 65,536 bytes.",
        "Dòng dài hơn 65.536 byte.";
    /// A quote was opened and not closed.
    UnclosedQuote = "unclosed-quote",
        "A quote that opens in this line is not closed within 16 lines and 65,536 bytes, or is closed by the quote of another row; the next line is read as a new row.",
        "Dấu nháy kép mở ở dòng này không được đóng trong 16 dòng và 65.536 byte, hoặc bị đóng bởi dấu nháy kép của dòng khác; dòng kế tiếp được đọc như dòng mới.";
    /// Something stands behind a quote that closes.
    StrayQuote = "stray-quote",
        "Text follows a closing quote: quotes within a value are written twice.",
        "Có chữ sau dấu nháy kép đóng: dấu nháy kép trong giá trị phải viết hai lần.";
    /// The row has more or fewer cells than the header.
    WrongNumberOfColumns = "wrong-number-of-columns",
        "The row does not have as many columns as the header.",
        "Số cột của dòng khác với tiêu đề.";
    /// The line is not one JSON object.
    NotAnObject = "not-an-object",
        "The line is not one JSON object.",
        "Dòng không phải là một đối tượng JSON.";
    /// No key is filled in.
    NoSubject = "no-subject",
        "The row names nobody: none of the columns with a key is filled in.",
        "Dòng không chỉ ra ai: không cột khóa nào có giá trị.";
    /// The value is blank in a way that no trimming takes away.
    Empty = "empty",
        "The value is empty.",
        "Giá trị rỗng.";
    /// The value is longer than the field.
    TooLong = "too-long",
        "The value is too long.",
        "Giá trị quá dài.";
    /// The value does not have the form of the field.
    Malformed = "malformed",
        "The value does not have the form of this field.",
        "Giá trị không đúng định dạng của trường.";
    /// The date has not come yet.
    InTheFuture = "in-the-future",
        "The date lies in the future.",
        "Ngày ở trong tương lai.";
    /// Another field needs this one.
    Missing = "missing",
        "The field is missing, and another one needs it.",
        "Thiếu trường này trong khi trường khác cần đến nó.";
    /// The JSON value is no string and no number.
    WrongType = "wrong-type",
        "The value is neither a string nor a whole number.",
        "Giá trị không phải chuỗi hoặc số nguyên.";
    /// The JSON object has the field twice.
    Duplicate = "duplicate",
        "The row has this field more than once.",
        "Dòng có trường này nhiều hơn một lần.";
    /// The card is not that of the row's personal number.
    OtherPerson = "other-person",
        "The card has another personal number than the row.",
        "Số định danh trên thẻ khác với số định danh của dòng.";
}

impl FileCode {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        self.explained().name
    }
}

impl RowCode {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        self.explained().name
    }
}

impl From<Malformed> for RowCode {
    fn from(malformed: Malformed) -> Self {
        match malformed {
            Malformed::Empty => Self::Empty,
            Malformed::TooLong => Self::TooLong,
            Malformed::Form => Self::Malformed,
            Malformed::Future => Self::InTheFuture,
        }
    }
}

/// One thing that is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowProblem {
    /// The field; none where the row as a whole is wrong.
    pub field: Option<Field>,
    /// What is wrong.
    pub code: RowCode,
}

/// All that is wrong with a row, at least one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowProblems(Vec<RowProblem>);

impl RowProblems {
    /// One problem of the row as a whole.
    pub(super) fn whole(code: RowCode) -> Self {
        Self(vec![RowProblem { field: None, code }])
    }

    /// `None` where nothing is wrong.
    pub(super) fn of(problems: Vec<RowProblem>) -> Option<Self> {
        if problems.is_empty() { None } else { Some(Self(problems)) }
    }

    /// In the order in which the fields are read.
    pub fn iter(&self) -> impl Iterator<Item = RowProblem> {
        self.0.iter().copied()
    }
}
