//! The table of the mergers of 1 July 2025: what each older place became.
//!
//! The two files are searched as they stand: every row has the same width and the rows are sorted,
//! so that there is nothing to build and nothing to fail. `gateway/data/README.md` has the source.

/// Version of the table. A change that can change a verdict needs a new name.
pub const MERGERS: &str = "mergers-2025-07-01";

const PROVINCES: Table<6> =
    Table::new(include_bytes!("../../../data/mergers/provinces.csv"), b"province,became\n");
const COMMUNES: Table<15> =
    Table::new(include_bytes!("../../../data/mergers/communes.csv"), b"commune,province,became\n");

/// The province of today in which this older province lies: each went into one as a whole.
pub(in crate::matching) fn province_after(older: u8) -> Option<u8> {
    let row = PROVINCES.rows_from(&digits::<2>(u32::from(older))).next()?;
    (number(&row[..2]) == u32::from(older)).then(|| number(&row[3..5]) as u8) // two digits
}

/// Whether this older commune of this older province became, in whole or in part, the newer one.
pub(super) fn has_become(older_province: u8, older: u32, newer: u32) -> bool {
    COMMUNES
        .rows_from(&digits::<5>(older))
        .take_while(|row| number(&row[..5]) == older)
        .any(|row| number(&row[6..8]) == u32::from(older_province) && number(&row[9..14]) == newer)
}

/// Sorted rows of `WIDTH` bytes, the line feed among them.
struct Table<const WIDTH: usize>(&'static [[u8; WIDTH]]);

impl<const WIDTH: usize> Table<WIDTH> {
    const fn new(file: &'static [u8], header: &[u8]) -> Self {
        let (_, rows) = file.split_at(header.len());
        let (rows, rest) = rows.as_chunks();
        assert!(rest.is_empty(), "every row has the same width");
        Self(rows)
    }

    /// The rows from the first that is not before `key`.
    fn rows_from(&self, key: &[u8]) -> impl Iterator<Item = &'static [u8; WIDTH]> {
        self.0[self.0.partition_point(|row| &row[..key.len()] < key)..].iter()
    }
}

/// The decimal digits of a code with its leading zeros.
fn digits<const LENGTH: usize>(mut number: u32) -> [u8; LENGTH] {
    let mut digits = [b'0'; LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit += (number % 10) as u8; // below ten
        number /= 10;
    }
    digits
}

fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_whole_sorted_and_made_of_digits() {
        assert!(PROVINCES.0.is_sorted() && COMMUNES.0.is_sorted());
        assert_eq!((PROVINCES.0.len(), COMMUNES.0.len()), (63, 10_597));
        for row in PROVINCES.0 {
            assert!(is_row(row, &[2, 5]));
        }
        for row in COMMUNES.0 {
            assert!(is_row(row, &[5, 8, 14]));
            assert!(province_after(number(&row[6..8]) as u8).is_some());
        }
    }

    fn is_row(row: &[u8], borders: &[usize]) -> bool {
        row.iter().enumerate().all(|(place, byte)| {
            let is_border = matches!(byte, b',' | b'\n');
            is_border == borders.contains(&place) && (is_border || byte.is_ascii_digit())
        })
    }

    #[test]
    fn every_older_commune_is_found_and_no_code_panics() {
        let communes: std::collections::HashSet<u32> =
            COMMUNES.0.iter().map(|row| number(&row[..5])).collect();
        assert_eq!(communes.len(), 10_035);
        for row in COMMUNES.0 {
            let [older, province, newer] = [&row[..5], &row[6..8], &row[9..14]].map(number);
            assert!(has_become(province as u8, older, newer));
        }
        for code in (0..=99_999).chain([u32::MAX]).filter(|code| !communes.contains(code)) {
            assert!(!has_become(1, code, 4));
        }
        assert_eq!((0..=u8::MAX).filter_map(province_after).count(), 63);
    }
}
