//! Plays Vietnam's national population database: 98 million people as a pure function of a seed.
//!
//! Nothing is stored. The first six digits of a personal number name a *cell* (province of birth
//! registration, century and sex, birth year) whose size follows the census; a keyed permutation
//! of the last six says whether the number was issued and to whom; everything else about the
//! person is drawn from the seed and the person's ordinal. Old numbers, insurance numbers and
//! cancelled numbers are permutations too. So every key leads to its people and every person to
//! their keys in under a microsecond, and two mocks with one seed agree.
//!
//! It plays a foreign system and shares no types with its callers, only the JSON contract.
//!
//! The modules, in order of dependency: `mix`, `weighted`, `permutation`, `planted` and `digits`,
//! `date` know nothing about people; [`Person`] says what is on file, `field` and `json` how it is
//! written; `tables` reads `data/`; `cells` give the nation its shape; `personal_numbers`,
//! `old_numbers`, `insurance_numbers` are the keys; `names`, `places`, `life`, [`insurance`] draw the
//! parts; [`Nation`] puts them together; [`records`] are people as others have them on file;
//! [`server`] answers over HTTP; [`cli`] and its reports are
//! for people.

mod date;
mod digits;
mod mix;
mod permutation;
mod planted;
mod weighted;

mod field;
mod json;
mod person;

mod tables;

mod cells;
mod insurance_numbers;
mod old_numbers;
mod personal_numbers;

pub mod insurance;
mod life;
mod names;
mod places;

mod dossier;
mod nation;

pub mod records;

pub mod server;

mod bench;
mod oddities;
mod report;

pub mod cli;

pub use date::{BirthDate, Date};
pub use digits::{Digits, PersonalNumber};
pub use dossier::Dossier;
pub use nation::{Hit, Key, Nation};
pub use person::{Card, Person, Place, Scheme, Sex, Status};

/// How many people the nation has.
pub const POPULATION: u64 = 98_000_000;

/// The seed of the nation everybody uses unless told otherwise: the date of Project 06's decision.
pub const DEFAULT_SEED: u64 = 20_220_106;

/// The moment the register shows: day 0, Vietnamese time.
pub const AS_OF: &str = "2026-01-01T00:00:00+07:00";
