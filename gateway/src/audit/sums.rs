//! Sums by key over several grains, as the store adds them to its counters: of what the log holds
//! and of what never reaches it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::cube::{Cube, Grain};

/// Sums by key, in the order of their keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums(BTreeMap<String, i64>);

impl Sums {
    /// Adds to the counters of these grains what an hour or a day holds, both by their digits. Keys
    /// of what never reaches the log are of no cube, and begin with their grain.
    pub fn add(&mut self, cube: Option<Cube>, grains: &[Grain], digits: &str, tail: &str, n: i64) {
        for grain in grains {
            let mut key = String::with_capacity(20 + tail.len());
            if let Some(cube) = cube {
                key.extend([cube.letter(), "|"]);
            }
            key.extend([grain.letter(), "|"]);
            grain.write_period(digits, &mut key);
            key.extend(["|", tail]);
            *self.0.entry(key).or_default() += n;
        }
    }

    /// Takes over sums of other keys.
    pub fn append(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each with its key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().map(|(key, n)| (key.as_str(), *n))
    }

    /// The sums by their keys.
    pub fn into_map(self) -> BTreeMap<String, i64> {
        self.0
    }

    /// The sums as a JSON object of key and number.
    pub fn to_json(&self) -> String {
        let mut json = String::with_capacity(2 + self.0.len() * 80);
        json.push('{');
        for (position, (key, n)) in self.0.iter().enumerate() {
            let comma = if position > 0 { "," } else { "" };
            // Keys are made of codes and names that hold no quote, backslash or control character.
            let _infallible = write!(json, "{comma}\"{key}\":{n}");
        }
        json.push('}');
        json
    }
}
