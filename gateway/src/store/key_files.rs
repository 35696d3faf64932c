//! The key folder as its keeper sees it: which keys there are, and the end of one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::keys::{KEY_BYTES, KeyError, KeyFolder};
use crate::clock::Micros;

/// Ending of the file that says that a key was destroyed and must not be made again.
const DESTROYED: &str = "destroyed";

/// A key, or what is left of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    /// Name without ending, such as `log-n1`.
    pub name: String,
    /// When the key was made, by the time of its file; of a destroyed one, when it was destroyed.
    pub at: Micros,
    /// Whether the key is there.
    pub is_there: bool,
    /// Whether it was to be destroyed. If it is there all the same, that was cut short.
    pub is_destroyed: bool,
}

impl KeyFolder {
    /// All keys, and those that were destroyed, by name.
    pub fn list(&self) -> Result<Vec<KeyFile>, KeyError> {
        let refuse = |source| KeyError::File { path: self.folder().into(), source };
        let mut files: Vec<KeyFile> = Vec::new();
        for entry in fs::read_dir(self.folder()).map_err(refuse)? {
            let path = entry.map_err(refuse)?.path();
            let is_key = path.extension().is_some_and(|ending| ending == "key");
            let is_marker = path.extension().is_some_and(|ending| ending == DESTROYED);
            let name = path.file_stem().and_then(|name| name.to_str());
            let Some(name) = name.filter(|_| is_key || is_marker) else { continue };
            let written = fs::metadata(&path).and_then(|data| data.modified()).map_err(refuse)?;
            let at =
                Micros(written.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as i64);
            match files.iter_mut().find(|file| file.name == name) {
                Some(file) => {
                    file.is_there |= is_key;
                    file.is_destroyed |= is_marker;
                }
                None => files.push(KeyFile {
                    name: name.to_owned(),
                    at,
                    is_there: is_key,
                    is_destroyed: is_marker,
                }),
            }
        }
        files.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(files)
    }

    /// Whether there is a key of this name.
    pub fn holds(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Whether a key was destroyed, so that nobody may make it again.
    pub(super) fn is_destroyed(&self, name: &str) -> bool {
        self.marker(name).exists()
    }

    /// Destroys a key for good: marks it, so that none is ever made in its place, overwrites it as
    /// well as the file system allows, and removes it.
    ///
    /// If we die after the mark, the key is there still and the mark says that it must not be;
    /// destroying it again ends it.
    pub fn destroy(&self, name: &str) -> Result<(), KeyError> {
        let path = self.path(name);
        let destroy = || -> io::Result<()> {
            let key = OpenOptions::new().write(true).open(&path)?;
            mark(&self.marker(name))?;
            sync(self.folder())?;
            overwrite(key)?;
            fs::remove_file(&path)?;
            sync(self.folder())
        };
        destroy().map_err(|source| KeyError::File { path: path.clone(), source })
    }

    fn marker(&self, name: &str) -> std::path::PathBuf {
        self.folder().join(format!("{name}.{DESTROYED}"))
    }
}

fn mark(marker: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(false).write(true).mode(0o600).open(marker)?;
    file.sync_all()
}

/// On a file system that writes in place this reaches the old bytes; on others it does no harm.
fn overwrite(mut key: File) -> io::Result<()> {
    key.write_all(&[b'0'; 2 * KEY_BYTES])?;
    key.sync_all()
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Random;

    #[test]
    fn a_destroyed_key_is_gone_and_never_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeyFolder::open(folder.path(), Random::seeded(1)).unwrap();
        keys.load_or_create("one").unwrap();
        let other = keys.load_or_create("other").unwrap();
        keys.destroy("one").unwrap();
        assert!(matches!(keys.load_or_create("one"), Err(KeyError::Destroyed { .. })));
        assert!(matches!(keys.load("one"), Err(KeyError::Destroyed { .. })));
        assert_eq!(keys.load_or_create("other").unwrap(), other);
        let listed = keys.list().unwrap();
        let seen: Vec<_> =
            listed.iter().map(|k| (k.name.as_str(), k.is_there, k.is_destroyed)).collect();
        assert_eq!(seen, [("one", false, true), ("other", true, false)]);
        assert!(keys.destroy("one").is_err(), "there is nothing left to destroy");
    }

    #[test]
    fn a_destruction_that_was_cut_short_is_ended_by_a_second_one() {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeyFolder::open(folder.path(), Random::seeded(1)).unwrap();
        keys.load_or_create("one").unwrap();
        fs::write(folder.path().join("one.destroyed"), "").unwrap();
        assert!(keys.list().unwrap()[0].is_there && keys.list().unwrap()[0].is_destroyed);
        keys.destroy("one").unwrap();
        assert!(!keys.list().unwrap()[0].is_there);
    }
}
