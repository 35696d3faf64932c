//! What is wrong with a row costs that row, and none of the others.

use super::*;

/// The rows of a file in which bad lines stand between good ones; `0` in front of what is expected
/// of each bad line is its number.
fn between(bad: &[u8]) -> Vec<String> {
    let header = b"row_id,personal_id,full_name\n".as_slice();
    let rows =
        csv([header, b"a,001090012345,An\n", bad, b"\nb,001190012346,B\xc3\xacnh\n"].concat());
    assert_eq!(rows.first().unwrap(), "2 a personal_id=001090012345 An");
    let last = rows.last().unwrap().split_once(' ').unwrap();
    assert_eq!(last.1, "b personal_id=001190012346 Bình");
    assert_eq!(last.0, (3 + csv_lines(bad)).to_string());
    rows[1..rows.len() - 1].to_vec()
}

fn csv_lines(text: &[u8]) -> usize {
    1 + memchr::memchr_iter(b'\n', text).count()
}

#[test]
fn a_row_that_is_no_text_says_so() {
    assert_eq!(between(b"x,00109\xff0012345,An"), ["3 x !invalid-utf8"]);
    assert_eq!(between(b"x,001090012345,A\0n"), ["3 x !nul-byte"]);
    assert_eq!(between(b"\xff,001090012345,A\0n"), ["3 - !nul-byte"]);
    assert_eq!(between(b"\0"), ["3 - !wrong-number-of-columns"]);
}

#[test]
fn a_row_with_another_number_of_cells_says_so() {
    for row in ["x", "x,001090012345", "x,001090012345,An,", "x;001090012345;An"] {
        assert_eq!(between(row.as_bytes()), ["3 - !wrong-number-of-columns"], "{row}");
    }
}

#[test]
fn a_line_that_is_too_long_says_so() {
    let long = |length: usize| format!("x,001090012345,{}", "A".repeat(length - 15));
    assert_eq!(between(long(65_536).as_bytes()), ["3 x !full_name:too-long"]);
    assert_eq!(between(long(65_537).as_bytes()), ["3 - !line-too-long"]);
    assert_eq!(between(long(400_000).as_bytes()), ["3 - !line-too-long"]);
}

#[test]
fn a_quote_that_is_not_closed_costs_the_line_where_it_opened() {
    let good = "y,001090012345,An";
    let read = "4 y personal_id=001090012345 An";
    for bad in [
        "x,001090012345,\"An",
        "x,\"001090012345,An",
        "\"x,001090012345,An",
        "x,001090012345,\"",
        "x,001090012345,\"An \"\"Anh\"\"",
    ] {
        assert_eq!(between(format!("{bad}\n{good}").as_bytes()), ["3 - !unclosed-quote", read]);
    }
    let later = "x,\" 001090012345\n\",\"An";
    assert_eq!(
        between(format!("{later}\n{good}").as_bytes()),
        ["3 - !unclosed-quote", "4 - !stray-quote", "5 y personal_id=001090012345 An"]
    );
}

#[test]
fn a_row_of_several_lines_that_is_wrong_elsewhere_stays_one_row() {
    let file = "row_id,note,personal_id\nx,\"a\nb\",1\ny,\"\",001090012345\n";
    assert_eq!(csv(file), ["2 x !personal_id:malformed", "4 y personal_id=001090012345"]);
}

#[test]
fn a_quote_that_another_row_closes_swallows_none_between() {
    let rows = "x,\"001090012345,An\ny,001090012345,An\nz,001090012345\",An\nw,\"001090012345\",An";
    assert_eq!(
        between(rows.as_bytes()),
        [
            "3 - !unclosed-quote",
            "4 y personal_id=001090012345 An",
            "5 z !personal_id:malformed",
            "6 w personal_id=001090012345 An",
        ]
    );
    let rows = "x,\"001090012345,An\ny,001090012345,An\n\",001090012345,An";
    let read = between(rows.as_bytes());
    assert_eq!(read[..2], ["3 - !unclosed-quote", "4 y personal_id=001090012345 An"]);
}

