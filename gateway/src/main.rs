//! The gateway program: parses, runs one command, turns an error into an exit code.

use std::process::ExitCode;

use clap::Parser;
use gateway::cli::{self, Cli, CliError};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gateway: {}", cli::sentence(&error));
            ExitCode::from(error.exit_code())
        }
    }
}

async fn run(cli: &Cli) -> Result<(), CliError> {
    #[cfg(feature = "sandbox")]
    if let Some(args) = cli.sandbox() {
        return gateway::sandbox::run(args).await;
    }
    cli::run(cli).await
}
