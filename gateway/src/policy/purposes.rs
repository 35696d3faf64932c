//! What purposes are called: the names behind the codes, for those who read and not for those who
//! decide. What a client may do is in its policy alone.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::request::Purpose;

const TABLE: &str = include_str!("../../data/purposes.csv");

/// A purpose in words.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PurposeName {
    code: String,
    /// In Vietnamese.
    #[serde(rename = "name_vi")]
    pub vi: String,
    /// In English.
    #[serde(rename = "name_en")]
    pub en: String,
}

impl PurposeName {
    /// The name of a purpose; `None` for a code that the table does not hold, which a policy may
    /// use all the same.
    pub fn find(purpose: &Purpose) -> Option<&'static Self> {
        NAMES.iter().find(|name| name.code == purpose.as_str())
    }
}

static NAMES: LazyLock<Vec<PurposeName>> =
    LazyLock::new(|| read(TABLE).expect("the table is compiled in, and a test reads it"));

fn read(table: &str) -> Result<Vec<PurposeName>, csv::Error> {
    csv::Reader::from_reader(table.as_bytes()).deserialize().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::auth::ClientKind;
    use crate::request::Operation;

    #[test]
    fn every_row_has_a_code_of_its_own_and_both_names() {
        let names = read(TABLE).unwrap();
        let codes: HashSet<&str> = names.iter().map(|name| name.code.as_str()).collect();
        assert_eq!((names.len(), codes.len()), (20, 20));
        for name in &names {
            let purpose = Purpose::parse(&name.code).unwrap();
            assert!(purpose.is_code(), "{purpose:?}");
            assert_eq!(PurposeName::find(&purpose), Some(name));
            assert!(!name.vi.is_empty() && !name.en.is_empty(), "{purpose:?}");
        }
        assert_eq!(PurposeName::find(&Purpose::unknown()), None);
    }

    #[test]
    fn operations_and_kinds_of_the_table_are_ours() {
        for row in csv::Reader::from_reader(TABLE.as_bytes()).records() {
            let row = row.unwrap();
            assert!(row[3].split(' ').all(|name| Operation::find(name).is_some()), "{row:?}");
            assert!(row[4].split(' ').all(|name| ClientKind::find(name).is_some()), "{row:?}");
        }
    }
}
