//! The characters that may stand in a name, and what some of them are.

/// Whether a name may hold this character, read as Unicode or as a byte of a legacy encoding.
///
/// Of ASCII only what names and lists of names have, and `<`, the filler of machine-readable zones.
/// All of Latin-1 above it, because TCVN3, VNI and misread UTF-8 write letters with its signs. Of
/// the rest the letters of the Latin script with their marks: a Cyrillic `а` in a Latin word looks
/// right and is another name.
pub(super) fn may_stand_in_a_name(c: char) -> bool {
    match c {
        'a'..='z' | 'A'..='Z' | '\u{80}'..='\u{ff}' => true,
        '\0'..='\u{7f}' => " \t\n\r'`-.,;<".contains(c),
        // Full-width forms repeat ASCII from 0x21 to 0x7E at this distance.
        '\u{ff01}'..='\u{ff5e}' => {
            char::from_u32(u32::from(c) - 0xfee0).is_some_and(may_stand_in_a_name)
        }
        _ => {
            is_latin_or_mark(c)
                || c.is_whitespace()
                || is_invisible(c)
                || is_apostrophe(c)
                || is_hyphen(c)
                || windows_1252_byte(c).is_some()
        }
    }
}

/// Latin beyond Latin-1: extended A and B, phonetic letters (`ƀ` has relatives there), extended
/// additional, C and D; the two unit signs that are letters; combining diacritical marks.
fn is_latin_or_mark(c: char) -> bool {
    matches!(c,
        '\u{100}'..='\u{2af}' | '\u{300}'..='\u{36f}' | '\u{1d00}'..='\u{1dbf}'
        | '\u{1e00}'..='\u{1eff}' | '\u{212a}' | '\u{212b}' | '\u{2c60}'..='\u{2c7f}'
        | '\u{a720}'..='\u{a7ff}' | '\u{ab30}'..='\u{ab6f}')
}

/// Characters that print nothing: soft hyphen, joiners, direction marks, variation selectors, the
/// byte-order mark.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// Code points found where `K'` and `H'` names have their apostrophe.
pub(crate) fn is_apostrophe(c: char) -> bool {
    matches!(
        c,
        '\'' | '`'
            | '\u{b4}'
            | '\u{2b9}'
            | '\u{2bb}'
            | '\u{2bc}'
            | '\u{2018}'
            | '\u{2019}'
            | '\u{201b}'
            | '\u{2032}'
            | '\u{2035}'
    )
}

/// Hyphens and dashes.
pub(crate) fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}')
}

/// The byte that Windows-1252 shows as this character; `None` where it has none. The five bytes
/// that it leaves empty come as the control characters of Latin-1, as do all others where the text
/// was read as Latin-1.
pub(crate) fn windows_1252_byte(c: char) -> Option<u8> {
    // The characters of 0x80 to 0x9F in order; U+FFFD where there is none.
    const UPPER: [char; 32] = [
        '€', '\u{fffd}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{fffd}', 'Ž',
        '\u{fffd}', '\u{fffd}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ',
        '\u{fffd}', 'ž', 'Ÿ',
    ];
    if let Ok(byte) = u8::try_from(u32::from(c)) {
        return Some(byte);
    }
    if c == '\u{fffd}' {
        return None;
    }
    UPPER.iter().position(|upper| *upper == c).map(|place| 0x80 + place as u8) // below 32
}
