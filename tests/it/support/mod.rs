//! What every test stands on: the production gateway in a temporary folder, registers that behave
//! and registers that do not, a PostgreSQL of their own, and answers that check themselves.

mod answer;
mod app;
mod claims;
mod clients;
mod logs;
mod postgres;
mod register;

pub use answer::Answer;
pub use app::{Builder, Caller, Kept, TestApp, micros, read_gauge};
pub use claims::{about, about_person, born, merge, unissued_near};
pub use clients::{SECRET, TestClient};
pub use logs::{
    copy_database, entries, entry_bytes, flip_byte, leaf_of, put_back, remove_database, run_on,
    tamper,
};
pub use postgres::Postgres;
pub use register::{CARD_ON_FILE, FakeRegister, ON_FILE, Reaction, on_file, person_on_file};
