//! The gateway program: parses, runs one command, turns an error into an exit code.

use std::process::ExitCode;

use clap::Parser;
use gateway::cli::{self, Cli};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli::run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gateway: {}", cli::sentence(&error));
            ExitCode::from(error.exit_code())
        }
    }
}
