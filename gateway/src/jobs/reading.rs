//! The rows of an upload, read on a thread of their own, a chunk at a time.

use std::fs::File;
use std::io;

use tokio::sync::mpsc;

use super::lowly;
use super::order::Order;
use super::rows::{FileProblem, Position, Reading, Row, RowReader};

/// Chunks that are read before they are wanted.
const READ_AHEAD: usize = 2;

/// Rows that are asked together.
#[derive(Debug)]
pub(super) struct ReadChunk {
    /// In the order of the file.
    pub(super) rows: Vec<Row>,
    /// Where the file is read on behind them.
    pub(super) end: Position,
}

/// Why no further chunk comes.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotRead {
    /// The file is not what it should be.
    #[error("the file cannot be read")]
    Problem(FileProblem),
    /// Its disk does not give it.
    #[error("the upload cannot be read")]
    Upload(#[source] io::Error),
}

/// Reads chunks from a place on; the channel ends with the file, or behind the first error.
pub(super) fn read(
    upload: File,
    order: &Order,
    reading: Reading,
    start: Option<Position>,
) -> mpsc::Receiver<Result<ReadChunk, NotRead>> {
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    let rows_max = usize::from(order.chunk_rows);
    std::thread::spawn(move || {
        lowly::be_lowly();
        if let Err(error) = read_all(upload, &reading, start, rows_max, &sender) {
            let _nobody_waits = sender.blocking_send(Err(error));
        }
    });
    receiver
}

fn read_all(
    upload: File,
    reading: &Reading,
    start: Option<Position>,
    rows_max: usize,
    sender: &mpsc::Sender<Result<ReadChunk, NotRead>>,
) -> Result<(), NotRead> {
    let mut reader = RowReader::open(upload, reading, start).map_err(NotRead::Problem)?;
    loop {
        let mut rows = Vec::with_capacity(rows_max);
        let mut problem = None;
        while rows.len() < rows_max {
            match reader.next_row() {
                Ok(Some(row)) => rows.push(row),
                Ok(None) => break,
                Err(error) => {
                    problem = Some(error);
                    break;
                }
            }
        }
        let is_last = rows.len() < rows_max;
        // What was read before the file broke is answered.
        if !rows.is_empty() {
            let chunk = ReadChunk { rows, end: reader.position() };
            if sender.blocking_send(Ok(chunk)).is_err() {
                return Ok(());
            }
        }
        match problem {
            Some(problem) => return Err(NotRead::Problem(problem)),
            None if is_last => return Ok(()),
            None => {}
        }
    }
}
