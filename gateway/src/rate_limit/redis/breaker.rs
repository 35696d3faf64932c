//! Whether it is worth while to ask Redis: after some failures it is not, and now and then it is
//! tried.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Failures in a row after which nobody asks any more.
const FAILURES_MAX: u32 = 3;
/// Answers in time in a row after which everybody asks again.
const ANSWERS_MIN: u32 = 2;
/// Time between two tries, in nanoseconds.
const TRY_AFTER: u64 = 100_000_000;

/// Counts what happens to the calls of one server. Times are monotonic nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// Failures in a row; from [`FAILURES_MAX`] on it is open.
    failures: AtomicU32,
    /// Answers in time in a row since it is open.
    answers: AtomicU32,
    /// When the next try is due.
    try_at: AtomicU64,
}

/// What somebody does who would ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Advice {
    /// Ask.
    Ask,
    /// Do without.
    DoWithout,
    /// Do without, and see beside it whether there is an answer: nobody else does now.
    Try,
}

impl Breaker {
    pub(super) fn is_open(&self) -> bool {
        self.failures.load(Ordering::Acquire) >= FAILURES_MAX
    }

    pub(super) fn advice(&self, now: u64) -> Advice {
        if !self.is_open() {
            return Advice::Ask;
        }
        let due = self.try_at.load(Ordering::Acquire);
        let is_mine = now >= due
            && self
                .try_at
                .compare_exchange(due, now + TRY_AFTER, Ordering::AcqRel, Ordering::Acquire)
                .is_ok();
        if is_mine { Advice::Try } else { Advice::DoWithout }
    }

    /// An answer came in time. True where it closes the breaker.
    pub(super) fn answered(&self) -> bool {
        if !self.is_open() {
            self.failures.store(0, Ordering::Release);
            return false;
        }
        if self.answers.fetch_add(1, Ordering::AcqRel) + 1 < ANSWERS_MIN {
            return false;
        }
        self.failures.swap(0, Ordering::AcqRel) >= FAILURES_MAX
    }

    /// No answer came, or not in time. True where it opens the breaker.
    pub(super) fn failed(&self, now: u64) -> bool {
        self.answers.store(0, Ordering::Release);
        let opens = self.failures.fetch_add(1, Ordering::AcqRel) + 1 == FAILURES_MAX;
        if opens {
            self.try_at.store(now + TRY_AFTER, Ordering::Release);
        }
        opens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_in_a_row_open_it_and_two_answers_close_it() {
        let breaker = Breaker::default();
        assert!(!breaker.failed(0) && !breaker.failed(0));
        assert!(!breaker.answered());
        assert!(!breaker.failed(0) && !breaker.failed(0) && breaker.failed(7));
        assert_eq!(breaker.advice(7), Advice::DoWithout);
        assert!(!breaker.answered() && breaker.is_open());
        assert!(!breaker.failed(8), "it is open already");
        assert!(!breaker.answered() && breaker.answered());
        assert_eq!(breaker.advice(9), Advice::Ask);
    }

    #[test]
    fn one_at_a_time_tries_while_it_is_open() {
        let breaker = Breaker::default();
        for _ in 0..FAILURES_MAX {
            breaker.failed(1);
        }
        let at = |now| breaker.advice(now);
        assert_eq!(
            [at(TRY_AFTER), at(TRY_AFTER + 1), at(TRY_AFTER + 2)],
            [Advice::DoWithout, Advice::Try, Advice::DoWithout]
        );
        assert_eq!(at(2 * TRY_AFTER + 1), Advice::Try);
    }
}
