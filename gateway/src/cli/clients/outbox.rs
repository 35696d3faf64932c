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
use super::passphrases::Passphrases;
use crate::clock::Random;

/// The folder and the table, held by one import at a time.
#[derive(Debug)]
pub(super) struct Outbox {
    folder: PathBuf,
    handle: File,
    passphrases: Passphrases,
}

impl Outbox {
    /// Opens the folder and the table, makes those that are not there, and holds both.
    ///
    /// # Errors
    /// If another import is at work there, the table is none of ours or lies in the folder, or the
    /// disk refuses.
    pub(super) fn open(
        folder: &Path,
        passphrases: &Path,
        random: &Random,
    ) -> Result<Self, CliError> {
        let failed = || CliError::io(format!("{} cannot be used", folder.display()));
        if !folder.is_dir() {
            fs::DirBuilder::new().mode(0o700).create(folder).map_err(failed())?;
            sync_parent(folder).map_err(failed())?;
        }
        refuse_within(folder, passphrases)?;
        let handle = File::open(folder).map_err(failed())?;
        flock(&handle, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
            CliError::Failed(format!("another import is at work in {}", folder.display()))
        })?;
        let passphrases = Passphrases::open(passphrases, random.clone())?;
        let outbox = Self { folder: folder.to_owned(), handle, passphrases };
        outbox.tidy_folder().map_err(failed())?;
        Ok(outbox)
    }

    /// Leaves out of the table the lines of clients that will be made now. None of them may be in
    /// the database, which is looked at while the outbox is held.
    pub(super) fn prepare(&mut self, to_make: &HashSet<&str>) -> Result<(), CliError> {
        self.passphrases.without(to_make)
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
        &mut self,
        passphrases: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), CliError> {
        let rows = passphrases.map(|(client_id, passphrase)| {
            [client_id.to_owned(), Self::file_name(client_id), passphrase.to_owned()]
        });
        self.passphrases.add(&rows.collect::<Vec<_>>())?;
        let folder = self.folder.display();
        self.handle.sync_all().map_err(CliError::io(format!("{folder} cannot be written")))
    }

    /// Takes files and passphrases of clients away whom somebody else has added meanwhile.
    pub(super) fn discard(&mut self, client_ids: &HashSet<&str>) -> Result<(), CliError> {
        if client_ids.is_empty() {
            return Ok(());
        }
        for client_id in client_ids {
            let path = self.folder.join(Self::file_name(client_id));
            fs::remove_file(&path)
                .map_err(CliError::io(format!("{} cannot be removed", path.display())))?;
        }
        self.passphrases.without(client_ids)
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
}

/// Makes what was made, renamed or removed in a file's folder last.
pub(in crate::cli) fn sync_parent(path: &Path) -> io::Result<()> {
    File::open(parent(path))?.sync_all()
}

/// The folder that a file is in.
pub(super) fn parent(path: &Path) -> PathBuf {
    let parent = path.components().as_path().parent().map(Path::to_owned).unwrap_or_default();
    if parent.as_os_str().is_empty() { PathBuf::from(".") } else { parent }
}

/// Whoever sends the folder must not send the passphrases with it.
fn refuse_within(folder: &Path, passphrases: &Path) -> Result<(), CliError> {
    let lies = parent(passphrases);
    let failed = CliError::io(format!("{} cannot be used", lies.display()));
    let within = lies.canonicalize().and_then(|lies| Ok((lies, folder.canonicalize()?)));
    let (lies, folder) = within.map_err(failed)?;
    if !lies.starts_with(folder) {
        return Ok(());
    }
    Err(CliError::Usage(
        "--passphrases lies in the folder of --out: the two are to be sent by different ways"
            .into(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_somebody_else_has_added_keeps_neither_file_nor_passphrase() {
        let place = tempfile::tempdir().unwrap();
        let (folder, table) = (place.path().join("sealed"), place.path().join("table.csv"));
        let random = Random::seeded(1);
        let mut outbox = Outbox::open(&folder, &table, &random).unwrap();
        outbox.prepare(&HashSet::from(["a", "b"])).unwrap();
        for id in ["a", "b"] {
            Outbox::write_sealed(&folder, id, "{}").unwrap();
        }
        outbox.keep_passphrases([("a", "x-y"), ("b", "y-z")].into_iter()).unwrap();
        outbox.discard(&HashSet::from(["b"])).unwrap();
        outbox.keep_passphrases([("c", "z-x")].into_iter()).unwrap();
        let lines = fs::read_to_string(&table).unwrap();
        assert_eq!(lines, "client_id,file,passphrase\na,a.sealed.json,x-y\nc,c.sealed.json,z-x\n");
        assert!(folder.join("a.sealed.json").exists() && !folder.join("b.sealed.json").exists());
        assert!(Outbox::open(&folder, &place.path().join("other.csv"), &random).is_err());
        let other = place.path().join("other");
        assert!(Outbox::open(&other, &table, &random).is_err(), "the table is held");
    }
}
