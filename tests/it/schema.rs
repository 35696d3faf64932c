//! The tables of a database that another version of the program has made.

use gateway::store::{Store, StoreError};

use crate::support::{Bare, Database, on_both_databases, run_on, tamper};

on_both_databases! {
    commands_bring_no_database_up_to_date,
}

async fn commands_bring_no_database_up_to_date(database: Database) {
    let bare = Bare::on(database).await;
    if database == Database::Sqlite {
        // A new file, as a first start makes it before it makes the tables.
        std::fs::write(bare.config().path, "").unwrap();
    }
    let needed = Store::newest_migration();
    let older = async |at: i64| match Store::open_existing(&bare.config()).await {
        Err(error @ StoreError::Older { version, .. }) if version == at => error.to_string(),
        opened => panic!("{opened:?}"),
    };
    older(0).await;
    older(0).await;
    bare.store().await.close().await;
    Store::open_existing(&bare.config()).await.unwrap().close().await;

    let last = format!("from _sqlx_migrations where version = {needed}");
    run_on(bare.rows(), format!("create table kept as select * {last}")).await;
    tamper(bare.rows(), format!("delete {last}")).await;
    let told = older(needed - 1).await;
    assert!(told.contains("gateway serve"), "what to do: {told}");
    older(needed - 1).await;
    run_on(bare.rows(), "insert into _sqlx_migrations select * from kept".into()).await;
    Store::open_existing(&bare.config()).await.unwrap().close().await;

    tamper(
        bare.rows(),
        format!("update _sqlx_migrations set version = 9999 where version = {needed}"),
    )
    .await;
    let opened = Store::open_existing(&bare.config()).await;
    assert!(matches!(opened, Err(StoreError::Newer { version: 9999 })), "{opened:?}");
}
