//! The mock program.
fn main() {}
