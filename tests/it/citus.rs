//! `docs/citus.md` says how the tables are distributed: it names every table, and no key of theirs
//! contradicts it.

use std::collections::BTreeMap;

use gateway::config::StoreConfig;
use gateway::store::Store;

use crate::support::Postgres;

const PAGE: &str = include_str!("../../docs/citus.md");

/// Table and what it is distributed by, as the page has it.
fn distribution() -> BTreeMap<&'static str, &'static str> {
    let rows = PAGE.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        let (table, column) = (cells.next()?, cells.next()?);
        Some((table.trim_matches('`'), column.trim_matches('`')))
    });
    rows.collect()
}

#[tokio::test]
async fn every_table_is_on_the_page_and_every_key_holds_its_distribution_column() {
    let postgres = Postgres::start().await;
    Store::open(&StoreConfig::server(postgres.url())).await.unwrap();
    let mut connection = postgres.connect().await;
    // The partitions of a day are distributed with their table.
    let tables: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class where relnamespace = 'public'::regnamespace \
         and relkind in ('r', 'p') and not relispartition and relname <> '_sqlx_migrations' \
         order by relname",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let distribution = distribution();
    assert_eq!(tables, distribution.keys().copied().collect::<Vec<_>>());

    // Primary keys and unique indexes with their columns.
    let keys: Vec<(String, String, Vec<String>)> = sqlx::query_as(
        "select t.relname::text, i.relname::text, array_agg(a.attname::text) from pg_index as x \
         join pg_class as t on t.oid = x.indrelid join pg_class as i on i.oid = x.indexrelid \
         join pg_attribute as a on a.attrelid = x.indrelid and a.attnum = any (x.indkey) \
         where x.indisunique and t.relnamespace = 'public'::regnamespace \
         and not t.relispartition and t.relname <> '_sqlx_migrations' group by 1, 2",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let without: Vec<&String> =
        tables.iter().filter(|table| keys.iter().all(|(of, ..)| of != *table)).collect();
    assert_eq!(without, ["person_entries"], "every other table has a key");
    for (table, key, columns) in keys {
        let column = distribution[table.as_str()];
        let fits = column == "reference" || columns.iter().any(|named| named == column);
        assert!(fits, "{table} goes by {column}, which {key} does not hold: {columns:?}");
    }
    // A reference to a distributed table would have to go to the same machine.
    let references: Vec<(String, String)> = sqlx::query_as(
        "select conrelid::regclass::text, confrelid::regclass::text from pg_constraint \
         where contype = 'f'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    for (from, to) in references {
        assert_eq!(distribution[to.as_str()], "reference", "{from} refers to {to}");
    }
}
