//! `gateway client slow` and `unslow`: a cap on a client's rate, at once.

use clap::{ArgGroup, Args};

use super::{end, wrong_reason};
use crate::access::{self, Slowing};
use crate::audit::EventText;
use crate::clock::Micros;
use crate::config::Config;
use crate::http::parse_moment;
use crate::rate_limit::Limits;

use super::super::administering::Administering;
use super::super::{CliError, Format};

/// Longest time that `--for` takes, in seconds: whoever is to be slow for longer needs another policy.
const FOR_SECONDS_MAX: i64 = 366 * 86_400;

/// How a client is slowed.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("end").args(["for_seconds", "until"]))]
pub(in crate::cli) struct SlowArgs {
    /// Identifier of the client.
    id: String,
    /// Requests a second, at most; where its policy allows fewer, that many.
    #[arg(long, value_name = "N")]
    rate: u32,
    /// Requests at once after a rest, at most: a whole multiple of the rate; the rate when left out.
    #[arg(long, value_name = "N")]
    burst: Option<u32>,
    /// For how long, such as 90s, 30m, 2h or 7d; until `client unslow` when left out.
    #[arg(long = "for", value_name = "TIME", value_parser = parse_span)]
    for_seconds: Option<i64>,
    /// Until when: a time, or a Vietnamese day, which is the last one.
    #[arg(long, value_name = "TIME", value_parser = parse_until)]
    until: Option<Micros>,
    /// Why: at most 255 bytes, fewer than nine digits. It stays in the log for ever.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Whom to slow no longer.
#[derive(Debug, Args)]
pub(in crate::cli) struct UnslowArgs {
    /// Identifier of the client.
    id: String,
    /// Why: at most 255 bytes, fewer than nine digits. It stays in the log for ever.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

fn parse_until(text: &str) -> Result<Micros, String> {
    parse_moment(text, 1)
        .map_err(|_| "takes a time such as 2026-11-21T21:40:00+07:00, or 2026-11-21".into())
}

/// Seconds of a whole number with its unit.
fn parse_span(text: &str) -> Result<i64, String> {
    let read = || {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return None,
        };
        let is_number = number.bytes().all(|b| b.is_ascii_digit());
        let seconds = number.parse::<i64>().ok().filter(|_| is_number)?.checked_mul(unit)?;
        (1..=FOR_SECONDS_MAX).contains(&seconds).then_some(seconds)
    };
    read().ok_or_else(|| "takes a time such as 90s, 30m, 2h or 7d, at most 366d".into())
}

fn parse_reason(text: &str) -> Result<EventText, CliError> {
    access::parse_reason(text).map_err(wrong_reason)
}

pub(super) async fn slow(config: &Config, args: &SlowArgs, format: Format) -> Result<(), CliError> {
    let reason = parse_reason(&args.reason)?;
    let limits = Limits::new(args.rate, args.burst.unwrap_or(args.rate)).ok_or_else(|| {
        let text = "--burst must be a whole multiple of --rate, and both at least 1";
        CliError::Usage(text.into())
    })?;
    let administering = Administering::open(config).await?;
    let by = administering.administrator();
    let until = args.for_seconds.map(|seconds| by.at.plus_seconds(seconds)).or(args.until);
    let slowing = Slowing { limits, until, reason };
    let done = access::slow_client(&administering.store, &by, &args.id, &slowing).await;
    end(administering, done, false, format).await
}

pub(super) async fn unslow(
    config: &Config,
    args: &UnslowArgs,
    format: Format,
) -> Result<(), CliError> {
    let reason = parse_reason(&args.reason)?;
    let administering = Administering::open(config).await?;
    let by = administering.administrator();
    let done = access::unslow_client(&administering.store, &by, &args.id, &reason).await;
    end(administering, done, false, format).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_with_its_unit() {
        for (text, seconds) in [("90s", 90), ("30m", 1_800), ("2h", 7_200), ("7d", 604_800)] {
            assert_eq!(parse_span(text), Ok(seconds));
        }
        for text in ["", "h", "2", "2 h", "-2h", "+2h", "2.5h", "0s", "367d", "2w", "2giờ"] {
            assert!(parse_span(text).is_err(), "{text}");
        }
    }
}
