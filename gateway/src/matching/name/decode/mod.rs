//! Step `decode`: text in a legacy encoding that some system read as Latin-1 or Windows-1252.
//!
//! Tried only where every character is one byte of those two and at least one token is no
//! Vietnamese syllable. Well-formed Vietnamese is never decoded: `Mai Hoàng` is also `Mai Hồng` in
//! VNI, and it is a name. The text must come as it was sent: NFKC would turn the `ª` of TCVN3 into an
//! `a`, and its `ư` is the soft hyphen, which prints nothing.

mod tcvn3;
mod vni;

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use crate::request::{Shape, shape, tokens, windows_1252_byte};

/// What the text says if it was written in a legacy encoding, the likeliest reading first; empty
/// where it reads at least as well as it stands.
///
/// Misread UTF-8 is the only reading where it is one, because its byte sequences arise by no chance.
/// Of TCVN3 and VNI the one in which more tokens are syllables; both where they are equally good.
pub(super) fn readings(text: &str) -> Vec<String> {
    let Some(text) = one_byte_text(text) else {
        return Vec::new();
    };
    // Some bytes of UTF-8 are borders of tokens by themselves: `Hà` is also `HÃ` and a no-break
    // space, `Ngô` is `NgÃ` and an acute accent.
    let is_byte = |c: char| matches!(c, '\u{80}'..='\u{a0}' | '\u{b4}');
    let shapes = Shapes::of(&text);
    if !text.contains(is_byte) && shapes.are_syllables {
        return Vec::new();
    }
    if let Some(reading) = utf8(&text) {
        return vec![reading];
    }
    let mut most = shapes.plausibility + 1;
    let mut readings = Vec::new();
    for reading in [tcvn3::decode(&text), vni::decode(&text)].into_iter().flatten() {
        let Shapes { plausibility, .. } = Shapes::of(&reading);
        if plausibility > most {
            readings.clear();
            most = plausibility;
        }
        if plausibility == most {
            readings.push(reading);
        }
    }
    readings
}

/// The text in composed form where all of it could be bytes and some of it is not ASCII. Composed,
/// because the form in which a text was sent decides nothing.
fn one_byte_text(text: &str) -> Option<Cow<'_, str>> {
    if text.is_ascii() {
        return None;
    }
    let is_byte = |c: char| windows_1252_byte(c).is_some();
    let is_mark = |c: char| matches!(c, '\u{300}'..='\u{36f}');
    if text.chars().all(is_byte) {
        return Some(Cow::Borrowed(text));
    }
    if !text.chars().any(is_mark) || !text.chars().all(|c| is_byte(c) || is_mark(c)) {
        return None;
    }
    let composed: String = text.nfc().collect();
    composed.chars().all(is_byte).then_some(Cow::Owned(composed))
}

fn utf8(text: &str) -> Option<String> {
    let bytes = text.chars().map(windows_1252_byte).collect::<Option<Vec<u8>>>()?;
    String::from_utf8(bytes).ok()
}

/// What the tokens of a text look like.
struct Shapes {
    are_syllables: bool,
    /// How much of the text could be a Vietnamese name: a syllable weighs more than a token which
    /// only has the letters for one.
    plausibility: u32,
}

impl Shapes {
    fn of(text: &str) -> Self {
        let mut shapes = Self { are_syllables: true, plausibility: 0 };
        for shape in tokens(text).map(shape) {
            shapes.are_syllables &= shape == Shape::Syllable;
            shapes.plausibility += match shape {
                Shape::Foreign => 0,
                Shape::Letters => 1,
                Shape::Syllable => 2,
            };
        }
        shapes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_is_read_where_the_text_is_no_name() {
        for (text, expected) in [
            ("NguyÔn V¨n Hïng", Some("Nguyễn Văn Hùng")),
            ("TrÇn ThÞ Thóy", Some("Trần Thị Thúy")),
            ("L\u{ad}u Tó", Some("Lưu Tú")),
            ("Lª Duy", Some("Lê Duy")),
            ("Buøi Thò Hoàng", Some("Bùi Thị Hồng")),
            ("DÖÔNG QUOÁC CÖÔØNG", Some("DƯƠNG QUỐC CƯỜNG")),
            ("Ñaëng Vaên Lyù", Some("Đặng Văn Lý")),
            ("TrÃ¢n ThÃ\u{b9}y", Some("Trân Thùy")),
            // As Windows-1252 shows it, with a curly quote in the place of a byte.
            ("Ä\u{90}á»— VÄƒn", Some("Đỗ Văn")),
            ("Lan HÃ\u{a0}", Some("Lan Hà")),
            ("NgÃ´ Lan", Some("Ngô Lan")),
            ("Y Bloâ EÂban", Some("Y Blô Êban")),
        ] {
            assert_eq!(readings(text).first().map(String::as_str), expected, "{text}");
        }
    }

    #[test]
    fn a_text_may_have_two_readings() {
        assert_eq!(readings("Löu Minh"), ["Lửu Minh", "Lưu Minh"]);
    }

    #[test]
    fn what_is_a_name_as_it_stands_is_not_decoded() {
        for text in [
            "Phan Hoàng Nhung",
            "Phan\u{a0}Hoàng\u{a0}Nhung",
            "Mai Hoàng",
            "Nguyen Van An",
            "Nguyễn Văn An",
            "K'Brôi",
            "José García",
            "Néang Sóc Kim",
            "H'Hen Niê",
            "Nguyễn V¨n Hïng",
            "",
        ] {
            assert_eq!(readings(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn the_form_in_which_a_text_is_sent_decides_nothing() {
        for text in ["NguyÔn V¨n Hïng", "Buøi Thò Hoàng", "TrÃ¢n ThÃ\u{b9}y"] {
            let decomposed: String = text.nfd().collect();
            assert_eq!(readings(&decomposed), readings(text));
        }
    }
}
