//! What is known of failures, in a file: without it a start would read the log of thirty days.
//!
//! Digests and names of clients, no personal value. The file ends with a SHA-256 of what stands before
//! it, so that a damaged one is told from a good one; it is never needed, because everything in it
//! stands in the log as well.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};

use super::filter::{FILTERS, Filter};
use super::newest::Failure;
use super::{FILTER_WORDS, GuessBudgets};
use crate::request::ClientId;

/// What the file begins with; another layout begins otherwise.
const MAGIC: &[u8; 16] = b"guess-budgets-1\n";
/// Failures written at once: the budgets are locked for so many.
const CHUNK: usize = 16_384;

/// Why a snapshot was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file cannot be read or written.
    #[error("the snapshot of guess budgets cannot be read or written")]
    File(#[from] io::Error),
    /// It is damaged, or of another version.
    #[error("the snapshot of guess budgets is damaged or of another version")]
    Form,
}

impl GuessBudgets {
    /// Writes everything that is known to a file, whole or not at all. `temporary` is a name in the same
    /// folder that nobody else uses; what an earlier try has left there is overwritten.
    ///
    /// What is noted meanwhile may be missing: it stands in a log after the places that the file
    /// names.
    ///
    /// # Errors
    /// If the file cannot be written; the one before it stays.
    pub fn save(&self, path: &Path, temporary: &Path) -> Result<(), SnapshotError> {
        let written = self.write_to(temporary).and_then(|()| {
            fs::rename(temporary, path)?;
            let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        });
        if written.is_err() {
            // It may not have been made; what failed is told, not this.
            let _not_there = fs::remove_file(temporary);
        }
        Ok(written?)
    }

    fn write_to(&self, path: &Path) -> io::Result<()> {
        let file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        let mut out = Out { file: BufWriter::new(file), digest: Context::new(&SHA256) };
        out.bytes(MAGIC)?;
        // First of all: what comes into the logs from now on is read again from there.
        let (logs, mut next) = {
            let state = self.state();
            (state.read.clone(), state.newest.oldest())
        };
        out.number(logs.len() as u64)?;
        for (log, index) in &logs {
            out.text(log)?;
            out.number(*index)?;
        }
        loop {
            let (first, failures) = self.state().newest.from(next, CHUNK);
            out.number(failures.len() as u64)?;
            if failures.is_empty() {
                break;
            }
            for failure in &failures {
                out.failure(failure)?;
            }
            next = first + failures.len() as u64;
        }
        // After the failures: what made room for others meanwhile is in them.
        for number in 0..FILTERS {
            let filter = self.state().older.read(number);
            out.number(filter.span.into())?;
            out.number(filter.bits.len() as u64)?;
            for word in &filter.bits {
                out.number(*word)?;
            }
        }
        let clients = self.state().clients.names().to_vec();
        out.number(clients.len() as u64)?;
        for client in &clients {
            out.text(client.as_str())?;
        }
        let Out { mut file, digest } = out;
        file.write_all(digest.finish().as_ref())?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    }

    /// Takes over what a file holds; false where there is none.
    ///
    /// # Errors
    /// If it cannot be read or is damaged; nothing is taken over then.
    pub fn load(&self, path: &Path) -> Result<bool, SnapshotError> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let saved = Saved::parse(&bytes).ok_or(SnapshotError::Form)?;
        let mut state = self.state();
        for client in &saved.clients {
            state.clients.number(client);
        }
        for filter in saved.filters {
            state.older.restore(filter);
        }
        for failure in saved.failures {
            state.push(failure);
        }
        state.read.extend(saved.logs);
        Ok(true)
    }
}

struct Out {
    file: BufWriter<File>,
    digest: Context,
}

impl Out {
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.file.write_all(bytes)
    }

    fn number(&mut self, number: u64) -> io::Result<()> {
        self.bytes(&number.to_le_bytes())
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        self.number(text.len() as u64)?;
        self.bytes(text.as_bytes())
    }

    fn failure(&mut self, failure: &Failure) -> io::Result<()> {
        let mut bytes = [0; 25];
        bytes[..8].copy_from_slice(&failure.subject.to_le_bytes());
        bytes[8..16].copy_from_slice(&failure.guess.to_le_bytes());
        bytes[16..20].copy_from_slice(&failure.at.to_le_bytes());
        bytes[20..24].copy_from_slice(&failure.client.to_le_bytes());
        bytes[24] = u8::from(failure.is_own);
        self.bytes(&bytes)
    }
}

/// What a file holds.
struct Saved {
    logs: Vec<(String, u64)>,
    failures: Vec<Failure>,
    filters: Vec<Filter>,
    clients: Vec<ClientId>,
}

impl Saved {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (content, digest) = bytes.split_last_chunk::<32>()?;
        if aws_lc_rs::digest::digest(&SHA256, content).as_ref() != digest {
            return None;
        }
        let mut bytes = Bytes(content.strip_prefix(MAGIC)?);
        let logs = (0..bytes.number()?).map(|_| Some((bytes.text()?, bytes.number()?)));
        let logs: Vec<_> = logs.collect::<Option<_>>()?;
        let mut failures = Vec::new();
        loop {
            let count = bytes.number()?;
            if count == 0 {
                break;
            }
            for _ in 0..count {
                failures.push(bytes.failure()?);
            }
        }
        let filters: Vec<_> = (0..FILTERS).map(|_| bytes.filter()).collect::<Option<Vec<_>>>()?;
        let clients: Vec<_> = (0..bytes.number()?)
            .map(|_| ClientId::parse(&bytes.text()?).ok())
            .collect::<Option<_>>()?;
        let knows = |failure: &Failure| (failure.client as usize) < clients.len();
        let is_whole = bytes.0.is_empty() && failures.iter().all(knows);
        is_whole.then_some(Self { logs, failures, filters, clients })
    }
}

struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*number))
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }

    fn failure(&mut self) -> Option<Failure> {
        let (&bytes, rest) = self.0.split_first_chunk::<25>()?;
        self.0 = rest;
        let number = |from: usize| bytes[from..from + 8].try_into().map(u64::from_le_bytes).ok();
        let short = |from: usize| bytes[from..from + 4].try_into().map(u32::from_le_bytes).ok();
        let (subject, guess) = (number(0)?, number(8)?);
        Some(Failure { subject, guess, at: short(16)?, client: short(20)?, is_own: bytes[24] == 1 })
    }

    fn filter(&mut self) -> Option<Filter> {
        let span = u32::try_from(self.number()?).ok()?;
        let words = usize::try_from(self.number()?).ok().filter(|words| *words <= FILTER_WORDS)?;
        let bits = (0..words).map(|_| self.number()).collect::<Option<_>>()?;
        Some(Filter { span, bits })
    }
}
