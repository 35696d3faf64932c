//! What a file may look like, and what comes of it.

mod bad_files;
mod bad_rows;
mod columns;
mod documented;
mod properties;
mod subjects;

use std::io::{Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

const BYTES_MAX: u64 = 8 << 30;

/// How the files of the tests are read.
fn reading(format: FileFormat) -> Reading {
    Reading { format, columns: Columns::Auto, current_year: 2026, bytes_max: BYTES_MAX }
}

/// All rows, each in one text, and why there are no more.
fn rows(read: impl Read, reading: &Reading) -> (Vec<String>, Option<FileProblem>) {
    match RowReader::open(read, reading, None) {
        Ok(reader) => rest(reader),
        Err(problem) => (Vec::new(), Some(problem)),
    }
}

fn rest(mut reader: RowReader<impl Read>) -> (Vec<String>, Option<FileProblem>) {
    let mut rows = Vec::new();
    loop {
        match reader.next_row() {
            Ok(Some(row)) => rows.push(shown(&row)),
            Ok(None) => return (rows, None),
            Err(problem) => return (rows, Some(problem)),
        }
    }
}

fn csv(text: impl AsRef<[u8]>) -> Vec<String> {
    let (rows, problem) = rows(text.as_ref(), &reading(FileFormat::Csv));
    assert_eq!(problem, None);
    rows
}

fn ndjson(text: impl AsRef<[u8]>) -> Vec<String> {
    let (rows, problem) = rows(text.as_ref(), &reading(FileFormat::Ndjson));
    assert_eq!(problem, None);
    rows
}

/// `line problem: detail` of a CSV file that is not read at all.
fn refused(file: impl AsRef<[u8]>) -> String {
    let (rows, problem) = rows(file.as_ref(), &reading(FileFormat::Csv));
    assert_eq!(rows, [""; 0]);
    problem.map_or_else(String::new, |problem| problem.to_string())
}

/// `line id key claims` or `line id !field:code`.
fn shown(row: &Row) -> String {
    let id = row.row_id.as_ref().map_or("-", RowId::as_str);
    let content = match &row.content {
        Ok(content) => shown_claims(content),
        Err(problems) => {
            let shown = problems.iter().map(|RowProblem { field, code }| match field {
                Some(field) => format!("!{}:{code}", field.name()),
                None => format!("!{code}"),
            });
            shown.collect::<Vec<_>>().join(" ")
        }
    };
    format!("{} {id} {content}", row.line)
}

fn shown_claims(content: &RowClaims) -> String {
    let RowClaims { subject, claims, from_card, case_ref } = content;
    let subject = match subject {
        RowSubject::Named(named) => format!("{}={}", named.named_by().name(), named.key()),
        RowSubject::Token(token) => format!("token={}", token.as_str()),
    };
    let address = |address: crate::request::Address| {
        format!("{}/{}/{:?}", address.scheme().name(), address.province(), address.commune())
    };
    let shown = [
        Some(subject),
        claims.full_name.as_ref().map(|name| name.as_str().to_owned()),
        claims.date_of_birth.map(|date| date.to_string()),
        claims.sex.map(|sex| format!("{sex:?}")),
        claims.old_id_number.map(|number| format!("old={number}")),
        claims.card_issue_date.map(|date| format!("issued={date}")),
        claims.place_of_origin.map(|it| format!("origin={}", address(it))),
        claims.permanent_address.map(|it| format!("address={}", address(it))),
        claims.insurance_number.map(|number| format!("insurance={number}")),
        case_ref.as_ref().map(|case| format!("case={}", case.as_str())),
        (!from_card.is_empty()).then(|| format!("card={from_card:?}")),
    ];
    shown.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn gzipped(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_ref()).unwrap();
    encoder.finish().unwrap()
}

/// Gives at most so many bytes at once.
struct Drops<R>(R, usize);

impl<R: Read> Read for Drops<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = buffer.len().min(self.1);
        self.0.read(&mut buffer[..count])
    }
}

const TABLE: &str = "STT;Số CCCD;Họ và tên;Ngày sinh\n\
                     1;001090012345;Nguyễn Văn An;01/05/1990\n\
                     2;001190012346;Trần Thị Bình;1990\n";
const TABLE_ROWS: [&str; 2] = [
    "2 1 personal_id=001090012345 Nguyễn Văn An 1990-05-01",
    "3 2 personal_id=001190012346 Trần Thị Bình 1990",
];

