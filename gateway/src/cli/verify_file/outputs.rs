//! OUT, OUT.part and OUT.job: what this command writes, and all that it writes.
//!
//! OUT.job is locked by who works on OUT and says which job this is; it is written once, when the job
//! exists, and removed at the job's end. OUT.part has the results so far. A run that finds both goes on.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::VerifyFileArgs;
use super::job::{Job, State, is_plain_id};
use super::source::{Source, sha256};
use crate::cli::CliError;
use crate::hex::hex;

/// What OUT.job holds: which job this is, and of what. No secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    url: String,
    client: String,
    file_bytes: u64,
    file_sha256: String,
    /// Of everything else that was ordered.
    order_sha256: String,
    /// Identity of the job; empty before it exists.
    job: String,
}

impl Kept {
    /// What this run would keep.
    pub(super) fn new(args: &VerifyFileArgs, order: &serde_json::Value, source: &Source) -> Self {
        Self {
            url: args.url.to_string(),
            client: args.client.clone(),
            file_bytes: source.bytes(),
            file_sha256: source.sha256.clone(),
            order_sha256: hex(digest(&SHA256, order.to_string().as_bytes()).as_ref()),
            job: String::new(),
        }
    }

    /// What `self` was made for and `wanted` is not.
    fn difference(&self, wanted: &Self) -> Option<&'static str> {
        let of_file = |kept: &Self| (kept.file_bytes, kept.file_sha256.clone());
        [
            (self.url != wanted.url, "another --url"),
            (self.client != wanted.client, "another --client"),
            (of_file(self) != of_file(wanted), "another FILE, or this one before it was changed"),
            (self.order_sha256 != wanted.order_sha256, "other options (--resume may be added)"),
        ]
        .into_iter()
        .find_map(|(differs, what)| differs.then_some(what))
    }
}

/// What is there at the beginning.
pub(super) enum Begun {
    /// Nothing.
    New(Outputs),
    /// A job on its way.
    Again(Outputs),
    /// OUT, and what the last run left when it was ended before it had removed it.
    Named(Named),
}

impl Begun {
    /// The error, and how to go on.
    pub(super) fn explained(&self, error: CliError) -> CliError {
        let goes_on = match self {
            Self::New(outputs) | Self::Again(outputs) => !outputs.kept.job.is_empty(),
            Self::Named(_) => false,
        };
        let how = "; run the same command again to go on";
        match error {
            CliError::Unavailable(text) if goes_on => CliError::Unavailable(format!("{text}{how}")),
            CliError::Access(text) if goes_on => CliError::Access(format!("{text}{how}")),
            other => other,
        }
    }
}

/// The three files.
#[derive(Debug, Clone)]
struct Paths {
    out: PathBuf,
    part: PathBuf,
    job: PathBuf,
}

impl Paths {
    fn of(out: &Path) -> Result<Self, CliError> {
        let name = out.file_name().ok_or_else(|| CliError::Usage("--out takes a file".into()))?;
        let beside = |end: &str| {
            let mut name = name.to_owned();
            name.push(end);
            out.with_file_name(name)
        };
        Ok(Self { part: beside(".part"), job: beside(".job"), out: out.to_owned() })
    }

    fn sync_folder(&self) -> io::Result<()> {
        let folder = self.out.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    fn is_there(&self) -> CliError {
        let out = self.out.display();
        CliError::Usage(format!("{out} is there already, and nothing was sent: name another --out"))
    }

    fn failed(&self) -> impl FnOnce(io::Error) -> CliError {
        CliError::io(format!("{} and what lies beside it cannot be written", self.out.display()))
    }
}

/// The results on their way.
pub(super) struct Outputs {
    paths: Paths,
    /// OUT.job; locked as long as it is open.
    lock: File,
    kept: Kept,
    part: Option<Arc<File>>,
    bytes: u64,
}

impl Outputs {
    /// Looks what is there, and refuses what is not to be overwritten.
    pub(super) fn begin(out: &Path, inputs: &[&Path], wanted: &Kept) -> Result<Begun, CliError> {
        let paths = Paths::of(out)?;
        for written in [&paths.part, &paths.job] {
            if let Some(input) = inputs.iter().find(|input| is_same(input, written)) {
                let (input, written) = (input.display(), written.display());
                return Err(CliError::Usage(format!("{input} would be overwritten as {written}")));
            }
        }
        let is_named = fs::symlink_metadata(out).is_ok();
        if is_named && (!paths.job.exists() || paths.part.exists()) {
            return Err(paths.is_there());
        }
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(!is_named)
            .truncate(false)
            .mode(0o600)
            .open(&paths.job)
            .map_err(paths.failed())?;
        // File systems that cannot lock leave it to the clerk.
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            let out = out.display();
            return Err(CliError::Failed(format!("another run of this command writes {out}")));
        }
        let kept = read(&mut lock, &paths)?;
        if let Some(what) = kept.as_ref().and_then(|kept| kept.difference(wanted)) {
            let (job, part) = (paths.job.display(), paths.part.display());
            return Err(CliError::Usage(format!(
                "{job} says that a job with {what} is on its way: name another --out, or remove {job} \
                 and {part} to begin anew"
            )));
        }
        match kept {
            Some(kept) if is_named => Ok(Begun::Named(Named { paths, id: kept.job })),
            None if is_named => Err(paths.is_there()),
            Some(kept) => {
                let mut outputs = Self { paths, lock, kept, part: None, bytes: 0 };
                outputs.open_part(false)?;
                Ok(Begun::Again(outputs))
            }
            None => {
                let kept = wanted.clone();
                Ok(Begun::New(Self { paths, lock, kept, part: None, bytes: 0 }))
            }
        }
    }

