//! Names in the encodings from before Unicode (TCVN 6909:2001 ended them in government), as they
//! look when their bytes are read as Latin-1. Capital letters with a tone have no code of their own
//! in TCVN3; names with them are left out in both.

use unicode_normalization::UnicodeNormalization;

/// Letters of TCVN 5712:1993, VN3, and what Latin-1 shows for their bytes.
const TCVN3: [(&str, &str); 2] = [
    (
        "àảãáạăằẳẵắặâầẩẫấậđèẻẽéẹêềểễếệìỉĩíịòỏõóọôồổỗốộơờởỡớợùủũúụưừửữứựỳỷỹýỵ",
        "µ¶·¸¹¨»¼½¾Æ©ÇÈÉÊË®ÌÎÏÐÑªÒÓÔÕÖ×ØÜÝÞßáâãä«åæçèé¬êëìíîïñòóô\u{ad}õö÷øùúûüýþ",
    ),
    ("ĂÂÊÔƠƯĐ", "¡¢£¤¥¦§"),
];

/// Tones behind a vowel in VNI: on a plain one, with its circumflex, with its breve.
const TONES: [char; 5] = ['\u{300}', '\u{301}', '\u{309}', '\u{303}', '\u{323}'];
const VNI_PLAIN: [char; 5] = ['ø', 'ù', 'û', 'õ', 'ï'];
const VNI_CIRCUMFLEX: [char; 5] = ['à', 'á', 'å', 'ã', 'ä'];
const VNI_BREVE: [char; 5] = ['è', 'é', 'ú', 'ü', 'ë'];
/// An i and its tones are one byte, and so is ỵ.
const VNI_I: [char; 5] = ['ì', 'í', 'æ', 'ó', 'ò'];
const VNI_Y_DOT_BELOW: char = 'î';

/// `NguyÔn V¨n Hïng` for `Nguyễn Văn Hùng`.
pub(super) fn tcvn3(name: &str) -> Option<String> {
    name.chars()
        .map(|letter| {
            let code = |(letters, codes): &(&str, &'static str)| {
                letters.chars().position(|it| it == letter).and_then(|at| codes.chars().nth(at))
            };
            Some(letter).filter(char::is_ascii).or_else(|| TCVN3.iter().find_map(code))
        })
        .collect()
}

/// `Nguyeãn Vaên Huøng` for `Nguyễn Văn Hùng`.
pub(super) fn vni(name: &str) -> Option<String> {
    let letters: Option<Vec<String>> = name.chars().map(vni_letter).collect();
    letters.map(|letters| letters.concat())
}

fn vni_letter(letter: char) -> Option<String> {
    match letter {
        'đ' => return Some("ñ".to_owned()),
        'Đ' => return Some("Ñ".to_owned()),
        _ if letter.is_ascii() => return Some(letter.to_string()),
        _ if letter.is_uppercase() => return None,
        _ => {}
    }
    let mut parts = letter.to_string().nfd().collect::<Vec<_>>();
    let base = parts.remove(0);
    let tone = parts.iter().find_map(|part| TONES.iter().position(|tone| tone == part));
    let has = |mark| parts.contains(&mark);
    let (base, marks, toneless) = match base {
        'i' => return tone.map(|tone| VNI_I[tone].to_string()),
        'y' if has('\u{323}') => return Some(VNI_Y_DOT_BELOW.to_string()),
        'o' if has('\u{31b}') => ('ô', VNI_PLAIN, None),
        'u' if has('\u{31b}') => ('ö', VNI_PLAIN, None),
        _ if has('\u{302}') => (base, VNI_CIRCUMFLEX, Some('â')),
        _ if has('\u{306}') => (base, VNI_BREVE, Some('ê')),
        _ => (base, VNI_PLAIN, None),
    };
    let mark = tone.map(|tone| marks[tone]).or(toneless);
    Some([Some(base), mark].into_iter().flatten().collect())
}

/// `Tráº§n` for `Trần`: UTF-8 read as Latin-1. Only where no byte becomes a control character,
/// which a table could not show.
pub(super) fn utf8_as_latin_1(name: &str) -> Option<String> {
    let text: String = name.bytes().map(char::from).collect();
    (!text.chars().any(char::is_control)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts found in the wild, from the published case table.
    #[test]
    fn old_encodings_look_as_they_do_in_the_wild() {
        for (made, expected) in [
            (tcvn3("Nguyễn Văn Hùng"), Some("NguyÔn V¨n Hïng")),
            (tcvn3("Trần Thị Thúy"), Some("TrÇn ThÞ Thóy")),
            (tcvn3("Dương Thị Mỹ Lệ"), Some("D\u{ad}¬ng ThÞ Mü LÖ")),
            (tcvn3("Lê Ánh"), None),
            (vni("Bùi Thị Hồng"), Some("Buøi Thò Hoàng")),
            (vni("Dương Quốc Cường"), Some("Döông Quoác Cöôøng")),
            (vni("Trịnh Thị Kiều"), Some("Trònh Thò Kieàu")),
            (vni("Nguyễn Văn Đĩnh"), Some("Nguyeãn Vaên Ñónh")),
            (vni("Lê Ân"), None),
            (utf8_as_latin_1("Trần Tú"), Some("Tráº§n TÃº")),
            (utf8_as_latin_1("Đỗ Văn An"), None),
        ] {
            assert_eq!(made.as_deref(), expected);
        }
    }

    #[test]
    fn every_letter_has_a_code() {
        for (letters, codes) in TCVN3 {
            assert_eq!(letters.chars().count(), codes.chars().count());
        }
    }
}
