//! VNI for Windows: a letter of ASCII, and behind it one byte with all its marks.

use unicode_normalization::char::compose;

/// What the characters mean as bytes of VNI; `None` where one means nothing at its place.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut decoded = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            decoded.push(c);
            continue;
        }
        if let Some(letter) = letter(c) {
            decoded.push(letter);
            continue;
        }
        let base = decoded.pop()?;
        let marks = marks(base.to_ascii_lowercase(), lower(c)?)?;
        decoded.push(marks.chars().try_fold(base, compose)?);
    }
    Some(decoded)
}

/// Letters with a byte of their own. `ô` and `ö` are the bare letters ơ and ư, which take a tone.
fn letter(c: char) -> Option<char> {
    let letter = match c {
        'ñ' => 'đ',
        'Ñ' => 'Đ',
        'ô' => 'ơ',
        'Ô' => 'Ơ',
        'ö' => 'ư',
        'Ö' => 'Ư',
        'í' | 'Í' | 'ì' | 'Ì' => c,
        'æ' => 'ỉ',
        'Æ' => 'Ỉ',
        'ó' => 'ĩ',
        'Ó' => 'Ĩ',
        'ò' => 'ị',
        'Ò' => 'Ị',
        'î' => 'ỵ',
        'Î' => 'Ỵ',
        _ => return None,
    };
    Some(letter)
}

/// The marks that this byte puts on this letter, in the order in which they compose: the dot below
/// before the mark of the letter, any other tone behind it.
fn marks(base: char, byte: char) -> Option<&'static str> {
    let marks = match (base, byte) {
        ('a' | 'e' | 'o' | 'u' | 'y' | 'ơ' | 'Ơ' | 'ư' | 'Ư', _) if tone(byte).is_some() => {
            tone(byte)?
        }
        ('a' | 'e' | 'o', 'â') => "\u{302}",
        ('a' | 'e' | 'o', 'á') => "\u{302}\u{301}",
        ('a' | 'e' | 'o', 'à') => "\u{302}\u{300}",
        ('a' | 'e' | 'o', 'å') => "\u{302}\u{309}",
        ('a' | 'e' | 'o', 'ã') => "\u{302}\u{303}",
        ('a' | 'e' | 'o', 'ä') => "\u{323}\u{302}",
        ('a', 'ê') => "\u{306}",
        ('a', 'é') => "\u{306}\u{301}",
        ('a', 'è') => "\u{306}\u{300}",
        ('a', 'ú') => "\u{306}\u{309}",
        ('a', 'ü') => "\u{306}\u{303}",
        ('a', 'ë') => "\u{323}\u{306}",
        _ => return None,
    };
    Some(marks)
}

fn tone(byte: char) -> Option<&'static str> {
    let tone = match byte {
        'ù' => "\u{301}",
        'ø' => "\u{300}",
        'û' => "\u{309}",
        'õ' => "\u{303}",
        'ï' => "\u{323}",
        _ => return None,
    };
    Some(tone)
}

/// Capitals have the codes of the capitals; both occur behind either letter.
fn lower(c: char) -> Option<char> {
    c.to_lowercase().next()
}
