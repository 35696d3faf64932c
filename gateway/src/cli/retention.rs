//! `gateway log drop-days`: drops the entries of days that need not be kept any more.

use super::acting::Acting;
use super::report::{print_json, print_line};
use super::{CliError, DropDaysArgs, Format, open_store};
use crate::audit::{self, Droppable};
use crate::clock::{Clock, date_of_day};
use crate::config::Config;
use crate::http::read_day;

/// Runs the command.
pub(super) async fn drop_days(
    config: &Config,
    args: &DropDaysArgs,
    format: Format,
) -> Result<(), CliError> {
    let before = read_day(&args.before)
        .ok_or_else(|| CliError::Usage("--before takes a day such as 2026-11-01".into()))?;
    let before = before.since(date_of_day(0)).map_or(0, |span| i64::from(span.get_days()));
    let log = &config.log.name;
    let days = if args.dry_run {
        let store = open_store(config).await?;
        audit::droppable(&store, log, before, &Clock::system()).await?
    } else {
        Acting::open(config).await?.drop_days(before).await?
    };
    print(&days, args.dry_run, format)
}

fn print(days: &[Droppable], is_dry: bool, format: Format) -> Result<(), CliError> {
    let entries: i64 = days.iter().map(|day| day.end_index - day.first_index).sum();
    match format {
        Format::Json => {
            let object = |day: &Droppable| {
                serde_json::json!({
                    "day": date_of_day(day.day).to_string(),
                    "first_index": day.first_index,
                    "end_index": day.end_index,
                })
            };
            return print_json(&serde_json::json!({
                "dropped": !is_dry,
                "days": days.iter().map(object).collect::<Vec<_>>(),
                "entries": entries,
            }));
        }
        Format::Table | Format::Csv => {}
    }
    let verb = if is_dry { "could be dropped" } else { "dropped" };
    for day in days {
        let (first, last) = (day.first_index, day.end_index - 1);
        print_line(&format!("{}: entries {first} to {last} {verb}", date_of_day(day.day)))?;
    }
    print_line(&format!(
        "{} days, {entries} entries; a day goes once the day after it has ended and both are \
         counted, in full tiles and built into searches",
        days.len()
    ))?;
    Ok(())
}
