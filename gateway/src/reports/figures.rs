//! The figures of a row. Which there are depends on the cube that the report is about.

use serde::Serialize;
use utoipa::ToSchema;

use super::Edge;
use crate::audit::{Cube, DisputeState};
use crate::matching::{Outcome, Verdict};

/// The first of the figures about disputes.
const DISPUTED: &str = "disputed";

/// What requests came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, ToSchema)]
pub struct Figures {
    /// matched + `not_matched` + inconclusive + refused.
    pub received: i64,
    /// Answered: what the caller holds is true.
    pub matched: i64,
    /// Answered: it is not.
    pub not_matched: i64,
    /// Not answered: the register did not tell.
    pub inconclusive: i64,
    /// Refused by policy.
    pub refused: i64,
    /// Of `matched`: the person is dead; null for whoever may not know the status of a person.
    pub matched_deceased: Option<i64>,
    /// Refused by a limit; not part of `received`.
    pub throttled: i64,
    /// Not well formed; not part of `received`.
    pub malformed: i64,
    /// matched / (matched + `not_matched`), 0 to 1; null when nothing was answered.
    pub match_rate: Option<f64>,
    /// Disputes opened in the period; no part of any other figure.
    pub disputed: i64,
    /// Disputes upheld in the period.
    pub disputes_upheld: i64,
    /// Disputes rejected in the period.
    pub disputes_rejected: i64,
}

/// What comparing attributes came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct AttributeFigures {
    /// All verdicts together.
    pub asked: i64,
    /// The same value.
    #[serde(rename = "match")]
    pub matched: i64,
    /// Different in one way that has a name.
    pub close: i64,
    /// Different.
    pub no_match: i64,
    /// The register holds no value.
    pub not_on_file: i64,
    /// Not compared.
    pub not_checked: i64,
    /// Not permitted by the policy.
    pub not_permitted: i64,
}

/// What was disputed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct DisputeFigures {
    /// Opened in the period.
    pub disputed: i64,
    /// Upheld in the period.
    pub disputes_upheld: i64,
    /// Rejected in the period.
    pub disputes_rejected: i64,
}

/// The figures of one row.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum RowFigures {
    /// What requests came to.
    Answers(Figures),
    /// What comparing attributes came to.
    Attributes(AttributeFigures),
    /// What was disputed.
    Disputes(DisputeFigures),
}

/// One figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Figure {
    /// How many.
    Number(i64),
    /// What part.
    Rate(Option<f64>),
}

/// The match rate: one function, used everywhere.
pub fn match_rate(matched: i64, not_matched: i64) -> Option<f64> {
    let answered = matched + not_matched;
    (answered > 0).then(|| matched as f64 / answered as f64)
}

impl RowFigures {
    /// No figures yet, of the cube that a report is about.
    pub(super) fn empty(cube: Cube) -> Self {
        match cube {
            Cube::Outcomes | Cube::Provinces => {
                Self::Answers(Figures { matched_deceased: Some(0), ..Figures::default() })
            }
            Cube::Attributes => Self::Attributes(AttributeFigures::default()),
            Cube::Disputes => Self::Disputes(DisputeFigures::default()),
        }
    }

    /// The figures about answers, where the report is about them.
    pub fn answers(&self) -> Option<&Figures> {
        match self {
            Self::Answers(figures) => Some(figures),
            Self::Attributes(_) | Self::Disputes(_) => None,
        }
    }

    /// Every figure that is told, by name, in the order in which they are shown.
    pub fn named(&self) -> Vec<(&'static str, Figure)> {
        let mut copy = *self;
        let numbers = copy.numbers().into_iter();
        let mut named: Vec<_> = numbers.map(|(name, n)| (name, Figure::Number(*n))).collect();
        if let Some(figures) = self.answers() {
            // Behind what came to the gateway, before what was disputed of it.
            let place = named.iter().position(|(name, _)| *name == DISPUTED);
            let rate = ("match_rate", Figure::Rate(figures.match_rate));
            named.insert(place.unwrap_or(named.len()), rate);
        }
        named
    }

