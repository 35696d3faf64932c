//! The tables of the sandbox, compiled into the program. `data/README.md` says what they hold.

use serde::de::DeserializeOwned;

/// Connected systems that are neither a locality nor a health facility.
pub(super) const SYSTEMS_TABLE: &str = include_str!("../../data/sandbox/systems.csv");
/// Provinces and cities as they were before July 2025.
pub(super) const LOCALITIES_TABLE: &str = include_str!("../../data/sandbox/localities.csv");
/// Health facilities below social insurance.
pub(super) const FACILITIES_TABLE: &str = include_str!("../../data/sandbox/facilities.csv");
/// What each group of them may do, and how often.
pub(super) const POLICIES_TABLE: &str = include_str!("../../data/sandbox/policies.csv");
/// Made-up people, each of whom forces one answer.
pub(super) const PERSONAS_TABLE: &str = include_str!("../../data/sandbox/personas.csv");
/// What each purpose is good for.
pub(super) const PURPOSES_TABLE: &str = include_str!("../../data/purposes.csv");

/// The rows of a table.
///
/// # Panics
/// If a row cannot be read: the tables ship with the program and tests read every row.
pub(super) fn rows<T: DeserializeOwned>(table: &str) -> Vec<T> {
    csv::Reader::from_reader(table.as_bytes())
        .deserialize()
        .collect::<Result<_, _>>()
        .expect("the table ships with the program, and a test reads every row")
}

/// The words of a cell, which are separated by single spaces.
pub(super) fn words(cell: &str) -> Vec<String> {
    cell.split_terminator(' ').map(str::to_owned).collect()
}
