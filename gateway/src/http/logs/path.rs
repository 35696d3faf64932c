//! Paths of tiles (C2SP `tlog-tiles`): one for each tile, so that caches hold it once.

use crate::audit::TILE_WIDTH;

/// A tile or bundle within its level: `x001/x234/067`, or `x001/x234/067.p/8` for the first eight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TilePath {
    /// Index within the level.
    pub(super) index: u64,
    /// Hashes or entries asked for, 1 to 256.
    pub(super) width: usize,
}

/// The highest level (C2SP `tlog-tiles`).
const LEVEL_MAX: u8 = 63;

impl TilePath {
    /// Reads the one form that each tile has.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (index, width) = match text.split_once(".p/") {
            Some((index, width)) => (index, decimal(width, TILE_WIDTH as u64 - 1)? as usize),
            None => (text, TILE_WIDTH),
        };
        (width > 0).then_some(Self { index: parse_index(index)?, width })
    }
}

/// Reads the level of a tile.
pub(super) fn parse_level(text: &str) -> Option<u8> {
    decimal(text, u64::from(LEVEL_MAX)).map(|level| level as u8)
}

/// Reads a number up to `max`: digits without a leading zero.
pub(super) fn decimal(text: &str, max: u64) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number <= max && number.to_string() == text).then_some(number)
}

fn parse_index(text: &str) -> Option<u64> {
    let mut index: u64 = 0;
    let (above, last) = text.rsplit_once('/').unwrap_or(("", text));
    let above = above.split('/').filter(|_| !above.is_empty());
    for digits in above.map(|part| part.strip_prefix('x')).chain([Some(last)]) {
        let digits = digits.filter(|d| d.len() == 3 && d.bytes().all(|b| b.is_ascii_digit()))?;
        index = index.checked_mul(1_000)?.checked_add(digits.parse().ok()?)?;
    }
    // Leading groups of zeros would be a second path to the same tile.
    (format_index(index) == text).then_some(index)
}

fn format_index(index: u64) -> String {
    let (mut text, mut above) = (format!("{:03}", index % 1_000), index / 1_000);
    while above > 0 {
        text = format!("x{:03}/{text}", above % 1_000);
        above /= 1_000;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_index_and_width() {
        let parsed = |text| TilePath::parse(text).map(|path| (path.index, path.width));
        assert_eq!(parsed("000"), Some((0, 256)));
        assert_eq!(parsed("999"), Some((999, 256)));
        assert_eq!(parsed("x001/000"), Some((1_000, 256)));
        assert_eq!(parsed("x001/x234/067"), Some((1_234_067, 256)));
        assert_eq!(parsed("x001/x234/067.p/8"), Some((1_234_067, 8)));
        assert_eq!(parsed("000.p/255"), Some((0, 255)));
        assert_eq!(parsed(&format_index(u64::MAX)), Some((u64::MAX, 256)));
    }

    #[test]
    fn every_tile_has_one_path() {
        let texts = [
            "",
            "0",
            "00",
            "0000",
            "1234067",
            "x000",
            "x001",
            "001/000",
            "x000/001",
            "x001/x000",
            "x001//000",
            "/000",
            "000/",
            "+01",
            "x1/000",
            "X001/000",
            "000.p/0",
            "000.p/08",
            "000.p/256",
            "000.p/",
            "000.p/+8",
            "000.p/8/",
            "000.p",
            "x999/x999/x999/x999/x999/x999/999",
        ];
        for text in texts {
            assert_eq!(TilePath::parse(text), None, "{text}");
        }
    }

    #[test]
    fn levels_are_written_without_zeros_in_front() {
        assert_eq!([parse_level("0"), parse_level("63")], [Some(0), Some(63)]);
        for text in ["", "00", "01", "64", "-1", "+1", "entries"] {
            assert_eq!(parse_level(text), None, "{text}");
        }
    }
}
