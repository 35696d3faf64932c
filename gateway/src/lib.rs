//! Population verification gateway: answers, per attribute and with a reason, whether what a caller
//! holds about a person is true, and can prove afterwards what it answered.
//!
//! The order of the modules below is the order of dependency: a module names only modules above
//! it, and a test checks that. It is also the order of reading; who has little time reads
//! [`verification`], which tells the story of one request, and follows its five steps up:
//! [`rate_limit`], [`policy`], [`population`], [`matching`], [`audit`].
//!
//! Outside things have one home each: axum in [`http`] and [`server`], SQL in [`store`], HTTP
//! client code in `population::client` and [`cli::client`].

// Leaves: time and chance, bytes as text, what was configured, what the process says about itself.
pub mod clock;
pub mod hex;
pub mod config;
pub mod telemetry;

// What is asked, parsed once at the border.
pub mod request;

// Rows and keys in, rows and keys out.
pub mod store;

// May this caller ask this, now?
pub mod auth;
pub mod rate_limit;
pub mod policy;

// What is on file, and how it compares.
pub mod population;
pub mod matching;

// What was decided, provably, and counted.
pub mod audit;

// What administrators do.
pub mod access;

// What is built from the log behind its writer, and the figures.
pub mod projections;
pub mod reports;

// What stands out in how clients ask.
pub mod alarms;

// The shared parts, assembled once.
pub mod app;

// The story of one request, and what all such stories write down.
pub mod asked;
pub mod verification;
pub mod history;

// Its siblings: a request that comes again, an answer that is disputed, many in one request.
pub mod replay;
pub mod disputes;
pub mod batch;

// Many requests in one file.
pub mod jobs;

// The edges: routes, wire shapes, status codes.
pub mod http;

// The process.
pub mod server;
pub mod cli;
#[cfg(feature = "sandbox")]
pub mod sandbox;
