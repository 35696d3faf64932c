//! Population verification gateway.

pub mod request;

pub mod population;

pub mod matching;
