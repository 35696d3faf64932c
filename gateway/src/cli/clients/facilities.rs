//! A table of health facilities, read and judged line by line before anything is done.
//!
//! A line is made into the document that `client create` takes, so that both refuse alike; the
//! pointers of what is wrong become names of columns.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use csv::StringRecord;
use serde_json::{Map, Value, json};

use super::super::CliError;
use crate::access::{self, ClientError, Fault, NewClient};
use crate::auth::{ClientKind, ClientState};
use crate::clock::Micros;
use crate::http::read_new_client;
use crate::store::{ClientRow, Store};

/// Columns that a table must have; `agency_code` or `facility_code` beside them.
const REQUIRED: [&str; 8] = [
    "client_id",
    "name_vi",
    "name_en",
    "agreement_from",
    "agreement_until",
    "assessment_level",
    "assessment_date",
    "assessment_until",
];
/// Columns that it may have.
const OPTIONAL: [&str; 3] = ["agency_code", "facility_code", "policy"];
/// Lines of a table: five times as many as there are health facilities.
const LINES_MAX: usize = 65_536;

/// A line with all that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadLine {
    /// Its number in the file; the header is line 1.
    pub(super) line: u64,
    /// The identifier that it names.
    pub(super) client_id: String,
    /// Column and what is wrong with it.
    pub(super) reasons: Vec<(String, &'static str)>,
}

impl BadLine {
    /// What is wrong, in one text.
    pub(super) fn reasons(&self) -> String {
        let reasons = self.reasons.iter().map(|(column, code)| match column.as_str() {
            "" => (*code).to_owned(),
            column => format!("{column}: {code}"),
        });
        reasons.collect::<Vec<_>>().join(", ")
    }
}

/// What the lines have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Common<'a> {
    /// Policy of those that name none.
    pub(super) policy: Option<&'a str>,
    /// Code that facility codes lie below.
    pub(super) below: Option<&'a str>,
    /// State in which they are added.
    pub(super) state: ClientState,
    /// When they are added.
    pub(super) now: Micros,
}

/// A table that was read.
#[derive(Debug, Default)]
pub(super) struct Facilities {
    /// Facilities to be added, in their order.
    pub(super) new: Vec<ClientRow>,
    /// How many are there as the table has them.
    pub(super) there_already: usize,
    /// Those that are there otherwise.
    pub(super) there_and_different: Vec<String>,
    /// Bad lines.
    pub(super) bad: Vec<BadLine>,
}

impl Facilities {
    /// Reads a table and judges every line.
    ///
    /// # Errors
    /// If it is no table of facilities, or the store does not answer.
    pub(super) async fn read(
        path: &Path,
        common: Common<'_>,
        store: &Store,
    ) -> Result<Self, CliError> {
        let bytes = std::fs::read(path)
            .map_err(CliError::io(format!("{} cannot be read", path.display())))?;
        // Spreadsheets put a mark at the beginning, which is no part of the first column's name.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
        let unreadable = |error: csv::Error| CliError::Usage(format!("the table: {error}"));
        let header = reader.headers().map_err(unreadable)?.clone();
        check_header(&header, common)?;
        let (mut facilities, mut seen) = (Self::default(), HashSet::new());
        let mut lines = Lines { bytes, byte: 0, line: 1 };
        for (count, record) in reader.into_byte_records().enumerate() {
            if count == LINES_MAX {
                return Err(CliError::Usage(format!("the table has more than {LINES_MAX} lines")));
            }
            let record = record.map_err(unreadable)?;
            lines.go_to(record.position());
            let line = lines.line;
            let (client_id, read) = read_line(&header, record, common);
            let read = match read {
                Ok(_) if !seen.insert(client_id.clone()) => {
                    Err(vec![("client_id".to_owned(), "duplicate")])
                }
                read => read,
            };
            let judged = match read {
                Ok(new) => facilities.judge(&new, common, store).await?,
                Err(reasons) => Err(reasons),
            };
            if let Err(reasons) = judged {
                facilities.bad.push(BadLine { line, client_id, reasons });
            }
        }
        Ok(facilities)
    }

    /// Puts a facility where it belongs, or says what stands against it. One that is there is not
    /// judged again: what was good when it was added may have run out since.
    async fn judge(
        &mut self,
        new: &NewClient,
        common: Common<'_>,
        store: &Store,
    ) -> Result<Result<(), Reasons>, CliError> {
        match store.client(new.client_id.as_str()).await? {
            Some(known) if new.is_as(&known) => self.there_already += 1,
            Some(known) => self.there_and_different.push(known.client_id),
            None => match access::judge_new(store, new, common.state, common.now).await {
                Ok(row) => self.new.push(row),
                Err(ClientError::Invalid(faults) | ClientError::NotReady(faults)) => {
                    let reason = |fault: &Fault| (column(fault.pointer), fault.code);
                    return Ok(Err(faults.iter().map(reason).collect()));
                }
                Err(error) => return Err(super::not_done(error)),
            },
        }
        Ok(Ok(()))
    }
}

