//! Near misses of names: others than the clerical errors that holders' records have.

use unicode_normalization::UnicodeNormalization;

/// Combining marks of the tones, each with another one.
const OTHER_TONES: [(char, char); 5] = [
    ('\u{300}', '\u{301}'),
    ('\u{301}', '\u{300}'),
    ('\u{303}', '\u{309}'),
    ('\u{309}', '\u{303}'),
    ('\u{323}', '\u{300}'),
];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_misspelt_as_said() {
        for (made, expected) in [
            (other_tone("Trần Văn Hùng"), Some("Trần Văn Húng")),
            (other_tone("Lê An"), None),
            (other_letter("Lê Thị Lan"), Some("Lê Thị Lam")),
            (without_middle("Trần Văn Hùng"), Some("Trần Hùng")),
            (without_middle("Trần Hùng"), None),
            (with_one_more("Lê Ngọc Lan"), Some("Lê Ngọc Minh Lan")),
            (given_name_first("Trần Văn Hùng"), Some("Hùng Trần Văn")),
            (with_initial("Vũ Đức An"), Some("Vũ Đ. An")),
            (nobodys("Trần Văn Hùng"), Some("Trần Thử Nghiệm")),
            (Some(with_letters_lost("Đỗ An")), Some("?? An")),
        ] {
            assert_eq!(made.as_deref(), expected);
        }
    }
}
