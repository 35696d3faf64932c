//! What is on file: the register's answer about one subject, and the way to it.

mod record;

pub use record::{Person, Record, SubjectStatus};
