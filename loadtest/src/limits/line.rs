//! The way to a Redis, which can be slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Bytes that are carried at once.
const CARRIED: usize = 16 * 1024;
/// What may be under way on one connection, in pieces.
const UNDER_WAY_MAX: usize = 4_096;

/// A port that leads to a server.
pub(super) struct Line {
    port: u16,
    delay_ms: Arc<AtomicU64>,
}

impl Line {
    pub(super) async fn to(server: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("a port of the line")?;
        let port = listener.local_addr().context("a port of the line")?.port();
        let delay_ms = Arc::new(AtomicU64::new(0));
        let given = Arc::clone(&delay_ms);
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                if let Ok(callee) = TcpStream::connect(("127.0.0.1", server)).await {
                    tokio::spawn(carry(caller, callee, Arc::clone(&given)));
                }
            }
        });
        Ok(Self { port, delay_ms })
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// From now on everything that is asked arrives so much later, however much is under way.
    pub(super) fn delay(&self, by: Duration) {
        self.delay_ms.store(by.as_millis() as u64, Ordering::Relaxed);
    }
}

async fn carry(caller: TcpStream, callee: TcpStream, delay_ms: Arc<AtomicU64>) {
    let _no_delay = (caller.set_nodelay(true), callee.set_nodelay(true));
    let (asks, mut hears) = caller.into_split();
    let (mut answers, is_asked) = callee.into_split();
    let _ended = tokio::select! {
        ended = late(asks, is_asked, delay_ms) => ended,
        ended = tokio::io::copy(&mut answers, &mut hears) => ended.map(drop),
    };
}

async fn late(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    delay_ms: Arc<AtomicU64>,
) -> std::io::Result<()> {
    let (sender, mut pieces) = mpsc::channel::<(Instant, Vec<u8>)>(UNDER_WAY_MAX);
    let read = async move {
        loop {
            let mut bytes = vec![0; CARRIED];
            let length = from.read(&mut bytes).await?;
            bytes.truncate(length);
            let due = Instant::now() + Duration::from_millis(delay_ms.load(Ordering::Relaxed));
            if length == 0 || sender.send((due, bytes)).await.is_err() {
                return Ok(());
            }
        }
    };
    let write = async move {
        while let Some((due, bytes)) = pieces.recv().await {
            // Its timers count whole milliseconds: whoever is not late is not to wait for one.
            if due > Instant::now() {
                tokio::time::sleep_until(due).await;
            }
            to.write_all(&bytes).await?;
        }
        Ok(())
    };
    tokio::try_join!(read, write).map(drop)
}
