//! The load tester: open-loop load with every verdict held against the truth, and a comparison
//! with what else could stand in the gateway's place.
//!
//! The order of the modules is the order of dependency and of reading. A new scenario is a
//! sibling of `run`, `peers`, `truth`, `flood`, `lanes` and `limits`: it makes a ring of requests, drives it, and reads
//! the tally. `timing` sends one request at a time.
//! `guess` asks a gateway in its own process, whose clock it moves.
//! `accuracy`, `log` and `report` send no requests: they ask the matching rules, the log and the
//! counters themselves.

#![expect(
    clippy::disallowed_methods,
    reason = "measuring how long other programs really take is this program's whole job"
)]

mod chance;
mod failure;
mod interrupt;
mod stats;

mod child;
mod cpu;
mod memory;
mod ports;

mod wire;

mod credential;
mod latency;
mod material;
mod tally;
mod token;

mod private;

mod drive;

mod accuracy;
mod flood;
mod guess;
mod lanes;
mod limits;
mod log;
mod peers;
mod report;
mod run;
mod timing;
mod truth;

mod cli;

use std::process::ExitCode;

use clap::Parser;

use cli::Cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("loadtest: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}
