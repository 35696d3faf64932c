//! Threads that take what others leave.

/// A tenth of the weight that requests have, so that a busy machine does not stop a job for good, nor what
/// a job holds a lock on.
const LOW: i32 = 10;

/// Gives the calling thread a low priority: on Linux each thread has its own (`setpriority(2)`), so
/// that a file in bulk computes mostly while no desk does.
pub(super) fn be_lowly() {
    if let Err(error) = rustix::process::setpriority_process(None, LOW) {
        tracing::warn!(%error, "jobs run with the priority of requests");
    }
}
