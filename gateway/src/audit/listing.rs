//! The entries of a range of a log, decoded, for those who copy it out.

use std::ops::Range;

use super::entry::LogEntry;
use super::reader::BundleReader;
use super::tree::{self, Hash};
use super::verify::VerifyError;
use crate::store::Store;

/// An entry with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its index.
    pub index: u64,
    /// Its leaf hash.
    pub leaf: Hash,
    /// What it says.
    pub entry: LogEntry,
}

/// Reads the entries of a range of a log in order, a bounded number at a time.
pub struct Listing<'a> {
    log: &'a str,
    range: Range<u64>,
    reader: BundleReader<'a>,
}

impl<'a> Listing<'a> {
    /// Entries with an index in `range`, of those before `size`; those of days that were dropped are
    /// passed over.
    pub fn new(store: &'a Store, log: &'a str, range: Range<u64>, size: u64) -> Self {
        let range = range.start.min(size)..range.end.min(size);
        let reader = BundleReader::new(store, log, range.start, size);
        Self { log, range, reader }
    }

    /// The entries of the next bundle; none after the last one.
    pub async fn next(&mut self) -> Result<Option<Vec<Listed>>, VerifyError> {
        if self.range.is_empty() {
            return Ok(None);
        }
        let Some(bundle) = self.reader.next().await? else { return Ok(None) };
        let mut listed = Vec::new();
        for (index, bytes) in bundle.entries(&self.range) {
            let entry = LogEntry::decode(bytes).map_err(|error| VerifyError::Entry {
                log: self.log.into(),
                index,
                first_index: bundle.first_index,
                fault: error.into(),
            })?;
            listed.push(Listed { index, leaf: tree::leaf_hash(bytes), entry });
        }
        self.range.start = bundle.until.max(self.range.start).min(self.range.end);
        Ok(Some(listed))
    }
}
