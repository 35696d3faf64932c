//! `gateway client rotate`, `secrets` and `key`: what a client proves with who it is. They work
//! beside a running gateway, which acts by it within five seconds.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::administering::Administering;
use super::clients::sync_parent;
use super::report::{print_json, print_line, print_text};
use super::{CliError, Format, output};
use crate::access::credentials::{self, CredentialError, NewSecret};
use crate::auth::{KEY_FILE_BYTES_MAX, PublicKey};
use crate::clock::Micros;
use crate::config::Config;

/// Longest file that a secret is read from, in bytes.
const SECRET_FILE_BYTES_MAX: u64 = 4_096;

/// What is done with credentials.
#[derive(Debug, Subcommand)]
pub(super) enum CredentialCommand {
    /// Give a client a new secret beside the one in use, or take one away. Of two the older one is
    /// replaced.
    Rotate(RotateArgs),
    /// Show which secrets a client has, and when each was last used.
    Secrets {
        /// The client's identifier.
        id: String,
    },
    /// Public keys with which a client signs who it is (`private_key_jwt`).
    #[command(subcommand)]
    Key(ClientKeyCommand),
}

/// Arguments of a rotation.
#[derive(Debug, Args)]
pub(super) struct RotateArgs {
    /// The client's identifier.
    id: String,
    /// Write the new secret into this new file, for its owner alone; printed when left out.
    #[arg(long, value_name = "FILE", conflicts_with = "retire")]
    secret_out: Option<PathBuf>,
    /// Take the new secret from this file, - for standard input, instead of making one.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["retire", "secret_out"])]
    secret_file: Option<PathBuf>,
    /// Take the secret in this slot away instead.
    #[arg(long, value_name = "SLOT", value_parser = clap::value_parser!(i64).range(1..=2))]
    retire: Option<i64>,
    /// Although the newer of two secrets was never used; with --retire, although it is the last
    /// credential of a client that is not closed.
    #[arg(long)]
    force: bool,
    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,
}

/// What is done with public keys.
#[derive(Debug, Subcommand)]
pub(super) enum ClientKeyCommand {
    /// Add a key: Ed25519 or P-256.
    Add {
        /// The client's identifier.
        id: String,
        /// The public key as JWK or PEM, - for standard input.
        #[arg(long)]
        file: PathBuf,
        /// Only say what would be done.
        #[arg(long)]
        dry_run: bool,
    },
    /// Take a key away.
    Remove {
        /// The client's identifier.
        id: String,
        /// The key's identifier.
        kid: String,
        /// Although it is the last credential of a client that is not closed.
        #[arg(long)]
        force: bool,
        /// Only say what would be done.
        #[arg(long)]
        dry_run: bool,
    },
    /// Show the keys of a client, and when each was last used.
    List {
        /// The client's identifier.
        id: String,
    },
}

/// Runs one of the commands.
pub(super) async fn run(
    command: &CredentialCommand,
    config: &Config,
    format: Format,
) -> Result<(), CliError> {
    let office = Administering::open(config).await?;
    match command {
        CredentialCommand::Rotate(args) => match args.retire {
            Some(slot) => retire(office, args, slot, format).await,
            None => rotate(office, args, format).await,
        },
        CredentialCommand::Secrets { id } => secrets(&office, id, format).await,
        CredentialCommand::Key(ClientKeyCommand::Add { id, file, dry_run }) => {
            add_key(office, id, file, *dry_run, format).await
        }
        CredentialCommand::Key(ClientKeyCommand::Remove { id, kid, force, dry_run }) => {
            remove_key(office, [id, kid], *force, *dry_run, format).await
        }
        CredentialCommand::Key(ClientKeyCommand::List { id }) => keys(&office, id, format).await,
    }
}

