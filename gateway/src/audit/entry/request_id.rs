//! Identity of a request: unique over all nodes, ordered by time.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::{Micros, Random};

/// Identity of one request: 16 bytes, time-ordered (RFC 9562, version 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(pub [u8; 16]);

impl RequestId {
    /// Reads an identity as answers tell it: 32 hexadecimal digits, lower case, alone or after a
    /// word and `_`, such as `ver_`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = match text.rsplit_once('_') {
            Some((word, digits)) if is_word(word) => digits,
            Some(_) => return None,
            None => text,
        };
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if digits.len() != 32 || !digits.bytes().all(is_digit) {
            return None;
        }
        Some(Self(u128::from_str_radix(digits, 16).ok()?.to_be_bytes()))
    }

    /// When the request came in, to the millisecond.
    pub fn time(self) -> Micros {
        // 48 bits of milliseconds, so nothing is lost.
        Micros((u128::from_be_bytes(self.0) >> 80) as i64 * 1_000)
    }
}

/// Identity of one answer: the request, and in a batch which item of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AnswerId {
    /// The request.
    pub request_id: RequestId,
    /// The item, from 1 on; 0 where the request is not a batch.
    pub item: u16,
}

impl AnswerId {
    /// Reads an identity as answers tell it: that of the request, and of an item `-` and its number.
    pub fn parse(text: &str) -> Option<Self> {
        let Some((request_id, item)) = text.split_once('-') else {
            return Some(Self { request_id: RequestId::parse(text)?, item: 0 });
        };
        let is_number = item.bytes().all(|b| b.is_ascii_digit()) && !item.starts_with('0');
        let item = item.parse().ok().filter(|_| is_number)?;
        Some(Self { request_id: RequestId::parse(request_id)?, item })
    }

    /// The item, if one is named.
    pub fn named_item(self) -> Option<u16> {
        (self.item > 0).then_some(self.item)
    }
}

impl std::fmt::Display for AnswerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { request_id, item } = self;
        match item {
            0 => request_id.fmt(f),
            item => write!(f, "{request_id}-{item}"),
        }
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase())
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 32];
        for (pair, byte) in text.chunks_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// Makes request identities: time-ordered, unique by a number of this process and a counter.
#[derive(Debug)]
pub struct RequestIds {
    process: [u8; 4],
    counter: AtomicU64,
}

impl RequestIds {
    /// Takes the number of this process from chance, so that two nodes never make the same.
    pub fn new(random: &Random) -> Self {
        Self { process: random.bytes(), counter: AtomicU64::new(0) }
    }

    /// A new identity in the layout of UUID version 7 (RFC 9562, section 5.7): milliseconds, then
    /// 38 bits of counter in the place of random bits and the process's number behind it.
    pub fn next(&self, now: Micros) -> RequestId {
        let counter = self.counter.fetch_add(1, Ordering::Relaxed);
        let mut id = [0; 16];
        id[..6].copy_from_slice(&((now.0 / 1_000) as u64).to_be_bytes()[2..]);
        id[6] = 0x70 | (counter >> 34 & 0x0f) as u8;
        id[7] = (counter >> 26) as u8;
        id[8] = 0x80 | (counter >> 20 & 0x3f) as u8;
        id[9..12].copy_from_slice(&((counter & 0x000f_ffff) as u32).to_be_bytes()[1..]);
        id[12..].copy_from_slice(&self.process);
        RequestId(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_read_back_from_an_answer() {
        let now = Micros(1_795_000_000_123_456);
        let id = RequestIds::new(&Random::seeded(1)).next(now);
        assert_eq!(id.time(), Micros(1_795_000_000_123_000));
        for text in [format!("{id}"), format!("ver_{id}"), format!("dsp_{id}")] {
            assert_eq!(RequestId::parse(&text), Some(id), "{text}");
        }
        let digits = id.to_string();
        for text in ["", "ver_", &digits[1..], &digits.to_uppercase(), &format!("_{digits}")] {
            assert_eq!(RequestId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_answer_of_a_batch_is_told_by_its_item() {
        let request_id = RequestIds::new(&Random::seeded(1)).next(Micros(1_795_000_000_123_456));
        for (item, end) in [(0, ""), (1, "-1"), (1_000, "-1000")] {
            let id = AnswerId { request_id, item };
            assert_eq!(id.to_string(), format!("{request_id}{end}"));
            assert_eq!(AnswerId::parse(&format!("ver_{id}")), Some(id));
        }
        for end in ["-", "-0", "-01", "-+1", "-1-1", "-65536", " -1"] {
            assert_eq!(AnswerId::parse(&format!("ver_{request_id}{end}")), None, "{end}");
        }
    }

    #[test]
    fn identities_are_unique_ordered_and_of_version_7() {
        let ids = RequestIds::new(&Random::seeded(1));
        let made: Vec<[u8; 16]> =
            (0..3_000_i64).map(|n| ids.next(Micros(1_795_000_000_000_000 + n)).0).collect();
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(made.iter().all(|id| id[6] >> 4 == 7 && id[8] >> 6 == 2));
    }
}
