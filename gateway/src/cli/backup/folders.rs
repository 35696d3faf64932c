//! Files of backups: each for its owner alone, on disk before it counts, never over another.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::cli::CliError;

/// A folder that is being filled; what is in it goes away with this, unless it was finished.
#[derive(Debug)]
pub(super) struct NewFolder {
    path: PathBuf,
    was_there: bool,
    finished: bool,
}

impl NewFolder {
    /// Makes the folder, or takes one that is empty.
    pub(super) fn make(path: &Path) -> Result<Self, CliError> {
        let shown = path.display();
        let was_there = path.exists();
        let refuse = || CliError::io(format!("the folder {shown} cannot be used"));
        if was_there && fs::read_dir(path).map_err(refuse())?.next().is_some() {
            return Err(CliError::Usage(format!(
                "the folder {shown} is not empty, and nothing in it is overwritten"
            )));
        }
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(refuse())?;
        let path = path.canonicalize().map_err(refuse())?;
        Ok(Self { path, was_there, finished: false })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What was put into it stays; its names are on disk.
    pub(super) fn finish(mut self) -> Result<(), CliError> {
        let refuse = CliError::io(format!("the folder {} cannot be used", self.path.display()));
        sync_folder(&self.path)
            .and_then(|()| self.path.parent().map_or(Ok(()), sync_folder))
            .map_err(refuse)?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        // It was empty or ours when we came. There is nobody to tell that it cannot be emptied;
        // without a manifest it is no backup.
        let _left = fs::remove_dir_all(&self.path);
        if self.was_there {
            let _left = DirBuilder::new().mode(0o700).create(&self.path);
        }
    }
}

/// Writes a new file.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(CliError::io(format!("the file {} cannot be written", path.display())))
}

/// Copies a file over what an earlier try may have left at `to`.
pub(super) fn copy_file(from: &Path, to: &Path) -> Result<(), CliError> {
    let copy = || -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(to)?;
        io::copy(&mut File::open(from)?, &mut file)?;
        file.sync_all()
    };
    copy().map_err(CliError::io(format!("{} cannot be copied to {}", from.display(), to.display())))
}

/// Copies keys, marks of destroyed ones and superseded checkpoints into a new folder. The
/// published checkpoints stay behind: they may be ahead of the copy of the database.
pub(super) fn copy_keys(from: &Path, to: &Path) -> Result<(), CliError> {
    let refuse = || CliError::io(format!("the key folder {} cannot be read", from.display()));
    for entry in fs::read_dir(from).map_err(refuse())? {
        let path = entry.map_err(refuse())?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let ending = path.extension().and_then(|ending| ending.to_str());
        if matches!(ending, Some("key" | "destroyed")) || name.contains(".checkpoint.superseded-") {
            let bytes = fs::read(&path).map_err(refuse())?;
            write_new(&to.join(name), &bytes)?;
        }
    }
    Ok(())
}

/// Puts a folder's names onto disk.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
