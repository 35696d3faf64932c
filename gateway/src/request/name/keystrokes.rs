//! Names typed with a Vietnamese keyboard whose input method was off: `Nguyeenx Vawn An` (Telex).
//!
//! Nobody can compare them safely, because the same letters make words of other languages: `Hans`
//! would read Hán and `Dawn` Dăn. So a name is refused only where a token cannot be anything else,
//! or where several tokens of an otherwise Vietnamese name are keystrokes. VNI types digits and VIQR
//! types signs, which no name has; those are refused before.

use super::syllable::{is_syllable, is_syllable_without_marks, may_bear, tokens};

/// Tokens are looked at up to this length: `Nghieengx` has nine letters.
const LETTERS_MAX: usize = 12;

/// What a token says about how it was typed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    /// Vietnamese, with marks or without.
    Vietnamese,
    /// Keystrokes that no other language spells.
    Keystrokes,
    /// Keystrokes that make a word of another language now and then: `Dawn`, `Raj`.
    Likely,
    /// Keystrokes, or just as well a word of another language: `Hans`, `Luis`.
    Possible,
    /// Nothing that Telex makes a syllable of.
    Foreign,
}

/// Whether this name was typed as keystrokes of Telex.
pub(super) fn are_keystrokes(text: &str) -> bool {
    if !has_telling_key(text.as_bytes()) {
        return false;
    }
    let [mut all, mut certain, mut likely, mut possible, mut foreign] = [0; 5];
    for token in tokens(text).map(read) {
        all += 1;
        match token {
            Token::Vietnamese => {}
            Token::Keystrokes => certain += 1,
            Token::Likely => likely += 1,
            Token::Possible => possible += 1,
            Token::Foreign => foreign += 1,
        }
    }
    certain > 0 || (all >= 3 && foreign == 0 && likely > 0 && likely + possible >= 2)
}

/// Whether a key was pressed without which no token is more than [`Token::Possible`]. Most names
/// end here.
fn has_telling_key(text: &[u8]) -> bool {
    text.windows(2).any(|keys| {
        let [before, key] = [keys[0] | 0x20, keys[1] | 0x20];
        match key {
            // At the start of a token x is a letter: Xuân.
            b'f' | b'j' | b'w' | b'x' => before.is_ascii_alphabetic(),
            b'a' | b'd' | b'e' | b'o' => before == key,
            _ => false,
        }
    })
}

fn read(token: &str) -> Token {
    if !token.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return if token.is_ascii() { Token::Foreign } else { Token::Vietnamese };
    }
    let mut typed = Typed::default();
    if token.len() > LETTERS_MAX {
        return Token::Foreign;
    }
    let is_typed = token.chars().all(|key| typed.take(key.to_ascii_lowercase()).is_some());
    if is_typed && !typed.has_mark_keys() {
        let is_syllable = is_syllable_without_marks(typed.letters());
        return if is_syllable { Token::Vietnamese } else { Token::Foreign };
    }
    if !is_typed || !typed.is_syllable() {
        return Token::Foreign;
    }
    typed.judge(token.len())
}

/// A token as Telex reads it, key by key.
#[derive(Default)]
struct Typed {
    letters: [char; LETTERS_MAX],
    length: usize,
    /// The key of the tone.
    tone: Option<char>,
    /// A vowel was given its mark.
    has_quality: bool,
    has_stroke: bool,
    /// `ươ`, which takes three keys and makes no word elsewhere.
    has_horns: bool,
}

impl Typed {
    /// Takes one key; `None` where Telex makes nothing of it.
    fn take(&mut self, key: char) -> Option<()> {
        match (self.letters(), key) {
            (['d'], 'd') => {
                self.has_stroke = true;
                self.replace_last('đ')
            }
            ([.., 'a'], 'a') => self.mark_last('â'),
            ([.., 'e'], 'e') => self.mark_last('ê'),
            ([.., 'o'], 'o') => self.mark_last('ô'),
            (_, 'w') => self.take_w(),
            (letters, 'f' | 's' | 'r' | 'x' | 'j') if letters.iter().any(|c| is_vowel(*c)) => {
                self.tone.replace(key).is_none().then_some(())
            }
            _ => self.push(key),
        }
    }

    fn take_w(&mut self) -> Option<()> {
        // The u of qu takes no horn.
        let of = |vowels: &[char], letters: &[char]| letters.ends_with(vowels);
        match self.letters() {
            letters if of(&['u', 'o'], letters) || of(&['ư', 'o'], letters) => {
                self.has_horns = true;
                self.letters[self.length - 2] = 'ư';
                self.mark_last('ơ')
            }
            [.., 'a'] => self.mark_last('ă'),
            [.., 'o'] => self.mark_last('ơ'),
            [.., 'u'] => self.mark_last('ư'),
            _ => None,
        }
    }

    fn mark_last(&mut self, letter: char) -> Option<()> {
        self.has_quality = true;
        self.replace_last(letter)
    }

    fn replace_last(&mut self, letter: char) -> Option<()> {
        *self.letters[..self.length].last_mut()? = letter;
        Some(())
    }

    fn push(&mut self, letter: char) -> Option<()> {
        *self.letters.get_mut(self.length)? = letter;
        self.length += 1;
        Some(())
    }

    fn letters(&self) -> &[char] {
        &self.letters[..self.length]
    }

    fn has_mark_keys(&self) -> bool {
        self.tone.is_some() || self.has_quality || self.has_stroke
    }

    fn is_syllable(&self) -> bool {
        let tone = self.tone.map(|key| match key {
            's' => '\u{301}',
            'j' => '\u{323}',
            _ => '\u{300}',
        });
        // Many type the tones and leave the other marks out.
        let is_syllable = if self.has_quality || self.has_stroke {
            is_syllable(self.letters())
        } else {
            is_syllable_without_marks(self.letters())
        };
        is_syllable && may_bear(self.letters(), tone)
    }

    /// `keys` is the length as typed.
    fn judge(&self, keys: usize) -> Token {
        let is_closed = self.letters().last().is_some_and(|c| !is_vowel(*c));
        let has_rare_tone = matches!(self.tone, Some('f' | 'j' | 'x'));
        // No language ends words in `ngf` or `mj`. Short ones may be a nickname: `Benj`.
        let is_certain = self.has_stroke
            || self.has_horns
            || (has_rare_tone && is_closed && (self.has_quality || keys >= 5));
        if is_certain {
            return Token::Keystrokes;
        }
        if self.has_quality || has_rare_tone {
            return Token::Likely;
        }
        Token::Possible
    }
}

fn is_vowel(letter: char) -> bool {
    matches!(letter, 'a' | 'ă' | 'â' | 'e' | 'ê' | 'i' | 'o' | 'ô' | 'ơ' | 'u' | 'ư' | 'y')
}
