//! Integration tests, all in one binary: the production gateway through its doors, one process per
//! test under nextest, one thread per test without; and in `process` the programs as their users
//! meet them.

#![expect(clippy::unwrap_used, reason = "all of it is tests, its helpers too")]

mod admitted;
mod alarms;
mod batch;
mod card_qr;
mod citus;
mod clients;
mod credentials;
mod cubes;
mod delegation;
mod disputes;
mod existence;
mod existence_forms;
mod guess_budgets;
mod guess_budgets_shared;
mod history;
mod idempotency;
mod jobs;
mod known_keys;
mod lanes;
mod late_acts;
mod layering;
mod limits;
mod log;
mod logs;
mod lost_server;
mod matrix;
mod misbehaviour;
mod mutations;
mod normalize;
mod officials;
mod paths;
mod policies;
mod postgres;
mod privacy;
mod problems;
mod proxies;
mod published;
mod process;
mod quotas;
mod reports;
mod retention;
mod retention_beside;
mod routes;
mod schema;
mod search;
mod shared_limits;
mod shared_quotas;
mod shutdown;
mod slowing;
mod standing;
mod strict_json;
mod subject_keys;
mod subject_tokens;
mod support;
mod tree;
mod turns;
mod verifications;
mod whoami;
