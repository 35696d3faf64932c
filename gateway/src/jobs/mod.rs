//! Bulk jobs: a file of requests, answered row by row.

pub mod rows;
