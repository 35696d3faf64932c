//! What a backup says about itself. Written last: a folder without it is no backup.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::audit::{CheckpointError, VerifyError, check_tail, verifier_of};
use crate::cli::CliError;
use crate::config::LogConfig;
use crate::hex::hex;
use crate::store::{CheckpointRow, KeyFolder, Store};

/// Name of the manifest in the folder of a backup.
pub(super) const NAME: &str = "manifest.json";
/// Bytes read at once for a digest.
const READ_BYTES: usize = 1 << 16;

/// A backup.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// Form of this document: 1.
    pub(super) format: u8,
    /// When the copy was made.
    pub(super) made_at: String,
    /// Version of the program that made it.
    pub(super) program: String,
    /// Which kind of database it is of.
    pub(super) store: String,
    /// Last migration that its tables have.
    pub(super) migration: i64,
    /// The copy.
    pub(super) file: CopiedFile,
    /// The logs in it.
    pub(super) logs: Vec<CopiedLog>,
}

/// The copy of the database.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CopiedFile {
    /// Name in the backup's folder.
    pub(super) name: String,
    /// Length.
    pub(super) bytes: u64,
    /// SHA-256 in hexadecimal.
    pub(super) sha256: String,
}

/// One log as far as the copy holds it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CopiedLog {
    /// Name.
    pub(super) log: String,
    /// Entries.
    pub(super) size: u64,
    /// Root over them, base64.
    pub(super) root: String,
    /// Signed checkpoint.
    pub(super) note: String,
    /// Whether tail and signature were checked; only a log whose key is there can be.
    pub(super) verified: bool,
}

impl CopiedFile {
    /// Length and digest of a file.
    pub(super) fn of(folder: &Path, name: &str) -> std::io::Result<Self> {
        let mut file = File::open(folder.join(name))?;
        let (mut context, mut bytes) = (Context::new(&SHA256), 0);
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            context.update(&buffer[..read]);
            bytes += read as u64;
        }
        Ok(Self { name: name.to_owned(), bytes, sha256: hex(context.finish().as_ref()) })
    }
}

/// The logs of a copy, checked from their last checkpoint back to their last full tile. The log
/// of this node must be among them and must verify.
pub(super) async fn read_logs(
    store: &Store,
    keys: &KeyFolder,
    config: &LogConfig,
) -> Result<Vec<CopiedLog>, CliError> {
    let mut logs = Vec::new();
    for row in store.checkpoints().await? {
        let own = row.log == config.name;
        let log = LogConfig { name: row.log.clone(), ..config.clone() };
        let verified = own || keys.holds(&format!("log-{}", row.log));
        let (size, root) = if verified {
            let checkpoint = check_tail(store, keys, &log).await.map_err(VerifyError::from)?;
            (checkpoint.size, STANDARD.encode(checkpoint.root))
        } else {
            (row.tree_size as u64, row.note.lines().nth(2).unwrap_or_default().to_owned())
        };
        logs.push(CopiedLog { log: row.log, size, root, note: row.note, verified });
    }
    if logs.iter().any(|log| log.log == config.name) {
        return Ok(logs);
    }
    Err(CliError::Failed(format!("the database holds no log {}", config.name)))
}

/// A log of a copy that cannot be read as a database: what its checkpoint says, if that verifies.
pub(super) fn signed_log(
    row: CheckpointRow,
    keys: &KeyFolder,
    config: &LogConfig,
) -> Result<CopiedLog, CliError> {
    let own = row.log == config.name;
    let log = LogConfig { name: row.log.clone(), ..config.clone() };
    let verified = own || keys.holds(&format!("log-{}", row.log));
    let root = row.note.lines().nth(2).unwrap_or_default().to_owned();
    if verified {
        let verifier = verifier_of(keys, &log).map_err(VerifyError::from)?;
        let refuse = |error: CheckpointError| CliError::Failed(error.to_string());
        verifier.verify(&row.note).map_err(refuse)?;
    }
    Ok(CopiedLog { log: row.log, size: row.tree_size as u64, root, note: row.note, verified })
}
