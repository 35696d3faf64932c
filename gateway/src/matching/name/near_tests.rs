//! Every near miss, both ways: what is one and what is not.

use super::compare_name;
use crate::matching::Finding;
use crate::policy::Reason::{self, *};

/// Claim, record, what is found, and what is found when the two change places.
type Row = (&'static str, &'static str, Reason, Reason);

fn check(rows: &[Row]) {
    for (claim, record, expected, reverse) in rows {
        for (claim, record, expected) in [(claim, record, expected), (record, claim, reverse)] {
            let found = compare_name(claim, record);
            assert_eq!(found, Finding::because(*expected), "{claim} for {record}");
        }
    }
}

#[test]
fn lost_spaces_are_squashed_and_gained_ones_are_not() {
    check(&[
        ("NguyễnVănAn", "Nguyễn Văn An", Squashed, Different),
        ("NGUYỄNVĂN AN", "Nguyễn Văn An", Squashed, Different),
        ("Thạch Sarây", "Thạch Sa Rây", Squashed, Different),
        // Each syllable has its own tone and spelling.
        ("TrầnThịHoàLí", "Trần Thị Hòa Lý", Squashed, Different),
        ("LêThuÁnh", "Lê Thu Ánh", Squashed, Different),
        ("LêThuÁnh", "Lê Thú Anh", Different, Different),
        ("ThiTran", "Thi Tran", Squashed, Different),
        ("YBlô Êban", "Y Blô Êban", Squashed, Different),
        // Marks and spaces lost are two things.
        ("NGUYENVANAN", "Nguyễn Văn An", Different, Different),
        ("TRAN THIEN", "Trần Thị En", Different, Different),
        ("NguyenVănAn", "Nguyễn Văn An", Different, Different),
        // A space moved is no space lost.
        ("Lê Hoài An", "Lê Hoà Ian", Different, Different),
        ("Nguyễ nVănAn", "Nguyễn Văn An", Different, Different),
    ]);
}

#[test]
fn one_syllable_may_have_another_tone() {
    check(&[
        ("Lê Thị Thùy", "Lê Thị Thủy", ToneDiffers, ToneDiffers),
        ("Lê Thị Thuỳ", "Lê Thị Thúy", ToneDiffers, ToneDiffers),
        ("Vỏ Thị Lan", "Võ Thị Lan", ToneDiffers, ToneDiffers),
        ("Trần Thi Hoa", "Trần Thị Hoa", ToneDiffers, ToneDiffers),
        ("Phan Thành Mai", "Phan Thanh Mai", ToneDiffers, MarksMissing),
        ("Trần Thị Ly", "Trần Thị Lý", ToneDiffers, ToneDiffers),
        ("Trần Thị Ly", "Trần Thị Lí", ToneDiffers, ToneDiffers),
        ("K Đám", "K'Đam", ToneDiffers, ToneDiffers),
        ("Lê Thi Thùy", "Lê Thị Thủy", Different, Different),
        ("Lê Thị Hòà", "Lê Thị Hóá", Different, Different),
    ]);
}

#[test]
fn one_letter_may_be_another_missing_too_much_or_out_of_place() {
    check(&[
        ("Trần Thị Hằng", "Trần Thị Hàng", OneLetter, OneLetter),
        ("Phạm Thị Thu", "Phạm Thị Thư", OneLetter, OneLetter),
        ("Nguyễn Văn Dạt", "Nguyễn Văn Đạt", OneLetter, OneLetter),
        ("Nguyễn Van An", "Nguyễn Văn An", OneLetter, OneLetter),
        ("Lê Thị Nan", "Lê Thị Lan", OneLetter, OneLetter),
        ("Trần Thị Tâng", "Trần Thị Tân", OneLetter, OneLetter),
        ("Trần Văn Hoàg", "Trần Văn Hoàng", OneLetter, OneLetter),
        ("Trần Văn Hoàgn", "Trần Văn Hoàng", OneLetter, OneLetter),
        ("Nguyễn Văn Ân", "Nguyễn Văn An", OneLetter, OneLetter),
        ("Võ Thị Hoa", "Vũ Thị Hoa", OneLetter, OneLetter),
        ("Trần Thị My", "Trần Thị Mi", OneLetter, OneLetter),
        ("Hoàn Văn An", "Hoàng Văn An", OneLetter, OneLetter),
        ("Nguyễn Văn Nguyênn", "Nguyễn Văn Nguyên", OneLetter, OneLetter),
        // Two slips, in one token or in two, or a letter and its tone.
        ("Nguyễn Văn Chung", "Nguyễn Văn Trung", Different, Different),
        ("Lê Ly Ly", "Lê Li Li", Different, Different),
        ("Trần Thị Hang", "Trần Thị Hằng", Different, Different),
        ("Nguyen Văn An", "Nguyễn Văn An", Different, Different),
        ("Hoàng Văn An", "Huỳnh Văn An", Different, Different),
        ("NGUYEN VAN ANH", "Nguyễn Văn An", Different, Different),
        ("Mai Hoàng", "Mai Hồng", Different, Different),
        // A token of one letter has nothing left, and a sign is no letter.
        ("Y Huy", "A Huy", Different, Different),
        ("Nguyễn Văn.An", "Nguyễn VănnAn", Different, Different),
    ]);
}