/// Counts lines. The reader's own count is behind by one where lines end as spreadsheets end them.
struct Lines<'a> {
    bytes: &'a [u8],
    byte: usize,
    line: u64,
}

impl Lines<'_> {
    /// Goes on to a record, which may begin with the end of the line before.
    fn go_to(&mut self, record: Option<&csv::Position>) {
        let from = record.map_or(0, csv::Position::byte) as usize;
        let is_end = |byte: &&u8| matches!(**byte, b'\r' | b'\n');
        let begin = from + self.bytes.iter().skip(from).take_while(is_end).count();
        let passed = self.bytes.get(self.byte..begin).unwrap_or_default();
        for _end in passed.split(|byte| *byte == b'\n').skip(1) {
            self.line += 1;
        }
        self.byte = begin;
    }
}

fn check_header(header: &StringRecord, common: Common<'_>) -> Result<(), CliError> {
    let has = |name: &str| header.iter().any(|column| column == name);
    let mut wrong: Vec<String> = REQUIRED
        .into_iter()
        .filter(|name| !has(name))
        .map(|name| format!("column {name} is missing"))
        .collect();
    for (place, column) in header.iter().enumerate() {
        if !REQUIRED.contains(&column) && !OPTIONAL.contains(&column) {
            wrong.push(format!("column {} is unknown", place + 1));
        }
        if header.iter().take(place).any(|earlier| earlier == column) {
            wrong.push(format!("column {column} comes twice"));
        }
    }
    match (has("agency_code"), has("facility_code")) {
        (true, false) => {}
        (false, true) if common.below.is_some() => {}
        (false, true) => wrong.push("facility codes take --below CODE, the agency's code".into()),
        (true, true) => {
            wrong.push("columns agency_code and facility_code exclude each other".into());
        }
        (false, false) => wrong.push("column agency_code or facility_code is missing".into()),
    }
    if !has("policy") && common.policy.is_none() {
        wrong.push("no policy: name one by --policy NAME@VERSION or a column policy".into());
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(CliError::Usage(format!("the table: {}", wrong.join("; "))))
}

type Reasons = Vec<(String, &'static str)>;

/// The identifier that a line names, and the client that it is.
fn read_line(
    header: &StringRecord,
    record: csv::ByteRecord,
    common: Common<'_>,
) -> (String, Result<NewClient, Reasons>) {
    let bad = |code| (String::new(), Err(vec![(String::new(), code)]));
    let Ok(record) = StringRecord::from_byte_record(record) else { return bad("not-utf-8") };
    if record.len() != header.len() {
        return bad("wrong-number-of-columns");
    }
    let cells: HashMap<&str, &str> = header.iter().zip(record.iter().map(str::trim)).collect();
    let client_id = cells.get("client_id").copied().unwrap_or_default().to_owned();
    let document = document(&cells, common).to_string();
    let read = read_new_client(document.as_bytes()).map_err(|problem| {
        problem.errors().iter().map(|error| (column(&error.pointer), error.code)).collect()
    });
    (client_id, read)
}

/// The column that a pointer means.
fn column(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', "_")
}

/// The document of a line; cells that are empty say nothing.
fn document(cells: &HashMap<&str, &str>, common: Common<'_>) -> Value {
    let cell = |name: &str| cells.get(name).copied().filter(|cell| !cell.is_empty());
    let mut document = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            document.insert(name.to_owned(), value);
        }
    };
    let below = |code: &str| match common.below {
        Some(agency) => format!("{agency}.{code}"),
        None => code.to_owned(),
    };
    let code = cell("agency_code").map(str::to_owned).or(cell("facility_code").map(below));
    set("kind", Some(ClientKind::HealthFacility.name().into()));
    set("agency_code", code.map(Value::from));
    for name in ["client_id", "name_vi", "name_en"] {
        set(name, cell(name).map(Value::from));
    }
    set("policy", cell("policy").or(common.policy).map(Value::from));
    let group = |prefix: &str, names: &[&str]| {
        let members = names.iter().filter_map(|name| {
            let text = cell(&format!("{prefix}_{name}"))?;
            let number = (*name == "level").then(|| text.parse::<u64>().ok()).flatten();
            Some(((*name).to_owned(), number.map_or(json!(text), Value::from)))
        });
        let members: Map<String, Value> = members.collect();
        (!members.is_empty()).then_some(Value::Object(members))
    };
    set("agreement", group("agreement", &["from", "until"]));
    set("assessment", group("assessment", &["level", "date", "until"]));
    Value::Object(document)
}
