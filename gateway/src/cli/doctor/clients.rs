//! Clients and policies: whether they can be read, and whose papers run out.

use super::Check;
use crate::access::NOTICE_SECONDS;
use crate::auth::{Client, ClientState, Directory};
use crate::cli::{CliError, sentence};
use crate::clock::Micros;
use crate::policy::Policies;
use crate::store::{Store, StoreError};

/// Clients that are named; the others are counted.
const NAMED_MAX: usize = 5;

const POLICIES: &str = "policies";
const CLIENTS: &str = "clients";

pub(super) async fn check(store: &Store, now: Micros) -> Vec<Check> {
    let (policies, directory) = (Policies::default(), Directory::default());
    let read = async {
        let (rows, clients) = (store.policies().await?, store.clients().await?);
        policies.replace(&rows)?;
        directory.replace(&clients, &store.delegations(None).await?)?;
        Ok::<_, StoreError>(rows.len())
    };
    let versions = match read.await {
        Ok(versions) => versions,
        Err(error) => {
            let advice = "what it stands for is refused: mend or restore it";
            return vec![Check::failed(POLICIES, sentence(&CliError::Store(error)), advice)];
        }
    };
    let clients = directory.all();
    let lost = clients.values().find(|client| policies.find(&client.policy).is_none());
    let policies = match lost {
        Some(client) => {
            let found = format!("client {} has one that is not there", client.client_id.as_str());
            Check::failed(POLICIES, found, "it is refused without it: restore it")
        }
        None => Check::ok(POLICIES, format!("{versions} versions, readable")),
    };
    let active: Vec<&Client> = clients
        .values()
        .map(|client| &**client)
        .filter(|client| client.state() == ClientState::Active)
        .collect();
    vec![policies, papers(&active, now)]
}

/// Active clients whose agreement or assessment has run out or soon will.
fn papers(active: &[&Client], now: Micros) -> Check {
    let until = |client: &Client| client.agreement().1.min(client.assessment().1);
    let soon = now.plus_seconds(NOTICE_SECONDS);
    let mut ending: Vec<(Micros, &str)> = active
        .iter()
        .map(|client| (until(client), client.client_id.as_str()))
        .filter(|(until, _)| *until < soon)
        .collect();
    ending.sort_unstable();
    if ending.is_empty() {
        return Check::ok(CLIENTS, format!("{} active", active.len()));
    }
    let named: Vec<String> = ending
        .iter()
        .take(NAMED_MAX)
        .map(|(until, name)| format!("{name} {}", until.vietnamese_hour().date))
        .collect();
    let more = if ending.len() > NAMED_MAX { ", ..." } else { "" };
    let found = format!(
        "{} of {} active lose agreement or assessment within 30 days: {}{more}",
        ending.len(),
        active.len(),
        named.join(", ")
    );
    Check::warning(CLIENTS, found, "renew them in time: calls are refused from that day on")
}
