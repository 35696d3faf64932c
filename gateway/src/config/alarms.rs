//! The section `[alarms]`: from when on something stands out in how clients ask.

use serde::Deserialize;

/// Windows over which alarms are judged, and from when on they are raised.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlarmsConfig {
    /// A window holds at least so many answers.
    pub window_answers: u32,
    /// And lasts at least so long, in seconds.
    pub window_seconds: u32,
    /// Days before today that a client's habit is made of.
    pub habit_days: u32,
    /// How far the match rate must fall below the habit, 0 to 1.
    pub match_rate_fall: f64,
    /// Share of answers about a neighbour of a number that was asked lately, 0 to 1.
    pub consecutive_share: f64,
    /// How many times as many different people an hour as a usual busiest hour has answers.
    pub distinct_factor: f64,
    /// Clients that ask about one person within a window.
    pub subject_clients: usize,
    /// How long limits are not shared, in seconds.
    pub unshared_seconds: u32,
}

impl Default for AlarmsConfig {
    fn default() -> Self {
        Self {
            window_answers: 1_000,
            window_seconds: 600,
            habit_days: 28,
            match_rate_fall: 0.05,
            consecutive_share: 0.1,
            distinct_factor: 3.0,
            subject_clients: 10,
            unshared_seconds: 1,
        }
    }
}

impl AlarmsConfig {
    /// What is out of its range: the key and what is wrong with it.
    pub(super) fn problem(&self) -> Option<(&'static str, &'static str)> {
        if !(1_000..=1_000_000).contains(&self.window_answers) {
            return Some(("alarms.window_answers", "must be 1,000 to 1,000,000"));
        }
        if !(600..=86_400).contains(&self.window_seconds) {
            return Some(("alarms.window_seconds", "must be 600 to 86,400"));
        }
        // Reports by the hour reach over 92 days.
        if !(7..=90).contains(&self.habit_days) {
            return Some(("alarms.habit_days", "must be 7 to 90"));
        }
        if !(0.01..=1.0).contains(&self.match_rate_fall) {
            return Some(("alarms.match_rate_fall", "must be 0.01 to 1"));
        }
        if !(0.01..=1.0).contains(&self.consecutive_share) {
            return Some(("alarms.consecutive_share", "must be 0.01 to 1"));
        }
        if !(1.0..=1_000.0).contains(&self.distinct_factor) {
            return Some(("alarms.distinct_factor", "must be 1 to 1,000"));
        }
        if !(4..=64).contains(&self.subject_clients) {
            return Some(("alarms.subject_clients", "must be 4 to 64"));
        }
        if !(1..=3_600).contains(&self.unshared_seconds) {
            return Some(("alarms.unshared_seconds", "must be 1 to 3,600"));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_out_of_range_names_its_key() {
        assert_eq!(AlarmsConfig::default().problem(), None);
        let usual = AlarmsConfig::default;
        for (config, key) in [
            (AlarmsConfig { window_answers: 999, ..usual() }, "alarms.window_answers"),
            (AlarmsConfig { window_seconds: 599, ..usual() }, "alarms.window_seconds"),
            (AlarmsConfig { habit_days: 91, ..usual() }, "alarms.habit_days"),
            (AlarmsConfig { match_rate_fall: 0.0, ..usual() }, "alarms.match_rate_fall"),
            (AlarmsConfig { match_rate_fall: f64::NAN, ..usual() }, "alarms.match_rate_fall"),
            (AlarmsConfig { consecutive_share: 1.1, ..usual() }, "alarms.consecutive_share"),
            (AlarmsConfig { distinct_factor: 0.9, ..usual() }, "alarms.distinct_factor"),
            (AlarmsConfig { subject_clients: 3, ..usual() }, "alarms.subject_clients"),
            (AlarmsConfig { unshared_seconds: 0, ..usual() }, "alarms.unshared_seconds"),
        ] {
            assert_eq!(config.problem().map(|(key, _)| key), Some(key), "{config:?}");
        }
    }
}
