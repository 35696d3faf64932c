//! The load tester: open-loop load with every verdict held against the truth, and a comparison
//! with what else could stand in the gateway's place.
//!
//! The order of the modules is the order of dependency and of reading. A new scenario is a
//! sibling of `run` and `peers`: it makes a ring of requests, drives it, and reads the tally.

#![expect(
    clippy::disallowed_methods,
    reason = "measuring how long other programs really take is this program's whole job"
)]
#![cfg_attr(
    test,
    expect(clippy::unwrap_used, reason = "a test that panics has failed")
)]

mod failure;
mod stats;

mod child;
mod cpu;

mod wire;

mod material;
mod tally;
mod token;

mod drive;

mod peers;
mod run;

mod cli;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use cli::{Cli, Command};
use failure::Failure;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match command(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("loadtest: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn command(command: Command) -> Result<(), Failure> {
    let mut runtime = match command {
        Command::Echo(_) => peers::echo_runtime(),
        Command::Run(_) | Command::Peers(_) => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = runtime.enable_all().build().context("the runtime")?;
    runtime.block_on(async {
        // Dropping the command's future stops every child that it holds.
        tokio::select! {
            biased;
            stopped = asked_to_stop() => stopped,
            done = cli::execute(command) => done,
        }
    })
}

/// Waits for Ctrl-C, SIGTERM, or the terminal's end.
async fn asked_to_stop() -> Result<(), Failure> {
    let mut hangup = signal(SignalKind::hangup()).context("signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals")?;
    tokio::select! {
        _ = hangup.recv() => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Err(Failure::Interrupted)
}
