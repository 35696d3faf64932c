//! Each file that cannot be read, or not to its end, has one problem and one line.

use std::io::{self, Cursor};

use super::*;

#[test]
fn another_encoding_is_named() {
    let wide = |text: &str, mark: &[u8]| {
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        mark.iter().copied().chain(units).collect::<Vec<u8>>()
    };
    for (file, refusal) in [
        (wide(TABLE, b"\xff\xfe"), "line 1: encoding: UTF-16LE"),
        (wide(TABLE, b"\xfe\xff"), "line 1: encoding: UTF-16BE"),
        (b"\xff\xfe\0\0n\0\0\0".to_vec(), "line 1: encoding: UTF-32LE"),
        (b"\0\0\xfe\xff\0\0\0n".to_vec(), "line 1: encoding: UTF-32BE"),
        (wide(TABLE, b""), "line 1: encoding: UTF-16 without a byte order mark"),
        (b"PK\x03\x04sheet".to_vec(), "line 1: encoding: ZIP or XLSX"),
        (b"\nCCCD,H\xe4\n1,2\n".to_vec(), "line 2: encoding: the header is not UTF-8"),
        (b"CCCD,\"H\n\xe4\"\n1,2\n".to_vec(), "line 1: encoding: the header is not UTF-8"),
        (b"CCCD,H\0\n1,2\n".to_vec(), "line 1: nul-byte"),
    ] {
        assert_eq!(refused(&file), refusal);
        assert_eq!(refused(gzipped(&file)), refusal);
    }
}

#[test]
fn a_header_that_cannot_be_used_names_fields_and_columns_but_no_text_of_the_file() {
    let keys = "personal_id or id_number or card_qr or subject_token or old_id_number or \
                insurance_number";
    for (header, refusal) in [
        ("Họ và tên,Ngày sinh", format!("line 1: missing-column: {keys}")),
        ("001090012345;Nguyễn Văn An", format!("line 1: missing-column: {keys}")),
        (
            "CCCD,Tên KH,Số căn cước,Họ tên",
            "line 1: duplicate-column: personal_id in column 1, personal_id in column 3, \
             full_name in column 2, full_name in column 4"
                .to_owned(),
        ),
        (
            "CMND/CCCD,CMND",
            "line 1: duplicate-column: id_number in column 1, old_id_number in column 2".to_owned(),
        ),
        ("\"CCCD,x", "line 1: unclosed-quote".to_owned()),
        ("\"CCCD\"x,y", "line 1: unclosed-quote".to_owned()),
    ] {
        assert_eq!(refused(format!("{header}\n1,2,3,4\n")), refusal, "{header}");
    }
    let wide = |columns: usize| format!("CCCD{}\n1\n", ",x".repeat(columns - 1));
    assert_eq!(refused(wide(257)), "line 1: too-many-columns");
    assert_eq!(csv(wide(256)).len(), 1);
    let long = |length: usize| format!("\nCCCD,{}\n1,2\n", "x".repeat(length - 5));
    assert_eq!(refused(long(65_537)), "line 2: line-too-long");
    assert_eq!(csv(long(65_536)).len(), 1);
}

#[test]
fn a_file_without_rows_is_refused() {
    for (file, line) in
        [("", 1), ("\n \r\n", 2), ("CCCD", 1), ("\nCCCD\n", 2), ("CCCD,x\n\n,,\n", 3)]
    {
        assert_eq!(refused(file), format!("line {line}: no-rows"), "{file:?}");
        assert_eq!(refused(gzipped(file)), format!("line {line}: no-rows"), "{file:?}");
    }
    let (rows, problem) = rows("\n\n".as_bytes(), &reading(FileFormat::Ndjson));
    assert_eq!((rows.len(), problem.unwrap().code), (0, FileCode::NoRows));
}

/// A file of so many rows, and a long one of which little compresses.
fn large(rows: u64) -> String {
    let row = |at: u64| {
        let number = at.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 1_000_000;
        format!("{at},001090{number:06},An\n")
    };
    let rows: String = (0..rows).map(row).collect();
    format!("STT,CCCD,Họ tên\n{rows}")
}

