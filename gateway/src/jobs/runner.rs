//! Which jobs run on this node, on threads that take what requests leave.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use super::run::{self, Ended, Interrupted};
use super::{ending, lowly};
use crate::app::App;
use crate::store::{JobRow, StoreError};

/// How often it is looked for jobs that may run, beside being told.
const LOOK: Duration = Duration::from_millis(500);
/// How often it is looked for files that nobody needs any more.
const TIDY: Duration = Duration::from_secs(30);
/// Jobs that run at once, each of another client.
const AT_ONCE: usize = 4;

/// Jobs that run, until this is stopped.
#[derive(Debug)]
pub struct Runner {
    stop: watch::Sender<bool>,
    stopped: oneshot::Receiver<()>,
}

/// How a run of a job ended.
type Outcome = (JobRow, Result<Ended, Interrupted>);

/// A job that was interrupted: how often in a row.
type Interruptions = HashMap<String, u32>;

impl Runner {
    /// Starts the threads of jobs.
    pub fn start(app: &Arc<App>) -> Self {
        let (stop, stopping) = watch::channel(false);
        let (told, stopped) = oneshot::channel();
        let app = Arc::clone(app);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(threads())
                .on_thread_start(lowly::be_lowly)
                .thread_name("job")
                .enable_all()
                .build();
            match runtime {
                Ok(runtime) => runtime.block_on(look(&app, stopping)),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "no job runs: their threads do not start");
                }
            }
            drop(app);
            let _nobody_waits = told.send(());
        });
        Self { stop, stopped }
    }

    /// Lets every job end the commit that it is at, and waits for that.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        // An error means that the thread is gone, which is as well.
        let _stopped = self.stopped.await;
    }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

/// Looks for jobs until it is told to stop, and then waits for those that run.
async fn look(app: &Arc<App>, mut stop: watch::Receiver<bool>) {
    let (mut running, mut whose) = (JoinSet::<Outcome>::new(), HashMap::<String, String>::new());
    let mut interrupted = Interruptions::new();
    let (mut looks, mut tidies) = (tokio::time::interval(LOOK), tokio::time::interval(TIDY));
    while !*stop.borrow() {
        tokio::select! {
            Some(ended) = running.join_next(), if !running.is_empty() => match ended {
                Ok((job, outcome)) => {
                    whose.remove(&job.id);
                    conclude(app, job, outcome, &mut interrupted).await;
                }
                // Panics are caught inside, and nobody aborts them.
                Err(error) => tracing::error!(%error, "a job has failed"),
            },
            () = app.jobs_changed.notified() => {}
            _ = looks.tick() => {}
            _ = tidies.tick() => ending::tidy(app).await,
            _ = stop.wait_for(|stop| *stop) => break,
        }
        match app.store.jobs_in(&app.config.log.name, "running").await {
            Ok(jobs) => begin(app, &jobs, (&mut running, &mut whose), &interrupted, &stop),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "which jobs run cannot be read; looking again");
            }
        }
    }
    while let Some(ended) = running.join_next().await {
        if let Ok((job, outcome)) = ended {
            conclude(app, job, outcome, &mut interrupted).await;
        }
    }
}

/// Begins those that may run: the oldest of each client.
fn begin(
    app: &Arc<App>,
    jobs: &[JobRow],
    (running, whose): (&mut JoinSet<Outcome>, &mut HashMap<String, String>),
    interrupted: &Interruptions,
    stop: &watch::Receiver<bool>,
) {
    for job in jobs {
        if running.len() >= AT_ONCE {
            return;
        }
        if whose.values().any(|client| *client == job.client_id) {
            continue;
        }
        whose.insert(job.id.clone(), job.client_id.clone());
        let (app, job, stop) = (Arc::clone(app), job.clone(), stop.clone());
        let rest = interrupted.get(&job.id).map(|times| run::rest(*times));
        running.spawn(async move {
            let mut stopping = stop.clone();
            if let Some(rest) = rest {
                let _until = tokio::time::timeout(rest, stopping.wait_for(|stop| *stop)).await;
            }
            if *stopping.borrow() {
                return (job, Ok(Ended::Stopped));
            }
            let running = AssertUnwindSafe(run::run(&app, &job, &stop)).catch_unwind();
            let outcome = running.await.unwrap_or(Err(Interrupted::Task));
            (job, outcome)
        });
    }
}

/// Writes down how a run ended.
async fn conclude(
    app: &Arc<App>,
    job: JobRow,
    outcome: Result<Ended, Interrupted>,
    interrupted: &mut Interruptions,
) {
    let id = job.id.as_str();
    let noted: Result<(), StoreError> = match outcome {
        Ok(ended) => {
            interrupted.remove(id);
            ending::conclude(app, &job, ended).await
        }
        Err(error) => {
            let times = interrupted.entry(id.to_owned()).or_default();
            *times += 1;
            let (error, times) = (&error as &dyn std::error::Error, *times);
            tracing::warn!(job = id, error, times, "a job was interrupted and goes on by itself");
            Ok(())
        }
    };
    if let Err(error) = noted {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(job = id, error, "how a job ended cannot be written; trying again");
    }
}
