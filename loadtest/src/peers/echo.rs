//! The bare echo: an axum server that sends every body back, and nothing else.
//!
//! It runs as a process of its own, so that its CPU time can be told from the generator's.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use crate::child::Child;
use crate::failure::Failure;
use crate::ports;

/// Worker threads: as many as `HAProxy`'s and as the cores of the reference machine.
const WORKERS: usize = 2;

/// The echo as a child process.
pub(super) struct Echo {
    child: Child,
    port: u16,
}

impl Echo {
    /// Starts this executable's own `echo` command and waits until it listens.
    pub(super) async fn start(folder: &Path) -> Result<Self, Failure> {
        let port = ports::free(&[])?;
        let own = std::env::current_exe().context("where our own executable is")?;
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut command = Command::new(own);
        command.args(["echo", "--listen", &listen.to_string()]);
        let mut child = Child::start("echo", &mut command, folder)?;
        ports::listening(&mut child, port).await?;
        Ok(Self { child, port })
    }

    /// Its port on this machine.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.pid()
    }
}

/// The runtime that the echo is served on.
pub(crate) fn runtime() -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(WORKERS);
    builder
}

/// Serves the echo until standard input ends, which it does with the process that started us.
pub(crate) async fn serve(listen: SocketAddr) -> Result<(), Failure> {
    let listener =
        TcpListener::bind(listen).await.with_context(|| format!("listening on {listen}"))?;
    let (parent_gone, gone) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = parent_gone.send(());
    });
    tokio::select! {
        served = axum::serve(listener, router()) => Ok(served.context("serving the echo")?),
        _ = gone => Ok(()),
    }
}

fn router() -> Router {
    Router::new().route("/v1/verifications", post(|body: Bytes| async { body }))
}
