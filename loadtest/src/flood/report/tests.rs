use std::time::Duration;

use clap::Parser;

use super::super::Flooded;
use super::*;
use crate::cli::{Cli, Command};
use crate::tally::Ending;

fn args() -> FloodArgs {
    match Cli::try_parse_from(["loadtest", "flood"]).unwrap().command {
        Command::Flood(args) => args,
        _ => unreachable!(),
    }
}

/// A hundred requests of so many milliseconds each that end alike.
fn tally(ms: u64, ending: &Ending) -> Tally {
    let mut tally = Tally::new().unwrap();
    for _ in 0..100 {
        tally.record(Duration::from_millis(ms), ending.clone());
    }
    tally
}

fn refused(name: &str) -> Ending {
    Ending::Error(name.to_owned())
}

fn memory(before: u64, peak: u64, after: u64) -> Memory {
    let [before, peak, after] = [before, peak, after].map(|mib| Some(mib << 20));
    Memory::of(before, peak, after).unwrap()
}

/// A flood that disturbs nobody.
fn measured() -> Measured {
    let mut secrets = tally(40, &refused("401 invalid-client"));
    secrets.record(Duration::from_millis(1), refused("503 overloaded"));
    Measured {
        quiet: [tally(9, &Ending::Good), tally(2, &Ending::Good)],
        meanwhile: tally(3, &Ending::Good),
        flooded: Flooded { secrets: Some(secrets), assertions: None },
        known: Honest::default(),
        new: Honest::default(),
        memory: memory(50, 114, 60),
    }
}

fn missed(measured: &Measured) -> String {
    let failure = Report::new(&args(), measured).judge().unwrap_err();
    assert_eq!(failure.exit_code(), 6);
    failure.to_string()
}

#[test]
fn a_flood_is_held_against_the_better_time_alone() {
    let report = Report::new(&args(), &measured());
    assert!(report.judge().is_ok(), "{report}");
    assert!(report.p99_ratio.is_some_and(|ratio| (1.49..1.51).contains(&ratio)), "{report}");
    assert_eq!(report.secrets_hashed, 100);
}

#[test]
fn memory_and_latency_beyond_the_bounds_are_named() {
    let memory = memory(50, 115, 50);
    assert_eq!(missed(&Measured { memory, ..measured() }), "not held: memory's growth, MiB");
    let meanwhile = tally(5, &Ending::Good);
    assert_eq!(missed(&Measured { meanwhile, ..measured() }), "not held: p99, times");
}

#[test]
fn a_verification_that_is_refused_quickly_is_no_good_latency() {
    let meanwhile = tally(1, &refused("503 overloaded"));
    assert_eq!(missed(&Measured { meanwhile, ..measured() }), "not held: verifications spoilt");
}

#[test]
fn a_wrong_secret_must_be_refused() {
    for ending in [Ending::Wrong("answered".into()), refused("unsent"), refused("500 -")] {
        let flooded = Flooded { secrets: Some(tally(1, &ending)), assertions: None };
        let said = missed(&Measured { flooded, ..measured() });
        assert_eq!(said, "not held: wrong credentials not refused", "{ending:?}");
    }
}
