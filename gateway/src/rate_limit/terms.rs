//! What a policy says about how often and how much.

use std::num::{NonZeroU32, NonZeroU64};

use serde::{Deserialize, Serialize};

/// A rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests per second in the long run.
    pub rate: NonZeroU32,
    /// Requests at once after a rest; a whole multiple of the rate.
    pub burst: NonZeroU32,
}

impl Limits {
    /// Takes a rate and a burst that is a whole multiple of it, so that the seconds to refill are
    /// whole as the `RateLimit-Policy` field wants them.
    pub fn new(rate: u32, burst: u32) -> Option<Self> {
        let (rate, burst) = (NonZeroU32::new(rate)?, NonZeroU32::new(burst)?);
        (burst.get() % rate.get() == 0).then_some(Self { rate, burst })
    }

    /// The lower of both, with a burst that is still a whole multiple of the rate.
    #[must_use]
    pub fn at_most(self, cap: Self) -> Self {
        let (rate, burst) = (self.rate.min(cap.rate), self.burst.min(cap.burst));
        // Each burst is at least its rate, so that the lower burst is at least the lower rate.
        Self::new(rate.get(), burst.get() / rate * rate.get()).unwrap_or(Self { rate, burst: rate })
    }

    /// Seconds from empty to full.
    pub fn window_seconds(self) -> u32 {
        self.burst.get() / self.rate.get()
    }
}

/// On which lane a client's requests travel: lanes share registry and log by weight, so that a file
/// never delays a desk.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Takes what the others leave.
    Bulk,
    /// Somebody waits for the answer.
    #[default]
    Interactive,
    /// A life may hang on the answer.
    Emergency,
}

impl Lane {
    /// All, the one that goes first last.
    pub const ALL: [Self; 3] = [Self::Bulk, Self::Interactive, Self::Emergency];

    /// The name in the store and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bulk => "bulk",
            Self::Interactive => "interactive",
            Self::Emergency => "emergency",
        }
    }
}

/// How much may be answered in one period; `None` where there is no end to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quota {
    /// Requests that are answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<NonZeroU64>,
    /// Attributes that are compared or released in them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<NonZeroU64>,
}

/// Quotas by Vietnamese day and month (UTC+7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotas {
    /// Of a day.
    pub day: Quota,
    /// Of a month.
    pub month: Quota,
}

/// Everything a policy says about how often and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The client's rate.
    pub limits: Limits,
    /// The rate of each of its officials; only where officials have to be known.
    pub official_limits: Option<Limits>,
    /// Requests on their way at once.
    pub concurrency: NonZeroU32,
    /// How much a day and a month.
    pub quotas: Quotas,
    /// On which lane its requests travel.
    pub lane: Lane,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_limits_the_lower_rate_and_burst_apply() {
        let limits = |rate, burst| Limits::new(rate, burst).unwrap();
        for (a, b, lower) in [
            ((50, 100), (30, 30), (30, 30)),
            ((50, 50), (30, 60), (30, 30)),
            ((50, 100), (1, 80), (1, 80)),
            ((5, 10), (50, 100), (5, 10)),
            ((7, 14), (5, 15), (5, 10)),
        ] {
            let (a, b, lower) = (limits(a.0, a.1), limits(b.0, b.1), limits(lower.0, lower.1));
            assert_eq!((a.at_most(b), b.at_most(a)), (lower, lower));
        }
    }

    #[test]
    fn a_burst_that_is_no_multiple_of_the_rate_is_refused() {
        assert!(Limits::new(50, 75).is_none());
        assert!(Limits::new(0, 0).is_none());
        assert_eq!(Limits::new(50, 100).unwrap().window_seconds(), 2);
    }
}
