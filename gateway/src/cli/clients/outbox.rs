//! Where a bulk import leaves what it makes: a folder with one sealed file for each client, and
//! beside it, to be sent another way, one table of passphrases.
//!
//! What if we die? File and passphrase are on disk before the client is in the database. So a
//! client that is there has both, and what was left of one that is not is replaced.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::super::CliError;

const HEADER: [&str; 3] = ["client_id", "file", "passphrase"];

/// The folder and the table, held by one import at a time.
#[derive(Debug)]
pub(super) struct Outbox {
    folder: PathBuf,
    handle: File,
    passphrases: PathBuf,
}

impl Outbox {
    /// Opens the folder, makes it if it is not there, and leaves out of the table the lines of
    /// clients that will be made now, and one that was not written to its end.
    ///
    /// # Errors
    /// If another import is at work there, or the disk refuses.
    pub(super) fn open(
        folder: &Path,
        passphrases: &Path,
        to_make: &HashSet<&str>,
    ) -> Result<Self, CliError> {
        let failed = || CliError::io(format!("{} cannot be used", folder.display()));
        if !folder.is_dir() {
            fs::DirBuilder::new().mode(0o700).create(folder).map_err(failed())?;
        }
        let handle = File::open(folder).map_err(failed())?;
        flock(&handle, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
            CliError::Failed(format!("another import is at work in {}", folder.display()))
        })?;
        let outbox =
            Self { folder: folder.to_owned(), handle, passphrases: passphrases.to_owned() };
        outbox.tidy_folder().map_err(failed())?;
        outbox.tidy(to_make)?;
        Ok(outbox)
    }

    /// Name of a client's sealed file.
    pub(super) fn file_name(client_id: &str) -> String {
        format!("{client_id}.sealed.json")
    }

    /// Writes a sealed file in the place of any that is there; it is on disk after the next
    /// [`Outbox::keep_passphrases`].
    pub(super) fn write_sealed(folder: &Path, client_id: &str, sealed: &str) -> io::Result<()> {
        let name = Self::file_name(client_id);
        let unfinished = folder.join(format!(".{name}.new"));
        let mut options = OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(sealed.as_bytes())?;
        file.sync_all()?;
        fs::rename(unfinished, folder.join(name))
    }

    /// The folder of the sealed files.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds passphrases to the table; they and the sealed files are on disk afterwards.
    pub(super) fn keep_passphrases<'a>(
        &self,
        passphrases: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), CliError> {
        let rows = passphrases
            .map(|(client_id, passphrase)| {
                [client_id.to_owned(), Self::file_name(client_id), passphrase.to_owned()]
            })
            .collect::<Vec<_>>();
        let append = || {
            let mut file = OpenOptions::new().append(true).open(&self.passphrases)?;
            file.write_all(&table(&rows, false)?)?;
            file.sync_all()?;
            self.handle.sync_all()
        };
        append().map_err(self.not_written())
    }

    /// Takes a client's file away, whom somebody else has added meanwhile.
    pub(super) fn discard(&self, client_id: &str) -> Result<(), CliError> {
        let path = self.folder.join(Self::file_name(client_id));
        fs::remove_file(&path)
            .map_err(CliError::io(format!("{} cannot be removed", path.display())))
    }

    /// Takes away what an import that was killed has not written to its end.
    fn tidy_folder(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with('.') && name.ends_with(".sealed.json.new") {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn tidy(&self, to_make: &HashSet<&str>) -> Result<(), CliError> {
        let known = match fs::read(&self.passphrases) {
            Ok(known) => known,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(self.not_written()(error)),
        };
        // A line without its end was cut off, and its client is not in the database.
        let whole = known.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let mut reader = csv::ReaderBuilder::new().from_reader(&known[..whole]);
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| {
                CliError::Failed(format!("{}: {error}", self.passphrases.display()))
            })?;
            let row = [&record[0], &record[1], &record[2]].map(str::to_owned);
            if !to_make.contains(row[0].as_str()) {
                rows.push(row);
            }
        }
        let write = || {
            let unfinished = self.passphrases.with_extension("new");
            let mut options = OpenOptions::new();
            let mut file =
                options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
            file.write_all(&table(&rows, true)?)?;
            file.sync_all()?;
            fs::rename(unfinished, &self.passphrases)
        };
        write().map_err(self.not_written())
    }

    fn not_written(&self) -> impl FnOnce(io::Error) -> CliError {
        CliError::io(format!("{} cannot be written", self.passphrases.display()))
    }
}

/// Rows as CSV.
fn table(rows: &[[String; 3]], with_header: bool) -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    if with_header {
        writer.write_record(HEADER).map_err(io::Error::other)?;
    }
    for row in rows {
        writer.write_record(row).map_err(io::Error::other)?;
    }
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}
