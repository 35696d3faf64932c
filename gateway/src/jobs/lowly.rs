//! Threads that take what others leave.

/// The lowest priority that a thread can have.
const LOWEST: i32 = 19;

/// Gives the calling thread the lowest priority: on Linux each thread has its own (`setpriority(2)`), so
/// that a file in bulk computes only while no desk does.
pub(super) fn be_lowly() {
    if let Err(error) = rustix::process::setpriority_process(None, LOWEST) {
        tracing::warn!(%error, "jobs run with the priority of requests");
    }
}
