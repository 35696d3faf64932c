//! The section `[lanes]`: how requests share what stands behind the gateway.

use serde::Deserialize;

/// Places on the way to register and log, and who gets them.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LanesConfig {
    /// Time for one request that names none, from its head on, in milliseconds.
    pub deadline_ms: u64,
    /// Requests between the register and their receipt at once, of all lanes.
    pub places: usize,
    /// Of them those of the bulk lane: what it has on its way is before everybody else.
    pub bulk_places: usize,
    /// The same while nobody else has come for a second; at most half of `places`, and no fewer than
    /// `bulk_places`.
    pub bulk_places_alone: usize,
    /// Requests of one lane waiting for a place; more are refused with 503 at once.
    pub queue_items_max: usize,
    /// Share of the bulk lane while others wait as well.
    pub bulk_weight: u32,
    /// Share of the interactive lane.
    pub interactive_weight: u32,
    /// Share of the emergency lane.
    pub emergency_weight: u32,
}

impl Default for LanesConfig {
    fn default() -> Self {
        Self {
            deadline_ms: 3_000,
            // What the calls to the register take with full batches.
            places: 1_024,
            // What computes for a file computes before a desk (`loadtest lanes`).
            bulk_places: 2,
            // Some thousands a second before a register that answers in 20 ms; and what a desk's first
            // request finds on its way.
            bulk_places_alone: 128,
            queue_items_max: 4_096,
            bulk_weight: 1,
            interactive_weight: 8,
            emergency_weight: 16,
        }
    }
}

impl LanesConfig {
    /// What is out of its range: the key and what is wrong with it.
    pub(super) fn problem(&self) -> Option<(&'static str, &'static str)> {
        let weights = [self.bulk_weight, self.interactive_weight, self.emergency_weight];
        if !(1..=30_000).contains(&self.deadline_ms) {
            return Some(("lanes.deadline_ms", "must be 1 to 30,000"));
        }
        if !(1..=65_536).contains(&self.places) {
            return Some(("lanes.places", "must be 1 to 65,536"));
        }
        if !(1..=self.places).contains(&self.bulk_places) {
            return Some(("lanes.bulk_places", "must be 1 to lanes.places"));
        }
        if !(1..=65_536).contains(&self.bulk_places_alone) {
            return Some(("lanes.bulk_places_alone", "must be 1 to 65,536"));
        }
        if self.queue_items_max > 65_536 {
            return Some(("lanes.queue_items_max", "must be 65,536 at most"));
        }
        if !weights.iter().all(|weight| (1..=1_000).contains(weight)) {
            return Some(("lanes.bulk_weight", "and the others must be 1 to 1,000"));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_out_of_range_names_its_key() {
        assert_eq!(LanesConfig::default().problem(), None);
        let usual = LanesConfig::default;
        for (config, key) in [
            (LanesConfig { deadline_ms: 0, ..usual() }, "lanes.deadline_ms"),
            (LanesConfig { deadline_ms: 30_001, ..usual() }, "lanes.deadline_ms"),
            (LanesConfig { places: 0, ..usual() }, "lanes.places"),
            (LanesConfig { bulk_places: 0, ..usual() }, "lanes.bulk_places"),
            (LanesConfig { places: 8, bulk_places: 9, ..usual() }, "lanes.bulk_places"),
            (LanesConfig { bulk_places_alone: 0, ..usual() }, "lanes.bulk_places_alone"),
            (LanesConfig { queue_items_max: 65_537, ..usual() }, "lanes.queue_items_max"),
            (LanesConfig { emergency_weight: 0, ..usual() }, "lanes.bulk_weight"),
        ] {
            assert_eq!(config.problem().map(|(key, _)| key), Some(key), "{config:?}");
        }
    }
}
