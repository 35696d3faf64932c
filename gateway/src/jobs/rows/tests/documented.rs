//! The documentation is made from the code.

use std::fmt::Write as _;

use super::*;

const DOCUMENT: &str = include_str!("../../../../../docs/bulk-files.md");

fn table(of: &[Explained]) -> String {
    let mut table = "| name | English | Tiếng Việt |\n| --- | --- | --- |\n".to_owned();
    for Explained { name, en, vi } in of {
        writeln!(table, "| `{name}` | {en} | {vi} |").unwrap();
    }
    table
}

fn assert_documented(table: &str) {
    assert!(DOCUMENT.contains(table), "write this to docs/bulk-files.md:\n{table}");
}

#[test]
fn every_field_is_documented_with_its_names() {
    let mut table = "| field | also recognised |\n| --- | --- |\n".to_owned();
    for field in Field::ALL {
        writeln!(table, "| `{}` | {} |", field.name(), field.aliases().join(" · ")).unwrap();
    }
    assert_documented(&table);
}

#[test]
fn every_problem_is_documented_in_both_languages() {
    let files: Vec<_> = FileCode::ALL.iter().map(|code| code.explained()).collect();
    let rows: Vec<_> = RowCode::ALL.iter().map(|code| code.explained()).collect();
    for of in [files, rows] {
        assert_documented(&table(&of));
        for (place, Explained { name, en, vi }) in of.iter().enumerate() {
            assert!(of[..place].iter().all(|other| other.name != *name), "{name}");
            assert!(!en.is_empty() && !vi.is_empty() && en != vi, "{name}");
        }
    }
}
