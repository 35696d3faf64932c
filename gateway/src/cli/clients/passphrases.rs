//! The table of passphrases that a bulk import makes. It may be there from an earlier one; a file
//! that is anything else is refused and stays as it is.
//!
//! Whoever holds the table has a lock on the very file that has its name. To leave lines out, another
//! file takes the name, which is locked before it does: so nobody holds a table without a name.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};

use super::super::CliError;
use super::outbox::{parent, sync_parent};
use crate::clock::Random;
use crate::hex::hex;

const HEADER: [&str; 3] = ["client_id", "file", "passphrase"];
/// Ending of a table that has no name yet.
const UNFINISHED: &str = ".passphrases.new";

type Row = [String; 3];

/// The table, locked.
#[derive(Debug)]
pub(super) struct Passphrases {
    path: PathBuf,
    file: File,
    random: Random,
}

impl Passphrases {
    /// Opens the table, or makes it for its owner alone.
    ///
    /// # Errors
    /// If another import has it, or the file is no such table.
    pub(super) fn open(path: &Path, random: Random) -> Result<Self, CliError> {
        let failed = || CliError::io(format!("{} cannot be used", path.display()));
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600);
        // Of nothing but a file: what a link points to is somebody else's.
        let file = options.custom_flags(OFlags::NOFOLLOW.bits() as i32).open(path);
        let mut file = file.map_err(failed())?;
        let meta = file.metadata().map_err(failed())?;
        if !meta.is_file() {
            return Err(CliError::Usage(format!("{} is no file", path.display())));
        }
        let held = flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
        // Another file may have taken the name before we had the lock.
        let is_it = fs::symlink_metadata(path).is_ok_and(|now| now.ino() == meta.ino());
        if !held || !is_it {
            let path = path.display();
            return Err(CliError::Failed(format!("another import is at work on {path}")));
        }
        begin(&mut file).map_err(failed())?;
        let mut table = Self { path: path.to_owned(), file, random };
        table.rows()?;
        table.tidy().map_err(failed())?;
        sync_parent(path).map_err(failed())?;
        Ok(table)
    }

    /// Adds lines; they are on disk afterwards.
    pub(super) fn add(&mut self, rows: &[Row]) -> Result<(), CliError> {
        let lines = table(rows, false).and_then(|lines| {
            self.file.write_all(&lines)?;
            self.file.sync_all()
        });
        lines.map_err(self.not_written())
    }

    /// Leaves out the lines of these clients, and one that was not written to its end.
    pub(super) fn without(&mut self, client_ids: &HashSet<&str>) -> Result<(), CliError> {
        let mut rows = self.rows()?;
        rows.retain(|row| !client_ids.contains(row[0].as_str()));
        let replaced = self.replace(&rows);
        replaced.map_err(self.not_written())
    }

    fn replace(&mut self, rows: &[Row]) -> io::Result<()> {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}{UNFINISHED}", hex(&self.random.bytes::<8>())));
        let unfinished = parent(&self.path).join(name);
        let mut options = OpenOptions::new();
        options.read(true).append(true).create_new(true).mode(0o600);
        let mut file = options.open(&unfinished)?;
        let written = table(rows, true).and_then(|lines| {
            flock(&file, FlockOperation::NonBlockingLockExclusive)?;
            file.write_all(&lines)?;
            file.sync_all()?;
            fs::rename(&unfinished, &self.path)
        });
        if written.is_err() {
            let _left = fs::remove_file(&unfinished);
        }
        written?;
        self.file = file;
        sync_parent(&self.path)
    }

    /// The lines that were written to their end. The last one without its end was cut off, and its
    /// client is not in the database.
    fn rows(&mut self) -> Result<Vec<Row>, CliError> {
        let mut known = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| file.read_to_end(&mut known));
        read.map_err(CliError::io(format!("{} cannot be read", self.path.display())))?;
        let none = || {
            CliError::Usage(format!(
                "{} is no table of passphrases ({}): nothing is written over it",
                self.path.display(),
                HEADER.join(",")
            ))
        };
        let whole = known.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let mut reader = csv::ReaderBuilder::new().from_reader(&known[..whole]);
        if reader.headers().map_err(|_| none())? != HEADER.as_slice() {
            return Err(none());
        }
        let row = |record: Result<csv::StringRecord, csv::Error>| {
            let record = record.map_err(|_| none())?;
            Ok([&record[0], &record[1], &record[2]].map(str::to_owned))
        };
        reader.records().map(row).collect()
    }

    /// Takes away what an import that was killed has left beside the table.
    fn tidy(&self) -> io::Result<()> {
        let own = format!("{}.", self.path.file_name().unwrap_or_default().to_string_lossy());
        for entry in fs::read_dir(parent(&self.path))? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let between = name.strip_prefix(&own).and_then(|it| it.strip_suffix(UNFINISHED));
            if between.is_some_and(|it| it.len() == 16 && it.bytes().all(|b| b.is_ascii_hexdigit()))
            {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn not_written(&self) -> impl FnOnce(io::Error) -> CliError + use<> {
        CliError::io(format!("{} cannot be written", self.path.display()))
    }
}

/// Writes the header, unless it or something else is there. One that was cut off has nothing behind
/// it, and is written again. The lock is held: nobody else writes meanwhile.
fn begin(file: &mut File) -> io::Result<()> {
    let header = table(&[], true)?;
    let mut there = Vec::new();
    (&*file).take(header.len() as u64).read_to_end(&mut there)?;
    if there.len() == header.len() || !header.starts_with(&there) {
        return Ok(());
    }
    file.set_len(0)?;
    file.write_all(&header)?;
    file.sync_all()
}

/// Rows as CSV.
fn table(rows: &[Row], with_header: bool) -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    if with_header {
        writer.write_record(HEADER).map_err(io::Error::other)?;
    }
    for row in rows {
        writer.write_record(row).map_err(io::Error::other)?;
    }
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn open(path: &Path) -> Result<Passphrases, CliError> {
        Passphrases::open(path, Random::seeded(1))
    }

    fn row(id: &str) -> Row {
        [id.to_owned(), format!("{id}.sealed.json"), "a-b".to_owned()]
    }

    #[test]
    fn a_file_that_is_no_table_of_ours_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for text in [
            "keep me",
            "a,b,c\n1,2,3\n",
            "client_id,file\nx,y\n",
            "client_id,file,passphrase\n1,2\n",
        ] {
            fs::write(at("mine.csv"), text).unwrap();
            assert!(matches!(open(&at("mine.csv")), Err(CliError::Usage(_))), "{text}");
            assert_eq!(fs::read_to_string(at("mine.csv")).unwrap(), text);
        }
        // Nor what a link points to, nor what only looks like an unfinished table.
        fs::write(at("target"), "").unwrap();
        symlink(at("target"), at("link.csv")).unwrap();
        assert!(open(&at("link.csv")).is_err());
        assert_eq!(fs::read_to_string(at("target")).unwrap(), "");
        for name in ["table.new", "table.csv.new", "table.csv.mine.passphrases.new"] {
            fs::write(at(name), "keep me").unwrap();
        }
        let left = at("table.csv.0123456789abcdef.passphrases.new");
        fs::write(&left, "x").unwrap();
        open(&at("table.csv")).unwrap().without(&HashSet::new()).unwrap();
        for name in ["table.new", "table.csv.new", "table.csv.mine.passphrases.new"] {
            assert_eq!(fs::read_to_string(at(name)).unwrap(), "keep me");
        }
        assert!(!left.exists());
    }

    #[test]
    fn a_header_that_was_cut_off_is_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        let header = "client_id,file,passphrase\n";
        for end in 0..=header.len() {
            fs::write(&path, &header[..end]).unwrap();
            open(&path).unwrap().add(&[row("a")]).unwrap();
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(text, format!("{header}a,a.sealed.json,a-b\n"), "{end}");
        }
    }

    #[test]
    fn lines_are_left_out_of_a_table_that_only_its_owner_reads_and_one_import_has() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        fs::write(&path, "client_id,file,passphrase\na,a.sealed.json,a-b\nb,b.sea").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let mut table = open(&path).unwrap();
        for _ in 0..2 {
            assert!(matches!(open(&path), Err(CliError::Failed(_))), "it is held");
            table.without(&HashSet::from(["c"])).unwrap();
            table.add(&[row("c")]).unwrap();
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "client_id,file,passphrase\na,a.sealed.json,a-b\nc,c.sealed.json,a-b\n");
        drop(table);
        open(&path).unwrap().without(&HashSet::from(["a"])).unwrap();
        assert!(!fs::read_to_string(&path).unwrap().contains("a.sealed"));
    }
}
