//! Key files: 32 random bytes each, in a folder apart from the database.
//!
//! Whoever holds the database without this folder can neither sign for the log nor link a
//! pseudonym to a person. A key is made on first use and never overwritten.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::clock::Random;
use crate::hex::hex;

/// Length of every key in bytes.
pub const KEY_BYTES: usize = 32;

/// A folder of key files.
#[derive(Debug, Clone)]
pub struct KeyFolder {
    folder: PathBuf,
    random: Random,
}

/// Why a key is not there.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file or the folder cannot be read or written.
    #[error("the key file {path} cannot be used")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The key was destroyed on purpose: what was made with it stays unlinked.
    #[error("the key {name} was destroyed and is not made again")]
    Destroyed {
        /// Name of the key.
        name: String,
    },
    /// The file does not hold 64 hexadecimal digits.
    #[error("the key file {path} does not hold 64 hexadecimal digits")]
    Form {
        /// The file.
        path: PathBuf,
    },
}

impl KeyFolder {
    /// Opens the folder and makes it, for the owner alone, if it is not there.
    pub fn open(folder: &Path, random: Random) -> Result<Self, KeyError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|source| KeyError::File { path: folder.into(), source })?;
        Ok(Self { folder: folder.into(), random })
    }

    /// The key of this name, which must be there: for commands that only read.
    pub fn load(&self, name: &str) -> Result<[u8; KEY_BYTES], KeyError> {
        let path = self.path(name);
        match fs::read_to_string(&path) {
            Ok(text) => parse(text.trim()).ok_or(KeyError::Form { path }),
            Err(_) if self.is_destroyed(name) => Err(KeyError::Destroyed { name: name.into() }),
            Err(source) => Err(KeyError::File { path, source }),
        }
    }

    /// The key of this name, made now if there is none.
    pub fn load_or_create(&self, name: &str) -> Result<[u8; KEY_BYTES], KeyError> {
        match self.load(name) {
            Err(KeyError::File { path, source }) if source.kind() == io::ErrorKind::NotFound => {
                let key = self.random.bytes();
                match create(&self.folder, &path, &key, &self.random) {
                    Ok(()) => Ok(key),
                    // Another process was first: its key is the key.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.load(name),
                    Err(source) => Err(KeyError::File { path, source }),
                }
            }
            loaded => loaded,
        }
    }

    /// Keeps a key that was made elsewhere; there must be none of this name.
    pub fn create(&self, name: &str, key: &[u8; KEY_BYTES]) -> Result<(), KeyError> {
        let path = self.path(name);
        create(&self.folder, &path, key, &self.random)
            .map_err(|source| KeyError::File { path, source })
    }

    /// Removes a key that was made just now and is of no use: nothing was done with it.
    pub fn forget(&self, name: &str) -> Result<(), KeyError> {
        let path = self.path(name);
        fs::remove_file(&path).map_err(|source| KeyError::File { path, source })
    }

    /// Where the files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A number to tell a temporary file from others.
    pub(super) fn random_number(&self) -> u64 {
        u64::from_be_bytes(self.random.bytes())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.key"))
    }
}

/// Writes a key whole or not at all: to a temporary name, to disk, then linked to its name, which
/// fails if somebody was first. If we die in between, only the temporary file stays.
fn create(folder: &Path, path: &Path, key: &[u8; KEY_BYTES], random: &Random) -> io::Result<()> {
    // Two threads or processes may be making the same key at once, each under a name of its own.
    let temporary = path.with_extension(format!("{:016x}", u64::from_be_bytes(random.bytes())));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    let text = hex(key) + "\n";
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary)?;
    linked?;
    File::open(folder)?.sync_all()
}

fn parse(text: &str) -> Option<[u8; KEY_BYTES]> {
    if text.len() != 2 * KEY_BYTES || !text.is_ascii() {
        return None;
    }
    let mut key = [0; KEY_BYTES];
    for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stays_the_same_and_is_readable_by_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("keys");
        let keys = KeyFolder::open(&folder, Random::seeded(1)).unwrap();
        let first = keys.load_or_create("log").unwrap();
        assert_eq!(keys.load_or_create("log").unwrap(), first);
        assert_ne!(keys.load_or_create("other").unwrap(), first);
        let mode = fs::metadata(folder.join("log.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_key_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("log.key"), "abc").unwrap();
        let keys = KeyFolder::open(folder.path(), Random::seeded(1)).unwrap();
        assert!(matches!(keys.load_or_create("log"), Err(KeyError::Form { .. })));
        assert_eq!(fs::read_to_string(folder.path().join("log.key")).unwrap(), "abc");
    }

    #[test]
    fn threads_that_make_a_key_at_once_get_the_same_one() {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeyFolder::open(folder.path(), Random::system()).unwrap();
        let made: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..16).map(|_| scope.spawn(|| keys.load_or_create("log").unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(made.windows(2).all(|pair| pair[0] == pair[1]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
    }
}