    /// Every number by name, in the same order.
    fn numbers(&mut self) -> Vec<(&'static str, &mut i64)> {
        match self {
            Self::Answers(it) => {
                let mut numbers = vec![
                    ("received", &mut it.received),
                    ("matched", &mut it.matched),
                    ("not_matched", &mut it.not_matched),
                    ("inconclusive", &mut it.inconclusive),
                    ("refused", &mut it.refused),
                ];
                numbers.extend(it.matched_deceased.as_mut().map(|n| ("matched_deceased", n)));
                numbers.extend([
                    ("throttled", &mut it.throttled),
                    ("malformed", &mut it.malformed),
                    (DISPUTED, &mut it.disputed),
                    ("disputes_upheld", &mut it.disputes_upheld),
                    ("disputes_rejected", &mut it.disputes_rejected),
                ]);
                numbers
            }
            Self::Attributes(it) => vec![
                ("asked", &mut it.asked),
                ("match", &mut it.matched),
                ("close", &mut it.close),
                ("no_match", &mut it.no_match),
                ("not_on_file", &mut it.not_on_file),
                ("not_checked", &mut it.not_checked),
                ("not_permitted", &mut it.not_permitted),
            ],
            Self::Disputes(it) => vec![
                (DISPUTED, &mut it.disputed),
                ("disputes_upheld", &mut it.disputes_upheld),
                ("disputes_rejected", &mut it.disputes_rejected),
            ],
        }
    }

    /// Whether nothing was counted.
    pub(super) fn is_empty(&self) -> bool {
        let mut copy = *self;
        copy.numbers().iter().all(|(_, n)| **n == 0)
    }

    /// Adds requests of one outcome.
    pub(super) fn add_outcome(&mut self, outcome: Outcome, n: i64) {
        let Self::Answers(figures) = self else { return };
        figures.received += n;
        match outcome {
            Outcome::Matched => figures.matched += n,
            Outcome::NotMatched => figures.not_matched += n,
            Outcome::Inconclusive => figures.inconclusive += n,
            Outcome::Refused => figures.refused += n,
        }
    }

    /// Adds matched requests about the dead, which are counted among the matched ones already.
    pub(super) fn add_deceased(&mut self, n: i64) {
        let Self::Answers(Figures { matched_deceased: Some(deceased), .. }) = self else { return };
        *deceased += n;
    }

    /// The same for whoever may not know the status of a person.
    #[must_use]
    pub(super) fn without_status(mut self) -> Self {
        if let Self::Answers(figures) = &mut self {
            figures.matched_deceased = None;
        }
        self
    }

    /// Adds what never reached the log.
    pub(super) fn add_edge(&mut self, edge: Edge, n: i64) {
        let Self::Answers(figures) = self else { return };
        match edge {
            Edge::Throttled => figures.throttled += n,
            Edge::Malformed => figures.malformed += n,
        }
    }

    /// Adds comparisons that came to one verdict.
    pub(super) fn add_verdict(&mut self, verdict: Verdict, n: i64) {
        let Self::Attributes(figures) = self else { return };
        figures.asked += n;
        match verdict {
            Verdict::Match => figures.matched += n,
            Verdict::Close => figures.close += n,
            Verdict::NoMatch => figures.no_match += n,
            Verdict::NotOnFile => figures.not_on_file += n,
            Verdict::NotChecked => figures.not_checked += n,
            Verdict::NotPermitted => figures.not_permitted += n,
        }
    }

    /// Adds disputes that came to one state.
    pub(super) fn add_dispute(&mut self, state: DisputeState, n: i64) {
        let (opened, upheld, rejected) = match self {
            Self::Answers(it) => {
                (&mut it.disputed, &mut it.disputes_upheld, &mut it.disputes_rejected)
            }
            Self::Disputes(it) => {
                (&mut it.disputed, &mut it.disputes_upheld, &mut it.disputes_rejected)
            }
            Self::Attributes(_) => return,
        };
        match state {
            DisputeState::Open => *opened += n,
            DisputeState::Upheld => *upheld += n,
            DisputeState::Rejected => *rejected += n,
        }
    }

    /// Adds the figures of a row to those of the total. All rows of a report are about one cube.
    pub(super) fn add(&mut self, row: &Self) {
        let mut row = *row;
        for ((_, total), (_, n)) in self.numbers().into_iter().zip(row.numbers()) {
            *total += *n;
        }
    }

    /// The same with its rate, which sums do not have.
    #[must_use]
    pub(super) fn with_rate(mut self) -> Self {
        if let Self::Answers(figures) = &mut self {
            figures.match_rate = match_rate(figures.matched, figures.not_matched);
        }
        self
    }
}
