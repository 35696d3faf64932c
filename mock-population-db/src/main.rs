//! The mock program: reads the command line, runs one command, turns an error into an exit code.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use mock_population_db::cli::{self, Cli};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Err(error) = cli::run(&Cli::parse()) else {
        return ExitCode::SUCCESS;
    };
    eprint!("mock-population-db: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprint!(": {error}");
        cause = error.source();
    }
    eprintln!();
    ExitCode::from(error.exit_code())
}