/// The secret is in its file before it is good. If we die in between, the file holds a secret that
/// is good for nothing.
async fn rotate(
    office: Administering<'_>,
    args: &RotateArgs,
    format: Format,
) -> Result<(), CliError> {
    let plan = credentials::plan_rotation(&office.store, &args.id, args.force).await;
    let plan = plan.map_err(refused)?;
    let secret = match &args.secret_file {
        Some(file) => NewSecret::parse(&read_secret(file)?).map_err(refused)?,
        None => NewSecret::generate(&office.random),
    };
    let effect = match &plan.replaces {
        None => format!("slot {} is free", plan.slot),
        Some(old) => format!(
            "slot {} is taken: the secret of {} in it, {}, ends",
            plan.slot,
            Micros(old.created_us),
            last_used(old.last_used_us)
        ),
    };
    if args.dry_run {
        let told = json!({ "client_id": args.id, "slot": plan.slot, "rotated": false });
        return say(format, &told, &format!("{effect}; nothing was changed"));
    }
    if let Some(file) = &args.secret_out {
        write_secret(file, secret.expose())?;
    }
    let by = office.administrator();
    let rotated =
        credentials::rotate_secret(&office.store, &by, &args.id, &secret, args.force).await;
    let slot = match (rotated, &args.secret_out) {
        (Ok(slot), _) => slot,
        // Whether it was committed is not known: what may be good must not be lost.
        (Err(CredentialError::Store(error)), Some(file)) => {
            eprintln!("it is not known whether the secret in {} is good: try it", file.display());
            return Err(error.into());
        }
        (Err(error), file) => {
            // It is good for nothing. If it cannot be removed, that harms nobody.
            let _left = file.as_ref().map(fs::remove_file);
            return Err(refused(error));
        }
    };
    let mut told = json!({ "client_id": args.id, "slot": slot, "rotated": true });
    let shown = match (&args.secret_out, &args.secret_file) {
        (Some(file), _) => format!("the secret is in {}", file.display()),
        (None, Some(_)) => "the secret is the one of the file".to_owned(),
        (None, None) => {
            told["secret"] = secret.expose().into();
            format!("the secret, shown this once: {}", secret.expose())
        }
    };
    // Before the log: a secret that is good must not be lost by an error there. Nor must the log miss
    // the act because nobody reads what we print.
    let said = say(format, &told, &format!("{effect}; {shown}"));
    office.finish().await;
    said
}

async fn retire(
    office: Administering<'_>,
    args: &RotateArgs,
    slot: i64,
    format: Format,
) -> Result<(), CliError> {
    let RotateArgs { id, force, dry_run, .. } = args;
    let is_it = |of_secret: Option<i64>, _: Option<&str>| of_secret == Some(slot);
    let checked = credentials::check_removal(&office.store, id, is_it, *force).await;
    checked.map_err(refused)?;
    let told = json!({ "client_id": id, "slot": slot, "retired": !dry_run });
    if *dry_run {
        return say(format, &told, &format!("the secret in slot {slot} would end"));
    }
    let by = office.administrator();
    let retired = credentials::retire_secret(&office.store, &by, id, slot, *force).await;
    retired.map_err(refused)?;
    let said = say(format, &told, &format!("the secret in slot {slot} has ended"));
    office.finish().await;
    said
}

async fn secrets(office: &Administering<'_>, id: &str, format: Format) -> Result<(), CliError> {
    let secrets = credentials::secrets(&office.store, id).await.map_err(refused)?;
    let rows: Vec<[String; 3]> = secrets
        .iter()
        .map(|row| {
            let at = Micros(row.created_us).to_string();
            [row.slot.to_string(), at, moment(row.last_used_us)]
        })
        .collect();
    list(format, "secrets", ["slot", "created", "last_used"], &rows)
}

async fn add_key(
    office: Administering<'_>,
    id: &str,
    file: &Path,
    dry_run: bool,
    format: Format,
) -> Result<(), CliError> {
    let text = read_text(file, KEY_FILE_BYTES_MAX as u64)?;
    let shown = file.display();
    let key = PublicKey::parse(&text)
        .map_err(|error| CliError::Usage(format!("the file {shown} {error}")))?;
    credentials::check_key(&office.store, id, &key).await.map_err(refused)?;
    let (kid, algorithm) = (key.kid(), key.algorithm().name());
    let told = json!({ "client_id": id, "kid": kid, "alg": algorithm, "added": !dry_run });
    if dry_run {
        return say(format, &told, &format!("the key {kid} ({algorithm}) would be added"));
    }
    let by = office.administrator();
    credentials::add_key(&office.store, &by, id, &key).await.map_err(refused)?;
    let said = say(format, &told, &format!("the key {kid} ({algorithm}) is added"));
    office.finish().await;
    said
}

