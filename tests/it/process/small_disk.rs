//! A disk that is soon full.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A file system of its own in memory, unmounted when dropped.
pub(super) struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts one of so many MiB; none where this user may not.
    pub(super) fn mount(folder: &Path, mib: u32) -> Option<Self> {
        let size = format!("size={mib}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder)
            .stderr(Stdio::null())
            .status();
        let mounted = mounted.is_ok_and(|status| status.success());
        mounted.then(|| Self { folder: folder.to_owned() })
    }

    /// Mounts one in the place of a folder that nobody uses now, with everything that lies in it.
    pub(super) fn mount_under(folder: &Path, mib: u32) -> anyhow::Result<Option<Self>> {
        let aside = folder.with_extension("aside");
        fs::rename(folder, &aside)?;
        fs::create_dir(folder)?;
        let disk = Self::mount(folder, mib);
        // With owners and modes, the folder's own among them.
        let copied = Command::new("cp").arg("-a").arg(aside.join(".")).arg(folder).status()?;
        anyhow::ensure!(copied.success(), "{} cannot be copied", aside.display());
        fs::remove_dir_all(aside)?;
        Ok(disk)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, so that nothing that still has a file open keeps it; there is nobody to tell.
        let _unmounted = Command::new("umount").arg("-l").arg(&self.folder).status();
    }
}

/// Lets a file grow until nothing more fits beside it.
pub(super) fn fill(path: &Path) -> anyhow::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    for size in [1 << 16, 1 << 12, 1] {
        let block = vec![0; size];
        loop {
            match file.write_all(&block) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}
