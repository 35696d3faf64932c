//! What holds for all files.

use proptest::prelude::*;

use super::*;

/// A row as a simple writer has it: its name, its person, and what nobody reads.
#[derive(Debug, Clone)]
struct Written {
    id: u16,
    serial: u32,
    note: String,
}

fn written() -> impl Strategy<Value = Written> {
    (any::<u16>(), 0..1_000_000_u32, "[a-c \"\n\r,;\tơ]{0,12}")
        .prop_map(|(id, serial, note)| Written { id, serial, note })
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn lines(text: &str) -> usize {
    text.replace("\r\n", "\n").matches(['\n', '\r']).count()
}

/// The file, and what is to be read.
fn file(rows: &[Written], separator: &str, line_end: &str) -> (String, Vec<String>) {
    let mut file = ["STT", "note", "CCCD"].join(separator) + line_end;
    let mut read = Vec::new();
    for Written { id, serial, note } in rows {
        let number = format!("001090{serial:06}");
        read.push(format!("{} {id} personal_id={number}", lines(&file) + 1));
        file += &[id.to_string(), quoted(note), number].join(separator);
        file += line_end;
    }
    (file, read)
}

fn objects(rows: &[Written]) -> (String, Vec<String>) {
    let mut file = String::new();
    let mut read = Vec::new();
    for (place, Written { id, serial, note }) in rows.iter().enumerate() {
        let number = format!("001090{serial:06}");
        file += &serde_json::json!({"STT": id, "note": note, "CCCD": number}).to_string();
        file += "\n";
        read.push(format!("{} {id} personal_id={number}", place + 1));
    }
    (file, read)
}

/// Stops behind every row, and reads the rest with another reader.
fn assert_goes_on_everywhere(file: &[u8], format: FileFormat) -> Result<(), TestCaseError> {
    let reading = reading(format);
    let Ok(mut reader) = RowReader::open(file, &reading, None) else {
        return Ok(());
    };
    let (all, problem) = rows(file, &reading);
    for place in 0..=all.len() {
        let again = RowReader::open(file, &reading, Some(reader.position())).unwrap();
        prop_assert_eq!(rest(again), (all[place..].to_vec(), problem.clone()));
        if place < all.len() {
            reader.next_row().unwrap();
        }
    }
    Ok(())
}

/// Bytes that mean something to a reader, more often than others.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let telling = proptest::sample::select(b"\"\",;\t\n\n\r {}:[]\\\0\xff1a\xc6".to_vec());
    let byte = prop_oneof![9 => telling, 1 => any::<u8>()];
    proptest::collection::vec(byte, 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_a_simple_writer_writes_is_read_back_from_everywhere(
        rows in proptest::collection::vec(written(), 1..12),
        separator in proptest::sample::select(vec![",", ";", "\t"]),
        line_end in proptest::sample::select(vec!["\n", "\r\n", "\r"]),
        drops in 1..50_usize,
    ) {
        let (file, read) = file(&rows, separator, line_end);
        let in_drops = super::rows(Drops(file.as_bytes(), drops), &reading(FileFormat::Csv));
        prop_assert_eq!(in_drops, (read.clone(), None));
        prop_assert_eq!(csv(gzipped(&file)), read);
        assert_goes_on_everywhere(file.as_bytes(), FileFormat::Csv)?;
        let (file, read) = objects(&rows);
        prop_assert_eq!(ndjson(&file), read);
        assert_goes_on_everywhere(file.as_bytes(), FileFormat::Ndjson)?;
    }

    #[test]
    fn any_bytes_end_without_panic_and_however_they_come(
        bytes in bytes(),
        begins_well in any::<bool>(),
        drops in 1..9_usize,
    ) {
        let header = if begins_well { "CCCD,x\n" } else { "" };
        let file = [header.as_bytes(), &bytes].concat();
        let line_ends = file.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
        for format in [FileFormat::Csv, FileFormat::Ndjson] {
            let reading = reading(format);
            let at_once = rows(file.as_slice(), &reading);
            prop_assert!(at_once.0.len() <= line_ends + 1);
            let numbers = at_once.0.iter().map(|row| row.split(' ').next().unwrap().parse::<u64>());
            prop_assert!(numbers.map(Result::unwrap).is_sorted_by(|one, next| one < next));
            prop_assert_eq!(&rows(Drops(file.as_slice(), drops), &reading), &at_once);
            prop_assert_eq!(&rows(gzipped(&file).as_slice(), &reading), &at_once);
            assert_goes_on_everywhere(&file, format)?;
        }
    }

    #[test]
    fn any_gzip_stream_ends_without_panic(bytes in bytes(), place in 0..200_usize, bit in 0..8_u8) {
        let begun = [b"\x1f\x8b\x08\0\0\0\0\0\0\0".as_slice(), &bytes].concat();
        rows(begun.as_slice(), &reading(FileFormat::Csv));
        let mut changed = gzipped(&bytes);
        let place = place % changed.len();
        changed[place] ^= 1 << bit;
        rows(changed.as_slice(), &reading(FileFormat::Ndjson));
    }
}

/// A file in which each quote opens a cell that the next line seems to close and to open again.
#[test]
fn quotes_that_never_close_are_not_looked_for_again_and_again() {
    let lines = 20_000;
    let file = format!("CCCD,x\n{}", "x\",\"\n".repeat(lines));
    let read = Reading { bytes_max: 1 << 20, ..reading(FileFormat::Csv) };
    let (rows, problem) = rows(file.as_bytes(), &read);
    assert_eq!((rows.len(), problem), (lines, None));
    assert!(rows.iter().all(|row| row.ends_with("!unclosed-quote")));
}
