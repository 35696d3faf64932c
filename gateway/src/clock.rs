//! Time and chance, the two things the program takes from outside unasked.
//!
//! Nothing else reads the clock or draws random bytes, so a test that holds both holds every
//! answer. Times are whole microseconds.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_HOUR: i64 = 3_600 * MICROS_PER_SECOND;
const MICROS_PER_DAY: i64 = 24 * MICROS_PER_HOUR;
/// Days and months are Vietnamese: UTC+7, without summer time since 1975.
const VIETNAM_OFFSET: i64 = 7 * MICROS_PER_HOUR;

/// A moment: microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub i64);

impl Micros {
    /// The Vietnamese calendar date and hour of this moment.
    pub fn vietnamese_hour(self) -> VietnameseHour {
        let local = self.0 + VIETNAM_OFFSET;
        let date = date_of_day(local.div_euclid(MICROS_PER_DAY));
        VietnameseHour { date, hour: (local.rem_euclid(MICROS_PER_DAY) / MICROS_PER_HOUR) as u8 }
    }

    /// Day of the Vietnamese calendar, in days since 1 January 1970.
    pub fn vietnamese_day(self) -> i64 {
        (self.0 + VIETNAM_OFFSET).div_euclid(MICROS_PER_DAY)
    }

    /// Month of the Vietnamese calendar, in months since January of year 0.
    pub fn vietnamese_month(self) -> i64 {
        let date = self.vietnamese_hour().date;
        i64::from(date.year()) * 12 + i64::from(date.month()) - 1
    }

    /// The moment at which a day of the Vietnamese calendar begins, in days since 1970.
    pub fn of_vietnamese_day(day: i64) -> Self {
        Self(day * MICROS_PER_DAY - VIETNAM_OFFSET)
    }

    /// Seconds since the epoch, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// The moment this many seconds later.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0 + seconds * MICROS_PER_SECOND)
    }

    /// Microseconds from `earlier` to this moment; 0 if the clock stepped back.
    pub fn since(self, earlier: Self) -> u64 {
        u64::try_from(self.0 - earlier.0).unwrap_or(0)
    }

    /// Reads an RFC 3339 time.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let timestamp: jiff::Timestamp = text.parse().ok()?;
        Some(Self(timestamp.as_microsecond()))
    }

    /// Reads the `Date` field of a request in any of the three forms that a recipient must accept
    /// (RFC 9110, section 5.6.7): whole seconds. Years from 1970 to 9999; no clock shows others.
    pub fn parse_http_date(text: &str) -> Option<Self> {
        const FORMS: [&str; 3] =
            ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
        let moment = FORMS
            .iter()
            .find_map(|form| jiff::civil::DateTime::strptime(form, text).ok())
            .filter(|moment| (1970..=9999).contains(&moment.year()))?;
        let timestamp = moment.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        Some(Self(timestamp.as_microsecond()))
    }
}

impl fmt::Display for Micros {
    /// RFC 3339 in Vietnamese time with milliseconds: `2026-11-21T21:40:00.123+07:00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let VietnameseHour { date, hour } = self.vietnamese_hour();
        let in_hour = (self.0 + VIETNAM_OFFSET).rem_euclid(MICROS_PER_HOUR);
        let (minute, second, milli) =
            (in_hour / 60_000_000, in_hour / MICROS_PER_SECOND % 60, in_hour / 1_000 % 1_000);
        write!(f, "{date}T{hour:02}:{minute:02}:{second:02}.{milli:03}+07:00")
    }
}

/// An hour of the Vietnamese calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VietnameseHour {
    /// The day.
    pub date: jiff::civil::Date,
    /// The hour of the day, 0 to 23.
    pub hour: u8,
}

/// The Vietnamese date of a day, in days since 1970.
pub fn date_of_day(day: i64) -> jiff::civil::Date {
    let epoch = jiff::civil::date(1970, 1, 1);
    // Out-of-range days (year 9999 and beyond) saturate; no clock or log entry reaches them.
    epoch.saturating_add(jiff::Span::new().days(day.clamp(-700_000, 2_900_000)))
}

/// The day of a date, in days since 1970.
pub fn day_of_date(date: jiff::civil::Date) -> i64 {
    let since = date.since(jiff::civil::date(1970, 1, 1));
    since.map_or(0, |span| i64::from(span.get_days()))
}

