//! The two generators: closed loop for the most that a system can do, open loop for how long its
//! users wait.
//!
//! Both run as tasks of one thread. Two threads on two cores reached the same rates against the
//! bare echo (103,000 to 108,000 a second) and took a tenth more CPU per request, 7.9 us for 7.1.

mod closed;
mod judge;
mod open;
mod schedule;

pub(crate) use closed::closed_loop;
pub(crate) use judge::Judge;
pub(crate) use open::{open_loop, open_loop_until};
pub(crate) use schedule::Schedule;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use crate::material::Ring;
use crate::wire::{Endpoint, Link};

/// How long answers are waited for after the last request.
const GRACE: Duration = Duration::from_secs(5);

/// How long a connection rests after it failed: a server that is gone must not make us spin.
const REST: Duration = Duration::from_millis(10);

/// What is sent, where, over how many connections, and how answers are judged.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// The system under load.
    pub(crate) endpoint: Endpoint,
    /// The requests.
    pub(crate) ring: Arc<Ring>,
    /// How answers are judged.
    pub(crate) judge: Judge,
    /// Connections, each with at most one request in flight.
    pub(crate) connections: u32,
    /// Addresses of this machine that connections come from in turns; the system's choice where
    /// there are none.
    pub(crate) sources: Vec<Ipv4Addr>,
}

impl Load {
    /// The link of the `index`th connection.
    pub(crate) fn link(&self, index: u32) -> Link {
        let turn = (index as usize).checked_rem(self.sources.len());
        Link::between(turn.map(|turn| self.sources[turn]), self.endpoint.clone())
    }
}

#[cfg(test)]
mod tests;
