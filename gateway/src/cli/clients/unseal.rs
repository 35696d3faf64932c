//! `gateway client unseal`: opens a sealed credential.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::super::CliError;
use super::read;
use crate::access;

#[derive(Debug, Args)]
pub(in crate::cli) struct UnsealArgs {
    /// The sealed file.
    file: PathBuf,
    /// File with the passphrase; standard input when left out.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Put the credential into a new file, which its owner alone may read, in place of standard
    /// output.
    #[arg(long, value_name = "FILE")]
    secret_out: Option<PathBuf>,
}

pub(super) fn unseal(args: &UnsealArgs) -> Result<(), CliError> {
    if args.file == Path::new("-") && args.passphrase_file.is_none() {
        return Err(CliError::Usage(
            "standard input is the sealed file, so the passphrase takes --passphrase-file".into(),
        ));
    }
    if args.file == Path::new("-") && args.passphrase_file.as_deref() == Some(Path::new("-")) {
        return Err(CliError::Usage("standard input cannot be both file and passphrase".into()));
    }
    let sealed = text(&args.file)?;
    let passphrase = text(args.passphrase_file.as_deref().unwrap_or(Path::new("-")))?;
    let credential = access::unseal(&sealed, &passphrase)
        .map_err(|error| CliError::Failed(error.to_string()))?;
    let shown = serde_json::to_string_pretty(&credential)
        .map_err(|error| CliError::Failed(error.to_string()))?;
    let Some(path) = &args.secret_out else {
        println!("{shown}");
        return Ok(());
    };
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.and_then(|mut file| {
        writeln!(file, "{shown}")?;
        file.sync_all()
    })
    .map_err(CliError::io(format!("{} cannot be written", path.display())))
}

fn text(path: &Path) -> Result<String, CliError> {
    String::from_utf8(read(path)?)
        .map_err(|_| CliError::Usage(format!("{} is not text", path.display())))
}
