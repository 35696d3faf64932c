//! How long somebody waits for a server that may be gone: one that is cut off from us does not say
//! so, and the system takes a quarter of an hour to find out.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Error};

use super::StoreError;

/// A connection that does not answer within this time when it is given back is thrown away.
const GIVE_BACK: Duration = Duration::from_secs(5);

/// What is asked for, or [`StoreError`] where it takes longer than `limit`.
pub async fn in_time<T, E: From<StoreError>>(
    limit: Duration,
    asked: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let answered = tokio::time::timeout(limit, asked).await;
    answered.unwrap_or_else(|_| Err(StoreError::Database(Error::PoolTimedOut).into()))
}

/// Whether a connection can be given back to the pool: whoever had it may have given up waiting for
/// an answer. The pool itself would ask without a limit, and lack the connection until then.
pub(super) async fn is_alive(connection: &mut PgConnection) -> Result<bool, Error> {
    let answered = tokio::time::timeout(GIVE_BACK, connection.ping()).await;
    answered.unwrap_or(Err(Error::PoolTimedOut)).map(|()| true)
}
