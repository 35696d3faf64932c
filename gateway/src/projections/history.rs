//! The entries about one person, under every name that the logs have for them.

use std::collections::BTreeSet;

use super::ProjectionError;
use super::cursor::Cursor;
use super::reader;
use super::terms::QUARTER;
use super::walk::{Look, Page, Question, page, page_below};
use crate::audit::{LogEntry, Pseudonym, Quarter};
use crate::clock::Micros;
use crate::store::{Store, StoreError};

/// The entries of all logs about any of `pseudonyms`, newest first, at most `limit`; what an earlier
/// look saw, if one is named.
pub async fn history(
    store: &Store,
    pseudonyms: impl IntoIterator<Item = Pseudonym>,
    seen_by: Option<Look>,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Page, ProjectionError> {
    let question = Question::Persons(pseudonyms.into_iter().collect(), seen_by);
    page(store, &question, after, limit).await
}

/// The entries about any of `pseudonyms` since a moment that the projections cover, newest first, at
/// most `limit`: what was appended since they did is known to whoever asks.
pub async fn covered_history(
    store: &Store,
    pseudonyms: &[Pseudonym],
    since: Micros,
    limit: usize,
) -> Result<Vec<LogEntry>, ProjectionError> {
    let question = Question::Persons(pseudonyms.iter().copied().collect(), None);
    let mut begin = Vec::new();
    for checkpoint in store.checkpoints().await? {
        let covered = super::progress(store, &checkpoint.log).await?.people;
        begin.push((checkpoint.log, covered.min(checkpoint.tree_size)));
    }
    let page = page_below(store, &question, begin, (since, limit)).await?;
    Ok(page.hits.into_iter().map(|hit| hit.entry).collect())
}

/// The quarters of which the logs hold entries.
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
        quarters.extend(quarters_from(store, log, open, checkpoint.tree_size).await?);
    }
    Ok(quarters)
}

/// The quarters of entries that no closed segment has. Mostly the first and the last entry say it;
/// only where a quarter lies between theirs is every entry looked at.
async fn quarters_from(
    store: &Store,
    log: &str,
    from: i64,
    until: i64,
) -> Result<BTreeSet<Quarter>, ProjectionError> {
    let first = reader::quarter_at(store, log, from).await?;
    let last = reader::quarter_at(store, log, until - 1).await?;
    let ends: BTreeSet<Quarter> = first.into_iter().chain(last).collect();
    match (first, last) {
        (Some(first), Some(last)) if last.0.abs_diff(first.0) > 1 => {
            reader::quarters_within(store, log, from, until).await
        }
        (_, _) => Ok(ends),
    }
}
