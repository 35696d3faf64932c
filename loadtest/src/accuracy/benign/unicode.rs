//! One name in the many codes that Unicode has for it.

use unicode_normalization::UnicodeNormalization;

use super::super::marks::{tone_apart, tone_first};
use crate::chance::Chance;

/// A way to write a name; none where it does not apply.
pub(super) type Vary = fn(&str, &mut Chance) -> Option<String>;

/// All ways.
pub(super) const VARIANTS: [Vary; 9] = [
    |name, _| Some(name.nfd().collect()),
    |name, chance| Some(mixed(name, chance)),
    |name, _| tone_first(name),
    |name, _| Some(name.to_uppercase()),
    |name, _| Some(name.to_lowercase()),
    |name, _| Some(full_width(name)),
    look_alike,
    doubled_spaces,
    with_invisible,
];

/// Characters that nobody sees: zero width space, joiners and byte order mark, soft hyphen, word
/// joiner, direction mark.
const INVISIBLE: [char; 6] =
    ['\u{200b}', '\u{200c}', '\u{200d}', '\u{feff}', '\u{2060}', '\u{200e}'];

/// Each letter composed, decomposed, or composed but for its tone.
fn mixed(name: &str, chance: &mut Chance) -> String {
    let mut mixed = String::new();
    for letter in name.chars() {
        match chance.below(3) {
            0 => mixed.push(letter),
            1 => mixed.extend(std::iter::once(letter).nfd()),
            _ => mixed.push_str(&tone_apart(letter)),
        }
    }
    mixed
}

/// As input methods of East Asia write ASCII, with their space.
fn full_width(name: &str) -> String {
    let wide = |letter: char| match letter {
        ' ' => '\u{3000}',
        '!'..='~' => char::from_u32(u32::from(letter) + 0xfee0).unwrap_or(letter),
        other => other,
    };
    name.chars().map(wide).collect()
}

/// The Icelandic and the African letter in the place of Đ, as fonts and old tables give them.
fn look_alike(name: &str, chance: &mut Chance) -> Option<String> {
    let other = chance.pick(&["Ð", "Ɖ"])?;
    name.contains('Đ').then(|| name.replace('Đ', other))
}

fn doubled_spaces(name: &str, chance: &mut Chance) -> Option<String> {
    let gap = chance.pick(&["  ", "   ", " \u{a0}", "\t "])?;
    let spread = name.replace(' ', gap);
    Some(if chance.below(2) == 0 { format!(" {spread}  ") } else { spread })
}

/// One character that cannot be seen somewhere behind the first letter.
fn with_invisible(name: &str, chance: &mut Chance) -> Option<String> {
    let places: Vec<usize> = name.char_indices().skip(1).map(|(at, _)| at).collect();
    let (at, invisible) = (chance.pick(&places)?, chance.pick(&INVISIBLE)?);
    let (before, behind) = name.split_at(at);
    Some(format!("{before}{invisible}{behind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_are_the_same_name_in_other_codes() {
        let name = "Đặng Thị Ước";
        let mut chance = Chance::of(0, 0);
        assert!(full_width("An Hà").starts_with("Ａｎ\u{3000}Ｈà"));
        let alike = look_alike(name, &mut chance).unwrap();
        assert!(alike.starts_with(['Ð', 'Ɖ']) && alike.ends_with("ặng Thị Ước"));
        assert_eq!(look_alike("An", &mut chance), None);
        let composed = |text: String| text.nfc().collect::<String>();
        assert_eq!(composed(mixed(name, &mut chance)), name);
        let spread = doubled_spaces(name, &mut chance).unwrap();
        assert_eq!(spread.split_whitespace().collect::<Vec<_>>().join(" "), name);
        let hidden = with_invisible(name, &mut chance).unwrap();
        assert_eq!(hidden.replace(INVISIBLE, ""), name);
    }
}
