//! Figures: how many asked, how many matched. Read from the counters that were summed in the
//! commits of the log, so that report and recount agree.

mod edge;
mod match_rates;

pub use edge::{Edge, EdgeCounters};
pub use match_rates::{
    DEFINITION_EN, DEFINITION_VI, Figures, GroupBy, Kinds, MatchRates, Period, Row, Scope,
    match_rate, match_rates,
};
