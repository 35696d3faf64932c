//! Why a command did not do what it was asked, and its exit code.

use std::error::Error;

use crate::access::token_keys::TokenKeyError;
use crate::app::StartError;
use crate::config::ConfigError;
use crate::rate_limit::RedisStartError;
use crate::server::DoorError;
use crate::store::{Absence, StoreError, find_absence};

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
    /// The keys that sign access tokens stay as they are.
    #[error(transparent)]
    TokenKeys(#[from] TokenKeyError),
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
    /// Another end does not let this caller in.
    #[error("{0}")]
    Access(String),
    /// More is wrong than was allowed.
    #[error("{0}")]
    Threshold(String),
    /// The command ran and found something wrong.
    #[error("{0}")]
    Failed(String),
}

impl CliError {
    /// Exit code: 1 failed, 2 usage, 3 configuration, 4 access denied, 5 unavailable, 6 a threshold
    /// not held.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Config(_) | Self::Start(StartError::Limits(RedisStartError::Url)) => 3,
            Self::Access(_) => 4,
            Self::Door(_) | Self::Unavailable(_) => 5,
            Self::Threshold(_) => 6,
            Self::Start(_)
            | Self::Store(_)
            | Self::Log(_)
            | Self::Projections(_)
            | Self::Tiles(_)
            | Self::TokenKeys(_)
            | Self::Io { .. } => match find_absence(self) {
                Some(Absence::Denied) => 4,
                Some(Absence::Unavailable) => 5,
                None => 1,
            },
            Self::Failed(_) => 1,
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

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    #[test]
    fn what_may_not_be_used_is_code_4_wherever_it_is_found() {
        let denied = || Error::from(ErrorKind::PermissionDenied);
        let folder = CliError::io("the folder cannot be read")(denied());
        let key = crate::store::KeyError::File { path: "k".into(), source: denied() };
        let key = CliError::Start(key.into());
        let signing = crate::store::KeyError::File { path: "k".into(), source: denied() };
        let signing = CliError::from(TokenKeyError::from(signing));
        assert!(sentence(&signing).ends_with(&denied().to_string()), "{}", sentence(&signing));
        for error in [folder, key, signing] {
            assert_eq!(error.exit_code(), 4, "{error}");
        }
        let absent = CliError::io("x")(Error::from(ErrorKind::NotFound));
        assert_eq!(absent.exit_code(), 1);
        assert_eq!(CliError::Store(StoreError::Held).exit_code(), 1);
    }
}
