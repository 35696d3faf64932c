//! The last signed checkpoint of a log as a file in the key folder, apart from the database.
//!
//! Whoever puts an older copy of the database in its place cannot put this file back with it, so
//! the next start sees that entries are missing. What a note says is for `audit`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::keys::{KeyError, KeyFolder};
use crate::clock::Micros;

/// Superseded notes of one size that are kept; more than a few would be somebody's mistake.
const SUPERSEDED_MAX: u32 = 100;

/// A note as it was found beside the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedNote {
    /// The file.
    pub path: PathBuf,
    /// Signed checkpoint, not verified.
    pub unverified_note: String,
    /// When the file was written, by the clock of its file system.
    pub at: Micros,
}

impl KeyFolder {
    /// The checkpoint published for a log, if one was.
    pub fn published(&self, log: &str) -> Result<Option<PublishedNote>, KeyError> {
        let path = self.published_path(log);
        let read = || -> io::Result<(Vec<u8>, i64)> {
            let written = fs::metadata(&path)?.modified()?.duration_since(UNIX_EPOCH);
            Ok((fs::read(&path)?, written.unwrap_or_default().as_micros() as i64))
        };
        match read() {
            // What is not text is no note either, and `audit` says so.
            Ok((bytes, at)) => Ok(Some(PublishedNote {
                path,
                unverified_note: String::from_utf8_lossy(&bytes).into_owned(),
                at: Micros(at),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(KeyError::File { path, source }),
        }
    }

    /// Puts a log's checkpoint in place of the one published before.
    ///
    /// If we die before it returns, either note is there as a whole; a file with another ending may
    /// stay, which nobody reads.
    pub fn publish(&self, log: &str, note: &str) -> Result<(), KeyError> {
        let path = self.published_path(log);
        let temporary = path.with_extension(format!("{:016x}", self.random_number()));
        replace(self.folder(), &temporary, &path, note.as_bytes()).map_err(|source| {
            // It may not have been made; what failed is told, not this.
            let _not_there = fs::remove_file(&temporary);
            KeyError::File { path, source }
        })
    }

    /// Keeps the published checkpoint of a log under a name that says how many entries it covers;
    /// that name's path. The note that is published stays published.
    pub fn keep_superseded(
        &self,
        published: &PublishedNote,
        size: u64,
    ) -> Result<PathBuf, KeyError> {
        let name = published.path.display();
        for number in 1..=SUPERSEDED_MAX {
            let ending = if number == 1 { String::new() } else { format!("-{number}") };
            let path = PathBuf::from(format!("{name}.superseded-{size}{ending}"));
            match fs::read(&path) {
                // Kept by an earlier try that went no further.
                Ok(kept) if kept == published.unverified_note.as_bytes() => return Ok(path),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let linked = fs::hard_link(&published.path, &path);
                    return match linked.and_then(|()| File::open(self.folder())?.sync_all()) {
                        Ok(()) => Ok(path),
                        Err(source) => Err(KeyError::File { path, source }),
                    };
                }
                Err(source) => return Err(KeyError::File { path, source }),
            }
        }
        let source = io::Error::other("too many superseded checkpoints of this size are kept");
        Err(KeyError::File { path: published.path.clone(), source })
    }

    fn published_path(&self, log: &str) -> PathBuf {
        self.folder().join(format!("log-{log}.checkpoint"))
    }
}

/// Writes a file whole, to disk, before it takes the place of another.
fn replace(folder: &Path, temporary: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(temporary, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Random;

    fn folder() -> (tempfile::TempDir, KeyFolder) {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeyFolder::open(folder.path(), Random::seeded(1)).unwrap();
        (folder, keys)
    }

    #[test]
    fn a_published_note_is_replaced_whole_and_readable_by_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, keys) = folder();
        assert_eq!(keys.published("n1").unwrap(), None);
        keys.publish("n1", "a much longer first note").unwrap();
        keys.publish("n1", "second").unwrap();
        let published = keys.published("n1").unwrap().unwrap();
        assert_eq!(published.unverified_note, "second");
        let mode = fs::metadata(&published.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
        assert_eq!(keys.published("n2").unwrap(), None, "another log has its own");
    }

    #[test]
    fn superseded_notes_are_kept_beside_each_other() {
        let (_folder, keys) = folder();
        keys.publish("n1", "one").unwrap();
        let one = keys.published("n1").unwrap().unwrap();
        let kept = keys.keep_superseded(&one, 7).unwrap();
        assert!(kept.ends_with("log-n1.checkpoint.superseded-7"), "{}", kept.display());
        assert_eq!(keys.keep_superseded(&one, 7).unwrap(), kept, "a second try finds it");
        keys.publish("n1", "two").unwrap();
        let two = keys.published("n1").unwrap().unwrap();
        let other = keys.keep_superseded(&two, 7).unwrap();
        assert_ne!(other, kept);
        assert_eq!(fs::read_to_string(kept).unwrap(), "one");
        assert_eq!(fs::read_to_string(other).unwrap(), "two");
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_not_nothing() {
        let (folder, keys) = folder();
        fs::create_dir(folder.path().join("log-n1.checkpoint")).unwrap();
        assert!(matches!(keys.published("n1"), Err(KeyError::File { .. })));
    }
}
