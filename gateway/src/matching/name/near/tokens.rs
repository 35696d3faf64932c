//! Names as tokens: one missing, one too many, or all of them in another order.

use super::super::letter::{Letter, are_alike};

/// The most tokens that are looked at; names of ten occur. Longer texts have no near misses.
const TOKENS_MAX: usize = 16;

/// The tokens of a name, without heap.
pub(super) struct Tokens<'a> {
    tokens: [&'a [Letter]; TOKENS_MAX],
    count: usize,
}

impl<'a> Tokens<'a> {
    /// The tokens between spaces and hyphens.
    pub(super) fn of(letters: &'a [Letter]) -> Option<Self> {
        Self::split(letters, |letter| matches!(letter.base, ' ' | '-'))
    }

    /// The same, with full stops as borders too: `N.V. An`.
    pub(super) fn with_stops_as_borders(letters: &'a [Letter]) -> Option<Self> {
        Self::split(letters, |letter| matches!(letter.base, ' ' | '-' | '.'))
    }

    fn split(letters: &'a [Letter], is_border: fn(&Letter) -> bool) -> Option<Self> {
        let mut tokens = Self { tokens: [&[]; TOKENS_MAX], count: 0 };
        for token in letters.split(is_border).filter(|token| !token.is_empty()) {
            *tokens.tokens.get_mut(tokens.count)? = token;
            tokens.count += 1;
        }
        Some(tokens)
    }

    pub(super) fn all(&self) -> &[&'a [Letter]] {
        &self.tokens[..self.count]
    }
}

/// Where the given name stands. Without it the rest is a family.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    /// `Nguyễn Văn An`, `Rơ Chăm Phin`.
    Last,
    /// Behind a marker of sex with the clan last: `Y Blô Êban`, `Ka Đam`.
    BehindMarker,
    /// The marker is a letter which may be joined to it: `H Hen Niê`.
    BehindLetter,
    /// The marker is joined to it: `H'Hen Niê`.
    WithLetter,
}

impl Given {
    /// Reads the shape of a recorded name after the step `orthography`.
    pub(super) fn of(record: &Tokens) -> Self {
        let bases = |place: usize| record.all().first()?.get(place).map(|letter| letter.base);
        match (bases(0), bases(1), bases(2)) {
            (Some('y'), None, _) | (Some('k'), Some('a'), None) => Self::BehindMarker,
            (Some('k' | 'h'), None, _) | (Some('k' | 'h'), Some('\''), None) => Self::BehindLetter,
            (Some('k' | 'h'), Some('\''), Some(_)) => Self::WithLetter,
            _ => Self::Last,
        }
    }

    /// Its place among the tokens after the step `mark`, which joins the letters.
    pub(super) fn among(self, reduced: &[&[Letter]]) -> usize {
        match self {
            Self::BehindLetter | Self::WithLetter => 0,
            Self::BehindMarker | Self::Last => self.among_spelt(reduced),
        }
    }

    /// Its place among the tokens before that step.
    pub(super) fn among_spelt(self, spelt: &[&[Letter]]) -> usize {
        let last = spelt.len().saturating_sub(1);
        match self {
            Self::WithLetter => 0,
            Self::BehindMarker | Self::BehindLetter => last.min(1),
            Self::Last => last,
        }
    }
}

/// Whether one token of the record is missing, which is not the given name (its place is `given`),
/// and at least two are left: otherwise a family name would do to be close to every member.
pub(super) fn lacks_one(claim: &[&[Letter]], record: &[&[Letter]], given: usize) -> bool {
    claim.len() >= 2
        && claim.len() + 1 == record.len()
        && (0..record.len()).any(|place| place != given && is_without(claim, record, place))
}

/// Whether the claim has one token more than a record of at least two: a title, a repeated
/// syllable, a name of the family.
pub(super) fn has_one_more(claim: &[&[Letter]], record: &[&[Letter]]) -> bool {
    record.len() >= 2
        && record.len() + 1 == claim.len()
        && (0..claim.len()).any(|place| is_without(record, claim, place))
}

/// Whether the tokens are the same and only their order is not.
pub(super) fn has_other_order(claim: &[&[Letter]], record: &[&[Letter]]) -> bool {
    let mut is_used = [false; TOKENS_MAX];
    let mut finds = |token: &[Letter]| {
        let place = (0..record.len()).find(|&at| !is_used[at] && are_alike(token, record[at]));
        place.is_some_and(|at| !std::mem::replace(&mut is_used[at], true))
    };
    claim.len() == record.len() && claim.iter().all(|token| finds(token))
}

/// Whether the shorter name is the longer one without the token at `place`.
fn is_without(shorter: &[&[Letter]], longer: &[&[Letter]], place: usize) -> bool {
    let rest = longer[..place].iter().chain(&longer[place + 1..]);
    shorter.iter().zip(rest).all(|(token, other)| are_alike(token, other))
}
