//! What clerks and systems do to names. Each function gives the name as it would be held, or nothing
//! where it cannot happen to this name.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::mix::below;

/// Vowel pairs whose tone may stand on either vowel at the end of a syllable: as the register
/// writes them, and as many people do.
const TONE_PLACES: [(&str, &str); 15] = [
    ("òa", "oà"),
    ("óa", "oá"),
    ("ỏa", "oả"),
    ("õa", "oã"),
    ("ọa", "oạ"),
    ("òe", "oè"),
    ("óe", "oé"),
    ("ỏe", "oẻ"),
    ("õe", "oẽ"),
    ("ọe", "oẹ"),
    ("ùy", "uỳ"),
    ("úy", "uý"),
    ("ủy", "uỷ"),
    ("ũy", "uỹ"),
    ("ụy", "uỵ"),
];

/// The toned letter i in its two spellings.
const I_AND_Y: [(char, char); 5] = [('ỳ', 'ì'), ('ý', 'í'), ('ỷ', 'ỉ'), ('ỹ', 'ĩ'), ('ỵ', 'ị')];

/// Consonants before which both spellings of a toned i are the same word.
const BEFORE_I: [&str; 14] =
    ["h", "k", "l", "m", "s", "t", "v", "qu", "H", "K", "L", "M", "S", "T"];
const BEFORE_I_CAPITAL: [&str; 2] = ["V", "Qu"];

/// Letters that a finger puts in the place of others. None of the pairs is a spelling of the same
/// sound, so that the result is another name.
const NEIGHBOURS: [(char, char); 12] = [
    ('n', 'b'),
    ('m', 'n'),
    ('t', 'r'),
    ('r', 't'),
    ('h', 'b'),
    ('g', 'h'),
    ('c', 'x'),
    ('l', 'k'),
    ('s', 'd'),
    ('d', 's'),
    ('p', 'o'),
    ('v', 'b'),
];

/// Letters of highland languages that the Vietnamese alphabet lacks.
const HIGHLAND: &str = "ŭŏčñƀŬŎČÑɃ";

/// Puts the tone on the other vowel of the first syllable that has two places for it.
pub fn other_tone_place(name: &str) -> Option<String> {
    change_one_token(name, |token| {
        TONE_PLACES.iter().find_map(|(here, there)| {
            let stem = token.strip_suffix(here)?;
            // In `quý` the u belongs to the consonant: there is one place only.
            let is_open = !stem.ends_with(['q', 'Q']);
            is_open.then(|| format!("{stem}{there}"))
        })
    })
}

/// Writes i for y, or y for i, in the first syllable where both are the same word.
pub fn other_i(name: &str) -> Option<String> {
    change_one_token(name, |token| {
        let last = token.chars().next_back()?;
        let stem = &token[..token.len() - last.len_utf8()];
        if !BEFORE_I.contains(&stem) && !BEFORE_I_CAPITAL.contains(&stem) {
            return None;
        }
        let other = I_AND_Y.iter().find_map(|&(y, i)| match last {
            _ if last == y => Some(i),
            _ if last == i => Some(y),
            _ => None,
        })?;
        Some(format!("{stem}{other}"))
    })
}

/// The name without any mark, as systems without Vietnamese letters hold it; none where it has no
/// mark, or letters and signs of other kinds.
pub fn without_marks(name: &str) -> Option<String> {
    let plain: String = name
        .nfd()
        .filter(|&letter| !is_combining_mark(letter))
        .map(|letter| match letter {
            'đ' => 'd',
            'Đ' => 'D',
            other => other,
        })
        .collect();
    let is_plain = plain.chars().all(|letter| letter.is_ascii_alphabetic() || letter == ' ');
    // Letters of the highlands are often written without their marks: that alone loses nothing.
    let has_marks = name.chars().any(|letter| !letter.is_ascii() && !HIGHLAND.contains(letter));
    (is_plain && has_marks).then_some(plain)
}

