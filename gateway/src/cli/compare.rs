//! `gateway compare`: what the published rules say about a claim and a record, one pair or a file
//! of them. Pure: no configuration, no register, nothing written down.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use super::{CliError, CompareArgs, Format};
use crate::matching::{PROFILE, Pair, compare_texts};
use crate::request::Attribute;

/// Columns that a file must have.
const COLUMNS: [&str; 3] = ["attribute", "claim", "record"];

/// Rows named in the complaint about rows without an answer.
const NAMED_ROWS_MAX: usize = 5;

/// Runs the command.
pub(super) fn compare(args: &CompareArgs, format: Format) -> Result<(), CliError> {
    match (&args.csv, &args.claim, &args.record) {
        (Some(path), ..) => compare_file(path),
        (None, Some(claim), Some(record)) => compare_pair(args.attribute, claim, record, format),
        (None, ..) => Err(CliError::Usage("a claim and a record, or --csv FILE".into())),
    }
}

fn compare_pair(
    attribute: Attribute,
    claim: &str,
    record: &str,
    format: Format,
) -> Result<(), CliError> {
    let Some((verdict, reason)) = words(compare_texts(attribute, claim, record)) else {
        return Err(CliError::Failed(format!("the record is no {attribute}")));
    };
    match format {
        Format::Table if reason.is_empty() => println!("{verdict}"),
        Format::Table => println!("{verdict}: {reason}"),
        Format::Csv => println!("verdict,reason\n{verdict},{reason}"),
        Format::Json => super::report::print_json(&serde_json::json!({
            "profile": PROFILE,
            "verdict": verdict,
            "reason": (!reason.is_empty()).then_some(reason),
        }))?,
    }
    Ok(())
}

/// Verdict and reason; none where the record cannot be read.
fn words(pair: Pair) -> Option<(&'static str, &'static str)> {
    match pair {
        Pair::Compared(finding) => {
            Some((finding.verdict().name(), finding.reason().map_or("", |reason| reason.name())))
        }
        Pair::MalformedClaim(_) => Some(("malformed", "")),
        Pair::UnreadableRecord => None,
    }
}

fn compare_file(path: &Path) -> Result<(), CliError> {
    let input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(path)
            .map_err(CliError::io(format!("the file {} cannot be read", path.display())))?;
        Box::new(BufReader::new(file))
    };
    let output = BufWriter::new(io::stdout().lock());
    match compare_rows(input, output) {
        // Whoever reads through `head` has seen enough.
        Err(RowsError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(CliError::Failed(error.to_string())),
        Ok(unanswered) if unanswered.is_empty() => Ok(()),
        Ok(unanswered) => Err(CliError::Failed(complaint(&unanswered))),
    }
}

fn complaint(unanswered: &[u64]) -> String {
    let named: Vec<String> = unanswered.iter().take(NAMED_ROWS_MAX).map(u64::to_string).collect();
    format!(
        "{} rows have no answer: an attribute or record that cannot be read, or cells too few or too \
         many; line {}{}",
        unanswered.len(),
        named.join(", "),
        if unanswered.len() > named.len() { ", ..." } else { "" }
    )
}

#[derive(Debug, thiserror::Error)]
enum RowsError {
    #[error("the file has no column {0}")]
    NoColumn(&'static str),
    #[error("the file cannot be read as CSV: {0}")]
    Input(csv::Error),
    #[error("the answers cannot be written: {0}")]
    Output(io::Error),
}

/// Compares every row; the lines of those that could not be answered, whose verdict stays empty.
fn compare_rows(input: impl Read, output: impl Write) -> Result<Vec<u64>, RowsError> {
    // Bytes: text that is not UTF-8 was damaged on its way and is a malformed claim, no broken file.
    // A row of another length is one row without an answer; it must not take the others with it.
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input);
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(output);
    let mut header = reader.byte_headers().map_err(RowsError::Input)?.clone();
    let mut places = [0; COLUMNS.len()];
    for (place, name) in places.iter_mut().zip(COLUMNS) {
        let found = header.iter().position(|cell| cell == name.as_bytes());
        *place = found.ok_or(RowsError::NoColumn(name))?;
    }
    let columns = header.len();
    header.extend([b"verdict", b"reason".as_slice()]);
    let write = |writer: &mut csv::Writer<_>, row: &csv::ByteRecord| {
        writer.write_byte_record(row).map_err(|error| RowsError::Output(error.into()))
    };
    write(&mut writer, &header)?;
    let mut row = csv::ByteRecord::new();
    let mut unanswered = Vec::new();
    while reader.read_byte_record(&mut row).map_err(RowsError::Input)? {
        let line = row.position().map_or(0, csv::Position::line);
        let is_whole = row.len() == columns;
        let answer = is_whole.then(|| answer(places.map(|place| &row[place]))).flatten();
        if answer.is_none() {
            unanswered.push(line);
        }
        let (verdict, reason) = answer.unwrap_or_default();
        row.push_field(verdict.as_bytes());
        row.push_field(reason.as_bytes());
        write(&mut writer, &row)?;
    }
    writer.flush().map_err(RowsError::Output)?;
    Ok(unanswered)
}

