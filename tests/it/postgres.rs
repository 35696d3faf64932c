//! The PostgreSQL that tests start: as durable as one in production, and it comes back from
//! whatever is done to it.

use gateway::config::StoreConfig;
use gateway::store::{Store, StoreError};
use sqlx::{Connection as _, PgConnection};

use crate::support::Postgres;

async fn setting(connection: &mut PgConnection, name: &str) -> String {
    let setting = sqlx::query_scalar("select current_setting($1)").bind(name);
    setting.fetch_one(connection).await.unwrap()
}

#[tokio::test]
async fn a_private_postgres_is_durable_and_sorts_as_people_do() {
    let postgres = Postgres::start_with(&["work_mem=1MB"]).await;
    let mut connection = postgres.connect().await;
    for (name, value) in [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("work_mem", "1MB"),
    ] {
        assert_eq!(setting(&mut connection, name).await, value, "{name}");
    }
    let by_bytes: bool =
        sqlx::query_scalar("select 'a' > 'B'").fetch_one(&mut connection).await.unwrap();
    assert!(!by_bytes, "texts sort by the alphabet");
}

#[tokio::test]
async fn a_private_postgres_survives_what_tests_do_to_it() {
    let postgres = Postgres::start().await;
    let mut connection = postgres.connect().await;
    sqlx::query("create table kept (n bigint)").execute(&mut connection).await.unwrap();
    for round in 0..4_i64 {
        let insert = sqlx::query("insert into kept values ($1)").bind(round);
        insert.execute(&mut connection).await.unwrap();
        let backends = postgres.backends().await;
        assert_eq!(backends.len(), 1, "{backends:?}");
        match round {
            0 => assert_eq!(postgres.terminate_backends().await, 1),
            1 => postgres.kill_backend(backends[0]).await,
            2 => postgres.kill(),
            _ => postgres.stop().await,
        }
        assert!(connection.ping().await.is_err(), "round {round}");
        if round >= 2 {
            postgres.restart().await;
        }
        connection = postgres.reconnect().await;
        let kept: i64 = sqlx::query_scalar("select count(*) from kept")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(kept, round + 1);
    }
}

#[tokio::test]
async fn a_gateway_does_not_start_where_an_answer_could_be_forgotten() {
    for setting in ["fsync", "full_page_writes"] {
        let postgres = Postgres::start_with(&[&format!("{setting}=off")]).await;
        let opened = Store::open(&StoreConfig::server(postgres.url())).await;
        let Err(StoreError::NotDurable { setting: told }) = opened else {
            panic!("{setting}=off: {opened:?}")
        };
        assert_eq!(told, setting);
    }
}

#[tokio::test]
async fn nodes_that_begin_a_day_at_once_all_find_its_partition() {
    let postgres = Postgres::start().await;
    Store::open(&StoreConfig::server(postgres.url())).await.unwrap();
    let mut nodes = Vec::new();
    for _ in 0..6 {
        nodes.push(postgres.connect().await);
    }
    for day in 20_000..20_040_i64 {
        let ensured = nodes.iter_mut().map(async |node| {
            sqlx::query("select log_ensure_day($1)").bind(day).execute(node).await
        });
        for ensured in futures_util::future::join_all(ensured).await {
            assert!(ensured.is_ok(), "{day}: {ensured:?}");
        }
    }
    let partitions: i64 = sqlx::query_scalar(
        "select count(*) from pg_inherits where inhparent = 'log_bundles'::regclass",
    )
    .fetch_one(&mut nodes[0])
    .await
    .unwrap();
    assert_eq!(partitions, 40);
}
