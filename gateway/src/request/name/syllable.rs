//! Whether a token is a Vietnamese syllable: the one question by which a text in a legacy encoding
//! is told from a name, and keystrokes are told from letters.
//!
//! Never a reason to refuse a name: 1.4 % of real names have other syllables. Every spelling that is
//! in use passes, both places of the tone included; the level tone passes on every syllable, so that
//! names without marks do too.

use unicode_normalization::char::decompose_canonical;

use super::signs::{is_apostrophe, is_hyphen};

/// How much a token looks like part of a Vietnamese name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shape {
    /// Signs that are no letters, letters of other languages, or vowels that never meet.
    Foreign,
    /// Letters of Vietnamese in an order that Vietnamese does not have, as in names of the highlands.
    Letters,
    /// A well-formed syllable.
    Syllable,
}

/// The letters of the longest token that is looked at; the longest syllable has seven.
const LETTERS_MAX: usize = 16;

/// The letters of the longest onset, `ngh`.
const ONSET_MAX: usize = 3;

/// All rhymes without their tones, in the order of code points.
const RHYMES: [&str; 162] = [
    "a", "ac", "ach", "ai", "am", "an", "ang", "anh", "ao", "ap", "at", "au", "ay", "e", "ec",
    "em", "en", "eng", "eo", "ep", "et", "i", "ia", "ich", "im", "in", "inh", "ip", "it", "iu",
    "iêc", "iêm", "iên", "iêng", "iêp", "iêt", "iêu", "o", "oa", "oac", "oach", "oai", "oam",
    "oan", "oang", "oanh", "oao", "oap", "oat", "oay", "oc", "oe", "oen", "oeo", "oet", "oi", "om",
    "on", "ong", "ooc", "oong", "op", "ot", "oăc", "oăm", "oăn", "oăng", "oăt", "u", "ua", "uc",
    "ui", "um", "un", "ung", "up", "ut", "uy", "uya", "uych", "uyn", "uynh", "uyp", "uyt", "uyu",
    "uyên", "uyêt", "uân", "uâng", "uât", "uây", "uê", "uêch", "uên", "uênh", "uêu", "uôc", "uôi",
    "uôm", "uôn", "uông", "uôt", "uơ", "y", "yêm", "yên", "yêng", "yêt", "yêu", "âc", "âm", "ân",
    "âng", "âp", "ât", "âu", "ây", "ê", "êch", "êm", "ên", "ênh", "êp", "êt", "êu", "ô", "ôc",
    "ôi", "ôm", "ôn", "ông", "ôp", "ôt", "ăc", "ăm", "ăn", "ăng", "ăp", "ăt", "ơ", "ơi", "ơm",
    "ơn", "ơp", "ơt", "ư", "ưa", "ưc", "ưi", "ưm", "ưn", "ưng", "ưt", "ưu", "ươc", "ươi", "ươm",
    "ươn", "ương", "ươp", "ươt", "ươu",
];

/// The vowels at the start of all rhymes, in the order of code points.
const VOWELS: [&str; 56] = [
    "a", "ai", "ao", "au", "ay", "e", "eo", "i", "ia", "iu", "iê", "iêu", "o", "oa", "oai", "oao",
    "oay", "oe", "oeo", "oi", "oo", "oă", "u", "ua", "ui", "uy", "uya", "uyu", "uyê", "uâ", "uây",
    "uê", "uêu", "uô", "uôi", "uơ", "y", "yê", "yêu", "â", "âu", "ây", "ê", "êu", "ô", "ôi", "ă",
    "ơ", "ơi", "ư", "ưa", "ưi", "ưu", "ươ", "ươi", "ươu",
];

/// The tokens of a name: what stands between spaces, hyphens, apostrophes, fillers and stops.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let is_border = |c: char| {
        c.is_whitespace() || is_apostrophe(c) || is_hyphen(c) || matches!(c, '.' | ',' | ';' | '<')
    };
    text.split(is_border).filter(|token| !token.is_empty())
}

/// What kind of token this is.
pub(crate) fn shape(token: &str) -> Shape {
    let Some(spelling) = Spelling::read(token) else {
        return Shape::Foreign;
    };
    if spelling.is_syllable() {
        return Shape::Syllable;
    }
    if spelling.has_vietnamese_vowels() {
        return Shape::Letters;
    }
    Shape::Foreign
}

/// Whether these letters are a syllable written without its marks.
pub(super) fn is_syllable_without_marks(letters: &[char]) -> bool {
    splits(letters).any(|(onset, rhyme)| {
        RHYMES.iter().any(|full| full.chars().map(plain).eq(rhyme.iter().copied()))
            && fits(onset, rhyme)
    })
}

