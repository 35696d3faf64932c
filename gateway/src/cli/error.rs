//! Why a command did not do what it was asked, and its exit code.

use std::error::Error;

use crate::app::StartError;
use crate::config::ConfigError;
use crate::server::DoorError;
use crate::store::StoreError;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// An argument is not well formed.
    #[error("{0}")]
    Usage(String),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A door does not open.
    #[error(transparent)]
    Door(#[from] DoorError),
    /// The gateway does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log is not in order.
    #[error(transparent)]
    Log(#[from] crate::audit::VerifyError),
    /// The projections cannot be built or read.
    #[error(transparent)]
    Projections(#[from] crate::projections::ProjectionError),
    /// The log's tree cannot be read.
    #[error(transparent)]
    Tiles(#[from] crate::audit::TilesError),
    /// A file or folder.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// Another end did not answer as it should.
    #[error("{0}")]
    Unavailable(String),
    /// The command ran and found something wrong.
    #[error("{0}")]
    Failed(String),
}

impl CliError {
    /// Exit code: 1 failed, 2 usage, 3 configuration, 5 unavailable.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Config(_) => 3,
            Self::Door(_) | Self::Unavailable(_) => 5,
            Self::Start(_)
            | Self::Store(_)
            | Self::Log(_)
            | Self::Projections(_)
            | Self::Tiles(_)
            | Self::Io { .. }
            | Self::Failed(_) => 1,
        }
    }

    /// An error about a file or folder.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// One sentence: the error and its causes.
pub fn sentence(error: &CliError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