    /// Keeps which job this is. If we die before, the job has got nothing yet and the gateway forgets it.
    pub(super) fn keep(&mut self, id: &str) -> Result<(), CliError> {
        // First OUT.part: where OUT.job speaks of a job without it, OUT has got its name.
        self.open_part(true)?;
        let kept = Kept { job: id.to_owned(), ..self.kept.clone() };
        let write = || -> io::Result<()> {
            // The line end says that it is whole.
            let text = format!("{}\n", serde_json::to_string(&kept)?);
            self.lock.set_len(0)?;
            self.lock.write_all_at(text.as_bytes(), 0)?;
            self.lock.sync_all()?;
            self.paths.sync_folder()
        };
        write().map_err(self.paths.failed())?;
        self.kept = kept;
        Ok(())
    }

    pub(super) fn id(&self) -> &str {
        &self.kept.job
    }

    /// Bytes of results that are there.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn part_path(&self) -> &Path {
        &self.paths.part
    }

    /// How somebody begins anew.
    pub(super) fn how_to_begin_anew(&self) -> String {
        let (job, part) = (self.paths.job.display(), self.paths.part.display());
        format!("to begin anew with a mended FILE, remove {job} and {part} first")
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        let part = self.part()?;
        part.write_all_at(bytes, self.bytes).map_err(self.paths.failed())?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Takes all results away again.
    pub(super) fn truncate(&mut self) -> Result<(), CliError> {
        self.part()?.set_len(0).map_err(self.paths.failed())?;
        self.bytes = 0;
        Ok(())
    }

    /// SHA-256 of the results that are there, read back from the file, hexadecimal.
    pub(super) async fn sha256(&self) -> Result<String, CliError> {
        sha256(self.part()?, self.bytes).await.map_err(self.paths.failed())
    }

    /// Gives the results their name. If we die before OUT.job is removed, the next run does that.
    pub(super) fn publish(&mut self) -> Result<(), CliError> {
        if fs::symlink_metadata(&self.paths.out).is_ok() {
            let (out, part) = (self.paths.out.display(), self.paths.part.display());
            return Err(CliError::Failed(format!(
                "{out} has come about meanwhile; the results are complete in {part}"
            )));
        }
        let part = self.part()?;
        let publish = || -> io::Result<()> {
            part.sync_all()?;
            fs::rename(&self.paths.part, &self.paths.out)?;
            self.paths.sync_folder()?;
            fs::remove_file(&self.paths.job)
        };
        publish().map_err(self.paths.failed())
    }

    /// The job is over without all results: those that are there stay, and a new run begins anew.
    pub(super) fn give_up(&mut self) -> Result<(), CliError> {
        if self.bytes == 0 {
            fs::remove_file(&self.paths.part).map_err(self.paths.failed())?;
        }
        fs::remove_file(&self.paths.job).map_err(self.paths.failed())
    }

    fn open_part(&mut self, anew: bool) -> Result<(), CliError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(anew).mode(0o600);
        let open = || -> io::Result<(File, u64)> {
            let part = options.open(&self.paths.part)?;
            let bytes = part.metadata()?.len();
            Ok((part, bytes))
        };
        let (part, bytes) = open().map_err(self.paths.failed())?;
        (self.part, self.bytes) = (Some(Arc::new(part)), bytes);
        Ok(())
    }

    fn part(&self) -> Result<Arc<File>, CliError> {
        self.part.clone().ok_or_else(|| CliError::Failed("there is no job yet".into()))
    }
}

impl Drop for Outputs {
    fn drop(&mut self) {
        if self.kept.job.is_empty() {
            // It is only in the way; the error that led here is told.
            let _left_behind = fs::remove_file(&self.paths.job);
        }
    }
}

/// What OUT.job says; none where it was not written to its end.
fn read(lock: &mut File, paths: &Paths) -> Result<Option<Kept>, CliError> {
    let mut text = Vec::new();
    lock.read_to_end(&mut text).map_err(paths.failed())?;
    if text.last() != Some(&b'\n') {
        return Ok(None);
    }
    let kept = serde_json::from_slice(&text).ok().filter(|kept: &Kept| is_plain_id(&kept.job));
    let job = paths.job.display();
    let unreadable = || CliError::Failed(format!("{job} cannot be read: name another --out"));
    kept.map(Some).ok_or_else(unreadable)
}

fn is_same(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).map(|it| (it.dev(), it.ino())).ok();
    identity(one).is_some() && identity(one) == identity(other)
}

/// Results that have their name, and OUT.job.
pub(super) struct Named {
    paths: Paths,
    pub(super) id: String,
}

impl Named {
    /// Removes OUT.job if OUT has the results of its job.
    pub(super) async fn confirm(&self, job: &Job) -> Result<(), CliError> {
        let Some(digest) = job.digest.as_ref().filter(|_| job.state == State::Done) else {
            return Err(self.paths.is_there());
        };
        let file = File::open(&self.paths.out).map_err(self.paths.failed())?;
        let bytes = file.metadata().map_err(self.paths.failed())?.len();
        let found = sha256(Arc::new(file), bytes).await.map_err(self.paths.failed())?;
        if bytes != digest.bytes || found != digest.sha256 {
            return Err(self.paths.is_there());
        }
        fs::remove_file(&self.paths.job).map_err(self.paths.failed())
    }
}
