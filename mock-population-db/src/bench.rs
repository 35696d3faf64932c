//! Measures the mock on one core: how fast it starts and how fast a key becomes a person.

use std::hint::black_box;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::digits::Digits;
use crate::{Key, Nation, POPULATION, PersonalNumber};

/// Starts measured; the fastest is reported, as the others were disturbed.
const STARTS: u32 = 10;

/// Measures and writes the figures.
pub(crate) fn write(seed: u64, count: u64, out: &mut impl Write) -> io::Result<()> {
    let start = (0..STARTS).map(|_| time(|| Nation::new(seed)).1).min().unwrap_or_default();
    writeln!(out, "start:        {:.1} ms", start.as_secs_f64() * 1_000.0)?;

    let nation = Nation::new(seed);
    by_key(&nation, count, out)?;
    let numbered = || {
        for index in 0..count {
            black_box(nation.number(scattered(index)));
        }
    };
    rate(out, "numbers", count, time(numbered).1)?;
    let written = || {
        for index in 0..count {
            black_box(nation.dossier(scattered(index)).to_json());
        }
    };
    rate(out, "dossiers", count, time(written).1)?;
    if let Some(kilobytes) = resident_kilobytes() {
        writeln!(out, "resident:         {:.0} MB at the end", kilobytes / 1_024.0)?;
    }
    out.flush()
}

/// Resolves keys of every kind to whole people, and keys of which nearly all are free.
fn by_key(nation: &Nation, count: u64, out: &mut impl Write) -> io::Result<()> {
    let people = || (0..count).map(scattered);
    let personal: Vec<Key> = people().map(|it| Key::PersonalId(nation.number(it))).collect();
    let free: Vec<Key> = people()
        .map(|it| PersonalNumber::from_value(nation.number(it).value() ^ 1))
        .map(Key::PersonalId)
        .collect();
    let cancelled: Vec<Key> = nation
        .superseded_ordinals()
        .flat_map(|it| nation.superseded_numbers(it))
        .map(Key::PersonalId)
        .collect();
    let on_file = |key: fn(&crate::Person) -> Option<Key>| -> Vec<Key> {
        people().filter_map(|it| key(&nation.person(it))).collect()
    };
    let old = on_file(|person| person.old_id_number.map(Key::OldIdNumber));
    let insurance = on_file(|person| person.insurance_number.map(Key::InsuranceNumber));
    let free_old: Vec<Key> =
        people().map(|it| Key::OldIdNumber(Digits::from_value(it * 10 + 7))).collect();
    for (what, keys) in [
        ("personal_id", &personal),
        ("  cancelled", &cancelled),
        ("  free", &free),
        ("old_id_number", &old),
        ("  mostly free", &free_old),
        ("insurance_number", &insurance),
    ] {
        let resolve = || {
            for key in keys {
                nation.find_by(*key).for_each(|hit| drop(black_box(hit)));
            }
        };
        rate(out, what, keys.len() as u64, time(resolve).1)?;
    }
    Ok(())
}

/// Resident memory of this process (Linux, `proc_pid_status(5)`).
fn resident_kilobytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
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
    writeln!(out, "{what:<17} {per_second:.2} million/s, {nanoseconds:.0} ns each")
}
