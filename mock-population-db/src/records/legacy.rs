//! Names as systems from before Unicode hold them: the bytes of TCVN3 (ABC) and VNI read as Latin-1,
//! and UTF-8 read as Windows-1252.
//!
//! The tables are those of TCVN 5712:1993 (form 3) and of the VNI fonts for Windows.

use unicode_normalization::UnicodeNormalization;

/// TCVN3: letters in the order of their bytes, from each given byte on. A dash is an unused byte.
const TCVN3: [(u8, &str); 5] = [
    (0xa1, "ĂÂÊÔƠƯĐăâêôơưđ"),
    (0xb5, "àảãáạ-ằẳẵắ"),
    (0xc6, "ặầẩẫấậè-ẻẽéẹềểễếệì"),
    (0xd8, "ỉ---ĩíịò-ỏõóọồổỗốộờởỡớợù-ủũúụừửữứựỳỷỹý"),
    (0xfe, "ỵ"),
];

/// The name in TCVN3; none where it has a capital with a tone, which TCVN3 fonts lack, or a letter
/// that is not Vietnamese.
pub fn tcvn3(name: &str) -> Option<String> {
    let encoded: Option<String> = name.nfc().map(tcvn3_letter).collect();
    encoded.filter(|encoded| encoded != name)
}

/// Whether an encoded name has a sign that no Vietnamese name has. One that has none may spell
/// another name by chance (`Hoàng` is `Hồng` in VNI), and nobody could tell.
pub fn is_telling(encoded: &str) -> bool {
    const VIETNAMESE: &str = "àáâãèéêìíòóôõùúýÀÁÂÃÈÉÊÌÍÒÓÔÕÙÚÝ";
    encoded.chars().any(|sign| !sign.is_ascii() && !VIETNAMESE.contains(sign))
}

fn tcvn3_letter(letter: char) -> Option<char> {
    if letter.is_ascii() {
        return Some(letter);
    }
    TCVN3.iter().find_map(|(first, letters)| {
        let place = letters.chars().position(|it| it == letter)?;
        Some(char::from(first + place as u8)) // below 256, as the table is
    })
}

/// VNI writes a letter as its base and a second letter that carries hat and tone.
const VNI_BASES: [(char, char, VniHat); 14] = [
    ('ă', 'a', VniHat::Breve),
    ('â', 'a', VniHat::Circumflex),
    ('ê', 'e', VniHat::Circumflex),
    ('ô', 'o', VniHat::Circumflex),
    ('ơ', 'ô', VniHat::None),
    ('ư', 'ö', VniHat::None),
    ('đ', 'ñ', VniHat::None),
    ('Ă', 'A', VniHat::Breve),
    ('Â', 'A', VniHat::Circumflex),
    ('Ê', 'E', VniHat::Circumflex),
    ('Ô', 'O', VniHat::Circumflex),
    ('Ơ', 'Ô', VniHat::None),
    ('Ư', 'Ö', VniHat::None),
    ('Đ', 'Ñ', VniHat::None),
];

#[derive(Clone, Copy)]
enum VniHat {
    None,
    Breve,
    Circumflex,
}

/// The tones as Unicode composes them: grave, acute, hook, tilde, dot below.
const TONES: [char; 5] = ['\u{300}', '\u{301}', '\u{309}', '\u{303}', '\u{323}'];

/// The name in VNI; none where it has a letter that is not Vietnamese.
pub fn vni(name: &str) -> Option<String> {
    let mut encoded = String::with_capacity(name.len() + 8);
    for letter in name.nfc() {
        vni_letter(letter, &mut encoded)?;
    }
    Some(encoded).filter(|encoded| encoded != name)
}

