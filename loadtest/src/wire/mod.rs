//! HTTP/1.1 as the generators speak it: prebuilt request bytes, a minimal response parser, one
//! kept-alive connection.
//!
//! Not a general client: no redirects, no chunked answers, no TLS. A general one costs more CPU
//! per request than the systems under load, and on two cores that CPU is taken from them.

mod endpoint;
mod link;
mod request;
mod response;

pub(crate) use endpoint::{Endpoint, Reach};
pub(crate) use link::{ExchangeError, Link};
pub(crate) use request::{Post, form, get};
