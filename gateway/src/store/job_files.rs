//! The files of bulk jobs on this node: what was uploaded, and the results. They hold what clients hold
//! about people, so that nobody but the gateway reads them and an upload does not outlive its job.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const UPLOAD: &str = "upload";
const RESULTS: &str = "results";

/// The folder of uploads and results. Everything here blocks.
#[derive(Debug, Clone)]
pub struct JobFiles {
    folder: PathBuf,
    /// The jobs of which a part comes in.
    coming_in: Arc<Mutex<HashSet<String>>>,
}

/// The only one who writes an upload, until it is dropped.
#[derive(Debug)]
pub struct UploadTurn {
    files: JobFiles,
    id: String,
}

impl Drop for UploadTurn {
    fn drop(&mut self) {
        self.files.lock().remove(&self.id);
    }
}

impl JobFiles {
    /// Files in this folder, which is made when the first one is.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), coming_in: Arc::default() }
    }

    /// Takes the turn of writing an upload; none where somebody has it.
    pub fn begin_upload(&self, id: &str) -> Option<UploadTurn> {
        let is_free = self.lock().insert(id.to_owned());
        is_free.then(|| UploadTurn { files: self.clone(), id: id.to_owned() })
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<String>> {
        self.coming_in.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, id: &str, kind: &str) -> PathBuf {
        self.folder.join(format!("{id}.{kind}"))
    }

    /// Bytes that were uploaded of a file.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn received(&self, id: &str) -> io::Result<u64> {
        length(&self.path(id, UPLOAD))
    }

    /// Opens an upload to write behind its end.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn append_upload(&self, id: &str) -> io::Result<File> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let path = self.path(id, UPLOAD);
        let is_new = !path.exists();
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        if is_new {
            self.sync_folder()?;
        }
        Ok(file)
    }

    /// Opens an upload to read it.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open_upload(&self, id: &str) -> io::Result<File> {
        File::open(self.path(id, UPLOAD))
    }

    /// Opens results to write behind `bytes`; what stands behind it was never committed and is cut off.
    ///
    /// # Errors
    /// If it cannot be opened, or is shorter: then what was committed is lost.
    pub fn open_results(&self, id: &str, bytes: u64) -> io::Result<File> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let path = self.path(id, RESULTS);
        let is_new = !path.exists();
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        if file.metadata()?.len() < bytes {
            let told = "the results are shorter than was committed";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, told));
        }
        file.set_len(bytes)?;
        file.seek(SeekFrom::Start(bytes))?;
        if is_new {
            self.sync_folder()?;
        }
        Ok(file)
    }

    /// Reads results from `offset` on, at most `length` bytes.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn read_results(&self, id: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.path(id, RESULTS))?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::with_capacity(length);
        file.take(length as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Removes an upload; nothing where there is none.
    ///
    /// # Errors
    /// If it is there and stays.
    pub fn remove_upload(&self, id: &str) -> io::Result<()> {
        self.remove(&self.path(id, UPLOAD))
    }

    /// Removes results; nothing where there are none.
    ///
    /// # Errors
    /// If they are there and stay.
    pub fn remove_results(&self, id: &str) -> io::Result<()> {
        self.remove(&self.path(id, RESULTS))
    }

    /// The jobs of which there is an upload.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn uploads(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut ids = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let is_upload = path.extension().is_some_and(|ending| ending == UPLOAD);
            let id = path.file_stem().and_then(|name| name.to_str()).filter(|_| is_upload);
            ids.extend(id.map(str::to_owned));
        }
        Ok(ids)
    }

    /// Bytes that are free on the disk for whoever is not its administrator.
    ///
    /// # Errors
    /// If the disk does not say.
    pub fn free_bytes(&self) -> io::Result<u64> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let disk = rustix::fs::statvfs(&self.folder)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => self.sync_folder(),
        }
    }

    fn sync_folder(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }
}

fn length(path: &Path) -> io::Result<u64> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        found => Ok(found?.len()),
    }
}

/// Writes behind the end of results and makes it durable.
///
/// # Errors
/// If it is not known to be durable.
pub fn append_durably(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_data()
}
