//! Integration tests: the production gateway through its doors, one process per test under
//! nextest, one thread per test without.

mod existence;
mod layering;
mod limits;
mod log;
mod privacy;
mod problems;
mod reports;
mod routes;
mod shutdown;
mod standing;
mod strict_json;
mod support;
mod verifications;
