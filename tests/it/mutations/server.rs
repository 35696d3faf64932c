//! The same questions put to a server.

use gateway::audit::{self, Check, VerifyError};
use gateway::clock::Random;
use gateway::config::{LogConfig, StoreConfig};
use gateway::store::{KeyFolder, Store};
use sqlx::PgConnection;

use super::ground::{LOG, write};
use crate::support::Postgres;

async fn run(hand: &mut PgConnection, statement: &'static str) {
    sqlx::query(statement).execute(hand).await.unwrap();
}

#[tokio::test]
async fn a_log_on_a_server_is_verified_and_its_mutations_are_found() {
    let postgres = Postgres::start().await;
    let store = Store::open(&StoreConfig::server(postgres.url())).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let keys = KeyFolder::open(folder.path(), Random::seeded(1)).unwrap();
    let config = LogConfig { name: LOG.into(), ..LogConfig::default() };
    write(&store, &keys, &config, (600, 48), &mut 12).await;
    let verifier = audit::verifier_of(&keys, &config).unwrap();
    let check = Check::default();
    let verify = || async { audit::verify(&store, &verifier, LOG, &check, &mut |_| {}).await };
    assert_eq!(verify().await.unwrap().read, 600);
    assert_eq!(store.log_after("").await.unwrap().as_deref(), Some(LOG));
    assert_eq!(store.log_after(LOG).await.unwrap(), None);

    let mut hand = postgres.connect().await;
    // A second bundle at the same index, which the partition of another day takes.
    run(&mut hand, "select log_ensure_day(day + 1) from log_bundles where first_index = 0").await;
    run(
        &mut hand,
        "insert into log_bundles (log, first_index, entries_count, day, entries) \
         select log, first_index, entries_count, day + 1, entries from log_bundles \
         where first_index = 0",
    )
    .await;
    let error = verify().await.unwrap_err();
    assert!(matches!(error, VerifyError::Bundle { first_index: 0, .. }), "{error}");
    run(&mut hand, "delete from log_bundles where day = (select max(day) from log_bundles)").await;
    verify().await.unwrap();

    run(&mut hand, "delete from log_tiles where tile_index = 1").await;
    let error = verify().await.unwrap_err();
    assert!(matches!(error, VerifyError::Tile { level: 0, tile_index: 1, .. }), "{error}");
    run(&mut hand, "delete from log_checkpoints").await;
    let error = verify().await.unwrap_err();
    assert!(matches!(error, VerifyError::NoCheckpoint { .. }), "{error}");
}
