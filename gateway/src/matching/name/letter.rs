//! The small form in which names are compared: a base letter and what is written on it.

/// One letter, space, hyphen or apostrophe of a name in canonical form.
///
/// A combining mark that Vietnamese does not have (the caron of `č`) is a letter of its own behind
/// the letter it stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Letter {
    /// In lower case, without marks.
    pub(super) base: char,
    pub(super) marks: Marks,
}

impl Letter {
    pub(super) fn plain(base: char) -> Self {
        let marks = Marks::NONE;
        Self { base, marks }
    }

    /// Whether it stands between two syllables.
    pub(super) fn is_border(self) -> bool {
        matches!(self.base, ' ' | '-' | '\'')
    }

    /// Whether both are the same letter with the same marks. An `i` that is also spelt `y` is both.
    pub(super) fn is_alike(self, other: Self) -> bool {
        self.has_base_of(other)
            && self.marks.without(Marks::I_OR_Y) == other.marks.without(Marks::I_OR_Y)
    }

    /// Whether both are the same letter but for the tone.
    pub(super) fn is_alike_without_tone(self, other: Self) -> bool {
        self.without_tone().is_alike(other.without_tone())
    }

    fn has_base_of(self, other: Self) -> bool {
        let is_either = |letter: Self| letter.marks.has(Marks::I_OR_Y);
        self.base == other.base
            || (is_either(self) && other.base == 'y')
            || (is_either(other) && self.base == 'y')
    }

    fn without_tone(self) -> Self {
        Self { marks: self.marks.without(self.marks.tones()), ..self }
    }

    /// Whether it may bear the tone of a Vietnamese syllable.
    pub(super) fn is_vowel(self) -> bool {
        matches!(self.base, 'a' | 'e' | 'i' | 'o' | 'u' | 'y')
    }
}

/// What is written on a letter. The order in which marks were typed is not part of it: NFC alone
/// keeps `a` + grave + circumflex apart from `ầ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marks(u16);

impl Marks {
    pub(super) const NONE: Self = Self(0);
    pub(super) const CIRCUMFLEX: Self = Self(1);
    pub(super) const BREVE: Self = Self(1 << 1);
    pub(super) const HORN: Self = Self(1 << 2);
    /// The bar of `đ`.
    pub(super) const STROKE: Self = Self(1 << 3);
    pub(super) const GRAVE: Self = Self(1 << 4);
    pub(super) const ACUTE: Self = Self(1 << 5);
    pub(super) const TILDE: Self = Self(1 << 6);
    pub(super) const HOOK_ABOVE: Self = Self(1 << 7);
    pub(super) const DOT_BELOW: Self = Self(1 << 8);
    /// Not seen on paper: an `i` in whose place `y` spells the same syllable.
    pub(super) const I_OR_Y: Self = Self(1 << 9);

    /// The five written tones; the level tone has no mark.
    const TONES: Self = Self(
        Self::GRAVE.0 | Self::ACUTE.0 | Self::TILDE.0 | Self::HOOK_ABOVE.0 | Self::DOT_BELOW.0,
    );

    /// The Vietnamese mark that this combining character is.
    pub(super) fn from_combining(c: char) -> Option<Self> {
        match c {
            '\u{300}' => Some(Self::GRAVE),
            '\u{301}' => Some(Self::ACUTE),
            '\u{302}' => Some(Self::CIRCUMFLEX),
            '\u{303}' => Some(Self::TILDE),
            '\u{306}' => Some(Self::BREVE),
            '\u{309}' => Some(Self::HOOK_ABOVE),
            '\u{31b}' => Some(Self::HORN),
            '\u{323}' => Some(Self::DOT_BELOW),
            _ => None,
        }
    }

    /// The combining characters of these marks in the order in which they compose: the dot
    /// below stands nearest to the letter, the other tones behind its mark.
    pub(super) fn combining(self) -> impl Iterator<Item = char> {
        "\u{31b}\u{323}\u{302}\u{306}\u{300}\u{301}\u{303}\u{309}"
            .chars()
            .filter(move |c| Self::from_combining(*c).is_some_and(|mark| self.has(mark)))
    }

    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The tones alone.
    pub(super) fn tones(self) -> Self {
        Self(self.0 & Self::TONES.0)
    }

    /// Whether nothing is written on the letter.
    pub(super) fn is_unwritten(self) -> bool {
        self.without(Self::I_OR_Y) == Self::NONE
    }
}

/// Whether two runs of letters are alike, letter by letter.
pub(super) fn are_alike(some: &[Letter], others: &[Letter]) -> bool {
    some.len() == others.len()
        && some.iter().zip(others).all(|(letter, other)| letter.is_alike(*other))
}
