//! The operator's search.

use super::ProjectionError;
use super::cursor::Cursor;
use super::terms::Filter;
use super::walk::{Page, Question, page};
use crate::store::Store;

/// The entries of all logs that a filter asks for, newest first, at most `limit`.
pub async fn search(
    store: &Store,
    filter: Filter,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Page, ProjectionError> {
    page(store, &Question::Filter(filter), after, limit).await
}
