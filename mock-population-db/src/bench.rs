//! Measures the mock on one core: how fast it starts and how fast a number becomes a person.

use std::hint::black_box;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::{Nation, POPULATION, PersonalNumber};

/// Starts measured; the fastest is reported, as the others were disturbed.
const STARTS: u32 = 10;

/// Measures and writes the figures.
pub(crate) fn write(seed: u64, count: u64, out: &mut impl Write) -> io::Result<()> {
    let start = (0..STARTS).map(|_| time(|| Nation::new(seed)).1).min().unwrap_or_default();
    writeln!(out, "start:        {:.1} ms", start.as_secs_f64() * 1_000.0)?;

    let nation = Nation::new(seed);
    let numbers: Vec<PersonalNumber> = (0..count).map(|i| nation.number(scattered(i))).collect();
    let misses: Vec<PersonalNumber> = numbers
        .iter()
        .map(|number| PersonalNumber::from_value(number.value() ^ 1)) // nearly always unissued
        .collect();

    let resolve = |numbers: &[PersonalNumber]| {
        numbers.iter().filter(|number| black_box(nation.find_person(**number)).is_some()).count()
    };
    rate(out, "people", count, time(|| resolve(&numbers)).1)?;
    rate(out, "misses", count, time(|| resolve(&misses)).1)?;
    let numbered = || {
        for index in 0..count {
            black_box(nation.number(scattered(index)));
        }
    };
    rate(out, "numbers", count, time(numbered).1)?;
    let written = || {
        for number in &numbers {
            black_box(nation.find_person(*number).map(|person| person.to_json()));
        }
    };
    rate(out, "JSON people", count, time(written).1)?;
    out.flush()
}

/// Ordinals far apart, so that no cache helps.
fn scattered(index: u64) -> u64 {
    index.wrapping_mul(0x9e37_79b9_7f4a_7c15) % POPULATION
}

#[expect(clippy::disallowed_methods, reason = "a bench reads the real clock")]
fn time<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = black_box(work());
    (result, start.elapsed())
}

fn rate(out: &mut impl Write, what: &str, count: u64, took: Duration) -> io::Result<()> {
    let nanoseconds = took.as_nanos() as f64 / count.max(1) as f64;
    let per_second = 1_000.0 / nanoseconds;
    writeln!(out, "{what:<13} {per_second:.2} million/s, {nanoseconds:.0} ns each")
}