/// Whether these toneless letters are an onset and a rhyme that go together.
pub(super) fn is_syllable(letters: &[char]) -> bool {
    splits(letters).any(|(onset, rhyme)| is_rhyme(onset, rhyme) && fits(onset, rhyme))
}

/// Every way to see an onset at the start, the longest first, which is the one most often. The bar
/// of `đ` is part of the onset.
fn splits(letters: &[char]) -> impl Iterator<Item = (&[char], &[char])> {
    let longest = letters.len().min(ONSET_MAX);
    (0..=longest).rev().map(|length| letters.split_at(length)).filter(|(onset, _)| is_onset(onset))
}

fn is_onset(letters: &[char]) -> bool {
    const SINGLE: &str = "bcdđghklmnprstvx";
    match letters {
        [] | ['n', 'g', 'h'] => true,
        [letter] => SINGLE.contains(*letter),
        [first, 'h'] => "cgknpt".contains(*first),
        [first, second] => {
            matches!((first, second), ('g', 'i') | ('n', 'g') | ('q', 'u') | ('t', 'r'))
        }
        _ => false,
    }
}

fn is_rhyme(onset: &[char], rhyme: &[char]) -> bool {
    // In `quynh` the u belongs to the onset and to the rhyme `uynh`.
    if onset == ['q', 'u'] && rhyme.first() == Some(&'y') {
        return is_listed(&RHYMES, &std::iter::once('u').chain(rhyme.iter().copied()));
    }
    rhyme.first().is_some_and(|first| is_vowel(*first))
        && is_listed(&RHYMES, &rhyme.iter().copied())
}

/// Whether these letters stand in a list that is in the order of code points.
fn is_listed(list: &[&str], letters: &(impl Iterator<Item = char> + Clone)) -> bool {
    list.binary_search_by(|listed| listed.chars().cmp(letters.clone())).is_ok()
}

/// The spelling rules by which one sound is written differently before front vowels.
fn fits(onset: &[char], rhyme: &[char]) -> bool {
    let Some(first) = rhyme.first() else {
        return false;
    };
    let is_front = matches!(first, 'e' | 'ê' | 'i' | 'y');
    match onset {
        ['k'] | ['g', 'h'] | ['n', 'g', 'h'] => is_front,
        ['c'] | ['n', 'g'] => !is_front,
        ['g'] => !matches!(first, 'e' | 'ê' | 'y'),
        ['q', 'u'] => !matches!(first, 'u' | 'ư'),
        [] => true,
        // The rhymes in yê are written iê behind a consonant.
        _ => *first != 'y' || rhyme.len() == 1,
    }
}

fn plain(letter: char) -> char {
    match letter {
        'ă' | 'â' => 'a',
        'ê' => 'e',
        'ô' | 'ơ' => 'o',
        'ư' => 'u',
        other => other,
    }
}

fn is_vowel(letter: char) -> bool {
    matches!(plain(letter), 'a' | 'e' | 'i' | 'o' | 'u' | 'y')
}

/// A token as letters in lower case without tones, and the tones apart.
struct Spelling {
    letters: [char; LETTERS_MAX],
    length: usize,
    /// The one tone that is written.
    tone: Option<char>,
    /// Which letter it stands on.
    tone_at: usize,
    has_two_tones: bool,
}

impl Spelling {
    /// `None` for a token with anything but letters of ASCII and of Vietnamese.
    fn read(token: &str) -> Option<Self> {
        let letters = ['\0'; LETTERS_MAX];
        let mut spelling =
            Self { letters, length: 0, tone: None, tone_at: 0, has_two_tones: false };
        for c in token.chars() {
            let mut is_readable = true;
            decompose_canonical(c, |part| is_readable &= spelling.take(part).is_some());
            if !is_readable {
                return None;
            }
        }
        Some(spelling)
    }

    fn take(&mut self, part: char) -> Option<()> {
        match part {
            'a'..='z' | 'đ' => self.push(part),
            'A'..='Z' => self.push(part.to_ascii_lowercase()),
            'Đ' => self.push('đ'),
            '\u{300}' | '\u{301}' | '\u{303}' | '\u{309}' | '\u{323}' => {
                self.has_two_tones |= self.tone.is_some();
                self.tone = Some(part);
                self.tone_at = self.length.saturating_sub(1);
                let last = *self.letters[..self.length].last()?;
                is_vowel(last).then_some(())
            }
            _ => {
                let last = self.letters[..self.length].last_mut()?;
                *last = match (*last, part) {
                    ('a', '\u{302}') => 'â',
                    ('a', '\u{306}') => 'ă',
                    ('e', '\u{302}') => 'ê',
                    ('o', '\u{302}') => 'ô',
                    ('o', '\u{31b}') => 'ơ',
                    ('u', '\u{31b}') => 'ư',
                    _ => return None,
                };
                Some(())
            }
        }
    }