fn vni_letter(letter: char, out: &mut String) -> Option<()> {
    if letter.is_ascii() {
        out.push(letter);
        return Some(());
    }
    let (base, tone) = split_tone(letter);
    // These have letters of their own.
    let single = match (base, tone) {
        ('i', Some(tone)) => Some(['ì', 'í', 'æ', 'ó', 'ò'][tone]),
        ('I', Some(tone)) => Some(['Ì', 'Í', 'Æ', 'Ó', 'Ò'][tone]),
        ('y', Some(4)) => Some('î'),
        ('Y', Some(4)) => Some('Î'),
        _ => None,
    };
    if let Some(single) = single {
        out.push(single);
        return Some(());
    }
    let (base, hat) = VNI_BASES
        .iter()
        .find(|(letter, ..)| *letter == base)
        .map(|(_, base, hat)| (*base, *hat))
        .or_else(|| base.is_ascii().then_some((base, VniHat::None)))?;
    out.push(base);
    if let Some(mark) = vni_mark(hat, tone) {
        let is_capital = base.is_uppercase();
        out.extend(if is_capital { mark.to_uppercase().next() } else { Some(mark) });
    }
    Some(())
}

fn vni_mark(hat: VniHat, tone: Option<usize>) -> Option<char> {
    match (hat, tone) {
        (VniHat::None, None) => None,
        (VniHat::None, Some(tone)) => Some(['ø', 'ù', 'û', 'õ', 'ï'][tone]),
        (VniHat::Breve, None) => Some('ê'),
        (VniHat::Breve, Some(tone)) => Some(['è', 'é', 'ú', 'ü', 'ë'][tone]),
        (VniHat::Circumflex, None) => Some('â'),
        (VniHat::Circumflex, Some(tone)) => Some(['à', 'á', 'å', 'ã', 'ä'][tone]),
    }
}

/// A letter without its tone, and which tone it had.
fn split_tone(letter: char) -> (char, Option<usize>) {
    let mut tone = None;
    let base: String = std::iter::once(letter)
        .nfd()
        .filter(|mark| match TONES.iter().position(|it| it == mark) {
            Some(place) => {
                tone = Some(place);
                false
            }
            None => true,
        })
        .nfc()
        .collect();
    (base.chars().next().unwrap_or(letter), tone)
}

/// What Windows-1252 shows for the bytes 0x80 to 0x9f; the unused ones stay control characters.
const WINDOWS_1252: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";

/// The name as UTF-8 read as Windows-1252.
pub fn utf8_misread(name: &str) -> Option<String> {
    let misread: String = name
        .nfc()
        .collect::<String>()
        .bytes()
        .map(|byte| match byte {
            0x80..=0x9f => {
                WINDOWS_1252.chars().nth(usize::from(byte - 0x80)).unwrap_or(char::from(byte))
            }
            _ => char::from(byte),
        })
        .collect();
    Some(misread).filter(|misread| misread != name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_look_as_they_do_on_screens_that_lack_the_font() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(tcvn3("Nguyễn Văn Hùng"), some("NguyÔn V¨n Hïng"));
        assert_eq!(tcvn3("Lê Thị Ánh"), None, "a capital with a tone");
        assert_eq!(tcvn3("Lê Đình Quý"), some("Lª §×nh Quý"));
        assert_eq!(tcvn3("Lê Thị Thủy"), some("Lª ThÞ Thñy"));
        assert_eq!(tcvn3("Vũ Ngọc Cường"), some("Vò Ngäc C\u{ad}êng"));
        assert_eq!(tcvn3("Kbuôr Ñơm"), None);
        assert_eq!(tcvn3("Le Minh"), None);
        assert_eq!(vni("Nguyễn Văn Hùng"), some("Nguyeãn Vaên Huøng"));
        assert_eq!(vni("Đặng Thị Ước"), some("Ñaëng Thò Öôùc"));
        assert_eq!(vni("Ấn Mỹ Lỵ"), some("AÁn Myõ Lî"));
        assert_eq!(utf8_misread("Nguyễn"), some("Nguyá»…n"));
        assert_eq!(utf8_misread("Nguyen"), None);
    }

    #[test]
    fn every_letter_of_the_alphabet_has_a_byte_in_tcvn3() {
        let letters = "àảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵăâêôơưđ";
        let encoded: std::collections::HashSet<char> =
            letters.chars().map(|letter| tcvn3_letter(letter).expect("a byte")).collect();
        assert_eq!(encoded.len(), letters.chars().count());
    }
}
