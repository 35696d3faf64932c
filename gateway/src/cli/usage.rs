//! `gateway usage`: what was used of quotas, from the store, whether a gateway runs on it or not.

use clap::Args;

use super::report::{print_json, print_line, print_text};
use super::{CliError, Format, open_store, output};
use crate::auth::Directory;
use crate::clock::Clock;
use crate::config::Config;
use crate::http::{UsageReply, read_month, statement};
use crate::policy::Policies;
use crate::reports;
use crate::request::ClientId;

/// Columns of the table.
const COLUMNS: [&str; 7] =
    ["client", "requests", "quota", "remaining", "attributes", "quota", "remaining"];

/// Arguments of `gateway usage`.
#[derive(Debug, Args)]
pub struct UsageArgs {
    /// Whose; everybody's that used anything when left out.
    #[arg(long)]
    client: Option<String>,
    /// The Vietnamese month, such as 2026-11; the present one when left out.
    #[arg(long)]
    month: Option<String>,
}

pub(super) async fn usage(
    config: &Config,
    args: &UsageArgs,
    format: Format,
) -> Result<(), CliError> {
    let now = Clock::system().now();
    let month = match &args.month {
        None => now.vietnamese_month(),
        Some(text) => read_month(text)
            .ok_or_else(|| CliError::Usage("--month takes a month such as 2026-11".into()))?,
    };
    let client = args.client.as_deref().map(|text| {
        ClientId::parse(text)
            .map_err(|_| CliError::Usage(format!("--client {text}: no identifier")))
    });
    let client = client.transpose()?;
    let store = open_store(config).await?;
    let (directory, policies) = (Directory::default(), Policies::default());
    // A row that cannot be read must not hide what others used; `gateway doctor` tells of it.
    let _unread = directory.replace_readable(&store.clients().await?, &[]);
    let _unread = policies.replace_readable(&store.policies().await?);
    if let Some(id) = client.as_ref().filter(|id| directory.client(id).is_none()) {
        return Err(CliError::Usage(format!("--client {id}: there is no such client")));
    }
    let usage = reports::usage(&store, client.as_ref(), month).await?;
    if matches!(format, Format::Csv) {
        let failed = |_| CliError::Failed("the statement cannot be written".into());
        return print_text(&statement(&usage, month).map_err(failed)?);
    }
    let mut by_client = usage.by_client();
    if let Some(id) = &client {
        by_client.entry(id.as_str().to_owned()).or_default();
    }
    let replies = by_client.into_iter().filter_map(|(id, usage)| {
        let id = ClientId::parse(&id).ok()?;
        let known = directory.client(&id);
        let policy = known.and_then(|client| policies.find(&client.policy));
        Some(UsageReply::new(&id, policy.as_deref(), month, &usage, now).with_days(&usage))
    });
    let replies: Vec<UsageReply> = replies.collect();
    match format {
        Format::Json => print_json(&replies),
        Format::Table | Format::Csv => print_line(&table(&replies)),
    }
}

fn table(replies: &[UsageReply]) -> String {
    let number = |n: Option<u64>| n.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let rows = replies.iter().map(|reply| {
        let [requests, attributes] = reply.month_use();
        [
            reply.client().to_owned(),
            requests.used.to_string(),
            number(requests.quota),
            number(requests.remaining),
            attributes.used.to_string(),
            number(attributes.quota),
            number(attributes.remaining),
        ]
    });
    output::plain_table(&COLUMNS, &rows.collect::<Vec<_>>())
}
