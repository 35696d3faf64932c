//! A disk that failed. The system tells the error of an fsync once, to whoever called it, and
//! forgets what was to be written: the next call succeeds. So whichever connection is told, the
//! process must end, and this is where it hears of it.

use std::sync::LazyLock;

use tokio::sync::watch;

/// Of the process, not of a store: so are the files that the system has forgotten about.
static FAILED: LazyLock<watch::Sender<bool>> = LazyLock::new(|| watch::Sender::new(false));

/// `SQLITE_IOERR_WRITE`, `_FSYNC`, `_DIR_FSYNC` and `_TRUNCATE`.
const FAILURES: [&str; 4] = ["778", "1034", "1290", "1546"];

/// Waits until a connection to a file was told that the disk has failed.
pub async fn disk_failed() {
    let mut failed = FAILED.subscribe();
    // The sender is never dropped, so that there is no error.
    let _failed = failed.wait_for(|failed| *failed).await;
}

/// Notes an error that says so.
pub(super) fn note(error: &sqlx::Error) {
    if is_failure(error) {
        FAILED.send_replace(true);
    }
}

fn is_failure(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else { return false };
    error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some()
        && error.code().is_some_and(|code| FAILURES.contains(&code.as_ref()))
}
