//! Reads the entries of a log in order, for those who count or check them.

use super::recovery::split_bundle;
use super::verify::VerifyError;
use crate::store::Store;

/// Bundles read at once.
const BUNDLES_PER_READ: i64 = 32;

/// Reads a log's entries in order, a bounded number at a time, up to a given size: what a running
/// gateway appends meanwhile is not part of the question.
pub(super) struct EntryReader<'a> {
    store: &'a Store,
    log: &'a str,
    next: u64,
    size: u64,
}

impl<'a> EntryReader<'a> {
    pub(super) fn new(store: &'a Store, log: &'a str, size: u64) -> Self {
        Self { store, log, next: 0, size }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Vec<(u64, Vec<u8>)>>, VerifyError> {
        if self.next >= self.size {
            return Ok(None);
        }
        let out_of_place = |first_index| VerifyError::Bundle { log: self.log.into(), first_index };
        let bundles = self.store.bundles_from(self.log, self.next as i64, BUNDLES_PER_READ).await?;
        let mut read = Vec::new();
        for bundle in &bundles {
            if self.next >= self.size {
                break;
            }
            let entries = split_bundle(&bundle.entries).ok_or_else(|| out_of_place(self.next))?;
            let fits = bundle.first_index as u64 == self.next
                && entries.len() as i64 == bundle.entries_count
                && !entries.is_empty();
            if !fits {
                return Err(out_of_place(self.next));
            }
            read.extend((self.next..).zip(entries.into_iter().map(<[u8]>::to_vec)));
            self.next += bundle.entries_count as u64;
        }
        if read.is_empty() {
            return Err(out_of_place(self.next));
        }
        Ok(Some(read))
    }
}
