//! Figures: how many asked, how many matched. Read from the counters that were summed in the
//! commits of the log, so that report and recount agree.

mod edge;
mod figures;
mod grouping;
mod match_rates;
mod plan;
mod table;
mod usage;

pub use edge::{Edge, EdgeCounters};
pub use figures::{AttributeFigures, DisputeFigures, Figure, Figures, RowFigures, match_rate};
pub use grouping::{Dimension, Grouping};
pub use match_rates::{
    DEFINITION_EN, DEFINITION_VI, Kinds, MatchRates, Period, Question, ReportError, Row, Scope,
    match_rates,
};
pub use usage::{NO_OPERATION, Usage, UsageFigures, UsageRow, usage, used_lately};
