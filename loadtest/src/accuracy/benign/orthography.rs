//! Two spellings of one syllable.

use mock_population_db::records::spelling::{other_i, other_tone_place};

/// All ways; none where the name has no such syllable.
pub(super) const VARIANTS: [fn(&str) -> Option<String>; 3] =
    [other_tone_place, other_i, tone_on_the_glide];

/// Where the tone belongs to the main vowel, and where some write it.
const ON_THE_GLIDE: [(&str, &str); 10] = [
    ("oà", "òa"),
    ("oá", "óa"),
    ("oả", "ỏa"),
    ("oã", "õa"),
    ("oạ", "ọa"),
    ("uý", "úy"),
    ("uỳ", "ùy"),
    ("uỷ", "ủy"),
    ("uỹ", "ũy"),
    ("uỵ", "ụy"),
];

/// `Hòang` for `Hoàng`, `Qúy` for `Quý`.
fn tone_on_the_glide(name: &str) -> Option<String> {
    ON_THE_GLIDE
        .iter()
        .find_map(|(right, moved)| name.contains(right).then(|| name.replacen(right, moved, 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tone_moves_to_the_glide() {
        assert_eq!(tone_on_the_glide("Vũ Hoàng Long").as_deref(), Some("Vũ Hòang Long"));
        assert_eq!(tone_on_the_glide("Bùi Duy Quý").as_deref(), Some("Bùi Duy Qúy"));
        assert_eq!(tone_on_the_glide("Lê Văn An"), None);
    }
}
