//! What is a name and what is not.

use super::*;

#[test]
fn lossy_names_are_malformed_and_strange_ones_are_not() {
    for text in [
        "Nguy?n Văn A",
        "Nguy\u{fffd}n",
        "Nguyen 2",
        "A\0B",
        "A\u{1}B",
        "Nguyen \u{ff12}",
        "Nguy_n Van H_ng",
        "NGUYỄN VĂN 1INH",
        "Nguyễn Văn An 1990",
        "Robert'); DROP TABLE",
        "Nguyễn Văn An \u{2163}",
        "Nguyễn \u{1f600} An",
        "...",
        "<<<",
        "-",
    ] {
        assert_eq!(FullName::parse(text), Err(Malformed::Form), "{text}");
    }
    assert_eq!(FullName::parse(" \u{a0}"), Err(Malformed::Empty));
    assert_eq!(FullName::parse(""), Err(Malformed::Empty));
    assert_eq!(FullName::parse(&"a".repeat(161)), Err(Malformed::TooLong));
    for text in ["Y", "H'Hen Niê", "NguyÔn V¨n Hïng", "NGUYEN<<VAN<A", "D\u{ad}¬ng ThÞ Mü LÖ"]
    {
        assert!(FullName::parse(text).is_ok(), "{text}");
    }
}

#[test]
fn another_script_is_no_name_alone_or_mixed_in() {
    for text in [
        "Nguyễn Văn N\u{430}m",
        "Иван Петров",
        "\u{39d}guyễn Văn An",
        "Γιώργος",
        "阮文安",
        "Nguyễn 文 An",
        "นาย",
        "Nguyễn Văn Аn",
    ] {
        assert_eq!(FullName::parse(text), Err(Malformed::Form), "{text}");
    }
    for text in ["ＮＧＵＹỄＮ ＶĂＮ ＡＮ", "Ƀham Êñuôl", "H\u{2bc}Hen Niê", "Čăm Đŭk", "Ɖặng Hƣng"]
    {
        assert!(FullName::parse(text).is_ok(), "{text}");
    }
}

#[test]
fn keystrokes_in_the_place_of_letters_are_no_name() {
    for text in [
        "Nguyeenx Vawn An",
        "Nguyeenx Vawn Hoaf",
        "NGUYEENX VAWN AN",
        "Traanf Thij Hoaf",
        "Traanf Thị Hoa",
        "Phamj Thij Lan",
        "Hoangf Minh",
        "Ddoox Vawn Ba",
        "Duwowng Thi Mai",
        "Truowngf Van Hai",
        "Lee Thij Hoaf",
        "Bui Vawn Tuaans",
        "Nguye64n Va8n",
        "Nguye6n4 Va8n An",
        "Nguye^~n Va(n An",
    ] {
        assert_eq!(FullName::parse(text), Err(Malformed::Form), "{text}");
    }
}

#[test]
fn names_that_look_like_keystrokes_pass() {
    for text in [
        "Alexander",
        "Max",
        "Hans Max",
        "Hans Luis",
        "Luis Van Der Beek",
        "Lee Min Ho",
        "Dawn Lee",
        "Raj Taj",
        "Andrew Nguyen",
        "Matthew",
        "Felix Tran",
        "Alex Pham",
        "Daniel Boons",
        "Wolf",
        "Rudolf",
        "Saif",
        "Kees Moor",
        "Rơ Châm",
        "Siu",
        "Bya",
        "Ksor H'Lan",
        "Y Wang Hwing",
        "Rmah Rcom",
        "Chamaléa",
        "Lê Max",
        "Nguyen Van An",
        "TRAN THI THUY HOA",
        "Jeff",
        "Aaron",
        "Ross",
        "Tess",
        "Nay Der",
        "Puih Jaf",
        "Roof",
        "Hoof",
        "Lewis",
        "Woo",
        "Xoong",
        "Moong",
        "Mai Felix Hoang",
        "Truong Dawn",
    ] {
        assert!(FullName::parse(text).is_ok(), "{text}");
    }
}

#[test]
fn words_that_say_that_there_is_no_name_are_none() {
    for text in ["Không rõ", "KHÔNG RÕ", "không có tên", " Chưa rõ. ", "Unknown", "NULL", "Vô danh"]
    {
        assert_eq!(FullName::parse(text), Err(Malformed::Form), "{text}");
    }
    let decomposed: String = unicode_normalization::UnicodeNormalization::nfd("Không rõ").collect();
    assert_eq!(FullName::parse(&decomposed), Err(Malformed::Form));
    for text in ["Không Rõ An", "Khong Ro", "Khổng Rõ", "Vô", "Nul"] {
        assert!(FullName::parse(text).is_ok(), "{text}");
    }
}

#[test]
fn debug_shows_no_letter() {
    assert_eq!(format!("{:?}", FullName::parse("An").unwrap()), "FullName(..)");
}
