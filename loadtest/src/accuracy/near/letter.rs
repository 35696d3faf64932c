//! One letter, or the tone of one syllable.

use super::super::marks::{TONES, has_mark, without_tone};
use super::super::people::plain_tokens;
use crate::chance::Chance;
use unicode_normalization::UnicodeNormalization;

/// Endings behind which a syllable has one of two tones.
const STOPS: [&str; 4] = ["c", "ch", "p", "t"];

/// Keys beside each other, none of which types a tone or a hat in Telex.
const NEIGHBOURS: [(char, char); 14] = [
    ('n', 'b'),
    ('m', 'n'),
    ('n', 'm'),
    ('h', 'g'),
    ('g', 'h'),
    ('c', 'v'),
    ('l', 'k'),
    ('k', 'l'),
    ('t', 'g'),
    ('v', 'b'),
    ('N', 'B'),
    ('T', 'G'),
    ('L', 'K'),
    ('V', 'B'),
];

/// Letters that differ in what is written on them.
const HATS: [(char, char); 8] = [
    ('a', 'ă'),
    ('ă', 'â'),
    ('â', 'a'),
    ('o', 'ô'),
    ('ô', 'ơ'),
    ('ơ', 'o'),
    ('u', 'ư'),
    ('ê', 'e'),
];

/// Another tone on one syllable that has one.
pub(super) fn other_tone(name: &str, chance: &mut Chance) -> Option<String> {
    let tokens = plain_tokens(name, 2)?;
    let at = chance.below(tokens.len());
    let token: Vec<char> = tokens[at].chars().collect();
    let place = token.iter().position(|letter| without_tone(*letter).1.is_some())?;
    let (base, tone) = without_tone(token[place]);
    let is_stopped = STOPS.iter().any(|stop| tokens[at].ends_with(stop));
    let other: Vec<char> = TONES
        .into_iter()
        .filter(|other| Some(*other) != tone)
        .filter(|other| !is_stopped || matches!(other, '\u{301}' | '\u{323}'))
        .collect();
    let toned: String = base.into_iter().chain(chance.pick(&other)).nfc().collect();
    let changed = [&token[..place], &toned.chars().collect::<Vec<_>>(), &token[place + 1..]];
    Some(with_token(&tokens, at, changed.concat().into_iter().collect()))
}

/// A slip in one token: a neighbouring key, another hat, a letter missing, doubled or exchanged.
pub(super) fn one_letter(name: &str, chance: &mut Chance) -> Option<String> {
    let tokens = plain_tokens(name, 2)?;
    let at = chance.below(tokens.len());
    let token: Vec<char> = tokens[at].chars().collect();
    let slip = [neighbour, other_hat, missing, doubled, exchanged][chance.below(5)];
    let changed: String = slip(&token, chance)?.into_iter().collect();
    // Vietnamese without its last hat is typed without marks.
    (has_mark(&changed)
        || !has_mark(tokens[at])
        || has_mark(&with_token(&tokens, at, String::new())))
    .then(|| with_token(&tokens, at, changed))
}

fn neighbour(token: &[char], chance: &mut Chance) -> Option<Vec<char>> {
    replaced(token, &NEIGHBOURS, chance)
}

fn other_hat(token: &[char], chance: &mut Chance) -> Option<Vec<char>> {
    replaced(token, &HATS, chance)
}

fn replaced(token: &[char], table: &[(char, char)], chance: &mut Chance) -> Option<Vec<char>> {
    let at = chance.below(token.len());
    let others: Vec<char> =
        table.iter().filter(|(from, _)| *from == token[at]).map(|(_, to)| *to).collect();
    let mut changed = token.to_vec();
    changed[at] = chance.pick(&others)?;
    Some(changed)
}

/// One letter less, of at least three; the first stays, and so does what carries marks.
fn missing(token: &[char], chance: &mut Chance) -> Option<Vec<char>> {
    let at = 1 + chance.below(token.len() - 1);
    let mut changed = token.to_vec();
    let lost = changed.remove(at);
    (token.len() >= 3 && lost.is_ascii()).then_some(changed)
}

/// One consonant twice; vowels and d twice are keystrokes.
fn doubled(token: &[char], chance: &mut Chance) -> Option<Vec<char>> {
    let at = chance.below(token.len());
    let mut changed = token.to_vec();
    changed.insert(at, token[at].to_ascii_lowercase());
    let is_plain = matches!(token[at], 'n' | 'g' | 'h' | 'c' | 't' | 'm');
    (is_plain && at > 0).then_some(changed)
}

fn exchanged(token: &[char], chance: &mut Chance) -> Option<Vec<char>> {
    let at = 1 + chance.below(token.len().saturating_sub(2));
    let mut changed = token.to_vec();
    (at + 1 < token.len() && token[at] != token[at + 1]).then(|| {
        changed.swap(at, at + 1);
        changed
    })
}

fn with_token(tokens: &[&str], at: usize, token: String) -> String {
    let mut tokens: Vec<String> = tokens.iter().map(|it| (*it).to_owned()).collect();
    tokens[at] = token;
    tokens.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differing_tokens(one: &str, other: &str) -> usize {
        one.split(' ').zip(other.split(' ')).filter(|(one, other)| one != other).count()
    }

    #[test]
    fn a_tone_changes_in_one_syllable_and_letters_stay() {
        let name = "Nguyễn Thị Nguyệt";
        let toneless = |name: &str| -> String {
            name.chars().filter_map(|letter| without_tone(letter).0).collect()
        };
        for case in 0..50 {
            let Some(other) = other_tone(name, &mut Chance::of(0, case)) else { continue };
            assert_eq!((differing_tokens(name, &other), toneless(&other)), (1, toneless(name)));
            assert!(other.ends_with("Nguyệt") || other.ends_with("Nguyết"), "{other}");
        }
        assert_eq!(other_tone("Lê Anh", &mut Chance::of(0, 0)), None);
    }

    #[test]
    fn a_slip_is_in_one_token_and_its_tone_stays() {
        let name = "Nguyễn Hoàng Phương";
        let mut seen = 0;
        for case in 0..200 {
            let Some(other) = one_letter(name, &mut Chance::of(0, case)) else { continue };
            seen += 1;
            assert_eq!(differing_tokens(name, &other), 1, "{other}");
            let lengths = (name.chars().count(), other.chars().count());
            assert!(lengths.0.abs_diff(lengths.1) <= 1, "{other}");
        }
        assert!(seen > 50);
    }
}
