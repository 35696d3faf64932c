//! What stands out in how clients ask, judged beside the requests.
//!
//! [`Watch`] is told of every answer of the interactive lane once its entry is durable, adds it to
//! the window of its client and to one over all clients, and hands out windows that are full: at
//! least 1,000 answers and 10 minutes. [`judge`] is pure: a window and the client's habit in, what
//! stands out and what is normal out. What is raised and cleared goes into the log through
//! the store, once over all nodes and restarts. The rules with their arithmetic are in
//! `docs/alarms.md`.
//!
//! Nothing here holds a personal number: numbers and people are compared by keyed digests.

mod acts;
mod distinct;
mod habit;
mod kind;
mod neighbours;
mod rules;
mod subjects;
mod watch;
mod window;

pub use acts::{
    Acknowledged, AlarmState, Teller, acknowledge, clear, is_alarm_id, is_over, parse_note, raise,
};
pub use habit::{Habit, Habits, Rate};
pub use kind::AlarmKind;
pub use rules::{Figures, Judged, Normal, Raised, judge, judge_subjects, unshared};
pub use watch::{Answered, CLIENTS_MAX, Watch};
pub use window::{ClientWindow, Span, SubjectAsked, SubjectsWindow};
