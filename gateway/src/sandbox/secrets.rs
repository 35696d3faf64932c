//! The first secrets of the sandbox's clients.

use std::num::NonZero;
use std::thread;

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::task::spawn_blocking;

use super::clients::CLIENTS;
use crate::app::App;
use crate::auth::{generate_secret, hash_secret};
use crate::cli::CliError;
use crate::request::ClientId;
use crate::store::SecretRow;

/// Hashes at once at most, also where there are more cores: each takes 19 MiB while it runs.
const HASHES_AT_ONCE_MAX: usize = 8;

/// Makes a secret for every client, in their order, and lets the running gateway know them as
/// verified, so that the first token of each costs no second hash. If we die before the caller has
/// written them down, nobody knows them, and the next start puts others in their place.
pub(super) async fn issue(app: &App) -> Result<Vec<String>, CliError> {
    let secrets: Vec<String> = CLIENTS.iter().map(|_| generate_secret(&app.random)).collect();
    let rows = rows(hash_all(&secrets).await?);
    app.store.put_secrets(&rows, app.clock.now().0).await?;
    app.load_directory().await?;
    for (client, (secret, row)) in CLIENTS.iter().zip(secrets.iter().zip(&rows)) {
        app.secrets.remember(&client.client_id, secret, &row.hash);
    }
    Ok(secrets)
}

/// Lets another node know the secrets that this one knows.
pub(super) async fn share(known: &App, other: &App, secrets: &[String]) -> Result<(), CliError> {
    let rows = known.store.secrets().await?;
    if other.store.secrets().await? != rows {
        other.store.put_secrets(&rows, other.clock.now().0).await?;
        other.load_directory().await?;
    }
    for (client, secret) in CLIENTS.iter().zip(secrets) {
        let id = client.client_id.as_str();
        if let Some(row) = rows.iter().find(|row| row.client_id == id && row.slot == 1) {
            other.secrets.remember(&client.client_id, secret, &row.hash);
        }
    }
    Ok(())
}

/// Hashes of the first slots, in the order of the clients.
fn rows(hashes: Vec<String>) -> Vec<SecretRow> {
    let row = |client_id: &ClientId, hash| SecretRow {
        client_id: client_id.as_str().to_owned(),
        slot: 1,
        hash,
    };
    CLIENTS.iter().zip(hashes).map(|(client, hash)| row(&client.client_id, hash)).collect()
}

/// The hashes of the secrets in their order, made beside the doors and on all cores. One at a time
/// goes to each, so that who is told to stop waits for none but those that have begun.
async fn hash_all(secrets: &[String]) -> Result<Vec<String>, CliError> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    stream::iter(secrets.to_vec())
        .map(|secret| spawn_blocking(move || hash_secret(&secret)))
        .buffered(cores.min(HASHES_AT_ONCE_MAX))
        .map(|hashed| match hashed {
            Ok(Ok(hash)) => Ok(hash),
            Ok(Err(error)) => Err(CliError::Failed(error.to_string())),
            Err(error) => Err(CliError::Failed(error.to_string())),
        })
        .try_collect()
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{SecretCheck, Secrets, Turn};
    use crate::clock::{Clock, Micros, Random};

    #[tokio::test]
    async fn every_secret_gets_the_hash_in_its_place() {
        let secrets: Vec<String> = (0..5).map(|number| format!("secret-{number}")).collect();
        let hashes = hash_all(&secrets).await.unwrap();
        let known = Secrets::new(Clock::manual(Micros(0)).0, &Random::seeded(1)).unwrap();
        known.replace(&rows(hashes));
        assert_eq!(known.known(), 5);
        for (client, secret) in CLIENTS.iter().zip(&secrets) {
            let checked = known.check(&client.client_id, secret, || Turn::First).await;
            assert!(matches!(checked, SecretCheck::Right(_)));
        }
    }
}
