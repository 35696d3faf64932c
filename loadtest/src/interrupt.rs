//! Being told to stop.

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;

/// Waits for Ctrl-C, SIGTERM, or the terminal's end; never returns `Ok`.
pub(crate) async fn asked_to_stop() -> Result<(), Failure> {
    let mut hangup = signal(SignalKind::hangup()).context("signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals")?;
    tokio::select! {
        _ = hangup.recv() => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Err(Failure::Interrupted)
}
