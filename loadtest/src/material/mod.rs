//! What is asked and what the right answer is: clients, people, claims with planted errors, the
//! truth per request, and the ring of prebuilt requests made of them.
//!
//! Knows design sections 2, 5 and 6, and nothing of the gateway's code: the truth is derived
//! here a second time, so that one mistake cannot hide in both places.

mod answer;
mod claims;
mod client;
mod person;
mod ring;
mod truth;

pub(crate) use answer::{Checked, problem_code};
pub(crate) use client::{Client, Kind, load_clients, pick};
pub(crate) use person::{Person, load_people, made_up_people};
pub(crate) use ring::{Caller, Prepared, Ring};
