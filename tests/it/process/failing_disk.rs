//! `tests/faults/fsync.c`, compiled and made ready for the files of one program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

/// A disk that works until it is told to fail once.
pub(super) struct FailingDisk {
    library: PathBuf,
    file: PathBuf,
    order: PathBuf,
}

impl FailingDisk {
    /// For one file, or for all in a folder that is named with a slash at its end. What is needed
    /// lies in `folder`, which the program must be able to enter and to write to.
    pub(super) fn make(folder: &Path, file: PathBuf) -> anyhow::Result<Self> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("faults/fsync.c");
        let library = folder.join("fsync.so");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o"]).arg(&library);
        let compiled = compiler.arg(source).output().context("cc")?;
        ensure!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        Ok(Self { library, file, order: folder.join("disk") })
    }

    /// The environment of a program that runs on this disk.
    pub(super) fn environment(&self) -> [(&'static str, PathBuf); 3] {
        [
            ("LD_PRELOAD", self.library.clone()),
            ("FSYNC_FAULT_FILE", self.file.clone()),
            ("FSYNC_FAULT_ORDER", self.order.clone()),
        ]
    }

    /// Lets the nth call from now on fail.
    pub(super) fn order(&self, nth: u32) -> anyhow::Result<()> {
        // Renamed, so that nobody reads half a number.
        let draft = self.order.with_extension("draft");
        fs::write(&draft, nth.to_string())?;
        Ok(fs::rename(draft, &self.order)?)
    }

    /// Whether the call waits for us.
    pub(super) fn is_about_to_fail(&self) -> bool {
        self.order.with_extension("reached").exists()
    }

    /// Lets it fail.
    pub(super) fn go(&self) -> anyhow::Result<()> {
        Ok(fs::write(self.order.with_extension("go"), "")?)
    }

    /// Lets no further call fail.
    pub(super) fn withdraw(&self) -> anyhow::Result<()> {
        Ok(fs::remove_file(&self.order)?)
    }

    /// Is a good disk again, for the next process.
    pub(super) fn recover(&self) -> anyhow::Result<()> {
        for path in
            [&self.order, &self.order.with_extension("reached"), &self.order.with_extension("go")]
        {
            if path.exists() {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}