    fn push(&mut self, letter: char) -> Option<()> {
        *self.letters.get_mut(self.length)? = letter;
        self.length += 1;
        Some(())
    }

    fn letters(&self) -> &[char] {
        &self.letters[..self.length]
    }

    fn is_syllable(&self) -> bool {
        !self.has_two_tones
            && may_bear(self.letters(), self.tone)
            && !self.has_tone_on_glide()
            && is_syllable(self.letters())
    }

    /// `laõ`, `leõ`: tones go astray within the vowel of a syllable, and never to the half vowel at
    /// its end. In VNI and TCVN3 such letters are others.
    fn has_tone_on_glide(&self) -> bool {
        let vowels = match self.letters() {
            ['g', 'i', rest @ ..] | ['q', 'u', rest @ ..] if !rest.is_empty() => rest,
            letters => letters,
        };
        let is_glide = match vowels {
            [.., before, last] if is_vowel(*before) => match last {
                'i' | 'u' | 'o' => true,
                'y' => *before != 'u',
                // The a of ia, ua and ưa; in oa it is the vowel itself.
                'a' => *before != 'o',
                _ => false,
            },
            _ => false,
        };
        is_glide && self.tone.is_some() && self.tone_at + 1 == self.length
    }

    /// Whether each run of vowels is one that some rhyme has.
    fn has_vietnamese_vowels(&self) -> bool {
        let is_known = |run: &[char]| is_listed(&VOWELS, &run.iter().copied());
        self.letters().split(|c| !is_vowel(*c)).all(|run| run.is_empty() || is_known(run))
    }
}

/// Syllables that end in a stop have the tones sắc and nặng only.
pub(super) fn may_bear(letters: &[char], tone: Option<char>) -> bool {
    let is_stopped = matches!(letters, [.., 'c' | 'p' | 't'] | [.., 'c', 'h']);
    !is_stopped || tone.is_none_or(|tone| matches!(tone, '\u{301}' | '\u{323}'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use unicode_normalization::UnicodeNormalization;

    use super::*;

    #[test]
    fn the_rhymes_stand_in_their_order() {
        assert!(RHYMES.is_sorted());
    }

    #[test]
    fn the_vowels_are_those_of_the_rhymes() {
        let vowels = |rhyme: &str| rhyme.chars().take_while(|c| is_vowel(*c)).collect::<String>();
        let expected: BTreeSet<String> = RHYMES.into_iter().map(vowels).collect();
        assert!(expected.iter().eq(VOWELS.iter()), "{expected:?}");
    }

    #[test]
    fn tokens_are_told_apart_by_their_letters() {
        for (token, expected) in [
            ("Nguyễn", Shape::Syllable),
            ("NGHIÊNG", Shape::Syllable),
            ("Khuỷu", Shape::Syllable),
            ("Quỳnh", Shape::Syllable),
            ("Quốc", Shape::Syllable),
            ("Gì", Shape::Syllable),
            ("Giếng", Shape::Syllable),
            ("Hòa", Shape::Syllable),
            ("hoà", Shape::Syllable),
            ("Y", Shape::Syllable),
            ("Yến", Shape::Syllable),
            ("Thy", Shape::Syllable),
            ("Phuc", Shape::Syllable),
            ("Đức", Shape::Syllable),
            ("Niê", Shape::Letters),
            ("Ksor", Shape::Letters),
            ("Ngin", Shape::Letters),
            ("Kang", Shape::Letters),
            ("Tìt", Shape::Letters),
            ("Laõ", Shape::Letters),
            ("Buì", Shape::Letters),
            ("Quí", Shape::Syllable),
            ("Già", Shape::Syllable),
            ("Gíap", Shape::Syllable),
            ("Qúy", Shape::Syllable),
            ("Tòan", Shape::Syllable),
            ("Tòá", Shape::Letters),
            ("H", Shape::Letters),
            ("Bloâ", Shape::Foreign),
            ("Buøi", Shape::Foreign),
            ("V¨n", Shape::Foreign),
            ("Ayŭn", Shape::Foreign),
        ] {
            assert_eq!(shape(token), expected, "{token}");
            assert_eq!(shape(&token.nfd().collect::<String>()), expected, "{token} decomposed");
        }
    }
}
