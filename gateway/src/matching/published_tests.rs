//! The published page of the profile, held to the code: every example in it is run.

use super::{Finding, compare_address, compare_date, compare_name};
use crate::request::{Address, FullName, Malformed, PartialDate};

const PAGE: &str = include_str!("../../../docs/vi-1.md");

/// What an example says and what the code says, both as `verdict reason`.
struct Example {
    claim: String,
    record: String,
    expected: String,
    found: String,
}

#[test]
fn every_example_of_the_page_is_true() {
    let mut section = "";
    let mut is_example = false;
    let mut counts = [0; 3];
    for line in PAGE.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            section = heading.split(' ').next().unwrap();
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if line.is_empty() || cells.len() != 6 {
            is_example = false;
            continue;
        }
        if cells[1] == "claim" || cells[1].starts_with("---") {
            is_example |= cells[1] == "claim";
            continue;
        }
        assert!(is_example, "a row outside of a table of examples: {line}");
        let place = ["Names", "Dates", "Places"].iter().position(|name| *name == section).unwrap();
        counts[place] += 1;
        let example = run(section, &cells);
        assert_eq!(example.found, example.expected, "{:?} for {:?}", example.claim, example.record);
    }
    assert!(counts[0] >= 50 && counts[1] >= 9 && counts[2] >= 9, "{counts:?}");
}

fn run(section: &str, cells: &[&str]) -> Example {
    // A comma at the end of a cell is part of it, as all else is but the spaces around it.
    let (claim, record) = (unescaped(cells[1]), unescaped(cells[2]));
    let found = match section {
        "Names" => FullName::parse(&claim).map(|claim| compare_name(claim.as_str(), &record)),
        "Dates" => PartialDate::parse(&claim)
            .map(|claim| compare_date(claim, PartialDate::parse(&record).unwrap())),
        _ => place(&claim).map(|claim| compare_address(claim, place(&record).unwrap())),
    };
    let expected = format!("{} {}", cells[3], cells[4]).trim().to_owned();
    Example { claim, record, expected, found: found.map_or("malformed".into(), shown) }
}

fn shown(finding: Finding) -> String {
    let reason = finding.reason().map_or("", crate::policy::Reason::name);
    format!("{} {reason}", finding.verdict().name()).trim().to_owned()
}

fn place(text: &str) -> Result<Address, Malformed> {
    let mut parts = text.split('/');
    let (scheme, province) = (parts.next(), parts.next().unwrap());
    Address::parse(scheme, province, parts.next()).map_err(|_| Malformed::Form)
}

/// Text with every `\u{..}` replaced by its character.
fn unescaped(text: &str) -> String {
    let mut parts = text.split("\\u{");
    let mut plain = parts.next().unwrap().to_owned();
    for part in parts {
        let (code, rest) = part.split_once('}').unwrap();
        plain.push(char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap());
        plain.push_str(rest);
    }
    plain
}

#[test]
fn the_page_names_the_profile_the_table_of_mergers_and_every_step() {
    assert!(PAGE.starts_with(&format!("# Profile `{}`", super::PROFILE)));
    assert!(PAGE.contains(&format!("`{}`", super::MERGERS)));
    let steps = super::normalize(crate::request::Attribute::FullName, "An").unwrap();
    for step in steps {
        assert!(PAGE.contains(&format!("### `{}`", step.step)), "{}", step.step);
    }
}