#[test]
fn one_token_may_be_missing_but_not_the_given_name() {
    check(&[
        ("Nguyễn Hoa", "Nguyễn Thị Hoa", TokenMissing, ExtraToken),
        ("Trần Minh Anh", "Trần Lê Minh Anh", TokenMissing, ExtraToken),
        ("Văn An", "Nguyễn Văn An", TokenMissing, ExtraToken),
        ("Nguyễn An An", "Nguyễn An An An", TokenMissing, ExtraToken),
        ("Nguyễn Văn", "Nguyễn Văn An", Different, ExtraToken),
        ("An", "Nguyễn An", Different, Different),
        ("Nguyễn An", "Nguyễn Văn Bình An", Different, Different),
        ("Nguyen Hoa", "Nguyễn Thị Hoa", Different, Different),
        ("Bà Trần Thị Bé", "Trần Thị Bé", ExtraToken, TokenMissing),
        ("Nguyễn Thị Thị Hoa", "Nguyễn Thị Hoa", ExtraToken, TokenMissing),
        // Behind a marker of sex the given name stands first and the clan last.
        ("Y Blô", "Y Blô Êban", TokenMissing, ExtraToken),
        ("Blô Êban", "Y Blô Êban", TokenMissing, ExtraToken),
        ("Y Êban", "Y Blô Êban", Different, ExtraToken),
        ("H'Hen Mlô", "H'Hen Niê Mlô", TokenMissing, ExtraToken),
        ("Niê Mlô", "H'Hen Niê Mlô", Different, ExtraToken),
        ("Niê Mlô", "H Hen Niê Mlô", Different, ExtraToken),
        ("Ka Kră", "Ka Đam Kră", Different, ExtraToken),
        ("Rơ Phin", "Rơ Chăm Phin", TokenMissing, ExtraToken),
    ]);
}

#[test]
fn the_same_tokens_may_stand_in_another_order() {
    check(&[
        ("Nguyễn An Văn", "Nguyễn Văn An", TokenOrder, TokenOrder),
        ("Niê Y Blô", "Y Blô Niê", TokenOrder, TokenOrder),
        ("An Nguyễn", "Nguyễn An", TokenOrder, TokenOrder),
        ("An Văn Hoà", "Hòa An Văn", TokenOrder, TokenOrder),
        ("An An Văn", "An Văn Văn", Different, Different),
        ("AN VAN NGUYEN", "Nguyễn Văn An", Different, Different),
    ]);
}

#[test]
fn tokens_may_be_initials_where_two_are_whole() {
    check(&[
        ("Nguyễn V. An", "Nguyễn Văn An", Initials, Different),
        ("Nguyễn T Hoa", "Nguyễn Thị Hoa", Initials, Different),
        ("Nguyễn H Nam", "Nguyễn Hoàng Nam", Initials, Different),
        ("Nguyễn K.Nam", "Nguyễn Khánh Nam", Initials, Different),
        ("N. Văn An", "Nguyễn Văn An", Initials, Different),
        ("Trần A Hoa", "Trần Ánh Hoa", Initials, Different),
        ("Trần Đ. Hoa", "Trần Đức Hoa", Initials, Different),
        ("Trần D. Hoa", "Trần Đức Hoa", Different, Different),
        ("N.V. An", "Nguyễn Văn An", Different, Different),
        ("Nguyễn Văn A", "Nguyễn Văn An", Different, Different),
        ("Nguyen V. An", "Nguyễn Văn An", Different, Different),
        ("Y Blô Ê", "Y Blô Êban", Initials, Different),
        ("Y B Êban", "Y Blô Êban", Different, Different),
    ]);
}
