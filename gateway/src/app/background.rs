//! What is done beside the requests, turn by turn while the app lives. A turn that fails is told and
//! tried again; each has a limit of time, because a database that is cut off does not say so.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::quotas::OthersRead;
use super::{App, Judging, TURN_MAX};
use crate::access::{Warned, token_keys};
use crate::audit::KEY_HELD_US;
use crate::projections::Follower;
use crate::store::{Hold, StoreError, in_time};

/// How often tokens are looked for that other nodes have taken back.
const REVOKED_POLL: Duration = Duration::from_secs(1);
/// How often the directory's version is read: a suspension acts within this and a reload.
const DIRECTORY_POLL: Duration = Duration::from_secs(1);
/// How often it is looked whether the hold on the log is still ours.
const HOLD_WATCHED: Duration = Duration::from_secs(1);
/// How often the log's checkpoint is published while it grows: what was answered within this time
/// before a database is lost is not missed by the next start.
const PUBLISH: Duration = Duration::from_secs(1);
/// How often it is looked for days that need not be kept any more.
const RETENTION: Duration = Duration::from_hours(1);
/// How often it is looked for acts of administrators that the log does not have.
const ACTS: Duration = Duration::from_secs(1);
/// How often other nodes' use of quotas is read, and told who has used how much.
const QUOTAS: Duration = Duration::from_secs(1);
/// Reading what other nodes use may take one part of so many of the time.
const OTHERS_REST: u32 = 20;
/// How often other nodes' failed guesses are read.
const FAILURES: Duration = Duration::from_secs(1);
/// How often failed guesses are written down, so that a start need not read much of the log.
const GUESSES_SAVED: Duration = Duration::from_mins(10);
/// How long it is known what was told of quotas: longer than two months.
const QUOTA_WARNINGS_KEPT_SECONDS: i64 = 100 * 86_400;
/// How often it is judged what stands out.
const ALARMS: Duration = Duration::from_secs(1);
/// How long alarms are kept that are over: longer than any habit looks back.
const ALARMS_KEPT_SECONDS: i64 = 400 * 86_400;
/// How often it is looked for clients whose time to be slow is over.
const SLOWED: Duration = Duration::from_secs(1);
/// How often it is written down when credentials were last good.
const USES: Duration = Duration::from_secs(2);
/// How often it is looked for papers of clients that run out.
const PAPERS: Duration = Duration::from_mins(1);
/// How often what stands outside the log is written down.
const EDGE_FLUSH: Duration = Duration::from_secs(10);
/// How often idempotency keys are forgotten that nobody can use any more.
const KEY_UPKEEP: Duration = Duration::from_mins(10);
/// Keys forgotten at once: the log's writer waits for them.
const KEYS_FORGOTTEN_MAX: i64 = 2_000;
/// What dropping days may take at once: each is some thousand statements at most.
const RETENTION_MAX: Duration = Duration::from_mins(30);
/// How often histograms and address records are tidied.
const UPKEEP: Duration = Duration::from_secs(5);

/// Starts all of it; `directory` is the version of the directory that is loaded.
pub(super) fn start(app: &Arc<App>, directory: i64) {
    every(app, PUBLISH, |app| async move { app.publish_checkpoint().await });
    if app.config.log.retention_days > 0 {
        every(app, RETENTION, drop_days);
    }
    every(app, EDGE_FLUSH, |app| async move { app.flush_edge().await });
    every(app, USES, |app| async move { app.flush_uses().await });
    every(app, ACTS, log_acts);
    every(app, QUOTAS, warn_of_quotas);
    every(app, FAILURES, follow_failures);
    every(app, GUESSES_SAVED, |app| async move { app.save_guesses().await });
    every(app, SLOWED, |app| async move { app.end_slowness() });
    every(app, QUOTAS, share_quotas);
    // By itself: a client may take back many tokens, and a suspension must not wait behind them.
    every(app, REVOKED_POLL, follow_revoked);
    every(app, UPKEEP, tidy);
    every(app, KEY_UPKEEP, forget);
    tokio::spawn(warn_of_papers(Arc::downgrade(app)));
    tokio::spawn(judge_alarms(Arc::downgrade(app)));
    tokio::spawn(follow_others(Arc::downgrade(app)));
    tokio::spawn(follow_directory(Arc::downgrade(app), directory));
    let follower = Follower::new(&app.config.log.name, app.clock.clone());
    tokio::spawn(follow_log(Arc::downgrade(app), follower));
}

/// Keeps the hold on this node's log.
pub(super) fn keep(app: &Arc<App>, hold: Hold) {
    tokio::spawn(keep_hold(Arc::downgrade(app), hold));
}

/// Takes a turn now and after every `period`, one at a time.
fn every<F>(app: &Arc<App>, period: Duration, turn: impl Fn(Arc<App>) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send,
{
    let app = Arc::downgrade(app);
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(period);
        loop {
            ticks.tick().await;
            let Some(app) = app.upgrade() else { return };
            turn(app).await;
        }
    });
}

async fn drop_days(app: Arc<App>) {
    let today = app.clock.now().vietnamese_day();
    let before = today - i64::from(app.config.log.retention_days);
    match in_time(RETENTION_MAX, app.drop_days(before)).await {
        Ok(0) => {}
        Ok(days) => tracing::info!(days, "days of the log were dropped"),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "days of the log could not be dropped; trying again");
        }
    }
}

/// Puts acts into the log that commands have done beside this process.
async fn log_acts(app: Arc<App>) {
    // A bulk import leaves thousands.
    while app.log_acts().await > 0 {}
}

