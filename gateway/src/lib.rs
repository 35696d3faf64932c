//! Population verification gateway.

pub mod clock;
pub mod config;
pub mod telemetry;

pub mod request;

pub mod store;

pub mod auth;
pub mod rate_limit;
pub mod policy;

pub mod population;

pub mod matching;
pub mod audit;
pub mod reports;

pub mod app;

pub mod verification;

pub mod http;

pub mod server;
pub mod cli;

#[cfg(feature = "sandbox")]
pub mod sandbox;
