//! Who a row is about, and what it claims.

use super::*;

const CARD: &str = "001190012345|012345678|Nguyễn Thị Ví Dụ|01051990|Nữ|Hà Nội|15072021";
const HEADER: &str = "personal_id,card_qr,subject_token,old_id_number,insurance_number";

/// What a row of these keys says.
fn by(keys: [&str; 5]) -> String {
    let [row] = csv(format!("{HEADER}\n{}\n", keys.join(","))).try_into().unwrap();
    row.strip_prefix("2 - ").unwrap().to_owned()
}

#[test]
fn the_first_key_that_is_filled_in_names_the_person_and_numbers_beside_it_are_claims() {
    let (id, old, insurance) = ("001090012345", "012345678", "DN4790123456789");
    assert_eq!(
        by([id, "", "", old, insurance]),
        format!("personal_id={id} old={old} insurance=0123456789")
    );
    assert_eq!(by(["", "", "abc", old, ""]), format!("token=abc old={old}"));
    assert_eq!(
        by(["", "", "", old, insurance]),
        format!("old_id_number={old} insurance=0123456789")
    );
    assert_eq!(by([" ", "", "", "", insurance]), "insurance_number=0123456789");
    assert_eq!(csv(format!("{HEADER},x\n,,,,,x\n")), ["2 - !no-subject"]);
}

#[test]
fn a_key_that_cannot_be_read_is_not_replaced_by_another() {
    assert_eq!(by(["1090012345", "", "", "012345678", ""]), "!personal_id:malformed");
    assert_eq!(by(["", "x|y", "abc", "", ""]), "!card_qr:malformed");
    assert_eq!(by(["", "", &"x".repeat(65), "012345678", ""]), "!subject_token:too-long");
    assert_eq!(by(["001090012345", "", "", "12345678", ""]), "!old_id_number:malformed");
}

#[test]
fn a_card_claims_what_no_column_says() {
    let all = "{\"full_name\", \"date_of_birth\", \"sex\", \"old_id_number\", \"card_issue_date\"}";
    let said = "Nguyễn Thị Ví Dụ 1990-05-01 Female old=012345678 issued=2021-07-15";
    assert_eq!(by(["", CARD, "", "", ""]), format!("card_qr=001190012345 {said} card={all}"));
    let same = by(["001190012345", CARD, "", "", ""]);
    assert_eq!(same, format!("personal_id=001190012345 {said} card={all}"));
    assert_eq!(by(["001190012346", CARD, "", "", ""]), "!card_qr:other-person");
    let file = format!("QR;Họ tên;CMND\n{CARD};Nguyễn Văn An;999999999\n");
    assert_eq!(
        csv(file),
        ["2 - card_qr=001190012345 Nguyễn Văn An 1990-05-01 Female old=999999999 \
          issued=2021-07-15 card={\"date_of_birth\", \"sex\", \"card_issue_date\"}"]
    );
}

#[test]
fn a_column_for_either_number_is_told_apart_by_its_digits() {
    for (number, read) in [
        ("001090012345", "personal_id=001090012345"),
        ("012345678", "old_id_number=012345678"),
        ("1090012345", "!personal_id:malformed"),
        ("", "!no-subject"),
    ] {
        assert_eq!(csv(format!("CMND/CCCD,Mã KH\n{number},x\n")), [format!("2 - {read}")]);
    }
}

#[test]
fn addresses_are_codes_and_a_scheme_alone_says_nothing() {
    let header = "CCCD,permanent_address.scheme,permanent_address.province,\
                  permanent_address.commune,Mã tỉnh quê quán";
    for (row, read) in [
        ("2004,01,00004,79", " origin=2025/79/None address=2004/1/Some(4)"),
        (",01,,", " address=2025/1/None"),
        ("2004,,,", ""),
    ] {
        let file = format!("{header}\n001090012345,{row}\n");
        assert_eq!(csv(file), [format!("2 - personal_id=001090012345{read}")], "{row}");
    }
}

#[test]
fn values_are_taken_without_the_blanks_around_them() {
    let file = "STT,CCCD,Giới tính,Mã hồ sơ\n\u{a0}1 , 001090012345\t,\" NAM \",  A 1\u{3000}\n";
    assert_eq!(csv(file), ["2 1 personal_id=001090012345 Male case=A 1"]);
}