#[test]
fn a_gzip_stream_that_is_cut_off_gives_the_rows_before_and_the_line_reached() {
    let whole = csv(large(20_000));
    let packed = gzipped(large(20_000));
    for cut in [packed.len() / 2, packed.len() - 9, packed.len() - 1] {
        let (rows, problem) = rows(&packed[..cut], &reading(FileFormat::Csv));
        let problem = problem.unwrap();
        assert_eq!(problem.code, FileCode::GzipBroken);
        assert_eq!(problem.line, rows.len() as u64 + 2);
        assert!(rows.len() > 5_000, "{} rows of {cut} bytes", rows.len());
        assert_eq!(rows, whole[..rows.len()]);
    }
    assert_eq!(refused(&packed[..5]), "line 1: gzip-broken");
    assert_eq!(refused(&packed[..2]), "line 1: gzip-broken");
}

#[test]
fn a_gzip_stream_that_was_changed_or_has_something_behind_it_is_broken() {
    let packed = gzipped(large(20_000));
    for place in [packed.len() / 2, packed.len() - 6, packed.len() - 2] {
        let mut flipped = packed.clone();
        flipped[place] ^= 0x10;
        let (_, problem) = rows(flipped.as_slice(), &reading(FileFormat::Csv));
        assert_eq!(problem.unwrap().code, FileCode::GzipBroken, "byte {place}");
    }
    for behind in ["\n", "x", "garbage behind a whole stream"] {
        let file = [gzipped(TABLE), behind.into()].concat();
        let (rows, problem) = rows(file.as_slice(), &reading(FileFormat::Csv));
        assert_eq!(rows, TABLE_ROWS);
        assert_eq!(problem.unwrap().to_string(), "line 4: gzip-broken");
    }
}

#[test]
fn a_gzip_stream_that_unpacks_to_too_much_ends_where_it_is_found_out() {
    let mut file = TABLE.as_bytes().to_vec();
    file.resize(40 << 20, b'x');
    let (rows, problem) = rows(gzipped(&file).as_slice(), &reading(FileFormat::Csv));
    assert_eq!(rows, TABLE_ROWS);
    assert_eq!(problem.unwrap().to_string(), "line 4: gzip-bomb");
}

#[test]
fn no_more_is_read_than_the_caller_takes() {
    let length = TABLE.len() as u64;
    for (file, code) in
        [(TABLE.as_bytes().to_vec(), FileCode::FileTooLarge), (gzipped(TABLE), FileCode::GzipBomb)]
    {
        let taking = |bytes_max| Reading { bytes_max, ..reading(FileFormat::Csv) };
        assert_eq!(rows(file.as_slice(), &taking(length)).1, None);
        assert_eq!(rows(file.as_slice(), &taking(length - 1)).1.unwrap().code, code);
    }
}

#[test]
fn a_line_of_a_gibibyte_is_one_bad_row_and_takes_no_memory() {
    let (header, rows) = TABLE.split_at(TABLE.find('\n').unwrap() + 1);
    let line = io::repeat(b'x').take(1 << 30);
    let file = Cursor::new(header).chain(line).chain(Cursor::new("\n")).chain(Cursor::new(rows));
    let mut reader = RowReader::open(file, &reading(FileFormat::Csv), None).unwrap();
    assert_eq!(shown(&reader.next_row().unwrap().unwrap()), "2 - !line-too-long");
    assert_eq!(reader.position().lines, 2);
    assert_eq!(reader.position().offset, header.len() as u64 + (1 << 30) + 1);
    assert!(reader.source.memory() <= 1 << 18);
    let (rows, problem) = rest(reader);
    assert_eq!((rows.len(), problem), (2, None));
    assert!(rows[1].starts_with("4 2 personal_id=001190012346"));
}

/// Fails when everything was read.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(io::Error::other("the disk is gone"));
        }
        self.0.read(buffer)
    }
}

#[test]
fn a_disk_that_fails_is_not_the_files_fault() {
    for file in [TABLE.as_bytes().to_vec(), gzipped(large(20_000))] {
        let cut = &file[..file.len() - 9];
        let (rows, problem) = rows(Failing(cut), &reading(FileFormat::Csv));
        assert_eq!(problem.unwrap().code, FileCode::ReadFailed);
        assert!(!rows.is_empty());
    }
}

#[test]
fn a_file_that_broke_stays_broken() {
    let mut reader =
        RowReader::open(Failing(TABLE.as_bytes()), &reading(FileFormat::Csv), None).unwrap();
    while let Ok(row) = reader.next_row() {
        assert!(row.is_some());
    }
    assert_eq!(reader.next_row().unwrap_err().to_string(), "line 4: read-failed");
}
