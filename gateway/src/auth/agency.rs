//! Agencies by their electronic identifiers (Decision 20/2020/QD-TTg), and what became of them in
//! the mergers of 2025.
//!
//! A closed code stays readable, because old entries and old credentials carry it; whether it is
//! given to anybody new is decided where credentials are given. `data/README.md` names the sources.

use std::sync::LazyLock;

use jiff::civil::Date;
use serde::Deserialize;

use crate::clock::Micros;
use crate::request::AgencyCode;

const TABLE: &str = include_str!("../../data/agency_codes.csv");

static AGENCIES: LazyLock<Vec<Agency>> = LazyLock::new(|| {
    csv::Reader::from_reader(TABLE.as_bytes())
        .deserialize()
        .map(|row| row.ok().and_then(Agency::from_row))
        .collect::<Option<_>>()
        .expect("the table ships with the program, and a test reads every row")
});

/// One entry of the table.
#[derive(Debug)]
pub struct Agency {
    /// Its code; an enterprise's is its enterprise number.
    pub code: AgencyCode,
    /// Its name in Vietnamese.
    pub name_vi: String,
    /// The first day on which the code stood for nobody; `None` while it is in use.
    pub closed_on: Option<Date>,
    /// The code of the agency that took its work over.
    pub successor: Option<AgencyCode>,
}

impl Agency {
    /// Every entry.
    pub fn all() -> &'static [Self] {
        &AGENCIES
    }

    /// The entry of this code, or of its nearest ancestor: codes below level 1 are given out by
    /// each agency, and few of them are listed. `None` for a code that is nobody's.
    pub fn find(code: &AgencyCode) -> Option<&'static Self> {
        let mut sought = code.as_str();
        loop {
            if let Some(found) = AGENCIES.iter().find(|agency| agency.code.as_str() == sought) {
                return Some(found);
            }
            sought = sought.rsplit_once('.')?.0;
        }
    }

    /// Whether there is an entry of this very code: one below it could be any text.
    pub fn is_listed(code: &AgencyCode) -> bool {
        AGENCIES.iter().any(|agency| agency.code == *code)
    }

    /// Whether `code` stands for an agency at `moment`, by the nearest entry above it. A code without
    /// an entry does: the table holds what the sources name, and levels below the first are given
    /// out by the agencies themselves.
    pub fn is_in_use(code: &AgencyCode, moment: Micros) -> bool {
        let closed_on = Self::find(code).and_then(|agency| agency.closed_on);
        closed_on.is_none_or(|day| moment.vietnamese_hour().date < day)
    }

    fn from_row(row: Row) -> Option<Self> {
        let successor = row.successor.as_deref().map(AgencyCode::parse).transpose().ok()?;
        let code = AgencyCode::parse(&row.code).ok()?;
        Some(Self { code, name_vi: row.name_vi, closed_on: row.closed_on, successor })
    }
}

/// The columns that are used.
#[derive(Deserialize)]
struct Row {
    code: String,
    name_vi: String,
    closed_on: Option<Date>,
    successor: Option<String>,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn find(code: &str) -> Option<&'static Agency> {
        Agency::find(&AgencyCode::parse(code).unwrap())
    }

    #[test]
    fn every_code_is_listed_once_and_the_provinces_are_63() {
        let codes: HashSet<&str> =
            Agency::all().iter().map(|agency| agency.code.as_str()).collect();
        assert_eq!((codes.len(), Agency::all().len()), (107, 107));
        assert_eq!(codes.iter().filter(|code| code.starts_with('H')).count(), 63);
        for code in codes {
            assert_eq!(AgencyCode::adopt(code).unwrap().as_str(), code);
        }
    }

    #[test]
    fn every_closed_code_leads_to_one_in_use_and_no_other_code_leads_anywhere() {
        for agency in Agency::all() {
            assert_eq!(agency.closed_on.is_some(), agency.successor.is_some(), "{agency:?}");
            let mut heir = agency;
            for _ in Agency::all() {
                let Some(next) = &heir.successor else { break };
                heir = Agency::find(next).unwrap();
                assert_eq!(&heir.code, next, "a successor has an entry of its own");
            }
            assert_eq!(heir.closed_on, None, "{agency:?}");
        }
        let closed = Agency::all().iter().filter(|agency| agency.closed_on.is_some());
        let (provinces, others): (Vec<_>, Vec<_>) =
            closed.partition(|agency| agency.code.as_str().starts_with('H'));
        assert_eq!((provinces.len(), others.len()), (29, 8));
    }

    #[test]
    fn a_code_below_a_listed_one_is_found_with_it_and_one_that_is_nobodys_is_not() {
        let facility = find("G24.01929").unwrap();
        assert_eq!(facility.code.as_str(), "G24");
        assert_eq!(facility.successor.as_ref().unwrap().as_str(), "G12");
        assert_eq!(find("G12.18.03").unwrap().code.as_str(), "G12.18");
        assert_eq!(find("G12.99").unwrap().code.as_str(), "G12");
        for nobodys in ["G240", "G99.01", "H"] {
            assert!(find(nobodys).is_none(), "{nobodys}");
        }
    }

    #[test]
    fn a_closed_code_is_in_use_until_the_midnight_of_its_day_in_viet_nam() {
        let in_use = |code: &str, moment: &str| {
            let code = AgencyCode::parse(code).unwrap();
            Agency::is_in_use(&code, Micros::parse_rfc3339(moment).unwrap())
        };
        for code in ["G14", "G14.01"] {
            assert!(in_use(code, "2025-02-28T23:59:59.999999+07:00"), "{code}");
            assert!(!in_use(code, "2025-03-01T00:00:00+07:00"), "{code}");
        }
        assert!(in_use("H47", "2025-06-30T16:59:59Z") && !in_use("H47", "2025-06-30T17:00:00Z"));
        for code in ["G12", "G12.18.03", "K01", "0100109106"] {
            assert!(in_use(code, "2026-11-20T09:00:00+07:00"), "{code}");
        }
    }

    #[test]
    fn ministries_and_provinces_ended_on_their_days() {
        let end_of = |code: &str| find(code).unwrap().closed_on.map(|day| day.to_string());
        assert_eq!(end_of("G14").as_deref(), Some("2025-03-01"));
        assert_eq!(end_of("H47").as_deref(), Some("2025-07-01"));
        assert_eq!(end_of("G12.18"), None, "reorganised, under the same code");
        assert_eq!(find("H47").unwrap().successor.as_ref().unwrap().as_str(), "H17");
    }
}
