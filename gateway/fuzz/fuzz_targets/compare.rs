//! Any two texts as values of every attribute: nothing panics, a value is itself, and normalising
//! what was normalised changes nothing.
//!
//! The input is claim and record with a line feed between them.

#![no_main]

use gateway::matching::{Finding, Pair, compare_texts, normalize};
use gateway::request::Attribute;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (claim, record) = text.split_once('\n').unwrap_or((text, text));
    for attribute in Attribute::ALL {
        let found = compare_texts(attribute, claim, record);
        let steps = normalize(attribute, claim);
        match (found, &steps) {
            (Pair::MalformedClaim(malformed), Err(refused)) => assert_eq!(malformed, *refused),
            (Pair::Compared(_) | Pair::UnreadableRecord, Ok(_)) => {}
            (found, steps) => panic!("{attribute}: {found:?}, normalised {steps:?}"),
        }
        let Ok(steps) = steps else {
            continue;
        };
        let itself = compare_texts(attribute, claim, claim);
        assert_eq!(itself, Pair::Compared(Finding::MATCH), "{attribute}: {claim:?}");
        // What a last step leaves of a name may read as keystrokes or a placeholder, which are
        // refused; and a sign that stood within it may have come to its end, where it is dropped.
        let is_sign = |c: char| !c.is_ascii_alphanumeric() && !matches!(c, ' ' | '-' | '/');
        if let Some(last) = steps.last()
            && !last.value.contains(is_sign)
            && let Ok(again) = normalize(attribute, &last.value)
        {
            let same = again.last().map(|again| &again.value);
            assert_eq!(same, Some(&last.value), "{attribute}: {claim:?}");
        }
    }
});
