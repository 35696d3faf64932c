//! What is seen while it works, on standard error: a bar where somebody looks at a terminal, else a line
//! now and then.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::job::Job;
use crate::clock::Clock;

/// Between two lines, at least.
const BETWEEN_LINES: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(200);
const SENDING: &str = "{spinner} sending {bar:30} {percent} % of {msg}, {eta} left";
const WORKING: &str = "{spinner} {msg}";

/// What is seen.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    clock: Clock,
    next_line_nanos: u64,
    last: String,
}

impl Progress {
    pub(super) fn start(clock: Clock) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            bar.enable_steady_tick(TICK);
            bar
        });
        Self { bar, clock, next_line_nanos: 0, last: String::new() }
    }

    /// So many bytes of the file are there.
    pub(super) fn sent(&mut self, bytes: u64, of: u64) {
        let Some(bar) = &self.bar else {
            self.line(format!("sent {} of {}", in_megabytes(bytes), in_megabytes(of)));
            return;
        };
        if bar.length() != Some(of) {
            bar.set_style(style(SENDING));
            bar.set_message(in_megabytes(of));
            bar.set_length(of);
        }
        bar.set_position(bytes);
    }

    /// How far a job is.
    pub(super) fn rows(&mut self, job: &Job) {
        self.working(standing(job));
    }

    /// It waits for something.
    pub(super) fn working(&mut self, text: String) {
        let Some(bar) = &self.bar else {
            self.line(text);
            return;
        };
        // Next time the file's bar begins anew.
        bar.set_length(0);
        bar.set_style(style(WORKING));
        bar.set_message(text);
    }

    /// Something that is to be read also later.
    pub(super) fn tell(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }

    /// Leaves the terminal to what is printed next.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&mut self, text: String) {
        let now = self.clock.monotonic_nanos();
        if now < self.next_line_nanos || text == self.last {
            return;
        }
        eprintln!("{text}");
        self.next_line_nanos = now.saturating_add(BETWEEN_LINES.as_nanos() as u64);
        self.last = text;
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn in_megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

fn standing(job: &Job) -> String {
    let mut text = format!("{} rows done", crate::cli::output::grouped(job.rows as i64));
    if let Some(rate) = job.rows_per_second {
        let _infallible = write!(text, ", {rate:.0} a second");
    }
    if let Some(seconds) = job.seconds_left {
        let left = match seconds {
            ..90.0 => format!("{seconds:.0} seconds"),
            ..5_400.0 => format!("{:.0} minutes", seconds / 60.0),
            _ => format!("{:.1} hours", seconds / 3_600.0),
        };
        let _infallible = write!(text, ", about {left} left");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_well_formed() {
        for template in [SENDING, WORKING] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn how_far_a_job_is_reads_as_a_line() {
        let job = |rest: &str| {
            let text = format!(r#"{{"id": "j", "state": "running", "rows": 12000{rest}}}"#);
            standing(&serde_json::from_str(&text).unwrap())
        };
        assert_eq!(job(""), "12,000 rows done");
        let rates = r#", "rows_per_second": 1234.4, "seconds_left": "#;
        for (seconds, left) in [("30", "30 seconds"), ("600", "10 minutes"), ("9000", "2.5 hours")]
        {
            let line = format!("12,000 rows done, 1234 a second, about {left} left");
            assert_eq!(job(&format!("{rates}{seconds}")), line);
        }
    }
}