/// The name with its spaces lost. Not where all letters are of Latin-1: such a text could be one of
/// an old encoding as well.
pub fn squashed(name: &str) -> Option<String> {
    let is_unicode = name.chars().any(|letter| letter > '\u{ff}');
    (is_unicode && name.contains(' ')).then(|| name.replace(' ', ""))
}

/// The name without its second token, of at least three different ones. Not where a single letter
/// marks the sex: behind it stands the given name, without which nobody is named.
pub fn without_second_token(name: &str) -> Option<String> {
    let tokens: Vec<&str> = name.split(' ').collect();
    let (first, second, rest) = match &tokens[..] {
        [first, second, rest @ ..] if !rest.is_empty() => (first, second, rest),
        _ => return None,
    };
    let is_kept_elsewhere = rest.contains(second) || first == second;
    let has_marker = tokens.iter().any(|token| token.chars().count() == 1);
    (!is_kept_elsewhere && !has_marker).then(|| format!("{first} {}", rest.join(" ")))
}

/// One letter of the last token is that of a neighbouring key.
pub fn with_typo(name: &str, random: u64) -> Option<String> {
    let start = name.rfind(' ')? + 1;
    let (rest, token) = name.split_at(start);
    let places: Vec<(usize, char)> = token
        .char_indices()
        .filter_map(|(at, letter)| {
            let (_, typo) = NEIGHBOURS.iter().find(|(right, _)| *right == letter)?;
            Some((at, *typo))
        })
        .collect();
    let count = u32::try_from(places.len()).ok().filter(|count| *count > 0)?;
    let (at, typo) = places[below(random, count) as usize];
    let mut wrong = String::from(rest);
    wrong.push_str(&token[..at]);
    wrong.push(typo);
    wrong.push_str(&token[at + 1..]); // the letters replaced are ASCII
    Some(wrong)
}

/// The name with the first token changed that can be.
fn change_one_token(name: &str, change: impl Fn(&str) -> Option<String>) -> Option<String> {
    let tokens: Vec<&str> = name.split(' ').collect();
    let (at, changed) =
        tokens.iter().enumerate().find_map(|(at, token)| Some((at, change(token)?)))?;
    let mut tokens: Vec<String> = tokens.into_iter().map(str::to_owned).collect();
    tokens[at] = changed;
    Some(tokens.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mistake_is_what_its_name_says() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(other_tone_place("Nguyễn Văn Hòa"), some("Nguyễn Văn Hoà"));
        assert_eq!(other_tone_place("Lê Thị Thúy Kiều"), some("Lê Thị Thuý Kiều"));
        assert_eq!(other_tone_place("Trần Phú Quý"), None);
        assert_eq!(other_tone_place("Trần Văn Toàn"), None);
        assert_eq!(other_i("Lý Thu Mỹ"), some("Lí Thu Mỹ"));
        assert_eq!(other_i("Trần Phú Quý"), some("Trần Phú Quí"));
        assert_eq!(other_i("Nguyễn Thị Vy"), None);
        assert_eq!(other_i("Nguyễn Thị Thủy"), None);
        assert_eq!(without_marks("Đỗ Văn Ước"), some("Do Van Uoc"));
        assert_eq!(without_marks("Le Minh Anh"), None);
        assert_eq!(without_marks("K'Đam"), None);
        assert_eq!(without_marks("A Čhung"), None);
        assert_eq!(squashed("Đỗ Văn Ước"), some("ĐỗVănƯớc"));
        assert_eq!(squashed("K'Đam"), None);
        assert_eq!(without_second_token("Đỗ Văn Ước"), some("Đỗ Ước"));
        assert_eq!(without_second_token("Đỗ Ước"), None);
        assert_eq!(without_second_token("Lê Thị Thị Mai"), None);
        assert_eq!(without_second_token("Y Blô Êban"), None);
        assert_eq!(with_typo("Đỗ Văn Long", 0), some("Đỗ Văn Lobg"));
        assert_eq!(with_typo("Đỗ Ý", 0), None);
    }
}
