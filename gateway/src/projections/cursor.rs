//! Where the next page begins: an index in each log, opaque to whoever carries it.
//!
//! Below an index a log never changes, and a log that the first page did not see holds nothing
//! older, so that pages neither repeat nor lose an entry while the logs grow.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Longest text of a cursor, in bytes: room for some hundred logs.
const TEXT_BYTES_MAX: usize = 8_192;

/// Where the next page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Of each log its name and the index below which the page begins, by name.
    pub(super) below: Vec<(String, i64)>,
}

impl Cursor {
    /// Reads a cursor's text; `None` for anything that none of ours says.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let json = URL_SAFE_NO_PAD.decode(text).ok()?;
        let below: Vec<(String, i64)> = serde_json::from_slice(&json).ok()?;
        let is_ours = |(log, index): &(String, i64)| *index >= 0 && crate::config::is_log_name(log);
        // Each log once, or one question would walk through it many times.
        let rises = below.is_sorted_by(|(one, _), (next, _)| one < next);
        (rises && below.iter().all(is_ours)).then_some(Self { below })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let json = serde_json::to_string(&self.below).map_err(|_| std::fmt::Error)?;
        f.write_str(&URL_SAFE_NO_PAD.encode(json))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_nothing_else_is_one() {
        let cursor = Cursor { below: vec![("n1".into(), 4_711), ("n2".into(), 0)] };
        assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        let negative = URL_SAFE_NO_PAD.encode(r#"[["n1",-1]]"#);
        for below in [r#"[["n1",5],["n1",5]]"#, r#"[["n1",5],["n1",4]]"#, r#"[["n2",5],["n1",5]]"#]
        {
            assert_eq!(Cursor::parse(&URL_SAFE_NO_PAD.encode(below)), None, "{below}");
        }
        for text in ["", "x", "bm8", "W10=", negative.as_str(), &"A".repeat(9_000)] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
