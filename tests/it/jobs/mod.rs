//! Bulk jobs: a file in, a line for each row out, everything logged and counted once.

mod engine;
mod http;
