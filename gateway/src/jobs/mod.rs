//! Bulk jobs: a file of requests, answered row by row.
//!
//! A job is ordered, its file comes in, it runs, and its results are fetched while it does. [`rows`] reads a
//! file, `chunk` decides what is asked together, `run` writes and commits it, `runner` says which jobs run.

mod chunk;
mod ending;
mod lowly;
mod order;
pub mod problem;
mod reading;
mod results;
pub mod rows;
mod run;
mod runner;
mod summary;

pub use ending::{Digest, OPEN, forget, remove_upload};
pub use order::{Mode, Order, UnknownOrder};
pub use runner::Runner;
pub use summary::Summary;