/// Verdict and reason of one row; none where its attribute or record cannot be read.
fn answer(cells: [&[u8]; 3]) -> Option<(&'static str, &'static str)> {
    let [attribute, claim, record] = cells.map(std::str::from_utf8);
    let attribute = attribute.ok().and_then(Attribute::find)?;
    match (claim, record.ok()?) {
        (Ok(claim), record) => words(compare_texts(attribute, claim, record)),
        (Err(_), _) => Some(("malformed", "")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(input: &[u8]) -> (String, Vec<u64>) {
        let mut output = Vec::new();
        let unanswered = compare_rows(input, &mut output).unwrap();
        (String::from_utf8_lossy(&output).into_owned(), unanswered)
    }

    #[test]
    fn rows_come_out_with_their_columns_and_an_answer() {
        let (output, unanswered) = answers(
            "\u{feff}id,attribute,claim,record\n\
             1,full_name,\"Hoa, Nguyen Van\",Nguyễn Văn Hoà\n\
             2,full_name,NGUYEN VAN HOA,Nguyễn Văn Hoà\n\
             3,full_name,Nguy?n,Nguyễn\n\
             4,date_of_birth,05/01/1990,1990-05-01\n"
                .as_bytes(),
        );
        let lines: Vec<&str> = output.lines().collect();
        assert_eq!(lines[0], "id,attribute,claim,record,verdict,reason");
        assert_eq!(lines[2], "2,full_name,NGUYEN VAN HOA,Nguyễn Văn Hoà,close,marks_missing");
        assert_eq!(lines[3], "3,full_name,Nguy?n,Nguyễn,malformed,");
        assert_eq!(lines[4], "4,date_of_birth,05/01/1990,1990-05-01,close,day_month_swapped");
        assert!(lines[1].starts_with("1,full_name,\"Hoa, Nguyen Van\",") && lines.len() == 5);
        assert!(unanswered.is_empty());
    }

    #[test]
    fn damaged_bytes_are_a_malformed_claim_and_an_unreadable_record_has_no_answer() {
        let (output, unanswered) = answers(
            b"attribute,claim,record\nfull_name,Nguy\xean,An\nphone,1,1\nsex,male,nam\nsex,male,male\n",
        );
        assert!(output.contains(",malformed,\n") && output.contains("sex,male,male,match,\n"));
        assert!(output.contains("phone,1,1,,\n") && output.contains("sex,male,nam,,\n"));
        assert_eq!(unanswered, [3, 4]);
        assert!(complaint(&unanswered).starts_with("2 rows have no answer"));
    }

    #[test]
    fn a_file_without_its_columns_is_refused() {
        let refused = |input: &[u8]| compare_rows(input, Vec::new()).unwrap_err().to_string();
        assert_eq!(refused(b"attribute,claim\nsex,male\n"), "the file has no column record");
    }

    #[test]
    fn a_row_of_another_length_has_no_answer_and_takes_no_other_with_it() {
        let (output, unanswered) =
            answers(b"attribute,claim,record\nsex,male\nsex,male,male,x\nsex,male,female\n");
        assert_eq!(unanswered, [2, 3]);
        assert!(
            output.ends_with("sex,male,,\nsex,male,male,x,,\nsex,male,female,no_match,different\n")
        );
    }
}
