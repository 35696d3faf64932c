//! The process's doors: listeners, connections, and a stop that loses nothing.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::app::App;
use crate::disputes;
use crate::http::{self, Document, Edge};
use crate::jobs::Runner;
use crate::store::disk_failed;

/// Largest request head, in bytes; a token has about 500. Bodies stream through the same buffer.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// A peer that does not take what it asked for is given up after this time, in milliseconds.
const UNREAD_TIMEOUT_MS: u32 = 30_000;

/// How often disputes are looked for that are not settled.
const DISPUTES_LOOKED_AT: Duration = Duration::from_mins(1);
/// Wait after an accept that failed for want of something (descriptors, memory).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The two doors, open but not served yet.
#[derive(Debug)]
pub struct Doors {
    api: TcpListener,
    admin: TcpListener,
}

/// A door that does not open.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct DoorError {
    /// The address.
    pub address: SocketAddr,
    /// Why.
    #[source]
    pub source: io::Error,
}

impl Doors {
    /// Opens both listeners.
    pub async fn open(api: SocketAddr, admin: SocketAddr) -> Result<Self, DoorError> {
        let open = async |address| {
            TcpListener::bind(address).await.map_err(|source| DoorError { address, source })
        };
        Ok(Self { api: open(api).await?, admin: open(admin).await? })
    }

    /// Address of the API as it was opened; tells the port where 0 was asked for.
    pub fn api_address(&self) -> io::Result<SocketAddr> {
        self.api.local_addr()
    }

    /// Address of the admin listener.
    pub fn admin_address(&self) -> io::Result<SocketAddr> {
        self.admin.local_addr()
    }

    /// Serves until `stop` says so, lets requests in progress end, and closes the log. Returns
    /// whether the log ended well. `documents` are served beside the API.
    pub async fn serve(
        self,
        app: Arc<App>,
        documents: Vec<Document>,
        mut stop: watch::Receiver<bool>,
    ) -> bool {
        // Before anybody is let in: what was begun by an earlier process comes to its end.
        disputes::go_on(&app).await;
        tokio::spawn(settle_disputes(Arc::downgrade(&app)));
        let edge = http::api_edge(&app, documents);
        let api = serve_door(self.api, Arc::clone(&app), edge, stop.clone());
        let admin = serve_door(self.admin, Arc::clone(&app), http::admin_edge(&app), stop.clone());
        let doors = tokio::spawn(async move { tokio::join!(api, admin) });
        let jobs = Runner::start(&app);
        let failed = tokio::select! {
            () = app.audit.failed() => true,
            () = disk_failed() => {
                tracing::error!("the disk failed beside the log, which is in an unknown state");
                true
            }
            _ = stop.wait_for(|stop| *stop) => false,
        };
        if failed {
            // Nobody knows what is on disk: no further answer may leave.
            doors.abort();
            return false;
        }
        // Who waits for its turn would wait for longer than a stop: another node takes it.
        app.lanes.close();
        let drain = Duration::from_millis(app.config.server.drain_timeout_ms);
        let jobs = tokio::time::timeout(drain, jobs.stop());
        let (_ended, _in_time) = tokio::join!(doors, jobs);
        app.close().await;
        true
    }
}

/// A dispute whose last step was cut off by the database comes to its end without being sent again.
async fn settle_disputes(app: Weak<App>) {
    let mut ticks = tokio::time::interval(DISPUTES_LOOKED_AT);
    loop {
        ticks.tick().await;
        let Some(app) = app.upgrade() else { return };
        disputes::go_on(&app).await;
    }
}

async fn serve_door(
    listener: TcpListener,
    app: Arc<App>,
    edge: Edge,
    mut stop: watch::Receiver<bool>,
) {
    let edge = Arc::new(edge);
    let connections = Arc::new(Semaphore::new(app.config.server.connections_max));
    let graceful = GracefulShutdown::new();
    loop {
        let next = async {
            let place = Arc::clone(&connections).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let connection = serve_connection(stream, peer, &app, Arc::clone(&edge));
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            // Errors here are the peer's: it hung up, or did not speak HTTP.
            let _peer_error = watched.await;
            drop(place);
        });
    }
    drop(listener);
    let drain = Duration::from_millis(app.config.server.drain_timeout_ms);
    if tokio::time::timeout(drain, graceful.shutdown()).await.is_err() {
        tracing::warn!(?drain, "some requests did not end in time");
    }
}

fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    app: &Arc<App>,
    edge: Arc<Edge>,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send + 'static {
    // An error means that the peer is gone, which the connection finds out by itself.
    let _gone = stream.set_nodelay(true);
    let _gone = rustix::net::sockopt::set_tcp_user_timeout(&stream, UNREAD_TIMEOUT_MS);
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let edge = Arc::clone(&edge);
        async move {
            let response = edge.answer(request.map(Body::new), peer.ip()).await;
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        // Replies are about a kilobyte: one copy is cheaper than a vectored write.
        .writev(false)
        .max_buf_size(HEAD_BYTES_MAX)
        .header_read_timeout(Duration::from_millis(app.config.server.header_timeout_ms))
        .serve_connection(TokioIo::new(stream), service)
}