async fn follow_failures(app: Arc<App>) {
    if let Err(error) = app.follow_failures().await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "what fails on other nodes cannot be read; trying again");
    }
}

async fn follow_revoked(app: Arc<App>) {
    // Each of its readings has its own limit of time.
    if let Err(error) = app.load_revoked().await {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "revoked tokens could not be loaded again");
    }
}

async fn tidy(app: Arc<App>) {
    app.metrics.handle().run_upkeep();
    app.address_guard.tidy();
    app.client_limits.tidy();
}

async fn forget(app: Arc<App>) {
    let before_us = app.clock.now().0 - KEY_HELD_US;
    // A few at a time, and the log's writer may come between.
    let forget = || app.store.forget_idempotency_keys(before_us, KEYS_FORGOTTEN_MAX);
    while let Ok(forgotten) = in_time(TURN_MAX, forget()).await
        && forgotten > 0
    {
        tokio::task::yield_now().await;
    }
    let before_us = app.clock.now().plus_seconds(-QUOTA_WARNINGS_KEPT_SECONDS).0;
    if let Err(error) = in_time(TURN_MAX, app.store.forget_quota_warnings(before_us)).await {
        let error = &error as &dyn std::error::Error;
        tracing::debug!(error, "warnings of quotas could not be forgotten; trying again");
    }
    let before_us = app.clock.now().plus_seconds(-ALARMS_KEPT_SECONDS).0;
    if let Err(error) = in_time(TURN_MAX, app.store.forget_alarms(before_us)).await {
        let error = &error as &dyn std::error::Error;
        tracing::debug!(error, "alarms that are over could not be forgotten; trying again");
    }
    app.tokens.revoked().forget_expired(app.clock.now());
    app.forget_spent().await;
}

async fn keep_hold(app: Weak<App>, mut hold: Hold) {
    let mut ticks = tokio::time::interval(HOLD_WATCHED);
    loop {
        ticks.tick().await;
        let Some(app) = app.upgrade() else { return };
        match hold.keep().await {
            Ok(()) => {}
            Err(StoreError::Held) => {
                tracing::error!("another gateway has taken the log; stopping");
                app.audit.give_up();
                return;
            }
            // Nor can anybody write then.
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(error, "the hold on the log cannot be taken again yet");
            }
        }
    }
}

/// Tells of papers that run out, once a day for each client.
async fn warn_of_papers(app: Weak<App>) {
    let (mut ticks, mut warned) = (tokio::time::interval(PAPERS), Warned::default());
    loop {
        ticks.tick().await;
        let Some(app) = app.upgrade() else { return };
        app.warn_of_papers(&mut warned);
    }
}

async fn warn_of_quotas(app: Arc<App>) {
    app.warn_of_quotas().await;
}

/// Judges windows that are full, by what is known of clients' habits.
async fn judge_alarms(app: Weak<App>) {
    let (mut ticks, mut judging) = (tokio::time::interval(ALARMS), Judging::default());
    loop {
        ticks.tick().await;
        let Some(app) = app.upgrade() else { return };
        app.judge_alarms(&mut judging).await;
    }
}

/// Tells other nodes what this one needs of quotas.
async fn share_quotas(app: Arc<App>) {
    app.quotas.tell_others(app.clock.now()).await;
}

/// Follows what other nodes use of quotas: with a rest between two turns, which is the longer the more
/// there is to read.
async fn follow_others(app: Weak<App>) {
    let mut read = OthersRead::default();
    loop {
        let Some(app) = app.upgrade() else { return };
        let begun = app.clock.monotonic_nanos();
        if let Err(error) = app.follow_others(&mut read).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "what other nodes use cannot be read; trying again");
        }
        let took = Duration::from_nanos(app.clock.monotonic_nanos().saturating_sub(begun));
        drop(app);
        tokio::time::sleep(QUOTAS.max(took * OTHERS_REST)).await;
    }
}

async fn follow_directory(app: Weak<App>, mut known: i64) {
    let mut ticks = tokio::time::interval(DIRECTORY_POLL);
    loop {
        ticks.tick().await;
        let Some(app) = app.upgrade() else { return };
        let read = async {
            let version = app.watching.directory_version().await?;
            if version != known {
                return load_all(&app, version).await;
            }
            Ok(version)
        };
        match in_time(TURN_MAX, read).await {
            Ok(version) => known = version,
            // What was known stays in force; standing is checked against dates on every call.
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "clients and policies could not be loaded again");
            }
        }
    }
}

/// Everything that the directory's version stands for, which was read before: a change in between is
/// loaded twice, never missed. The keys come first, because a compromised one is to be void whatever
/// becomes of the rest. One that cannot be read yet must not hold a suspension back: it is told, and
/// the next turn tries again.
async fn load_all(app: &App, version: i64) -> Result<i64, StoreError> {
    let keys = app.load_token_keys().await;
    app.load_directory().await?;
    match keys {
        Ok(()) => Ok(version),
        Err(token_keys::TokenKeyError::Store(error)) => Err(error),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "the keys of tokens could not be loaded; trying again");
            Ok(version - 1)
        }
    }
}

/// Builds the projections of this node's log behind its writer.
async fn follow_log(app: Weak<App>, mut follower: Follower) {
    loop {
        let Some(app) = app.upgrade() else { return };
        let rest = follower.turn(&app.store).await;
        drop(app);
        tokio::time::sleep(rest).await;
    }
}
