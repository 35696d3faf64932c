//! The entries about one person, under every name that the logs have for them.

use std::collections::{BTreeSet, HashSet};

use super::ProjectionError;
use super::cursor::Cursor;
use super::reader::OpenBundle;
use super::terms::QUARTER;
use super::walk::{Page, Question, page};
use crate::audit::{Pseudonym, Quarter};
use crate::store::{Store, StoreError};

/// The entries of all logs about any of `pseudonyms`, newest first, at most `limit`.
pub async fn history(
    store: &Store,
    pseudonyms: HashSet<Pseudonym>,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Page, ProjectionError> {
    page(store, &Question::Persons(pseudonyms), after, limit).await
}

/// The quarters of which the logs hold entries. Those of the
/// segment that is still open are the ones between its first and last entry.
pub async fn quarters(store: &Store) -> Result<BTreeSet<Quarter>, ProjectionError> {
    let mut quarters = BTreeSet::new();
    for checkpoint in store.checkpoints().await? {
        let log = checkpoint.log.as_str();
        let prefix = format!("{QUARTER}=");
        for term in store.search_terms(log, &prefix, &format!("{prefix}~")).await? {
            let number =
                term.strip_prefix(&prefix).and_then(|number| number.parse().ok()).map(Quarter);
            quarters.insert(number.ok_or_else(|| StoreError::Inconsistent {
                table: "search_postings",
                row: format!("{log}, {term}"),
            })?);
        }
        let open = super::progress(store, log).await?.search;
        let first = quarter_at(store, log, open).await?;
        let last = quarter_at(store, log, checkpoint.tree_size - 1).await?;
        if let (Some(first), Some(last)) = (first, last) {
            quarters.extend((first.0..=last.0).map(Quarter));
        }
    }
    Ok(quarters)
}

async fn quarter_at(
    store: &Store,
    log: &str,
    index: i64,
) -> Result<Option<Quarter>, ProjectionError> {
    let Some(bundle) = OpenBundle::at_or_before(store, log, index).await? else { return Ok(None) };
    Ok(bundle.find(log, index, |_| true)?.map(|entry| Quarter::of(entry.at())))
}
