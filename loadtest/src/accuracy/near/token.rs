//! Tokens that are missing, too many, out of order, shortened or run together.

use mock_population_db::Sex;

use super::super::marks::{has_mark, without_tone};
use super::super::people::plain_tokens;
use crate::chance::Chance;

/// One token less, never the given name, of at least three.
pub(super) fn missing(name: &str, chance: &mut Chance) -> Option<String> {
    let mut tokens = plain_tokens(name, 3)?;
    tokens.remove(chance.below(tokens.len() - 1));
    Some(tokens.join(" "))
}

/// A title in front, or a token twice.
pub(super) fn extra(name: &str, sex: Sex, chance: &mut Chance) -> Option<String> {
    let mut tokens = plain_tokens(name, 2)?;
    let title = match sex {
        Sex::Male => "Ông",
        Sex::Female => "Bà",
    };
    if chance.below(2) == 0 {
        tokens.insert(0, title);
    } else {
        let at = chance.below(tokens.len());
        tokens.insert(at, tokens[at]);
    }
    Some(tokens.join(" "))
}

/// Two tokens in each other's place.
pub(super) fn swapped(name: &str, chance: &mut Chance) -> Option<String> {
    let mut tokens = plain_tokens(name, 2)?;
    let one = chance.below(tokens.len());
    let other = (one + 1 + chance.below(tokens.len() - 1)) % tokens.len();
    tokens.swap(one, other);
    Some(tokens.join(" "))
}

/// One token is its first letter, with or without a full stop; two are whole, the given name too.
pub(super) fn initial(name: &str, chance: &mut Chance) -> Option<String> {
    let tokens = plain_tokens(name, 3)?;
    let at = chance.below(tokens.len() - 1);
    let (letter, _) = without_tone(tokens[at].chars().next()?);
    let stop = chance.pick(&["", "."])?;
    let short = format!("{}{stop}", letter?);
    let mut tokens: Vec<&str> = tokens;
    tokens[at] = &short;
    Some(tokens.join(" "))
}

/// All spaces lost, or one.
pub(super) fn squashed(name: &str, chance: &mut Chance) -> Option<String> {
    let tokens = plain_tokens(name, 2)?;
    if chance.below(2) == 0 {
        return Some(tokens.concat());
    }
    let lost = 1 + chance.below(tokens.len() - 1);
    let mut squashed = String::new();
    for (at, token) in tokens.iter().enumerate() {
        squashed.push_str(if at == 0 || at == lost { "" } else { " " });
        squashed.push_str(token);
    }
    has_mark(&squashed).then_some(squashed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "Nguyễn Thị Ánh Hồng";

    #[test]
    fn each_error_is_what_its_name_says() {
        for case in 0..40 {
            let chance = &mut Chance::of(0, case);
            let missing = missing(NAME, chance).unwrap();
            assert!(missing.ends_with("Hồng") && missing.split(' ').count() == 3);
            let extra = extra(NAME, Sex::Female, chance).unwrap();
            assert!(extra.split(' ').count() == 5 && !extra.contains("Ông"));
            let swapped = swapped(NAME, chance).unwrap();
            let sorted = |name: &str| {
                let mut tokens: Vec<String> = name.split(' ').map(str::to_owned).collect();
                tokens.sort();
                tokens
            };
            assert!(swapped != NAME && sorted(&swapped) == sorted(NAME));
            let initial = initial(NAME, chance).unwrap();
            let short = ["N", "T", "A", "N.", "T.", "A."];
            let shortened = initial.split(' ').filter(|token| short.contains(token)).count();
            assert!(initial.ends_with("Hồng") && shortened == 1, "{initial}");
            let squashed = squashed(NAME, chance).unwrap();
            assert!(squashed.split(' ').count() < 4);
            assert_eq!(squashed.replace(' ', ""), NAME.replace(' ', ""));
        }
    }

    #[test]
    fn the_given_name_is_never_lost() {
        assert_eq!(missing("Nguyễn An", &mut Chance::of(0, 0)), None);
        assert_eq!(initial("Nguyễn An", &mut Chance::of(0, 0)), None);
    }
}
