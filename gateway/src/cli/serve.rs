//! `gateway serve`.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::CliError;
use crate::app::App;
use crate::clock::{Clock, Random};
use crate::config::{Config, TelemetryConfig};
use crate::server::Doors;
use crate::store::{Store, StoreError};

pub(super) async fn serve(config: Config) -> Result<(), CliError> {
    telemetry(&config.telemetry)?;
    raise_descriptor_limit();
    let doors = Doors::open(config.server.listen, config.server.admin_listen).await?;
    let hold = Store::hold(&config.store, &config.log.name).await?;
    let app = App::start(config, Clock::system(), Random::system()).await?;
    app.keep(hold);
    let stop = stop_signal()?;
    tracing::info!(
        api = %app.config.server.listen,
        admin = %app.config.server.admin_listen,
        log = app.config.log.name,
        "ready"
    );
    let ended_well = doors.serve(Arc::clone(&app), Vec::new(), stop).await;
    how_it_ended(&app, ended_well)
}

/// A log that did not end well is in an unknown state, or another gateway's.
pub fn how_it_ended(app: &App, ended_well: bool) -> Result<(), CliError> {
    if ended_well {
        return Ok(());
    }
    if app.audit.is_given_up() {
        return Err(CliError::Store(StoreError::Held));
    }
    Err(CliError::Failed("the log is in an unknown state: start again to find out".into()))
}

/// Starts the process log.
pub fn telemetry(config: &TelemetryConfig) -> Result<(), CliError> {
    crate::telemetry::start_log(config)
        .map_err(|error| CliError::Usage(format!("telemetry.filter cannot be read: {error}")))
}

/// Turns true when the process is asked to stop (SIGINT, SIGTERM).
pub fn stop_signal() -> Result<watch::Receiver<bool>, CliError> {
    let refuse = || CliError::io("signals cannot be listened to");
    let mut interrupt = signal(SignalKind::interrupt()).map_err(refuse())?;
    let mut terminate = signal(SignalKind::terminate()).map_err(refuse())?;
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        let _everyone_gone = sender.send(true);
        // Kept until the process ends: a dropped sender would read as a closed channel.
        std::future::pending::<()>().await;
        drop(sender);
    });
    Ok(receiver)
}

/// Raises the soft limit of open files to the hard one: the usual soft limit of 1,024 is far below
/// the connections that a gateway holds, and running out of it would spoil everyone's answers.
pub fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(error = &error as &dyn std::error::Error, "open files stay limited");
    }
}
