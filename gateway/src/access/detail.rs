//! What acts say they granted: as much as an entry holds, and a digest of all where that is not all.

use aws_lc_rs::digest::{SHA256, digest};

use crate::hex::hex;

/// Longest detail of an act, in bytes: what an entry holds.
const DETAIL_BYTES_MAX: usize = 255;

/// SHA-256 of a text, as it stands in details.
pub(super) fn sha256(text: &str) -> String {
    format!("SHA-256 {}", hex(digest(&SHA256, text.as_bytes()).as_ref()))
}

/// What was said with the codes of agencies that it is about, or where they do not fit, how many
/// they are and a digest of them, in order and joined by blanks.
pub(super) fn with_codes(said: &str, codes: &[String]) -> String {
    let all = codes.join(" ");
    let whole = format!("{said} {all}");
    if whole.len() <= DETAIL_BYTES_MAX {
        return whole;
    }
    format!("{said} {} agencies, {}", codes.len(), sha256(&all))
}

/// What was said with the codes that came to a list and went from it, or where they do not fit,
/// how many of each and a digest of the list as it is now.
pub(super) fn with_changed_codes(said: &str, old: &[String], new: &[String]) -> String {
    let added: Vec<&String> = new.iter().filter(|code| !old.contains(code)).collect();
    let removed: Vec<&String> = old.iter().filter(|code| !new.contains(code)).collect();
    let told = added.iter().map(|code| format!(" +{code}"));
    let whole = told.chain(removed.iter().map(|code| format!(" -{code}")));
    let whole = format!("{said}{}", whole.collect::<String>());
    if whole.len() <= DETAIL_BYTES_MAX {
        return whole;
    }
    let (more, less, now) = (added.len(), removed.len(), new.len());
    format!("{said} {more} added, {less} removed, {now} now, {}", sha256(&new.join(" ")))
}

/// A detail that an entry holds: of a longer one its beginning, and a digest of the whole.
pub(super) fn fitting(detail: String) -> String {
    if detail.len() <= DETAIL_BYTES_MAX {
        return detail;
    }
    let end = format!(".. {}", sha256(&detail));
    let begin = detail.floor_char_boundary(DETAIL_BYTES_MAX - end.len());
    format!("{}{end}", &detail[..begin])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_told_by_number_and_digest() {
        let codes = |count: usize| (0..count).map(|n| format!("G{n:02}")).collect::<Vec<_>>();
        assert_eq!(with_codes("acts for", &codes(3)), "acts for G00 G01 G02");
        assert_eq!(
            with_changed_codes("delegations", &codes(2), &codes(3)[1..]),
            "delegations +G02 -G00"
        );
        let many = with_codes("acts for", &codes(90));
        let digest = sha256(&codes(90).join(" "));
        assert_eq!(many, format!("acts for 90 agencies, {digest}"));
        let changed = with_changed_codes("delegations", &codes(1), &codes(90));
        assert_eq!(changed, format!("delegations 89 added, 0 removed, 90 now, {digest}"));
    }

    #[test]
    fn a_detail_that_is_cut_says_so() {
        for letter in ["a", "ệ"] {
            let long = letter.repeat(300);
            let cut = fitting(long.clone());
            assert!(
                cut.len() <= DETAIL_BYTES_MAX && cut.ends_with(&format!(".. {}", sha256(&long)))
            );
            assert!(cut.starts_with(&letter.repeat(40)));
        }
        let short = "a".repeat(DETAIL_BYTES_MAX);
        assert_eq!(fitting(short.clone()), short);
    }
}