#[test]
fn a_table_is_read_whatever_separates_its_columns_and_ends_its_lines() {
    for separator in [",", ";", "\t"] {
        for line_end in ["\n", "\r\n", "\r"] {
            let file = TABLE.replace(';', separator).replace('\n', line_end);
            assert_eq!(csv(&file), TABLE_ROWS, "{file:?}");
            assert_eq!(csv(file.trim_end()), TABLE_ROWS, "{file:?} without its end");
            assert_eq!(csv(format!("\u{feff}{file}")), TABLE_ROWS, "{file:?} with a mark");
            assert_eq!(csv(gzipped(&file)), TABLE_ROWS, "{file:?} compressed");
        }
    }
}

#[test]
fn a_gzip_stream_may_have_several_members() {
    let (first, second) = TABLE.split_at(61);
    assert_eq!(csv([gzipped(first), gzipped(""), gzipped(second)].concat()), TABLE_ROWS);
}

#[test]
fn blank_lines_are_no_rows_but_lines() {
    let file = TABLE.replace('\n', "\n\n \n;;;\n");
    let [first, second] = TABLE_ROWS.map(|row| row.split_once(' ').unwrap().1);
    assert_eq!(csv(format!("\n{file}")), [format!("6 {first}"), format!("10 {second}")]);
    assert_eq!(ndjson("\n{\"STT\":1}\n \n\n{\"STT\":2}\n\n").len(), 2);
    assert!(ndjson("\n{}\n \n\n{\"STT\":2}")[1].starts_with("5 2 "));
}

#[test]
fn quoted_cells_hold_separators_quotes_and_line_ends() {
    let file = "full_name,personal_id,note,row_id\r\n\
                \"An, Nguyễn Văn\",001090012345,\"say \"\"a\"\"\r\nb\n\",\" 7 \"\r\n\
                Bình, \"001190012346\" ,\"\",\"8 \"\"x\"\"\"\r\n";
    assert_eq!(
        csv(file),
        ["2 7 personal_id=001090012345 An, Nguyễn Văn", "5 8 \"x\" personal_id=001190012346 Bình"]
    );
}

#[test]
fn a_header_may_be_quoted_and_go_over_lines() {
    assert_eq!(
        csv("\"Số\nCCCD\",\"Họ, và tên\"\n001090012345,An\n"),
        ["3 - personal_id=001090012345 An"]
    );
}

#[test]
fn an_object_in_each_line_is_read_with_the_same_names() {
    let file = "{\"row_id\":\"a\",\"personal_id\":\"001090012345\",\"Họ và tên\":\" An \\u0042\\u00ecnh \"}\r\n\
                {\"Số CCCD\":101090012345,\"full_name\":null,\"sex\":\"Nữ\",\"x\":[{\"y\":1}],\"STT\":7}";
    assert_eq!(
        ndjson(file),
        ["1 a personal_id=001090012345 An Bình", "2 7 personal_id=101090012345 Female"]
    );
}

#[test]
fn a_reader_goes_on_where_another_stood() {
    for file in [TABLE.as_bytes().to_vec(), gzipped(TABLE)] {
        let reading = reading(FileFormat::Csv);
        let mut reader = RowReader::open(file.as_slice(), &reading, None).unwrap();
        reader.next_row().unwrap();
        let written = serde_json::to_string(&reader.position()).unwrap();
        let offset = TABLE.find("2;0011").unwrap();
        assert_eq!(written, format!(r#"{{"offset":{offset},"lines":2}}"#));
        let position: Position = serde_json::from_str(&written).unwrap();
        let again = RowReader::open(file.as_slice(), &reading, Some(position)).unwrap();
        assert_eq!(rest(again), (vec![TABLE_ROWS[1].to_owned()], None));
        reader.next_row().unwrap();
        assert!(reader.next_row().unwrap().is_none());
        let end = reader.position();
        let again = RowReader::open(file.as_slice(), &reading, Some(end)).unwrap();
        assert_eq!(rest(again), (Vec::new(), None));
    }
}

#[test]
fn what_a_row_holds_is_not_shown_by_debug() {
    let file = "row_id,subject_token,full_name,personal_id\n999,999x,999,\n,,,999\n999,999,An,\n";
    let mut reader = RowReader::open(file.as_bytes(), &reading(FileFormat::Csv), None).unwrap();
    while let Some(row) = reader.next_row().unwrap() {
        let shown = format!("{row:?}");
        assert!(!shown.contains('9'), "{shown}");
    }
}
