//! What can go wrong with a whole command, and the exit code that says so.

/// Why a command ended without doing what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The arguments, or a file that they name, cannot be used.
    #[error("{0}")]
    Usage(String),
    /// The system under load knows us and does not let us in.
    #[error("{0}")]
    Access(String),
    /// A system that is needed is missing, does not start or does not answer.
    #[error("{0}")]
    Unavailable(String),
    /// It answered, and not what it must.
    #[error("{0}")]
    Threshold(String),
    /// Somebody asked us to stop.
    #[error("interrupted")]
    Interrupted,
    /// Anything else, with its causes.
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

impl Failure {
    /// The exit code; the same list as the gateway's own.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Other(_) | Self::Interrupted => 1,
            Self::Usage(_) => 2,
            Self::Access(_) => 4,
            Self::Unavailable(_) => 5,
            Self::Threshold(_) => 6,
        }
    }
}
