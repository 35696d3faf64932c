//! Which column holds which field.

use super::*;

fn named(names: &[(Field, &str)], file: &str, format: FileFormat) -> Result<Vec<String>, String> {
    let named = names.iter().map(|(field, name)| (*field, (*name).into())).collect();
    let reading = Reading { columns: Columns::Named(named), ..reading(format) };
    match rows(file.as_bytes(), &reading) {
        (rows, None) => Ok(rows),
        (_, Some(problem)) => Err(problem.to_string()),
    }
}

const NAMES: [(Field, &str); 2] = [(Field::PersonalId, "Giấy tờ"), (Field::FullName, "Khách")];

#[test]
fn columns_that_were_told_are_read_and_no_others() {
    let read = Ok(vec!["2 - personal_id=001090012345 An".to_owned()]);
    for header in ["CCCD;Giấy tờ;STT;Khách", "CCCD;GIAY TO;STT;khách", "giay to;Giấy tờ ;x;Khách"]
    {
        let file = format!("{header}\n0;001090012345;7;An\n");
        assert_eq!(named(&NAMES, &file, FileFormat::Csv), read, "{header}");
    }
    let line = r#"{"CCCD":"0","Giấy tờ":"001090012345","STT":7,"KHÁCH":"An"}"#;
    assert_eq!(
        named(&NAMES, line, FileFormat::Ndjson),
        Ok(vec!["1 - personal_id=001090012345 An".to_owned()])
    );
}

#[test]
fn columns_that_were_told_and_are_not_there_or_twice_are_named_by_their_field() {
    for (header, problem) in [
        ("Giấy tờ,Họ tên", "line 1: missing-column: full_name"),
        ("CCCD,Họ tên", "line 1: missing-column: personal_id, full_name"),
        (
            "Khách,Giấy tờ,Khách",
            "line 1: duplicate-column: full_name in column 1, full_name in column 3",
        ),
    ] {
        let refused = named(&NAMES, &format!("{header}\n1,2,3\n"), FileFormat::Csv);
        assert_eq!(refused, Err(problem.to_owned()), "{header}");
    }
    let refused = named(&NAMES[1..], "Khách\nAn\n", FileFormat::Csv);
    assert!(refused.unwrap_err().starts_with("line 1: missing-column: personal_id or "));
}

#[test]
fn unknown_columns_are_left_out() {
    let file = "Gói cước,CCCD,,Số điện thoại,Địa chỉ thường trú\nA,001090012345,x,0912,Hà Nội\n";
    assert_eq!(csv(file), ["2 - personal_id=001090012345"]);
}

#[test]
fn one_column_alone_needs_no_separator() {
    assert_eq!(csv("Mã số BHXH\n0123456789\n"), ["2 - insurance_number=0123456789"]);
}
