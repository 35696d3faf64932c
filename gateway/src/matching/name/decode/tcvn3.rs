//! TCVN 5712:1993, third set (TCVN3, "ABC"): one byte for each small letter.
//!
//! It has no capitals with a tone: a document in capitals holds small letters in a capital font.

/// From 0xA1 on; a space where the standard has a mark or nothing that names use.
const LETTERS: [char; 94] = [
    'Ă', 'Â', 'Ê', 'Ô', 'Ơ', 'Ư', 'Đ', 'ă', 'â', 'ê', 'ô', 'ơ', 'ư', 'đ', ' ', // A1 to AF
    ' ', ' ', ' ', ' ', ' ', 'à', 'ả', 'ã', 'á', 'ạ', ' ', 'ằ', 'ẳ', 'ẵ', 'ắ', ' ', // to BF
    ' ', ' ', ' ', ' ', ' ', ' ', 'ặ', 'ầ', 'ẩ', 'ẫ', 'ấ', 'ậ', 'è', ' ', 'ẻ', 'ẽ', // to CF
    'é', 'ẹ', 'ề', 'ể', 'ễ', 'ế', 'ệ', 'ì', 'ỉ', ' ', ' ', ' ', 'ĩ', 'í', 'ị', 'ò', // to DF
    ' ', 'ỏ', 'õ', 'ó', 'ọ', 'ồ', 'ổ', 'ỗ', 'ố', 'ộ', 'ờ', 'ở', 'ỡ', 'ớ', 'ợ', 'ù', // to EF
    ' ', 'ủ', 'ũ', 'ú', 'ụ', 'ừ', 'ử', 'ữ', 'ứ', 'ự', 'ỳ', 'ỷ', 'ỹ', 'ý', 'ỵ', // to FE
];

/// What the characters mean as bytes of TCVN3; `None` where one means no letter.
pub(super) fn decode(text: &str) -> Option<String> {
    text.chars().map(letter).collect()
}

fn letter(c: char) -> Option<char> {
    if c.is_ascii() {
        return Some(c);
    }
    let place = u32::from(c).checked_sub(0xa1)?;
    LETTERS.get(place as usize).copied().filter(|letter| *letter != ' ')
}
