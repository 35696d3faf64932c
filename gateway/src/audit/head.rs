//! How far each log in the database reaches, as its last checkpoint says.

use super::checkpoint::{Checkpoint, CheckpointError, CheckpointSigner};
use super::tiles::{Tiles, TilesError};
use crate::store::{CheckpointRow, KeyFolder};

/// How far a log reaches.
#[derive(Debug, Clone)]
pub struct LogHead {
    /// Name of the log.
    pub log: String,
    /// What the note says; whether its signature is good is for those who hold the verifier key.
    pub checkpoint: Checkpoint,
    /// The signed note.
    pub note: String,
}

impl LogHead {
    fn read(row: CheckpointRow) -> Result<Self, TilesError> {
        let checkpoint = Checkpoint::read_unverified(&row.note)
            .filter(|checkpoint| i64::try_from(checkpoint.size) == Ok(row.tree_size));
        match checkpoint {
            Some(checkpoint) => Ok(Self { log: row.log, checkpoint, note: row.note }),
            None => Err(TilesError::Checkpoint { log: row.log }),
        }
    }

    /// The verifier key of the log; none where its key is not in the folder: a node holds the key
    /// of its own log, as a rule, and of no other.
    ///
    /// # Errors
    /// If the key is there and did not sign this note.
    pub fn verifier_key(&self, keys: &KeyFolder) -> Result<Option<String>, CheckpointError> {
        let is_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        // The name becomes part of a path.
        if !self.log.bytes().all(is_name) {
            return Ok(None);
        }
        let Ok(seed) = keys.load(&format!("log-{}", self.log)) else { return Ok(None) };
        let signer = CheckpointSigner::new(&seed, self.checkpoint.origin.clone());
        let signer = signer.ok_or(CheckpointError::Signature)?;
        signer.verify(&self.note)?;
        Ok(Some(signer.verifier_key()))
    }
}

impl Tiles {
    /// How far every log in the database reaches, by name.
    pub async fn heads(&self) -> Result<Vec<LogHead>, TilesError> {
        let rows = self.store().checkpoints().await?;
        rows.into_iter().map(LogHead::read).collect()
    }

    /// How far a log reaches; `None` where there is none of this name.
    pub async fn head(&self, log: &str) -> Result<Option<LogHead>, TilesError> {
        self.store().checkpoint(log).await?.map(LogHead::read).transpose()
    }
}