#[test]
fn a_quoted_cell_has_at_most_sixteen_lines_and_the_bytes_of_a_row() {
    let cell = |lines: usize| format!("x,001090012345,\"{}An\"", "\n".repeat(lines - 1));
    assert_eq!(between(cell(16).as_bytes()).len(), 1);
    let rows = between(cell(17).as_bytes());
    assert_eq!(rows[0], "3 - !unclosed-quote");
    let half = "A".repeat(40_000);
    let rows = between(format!("x,001090012345,\"{half}\n{half}\"").as_bytes());
    assert_eq!(rows, ["3 - !unclosed-quote", "4 - !wrong-number-of-columns"]);
}

#[test]
fn text_behind_a_quote_costs_its_line() {
    for row in ["x,\"001090012345\"6,An", "x,001090012345,\"An \"Anh\" Ba\"", "\"x\" \"y\",1,An"] {
        assert_eq!(between(row.as_bytes()), ["3 - !stray-quote"], "{row}");
    }
    // Where a cell does not begin with it, a quote is a sign like others.
    assert_eq!(between(b"x\"y,001090012345,An"), ["3 x\"y personal_id=001090012345 An"]);
}

#[test]
fn an_end_of_file_within_a_quote_loses_no_line() {
    let file = "personal_id,full_name\n001090012345,\"An\n001190012346,Bình";
    assert_eq!(csv(file), ["2 - !unclosed-quote", "3 - personal_id=001190012346 Bình"]);
}

#[test]
fn a_line_that_is_no_object_says_so() {
    for line in
        ["{", "[]", "null", "{}{}", "{},", "\"x\"", "{\"a\":1,}", "{'a':1}", &"[".repeat(999)]
    {
        let file = format!("{{\"CCCD\":\"001090012345\"}}\n{line}\n{{\"CCCD\":\"001090012345\"}}");
        let read = "personal_id=001090012345";
        assert_eq!(
            ndjson(file),
            [format!("1 - {read}"), "2 - !not-an-object".to_owned(), format!("3 - {read}")],
            "{line}"
        );
    }
}

#[test]
fn a_member_of_another_kind_or_that_comes_twice_says_so() {
    for (line, problem) in [
        (r#"{"CCCD":true}"#, "!personal_id:wrong-type !no-subject"),
        (r#"{"CCCD":1.5}"#, "!personal_id:wrong-type !no-subject"),
        (r#"{"CCCD":["001090012345"]}"#, "!personal_id:wrong-type !no-subject"),
        (r#"{"CCCD":1090012345}"#, "!personal_id:malformed"),
        (r#"{"CCCD":"001090012345","Số CCCD":""}"#, "!personal_id:duplicate"),
        (
            r#"{"CCCD":"001090012345","permanent_address":{"province":"01"}}"#,
            "!permanent_address.province:wrong-type",
        ),
        (r#"{"id_number":"001090012345","CCCD":"001090012345"}"#, "!id_number:duplicate"),
        (r#"{"CCCD":null,"full_name":"An"}"#, "!no-subject"),
        ("{}", "!no-subject"),
    ] {
        assert_eq!(ndjson(line), [format!("1 - {problem}")], "{line}");
    }
}

#[test]
fn every_field_that_is_wrong_is_named() {
    let file = "row_id,personal_id,case_ref,full_name,date_of_birth,sex,old_id_number,\
                card_issue_date,insurance_number,place_of_origin.province,\
                place_of_origin.commune,permanent_address.scheme,permanent_address.province,\
                permanent_address.commune\n\
                \u{1},001490012345,\u{1},Nguy?n,2027,1,12345678,2021-13,123,,00004,1999,1,4\n";
    assert_eq!(
        csv(file),
        ["2 - !row_id:malformed !personal_id:malformed !old_id_number:malformed \
          !insurance_number:malformed !case_ref:malformed !full_name:malformed \
          !date_of_birth:in-the-future !sex:malformed !card_issue_date:malformed \
          !place_of_origin.province:missing !permanent_address.scheme:malformed \
          !permanent_address.province:malformed !permanent_address.commune:malformed"]
    );
    let long = format!("row_id,personal_id\n{},001227012345\n", "x".repeat(65));
    assert_eq!(csv(long), ["2 - !row_id:too-long !personal_id:in-the-future"]);
}
