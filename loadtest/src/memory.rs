//! Memory that a process holds, from `/proc`.

use std::fs;

/// Bytes of a process in memory now; `None` once it is gone.
pub(crate) fn resident(pid: u32) -> Option<u64> {
    status(pid, "VmRSS:")
}

/// The most bytes that a process had in memory since [`forget_peak`], or since it started.
pub(crate) fn peak(pid: u32) -> Option<u64> {
    status(pid, "VmHWM:")
}

/// Lets the peak begin anew (proc(5), `clear_refs`); whether that worked.
pub(crate) fn forget_peak(pid: u32) -> bool {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").is_ok()
}

fn status(pid: u32, name: &str) -> Option<u64> {
    parse_status(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?, name)
}

/// A line of proc(5) status: `VmRSS:     1234 kB`.
fn parse_status(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_found_by_its_name() {
        let status = "Name:\tVmRSS: 1 kB\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(parse_status(status, "VmRSS:"), Some(1024 * 1024));
        assert_eq!(parse_status(status, "VmHWM:"), Some(2048 * 1024));
        assert_eq!(parse_status(status, "VmSwap:"), None);
    }

    #[test]
    fn this_process_has_memory_and_a_gone_one_has_none() {
        let own = std::process::id();
        assert!(peak(own).unwrap() >= resident(own).unwrap() / 2);
        assert_eq!(resident(u32::MAX), None);
    }
}
