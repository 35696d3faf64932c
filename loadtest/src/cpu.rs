//! CPU time that processes have used, from `/proc`.

use std::fs;
use std::time::Duration;

/// User and system time of all threads of a process since it started; `None` once it is gone.
pub(crate) fn of_process(pid: u32) -> Option<Duration> {
    read(&format!("/proc/{pid}/stat"))
}

/// The same of this process.
pub(crate) fn of_self() -> Option<Duration> {
    read("/proc/self/stat")
}

/// Microseconds per request, of CPU used between two readings; `None` where one is missing.
pub(crate) fn micros_per_request(
    before: Option<Duration>,
    after: Option<Duration>,
    requests: u64,
) -> Option<f64> {
    let used = after?.checked_sub(before?)?;
    (requests > 0).then(|| used.as_secs_f64() * 1e6 / requests as f64)
}

fn read(path: &str) -> Option<Duration> {
    let ticks = parse_stat(&fs::read_to_string(path).ok()?)?;
    let per_second = rustix::param::clock_ticks_per_second();
    Some(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}

/// Fields 14 and 15 of proc(5) stat. Field 2 is the program's name in brackets and may itself
/// hold spaces and brackets, so counting starts behind the last bracket, at field 3.
fn parse_stat(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(14 - 3);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_program_name() {
        let stat = "4711 (a (b) c) S 1 4711 4711 0 -1 4194560 9 8 7 6 123 45 0 0 20 0 3 0 99 1 2";
        assert_eq!(parse_stat(stat), Some(168));
        assert_eq!(parse_stat("4711 (short) S 1"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn this_process_has_a_time_and_a_gone_one_has_none() {
        assert!(of_self().is_some());
        assert_eq!(of_process(u32::MAX), None);
    }

    #[test]
    fn time_is_shared_among_requests() {
        let at = |ms| Some(Duration::from_millis(ms));
        assert_eq!(micros_per_request(at(1000), at(1500), 10_000), Some(50.0));
        assert_eq!(micros_per_request(at(1000), at(1500), 0), None);
        assert_eq!(micros_per_request(None, at(1), 1), None);
    }
}
