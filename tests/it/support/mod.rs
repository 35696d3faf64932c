//! What every test stands on: the production gateway in a temporary folder, registers that behave
//! and registers that do not, a PostgreSQL of their own, and answers that check themselves.

/// Makes two tests of each story, `story::on_sqlite` and `story::on_postgres`. A story is an `async
/// fn` of the module with the database as its parameter. Where something must block in the middle
/// of it, `#[tokio::test(flavor = "multi_thread")]` stands before the stories.
macro_rules! on_both_databases {
    ($($story:ident,)+) => {
        on_both_databases! { #[tokio::test] $($story,)+ }
    };
    (#[$test:meta] $($story:ident,)+) => {
        $(on_both_databases! { @ #[$test] $story })+
    };
    (@ #[$test:meta] $story:ident) => {
        mod $story {
            #[$test]
            async fn on_sqlite() {
                super::$story(crate::support::Database::Sqlite).await;
            }

            #[$test]
            async fn on_postgres() {
                super::$story(crate::support::Database::Postgres).await;
            }
        }
    };
}
pub(crate) use on_both_databases;

mod answer;
mod app;
mod bare;
mod caller;
mod claims;
mod clients;
mod line;
mod logs;
mod postgres;
mod redis;
mod register;

pub use answer::Answer;
pub use app::{Builder, Database, Kept, TestApp, micros, read_gauge, seed};
pub use bare::Bare;
pub use caller::Caller;
pub use claims::{about, about_person, born, merge, unissued_near};
pub use clients::{SECRET, TestClient};
pub use line::Line;
pub use logs::{
    Rows, copy_database, entries, entry_bytes, flip_byte, leaf_of, put_back, remove_database,
    run_on, tamper,
};
pub use postgres::Postgres;
pub use redis::{Redis, RedisCluster};
pub use register::{CARD_ON_FILE, FakeRegister, ON_FILE, Reaction, on_file, person_on_file};
