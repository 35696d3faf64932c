//! What the steps make of one name, for whoever wants to see it.

use unicode_normalization::char::compose;

use super::letter::{Letter, Marks};
use super::{canonical, decode, mark, orthography};

/// The name after each step that concerns a single name, in order. The value after `fold` is what a
/// claim without marks is held against.
pub(in crate::matching) fn steps(text: &str) -> Vec<(&'static str, String)> {
    let decoded = decode::readings(text).into_iter().next().unwrap_or_else(|| text.to_owned());
    let written = canonical::letters(&decoded);
    let mut spelt = written.clone();
    orthography::unify_spelling(&mut spelt);
    let reduced = mark::reduced(&spelt).into_owned();
    let folded: Vec<Letter> = reduced.iter().map(|letter| Letter::plain(letter.base)).collect();
    vec![
        ("decode", decoded),
        ("canonical", spell(&written)),
        ("orthography", spell(&spelt)),
        ("mark", spell(&reduced)),
        ("fold", spell(&folded)),
    ]
}

/// The letters as text in composed form.
fn spell(letters: &[Letter]) -> String {
    let mut text = String::with_capacity(letters.len() * 2);
    for letter in letters {
        // The stroke has no combining character in this small form; only d bears it.
        let stroked = letter.base == 'd' && letter.marks.has(Marks::STROKE);
        let mut last = if stroked { 'đ' } else { letter.base };
        for mark in letter.marks.combining() {
            last = compose(last, mark).unwrap_or_else(|| {
                text.push(last);
                mark
            });
        }
        text.push(last);
    }
    text
}
