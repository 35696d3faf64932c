//! Names as people write them down: the same name in another spelling, and near misses.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Ends of a syllable with the two places that a tone may have in it.
const TONE_PLACES: [(&str, &str); 8] = [
    ("òa", "oà"),
    ("óa", "oá"),
    ("ỏa", "oả"),
    ("ùy", "uỳ"),
    ("úy", "uý"),
    ("ủy", "uỷ"),
    ("ũy", "uỹ"),
    ("ụy", "uỵ"),
];

/// Syllables with two spellings.
const I_AND_Y: [(&str, &str); 5] =
    [("Lý", "Lí"), ("Mỹ", "Mĩ"), ("Kỳ", "Kì"), ("Vỹ", "Vĩ"), ("Sỹ", "Sĩ")];

/// Combining marks of the tones, each with another one.
const OTHER_TONES: [(char, char); 5] = [
    ('\u{300}', '\u{301}'),
    ('\u{301}', '\u{300}'),
    ('\u{303}', '\u{309}'),
    ('\u{309}', '\u{303}'),
    ('\u{323}', '\u{300}'),
];

/// `hoà` for `hòa`, or the other way round, in the last word.
pub(super) fn other_tone_placement(name: &str) -> Option<String> {
    let (_, last) = name.rsplit_once(' ')?;
    // The u of `qu` is no vowel, so that `Quý` has one place only.
    if last.starts_with(['Q', 'q']) {
        return None;
    }
    let pairs = TONE_PLACES.into_iter().flat_map(|(one, other)| [(one, other), (other, one)]);
    pairs.into_iter().find_map(|(one, other)| Some(name.strip_suffix(one)?.to_owned() + other))
}

/// `Lí` for `Lý`, or the other way round.
pub(super) fn i_or_y(name: &str) -> Option<String> {
    let pairs = I_AND_Y.into_iter().flat_map(|(one, other)| [(one, other), (other, one)]);
    let change =
        |(one, other)| Some(with_words(name, |word| if word == one { other } else { word }));
    pairs.filter_map(change).find(|changed| changed != name)
}

/// As systems without Vietnamese letters keep it.
pub(super) fn without_marks(name: &str) -> String {
    let letters = name.nfd().filter(|&letter| !is_combining_mark(letter));
    letters.collect::<String>().replace('đ', "d").replace('Đ', "D")
}

/// With another tone on the last word that has one.
pub(super) fn other_tone(name: &str) -> Option<String> {
    let letters: Vec<char> = name.nfd().collect();
    let other = |letter: char| OTHER_TONES.iter().find(|(tone, _)| *tone == letter);
    let at = letters.iter().rposition(|&letter| other(letter).is_some())?;
    let changed = letters.iter().enumerate().map(|(index, &letter)| match other(letter) {
        Some((_, other)) if index == at => *other,
        _ => letter,
    });
    Some(changed.nfc().collect())
}

/// `Lam` for `Lan`.
pub(super) fn other_letter(name: &str) -> Option<String> {
    Some(name.strip_suffix('n')?.to_owned() + "m")
}

/// The family name and the given name.
pub(super) fn without_middle(name: &str) -> Option<String> {
    let (family, _, given) = three(name)?;
    Some([family, given].join(" "))
}

/// With a word in the middle that the name does not have.
pub(super) fn with_one_more(name: &str) -> Option<String> {
    let (family, middle, given) = three(name)?;
    let more = ["Ngọc", "Minh"].into_iter().find(|more| !name.contains(more))?;
    Some([family, middle, more, given].join(" "))
}

/// `An Nguyễn Văn`.
pub(super) fn given_name_first(name: &str) -> Option<String> {
    let (family, middle, given) = three(name)?;
    Some([given, family, middle].join(" "))
}

/// `Nguyễn V. An`.
pub(super) fn with_initial(name: &str) -> Option<String> {
    let (family, middle, given) = three(name)?;
    Some(format!("{family} {}. {given}", middle.chars().next()?))
}

/// With a question mark for every letter that ASCII does not have.
pub(super) fn with_letters_lost(name: &str) -> String {
    name.chars().map(|letter| if letter.is_ascii() { letter } else { '?' }).collect()
}

/// Of the same family; "Thử Nghiệm" is nobody's name.
pub(super) fn nobodys(name: &str) -> Option<String> {
    let (family, _) = name.split_once(' ')?;
    Some(format!("{family} Thử Nghiệm"))
}

fn three(name: &str) -> Option<(&str, &str, &str)> {
    let mut words = name.split(' ');
    let three = (words.next()?, words.next()?, words.next()?);
    words.next().is_none().then_some(three)
}

fn with_words<'a>(name: &'a str, change: impl Fn(&'a str) -> &'a str) -> String {
    name.split(' ').map(change).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_misspelt_as_said() {
        for (made, expected) in [
            (other_tone_placement("Trần Văn Hòa"), Some("Trần Văn Hoà")),
            (other_tone_placement("Lê Thị Thuỷ"), Some("Lê Thị Thủy")),
            (other_tone_placement("Lê Văn Quý"), None),
            (i_or_y("Lý Thị Mai"), Some("Lí Thị Mai")),
            (i_or_y("Trần Lynh"), None),
            (other_tone("Trần Văn Hùng"), Some("Trần Văn Húng")),
            (other_tone("Lê An"), None),
            (other_letter("Lê Thị Lan"), Some("Lê Thị Lam")),
            (without_middle("Trần Văn Hùng"), Some("Trần Hùng")),
            (without_middle("Trần Hùng"), None),
            (with_one_more("Lê Ngọc Lan"), Some("Lê Ngọc Minh Lan")),
            (given_name_first("Trần Văn Hùng"), Some("Hùng Trần Văn")),
            (with_initial("Vũ Đức An"), Some("Vũ Đ. An")),
            (nobodys("Trần Văn Hùng"), Some("Trần Thử Nghiệm")),
            (Some(without_marks("Đỗ Thị Phượng")), Some("Do Thi Phuong")),
            (Some(with_letters_lost("Đỗ An")), Some("?? An")),
        ] {
            assert_eq!(made.as_deref(), expected);
        }
    }
}
