//! The bytes of a file as they were before anybody compressed them, and no more than are taken.

use std::io::{self, BufReader, Chain, Cursor, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;

use super::problem::FileCode;

/// How a gzip stream begins (RFC 1952, section 2.3.1).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// Compressed bytes that are read at once.
const PACKED_BYTES: usize = 64 * 1024;
/// Output from which on the ratio is looked at: less of it costs nothing.
const RATIO_FROM_BYTES: u64 = 16 * 1024 * 1024;
/// The highest ratio of output to input. Deflate ends at 1,032, which only a stream of one and the
/// same byte gets near; rows stay below 100.
const RATIO_MAX: u64 = 1_000;

/// A file, unpacked where it is packed.
pub(super) struct Input<R> {
    bytes: Bytes<R>,
    /// Bytes given out so far.
    given: u64,
    bytes_max: u64,
}

enum Bytes<R> {
    Plain(Outside<R>),
    Packed(Box<MultiGzDecoder<BufReader<Outside<R>>>>),
}

impl<R: Read> Input<R> {
    /// Looks at the first bytes. `bytes_max` is counted unpacked.
    pub(super) fn open(mut read: R, bytes_max: u64) -> Result<Self, FileCode> {
        let mut first = Vec::with_capacity(GZIP_MAGIC.len());
        let beginning = read.by_ref().take(GZIP_MAGIC.len() as u64).read_to_end(&mut first);
        beginning.map_err(|_| FileCode::ReadFailed)?;
        let is_packed = first == GZIP_MAGIC;
        let outside = Outside { read: Cursor::new(first).chain(read), taken: 0, failed: false };
        let bytes = if is_packed {
            let buffered = BufReader::with_capacity(PACKED_BYTES, outside);
            Bytes::Packed(Box::new(MultiGzDecoder::new(buffered)))
        } else {
            Bytes::Plain(outside)
        };
        Ok(Self { bytes, given: 0, bytes_max })
    }

    /// Reads on; 0 at the end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, FileCode> {
        let read = match &mut self.bytes {
            Bytes::Plain(plain) => plain.read(buffer).map_err(|_| FileCode::ReadFailed)?,
            Bytes::Packed(packed) => packed.read(buffer).map_err(|_| {
                let failed = packed.get_ref().get_ref().failed;
                if failed { FileCode::ReadFailed } else { FileCode::GzipBroken }
            })?,
        };
        self.given += read as u64;
        self.check_size().map(|()| read)
    }

    fn check_size(&self) -> Result<(), FileCode> {
        match &self.bytes {
            Bytes::Plain(_) if self.given > self.bytes_max => Err(FileCode::FileTooLarge),
            Bytes::Plain(_) => Ok(()),
            Bytes::Packed(packed) => {
                let buffered = packed.get_ref();
                let used = buffered.get_ref().taken - buffered.buffer().len() as u64;
                let is_bomb = self.given > RATIO_FROM_BYTES && self.given / RATIO_MAX > used;
                if is_bomb || self.given > self.bytes_max {
                    return Err(FileCode::GzipBomb);
                }
                Ok(())
            }
        }
    }
}

/// What the caller lets us read, counted, and whether it failed: a failing disk is no broken file.
struct Outside<R> {
    read: Chain<Cursor<Vec<u8>>, R>,
    taken: u64,
    failed: bool,
}

impl<R: Read> Read for Outside<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.read.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failed = true;
                    return Err(error);
                }
                Ok(count) => {
                    self.taken += count as u64;
                    return Ok(count);
                }
            }
        }
    }
}
