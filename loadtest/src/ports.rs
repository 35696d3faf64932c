//! Ports that nobody uses, and waiting until somebody does.

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::child::Child;
use crate::failure::Failure;

/// Attempts at a group of free ports; one in a few thousand is taken on an idle machine.
const ATTEMPTS_MAX: usize = 50;

/// How long a small server may take to listen.
const LISTEN_MAX: Duration = Duration::from_secs(10);

/// How often we look whether something has happened.
pub(crate) const POLL: Duration = Duration::from_millis(50);

/// A port that is free now, as are those at `offsets` from it. Somebody else may take one before
/// we do; then the server that wanted it ends and says so.
pub(crate) fn free(offsets: &[u16]) -> anyhow::Result<u16> {
    for _ in 0..ATTEMPTS_MAX {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("a free port")?;
        let port = first.local_addr().context("a free port")?.port();
        let others: Option<Vec<TcpListener>> = offsets
            .iter()
            .map(|offset| {
                let other = port.checked_add(*offset)?;
                TcpListener::bind((Ipv4Addr::LOCALHOST, other)).ok()
            })
            .collect();
        if others.is_some() {
            return Ok(port);
        }
    }
    bail!("no free ports after {ATTEMPTS_MAX} attempts")
}

/// Waits until a child listens.
pub(crate) async fn listening(child: &mut Child, port: u16) -> Result<(), Failure> {
    let deadline = Instant::now() + LISTEN_MAX;
    while tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
        child.check_running()?;
        if Instant::now() > deadline {
            let words = child.last_words();
            return Err(Failure::Unavailable(format!("nothing listens on port {port}:\n{words}")));
        }
        tokio::time::sleep(POLL).await;
    }
    // Somebody else may have been listening there all the time.
    child.check_running()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_of_ports_is_free_together() {
        let port = free(&[1, 10]).unwrap();
        for port in [port, port + 1, port + 10] {
            assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok(), "{port}");
        }
    }
}