async fn remove_key(
    office: Administering<'_>,
    [id, kid]: [&str; 2],
    force: bool,
    dry_run: bool,
    format: Format,
) -> Result<(), CliError> {
    let is_it = |_: Option<i64>, of_key: Option<&str>| of_key == Some(kid);
    let checked = credentials::check_removal(&office.store, id, is_it, force).await;
    checked.map_err(refused)?;
    let told = json!({ "client_id": id, "kid": kid, "removed": !dry_run });
    if dry_run {
        return say(format, &told, &format!("the key {kid} would be removed"));
    }
    let by = office.administrator();
    credentials::remove_key(&office.store, &by, id, kid, force).await.map_err(refused)?;
    let said = say(format, &told, &format!("the key {kid} is removed"));
    office.finish().await;
    said
}

async fn keys(office: &Administering<'_>, id: &str, format: Format) -> Result<(), CliError> {
    let keys = credentials::keys(&office.store, id).await.map_err(refused)?;
    let rows: Vec<[String; 4]> = keys
        .iter()
        .map(|row| {
            let algorithm = PublicKey::from_jwk(&row.jwk).map(|key| key.algorithm().name());
            let at = Micros(row.created_us).to_string();
            [row.kid.clone(), algorithm.unwrap_or("?").into(), at, moment(row.last_used_us)]
        })
        .collect();
    list(format, "keys", ["kid", "alg", "created", "last_used"], &rows)
}

fn list<const N: usize>(
    format: Format,
    name: &str,
    columns: [&str; N],
    rows: &[[String; N]],
) -> Result<(), CliError> {
    match format {
        Format::Table => print_line(&output::plain_table(&columns, rows))?,
        Format::Csv => print_text(&output::plain_csv(&columns, rows)?)?,
        Format::Json => {
            let object = |row: &[String; N]| -> Value {
                columns.iter().zip(row).map(|(name, cell)| (*name, cell.as_str())).collect()
            };
            let objects: Vec<Value> = rows.iter().map(object).collect();
            print_json(&json!({ name: objects }))?;
        }
    }
    Ok(())
}

fn say(format: Format, told: &Value, sentence: &str) -> Result<(), CliError> {
    match format {
        Format::Json => print_json(told),
        Format::Table | Format::Csv => print_line(sentence),
    }
}

fn moment(at_us: Option<i64>) -> String {
    at_us.map_or_else(|| "-".to_owned(), |at| Micros(at).to_string())
}

fn last_used(at_us: Option<i64>) -> String {
    at_us.map_or_else(|| "never used".to_owned(), |at| format!("last used {}", Micros(at)))
}

fn read_secret(file: &Path) -> Result<String, CliError> {
    Ok(read_text(file, SECRET_FILE_BYTES_MAX)?.trim().to_owned())
}

fn read_text(file: &Path, bytes_max: u64) -> Result<String, CliError> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        io::stdin().take(bytes_max).read_to_string(&mut text)
    } else {
        fs::File::open(file).and_then(|file| file.take(bytes_max).read_to_string(&mut text))
    };
    read.map_err(CliError::io(format!("the file {} cannot be read", file.display())))?;
    Ok(text)
}

/// A new file for its owner alone, which lasts, and its name too; one that is there is not
/// overwritten.
fn write_secret(path: &Path, secret: &str) -> Result<(), CliError> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        writeln!(file, "{secret}")?;
        file.sync_all()?;
        sync_parent(path)
    };
    write().map_err(CliError::io(format!("the file {} cannot be written", path.display())))
}

fn refused(error: CredentialError) -> CliError {
    match error {
        CredentialError::Store(error) => error.into(),
        CredentialError::Form => CliError::Usage(error.to_string()),
        CredentialError::UnknownClient
        | CredentialError::Unknown
        | CredentialError::Last
        | CredentialError::Closed
        | CredentialError::NewerUnused
        | CredentialError::OfAnother
        | CredentialError::Taken
        | CredentialError::TooMany
        | CredentialError::Hashing(_) => CliError::Failed(error.to_string()),
    }
}