/// Where time comes from: the machine, or a test.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System(Instant),
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn system() -> Self {
        Self(Source::System(Instant::now()))
    }

    /// A clock that stands still until its handle moves it.
    pub fn manual(start: Micros) -> (Self, ManualClock) {
        let now = Arc::new(AtomicI64::new(start.0));
        (Self(Source::Manual(Arc::clone(&now))), ManualClock(now))
    }

    /// The wall-clock time. It may step when the machine's clock is set.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn now(&self) -> Micros {
        match &self.0 {
            Source::System(_) => {
                let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Micros(since_epoch.as_micros() as i64)
            }
            Source::Manual(now) => Micros(now.load(Ordering::SeqCst)),
        }
    }

    /// Nanoseconds that only ever grow, from an arbitrary start: for limits and durations.
    pub fn monotonic_nanos(&self) -> u64 {
        match &self.0 {
            Source::System(start) => start.elapsed().as_nanos() as u64,
            Source::Manual(now) => (now.load(Ordering::SeqCst) as u64).wrapping_mul(1_000),
        }
    }

    /// The current Vietnamese year: a birth year after it is malformed.
    pub fn current_year(&self) -> i16 {
        self.now().vietnamese_hour().date.year()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Moves a [`Clock`] by hand.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// Lets `micros` microseconds pass.
    pub fn advance(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

/// Where random bytes come from: the machine, or a test's seed.
#[derive(Clone)]
pub struct Random(Chance);

#[derive(Clone)]
enum Chance {
    System(SystemRandom),
    Seeded(Arc<AtomicU64>),
}

impl Random {
    /// The machine's cryptographic generator.
    pub fn system() -> Self {
        Self(Chance::System(SystemRandom::new()))
    }

    /// A repeatable sequence, for tests only: anyone can predict it.
    pub fn seeded(seed: u64) -> Self {
        Self(Chance::Seeded(Arc::new(AtomicU64::new(seed))))
    }

    /// `N` random bytes.
    ///
    /// # Panics
    /// If the machine's generator fails, which on Linux it does not once it was seeded.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match &self.0 {
            Chance::System(generator) => {
                generator.fill(&mut bytes).expect("the system's random generator works");
            }
            Chance::Seeded(state) => {
                for chunk in bytes.chunks_mut(8) {
                    let word = split_mix(state.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst));
                    chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
                }
            }
        }
        bytes
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random")
    }
}

/// `SplitMix64` (Steele, Lea, Flood 2014): one word from one counter value.
fn split_mix(counter: u64) -> u64 {
    let mut word = counter;
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vietnamese_day_begins_at_17_hours_utc() {
        let before = Micros::parse_rfc3339("2026-11-20T16:59:59.999Z").unwrap();
        let after = Micros::parse_rfc3339("2026-11-20T17:00:00Z").unwrap();
        assert_eq!(before.vietnamese_hour().date.to_string(), "2026-11-20");
        assert_eq!(before.vietnamese_hour().hour, 23);
        assert_eq!(after.vietnamese_hour().date.to_string(), "2026-11-21");
        assert_eq!(after.vietnamese_hour().hour, 0);
    }

    #[test]
    fn a_moment_prints_and_reads_back() {
        let text = "2026-11-21T21:40:05.123+07:00";
        assert_eq!(Micros::parse_rfc3339(text).unwrap().to_string(), text);
    }

    #[test]
    fn the_date_of_a_request_is_read_or_nothing() {
        let date = Micros::parse_http_date("Fri, 20 Nov 2026 02:00:05 GMT").unwrap();
        assert_eq!(date.to_string(), "2026-11-20T09:00:05.000+07:00");
        // The example of the RFC, in its three forms.
        let example = Micros::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT");
        assert!(example.is_some());
        for obsolete in ["Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(Micros::parse_http_date(obsolete), example, "{obsolete}");
        }
        for text in [
            "",
            "now",
            "2026-11-20T02:00:05Z",
            "Thu, 20 Nov 2026 02:00:05 GMT",
            "1795140005",
            "Fri, 20 Nov 2026 02:00:05 +0700",
            "Mon, 01 Jan 0001 00:00:00 GMT",
        ] {
            assert_eq!(Micros::parse_http_date(text), None, "{text}");
        }
    }

    #[test]
    fn a_manual_clock_moves_only_by_hand() {
        let (clock, hand) = Clock::manual(Micros(5));
        assert_eq!((clock.now(), clock.monotonic_nanos()), (Micros(5), 5_000));
        hand.advance(7);
        assert_eq!(clock.now(), Micros(12));
    }
}
