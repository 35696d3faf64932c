//! Clients as commands print them.

use super::super::output::{plain_csv, plain_table};
use super::super::report::{print_json, print_line, print_text};
use super::super::{CliError, Format};
use crate::access::KnownClient;
use crate::clock::Micros;
use crate::http::ClientReply;

const COLUMNS: [&str; 10] = [
    "client_id",
    "kind",
    "agency_code",
    "state",
    "policy",
    "name_vi",
    "agreement_until",
    "assessment_until",
    "slowed",
    "warnings",
];

/// Prints all that is kept of a client.
pub(super) fn print_client(
    known: &KnownClient,
    now: Micros,
    format: Format,
) -> Result<(), CliError> {
    let reply = ClientReply::new(known, now);
    let lines = || -> Vec<[String; 2]> {
        reply.lines().into_iter().map(|(name, value)| [name.to_owned(), value]).collect()
    };
    match format {
        Format::Table => print_line(&plain_table(&["", "client"], &lines()))?,
        Format::Csv => print_text(&plain_csv(&["name", "value"], &lines())?)?,
        Format::Json => print_json(&reply)?,
    }
    Ok(())
}

/// Prints one line for each client.
pub(super) fn print_list(
    clients: &[KnownClient],
    now: Micros,
    format: Format,
) -> Result<(), CliError> {
    let replies: Vec<ClientReply> =
        clients.iter().map(|known| ClientReply::new(known, now)).collect();
    let cells = || -> Vec<[String; 10]> { replies.iter().map(ClientReply::cells).collect() };
    match format {
        Format::Table => print_line(&plain_table(&COLUMNS, &cells()))?,
        Format::Csv => print_text(&plain_csv(&COLUMNS, &cells())?)?,
        Format::Json => print_json(&serde_json::json!({ "clients": replies }))?,
    }
    Ok(())
}
