//! How many guesses may fail: the arithmetic, pure. Times are seconds since 1970.

use crate::config::GuessBudgetsConfig;

/// An hour, in seconds.
pub(super) const HOUR: u32 = 3_600;
/// 24 hours.
pub(super) const DAY: u32 = 24 * HOUR;
/// 30 days: what failed longer ago is forgotten.
pub const MONTH: u32 = 30 * DAY;

/// A guess that has failed, or one that may fail yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Try {
    /// Whether it is of the client that asks.
    pub(super) is_own: bool,
    /// When it has failed; `None` while it is on its way.
    pub(super) failed_at: Option<u32>,
}

/// Seconds until there may be room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait(pub(super) u32);

/// Whether one more guess may fail on a subject, after `tries` on it that all differ from it.
///
/// A client has budgets of its own on the subject. Those of the subject are over all clients; where
/// they are used up, one that has never failed on it may still ask, so that nobody can shut out
/// those who know the person.
pub(super) fn room(of: &GuessBudgetsConfig, tries: &[Try], now: u32) -> Result<(), Wait> {
    let own = Tries::of(tries.iter().filter(|one| one.is_own), now);
    let mut waits =
        [own.wait(of.client_day, DAY, now), own.wait(of.client_month, MONTH, now), 0, 0];
    if !own.is_empty() {
        let all = Tries::of(tries, now);
        waits[2] = all.wait(of.subject_hour, HOUR, now);
        waits[3] = all.wait(of.subject_day, DAY, now);
    }
    match waits.into_iter().max() {
        None | Some(0) => Ok(()),
        Some(wait) => Err(Wait(wait)),
    }
}

/// Tries in order of time.
struct Tries {
    failed_at: Vec<u32>,
    on_their_way: u32,
}

impl Tries {
    fn of<'a>(tries: impl IntoIterator<Item = &'a Try>, now: u32) -> Self {
        let mut it = Self { failed_at: Vec::new(), on_their_way: 0 };
        for one in tries {
            match one.failed_at {
                Some(at) if is_within(at, MONTH, now) => it.failed_at.push(at),
                Some(_) => {}
                None => it.on_their_way += 1,
            }
        }
        it.failed_at.sort_unstable();
        it
    }

    fn is_empty(&self) -> bool {
        self.failed_at.is_empty() && self.on_their_way == 0
    }

    /// Seconds until fewer than `budget` count in a window of so many seconds; 0 where they do now.
    fn wait(&self, budget: u32, window: u32, now: u32) -> u32 {
        let counting = self.failed_at.partition_point(|at| !is_within(*at, window, now));
        let counting = &self.failed_at[counting..];
        let over = (counting.len() as u32 + self.on_their_way + 1).saturating_sub(budget);
        if over == 0 {
            return 0;
        }
        // Those on their way may all match; nobody knows when the last of so many is over.
        match counting.get(over as usize - 1) {
            Some(at) => at.saturating_add(window).saturating_sub(now).max(1),
            None => 1,
        }
    }
}

/// Whether what happened at `at` counts in a window that ends now. What a clock that was ahead has
/// noted counts.
pub(super) fn is_within(at: u32, window: u32, now: u32) -> bool {
    at.saturating_add(window) > now
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u32 = 1_800_000_000;

    fn failed(is_own: bool, ago: u32) -> Try {
        Try { is_own, failed_at: Some(NOW - ago) }
    }

    fn check(tries: &[Try]) -> Result<(), Wait> {
        room(&GuessBudgetsConfig::default(), tries, NOW)
    }

    #[test]
    fn a_client_has_five_in_a_day_and_ten_in_thirty() {
        let today = |count: u32| (0..count).map(|it| failed(true, it)).collect::<Vec<_>>();
        assert_eq!(check(&today(4)), Ok(()));
        assert_eq!(check(&today(5)), Err(Wait(DAY - 4)), "until the oldest is a day old");
        let mut tries: Vec<Try> = (1..=9).map(|it| failed(true, it * 2 * DAY)).collect();
        assert_eq!(check(&tries), Ok(()));
        tries.push(failed(true, 20 * DAY));
        assert_eq!(check(&tries), Err(Wait(10 * DAY)));
        tries.push(failed(true, 40 * DAY));
        assert_eq!(check(&tries), Err(Wait(10 * DAY)), "what is older does not count");
    }

    #[test]
    fn those_on_their_way_count_as_failed() {
        let mut tries = vec![failed(true, 10); 3];
        tries.push(Try { is_own: true, failed_at: None });
        assert_eq!(check(&tries), Ok(()));
        tries.push(Try { is_own: true, failed_at: None });
        assert_eq!(check(&tries), Err(Wait(DAY - 10)));
        assert_eq!(check(&[Try { is_own: true, failed_at: None }; 5]), Err(Wait(1)));
    }

    #[test]
    fn a_subject_has_ten_in_an_hour_and_thirty_in_a_day_for_those_who_have_failed() {
        let others = |count: u32, ago: u32| vec![failed(false, ago); count as usize];
        let with_own = |mut tries: Vec<Try>| {
            tries.push(failed(true, 2 * HOUR));
            tries
        };
        assert_eq!(check(&with_own(others(9, 60))), Ok(()));
        assert_eq!(check(&with_own(others(10, 60))), Err(Wait(HOUR - 60)));
        assert_eq!(check(&with_own(others(28, 2 * HOUR))), Ok(()));
        assert_eq!(check(&with_own(others(29, 2 * HOUR))), Err(Wait(DAY - 2 * HOUR)));
        assert_eq!(check(&others(500, 60)), Ok(()), "who has never failed passes");
        let mut tries = others(500, 60);
        tries.push(Try { is_own: true, failed_at: None });
        assert!(check(&tries).is_err(), "once: one that is on its way may fail");
    }

    #[test]
    fn the_time_that_is_told_is_when_there_is_room() {
        let tries = [failed(true, 100), failed(true, 50), failed(true, 40), failed(true, 30)];
        let mut tries = tries.to_vec();
        tries.extend([failed(true, 20), Try { is_own: true, failed_at: None }]);
        let budgets = GuessBudgetsConfig::default();
        let Err(Wait(wait)) = room(&budgets, &tries, NOW) else { panic!("there is room") };
        assert!(room(&budgets, &tries, NOW + wait - 1).is_err());
        assert_eq!(room(&budgets, &tries, NOW + wait), Ok(()));
    }
}
