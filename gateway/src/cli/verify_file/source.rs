//! FILE: what it is now, and its parts.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};

use crate::cli::CliError;
use crate::hex::hex;

/// Bytes that are hashed at once.
const HASHED_AT_ONCE: usize = 1 << 20;

/// The file that is sent.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    file: Arc<File>,
    before: Metadata,
    /// Hexadecimal.
    pub(super) sha256: String,
}

impl Source {
    /// Opens and hashes it.
    pub(super) async fn open(path: &Path) -> Result<Self, CliError> {
        let failed = || CliError::io(format!("cannot read {}", path.display()));
        let file = Arc::new(File::open(path).map_err(failed())?);
        let before = file.metadata().map_err(failed())?;
        if !before.is_file() || before.len() == 0 {
            let what = if before.is_file() { "is empty" } else { "is no file" };
            return Err(CliError::Usage(format!("{} {what}", path.display())));
        }
        let sha256 = sha256(Arc::clone(&file), before.len()).await.map_err(failed())?;
        Ok(Self { path: path.to_owned(), file, before, sha256 })
    }

    pub(super) fn bytes(&self) -> u64 {
        self.before.len()
    }

    /// The bytes from `start` to before `end`.
    pub(super) async fn part(&self, start: u64, end: u64) -> Result<Vec<u8>, CliError> {
        let file = Arc::clone(&self.file);
        let read = blocking(move || {
            let mut part = vec![0; (end - start) as usize];
            file.read_exact_at(&mut part, start)?;
            Ok(part)
        });
        read.await.map_err(CliError::io(format!("cannot read {}", self.path.display())))
    }

    /// Fails if it was written to since it was opened: what was sent is then neither the one nor the other.
    pub(super) fn check_unchanged(&self) -> Result<(), CliError> {
        let path = self.path.display();
        let now = self.file.metadata().map_err(CliError::io(format!("cannot read {path}")))?;
        let stamp = |it: &Metadata| (it.len(), it.mtime(), it.mtime_nsec());
        if stamp(&now) == stamp(&self.before) {
            return Ok(());
        }
        Err(CliError::Failed(format!("{path} was changed while it was sent; nothing was asked")))
    }
}

/// SHA-256 of the first `bytes` of a file, hexadecimal.
pub(super) async fn sha256(file: Arc<File>, bytes: u64) -> io::Result<String> {
    blocking(move || {
        let (mut context, mut offset) = (Context::new(&SHA256), 0);
        let mut buffer = vec![0; HASHED_AT_ONCE];
        while offset < bytes {
            let length = HASHED_AT_ONCE.min((bytes - offset) as usize);
            file.read_exact_at(&mut buffer[..length], offset)?;
            context.update(&buffer[..length]);
            offset += length as u64;
        }
        Ok(hex(context.finish().as_ref()))
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
