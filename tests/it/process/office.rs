//! Commands on the data of a gateway, beside it or without it.

use std::fs;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::place::Place;
use super::programs::Ended;
use crate::support::Kept;

/// Commands on the data of a gateway.
pub(super) struct Office {
    pub(super) place: Place,
    pub(super) kept: Kept,
}

impl Office {
    pub(super) async fn run(&self, args: &[&str]) -> anyhow::Result<Ended> {
        let config = self.kept.config_file();
        let config = config.to_str().context("a path in UTF-8")?;
        self.place.gateway(&[&["--config", config, "-o", "json"], args].concat()).await
    }

    pub(super) async fn done(&self, args: &[&str]) -> anyhow::Result<Value> {
        let Ended { status, stdout, stderr } = self.run(args).await?;
        ensure!(status.success() && stderr.is_empty(), "{args:?}: {status} {stderr}");
        Ok(serde_json::from_str(&stdout)?)
    }

    pub(super) async fn refused(
        &self,
        args: &[&str],
        code: i32,
        words: &str,
    ) -> anyhow::Result<()> {
        let Ended { status, stdout, stderr } = self.run(args).await?;
        ensure!(
            status.code() == Some(code) && stderr.contains(words),
            "{args:?}: {status} {stderr}"
        );
        ensure!(stdout.is_empty(), "{args:?}: {stdout}");
        Ok(())
    }

    /// A file of the place, with this in it.
    pub(super) fn file(&self, name: &str, text: &str) -> anyhow::Result<String> {
        let path = self.place.work().join(name);
        fs::write(&path, text)?;
        Ok(path.display().to_string())
    }
}
