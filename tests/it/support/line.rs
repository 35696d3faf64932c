//! The way to a server, which can be slow and can fall silent: what is sent arrives nowhere, and nobody says so, as
//! when a machine vanishes from the network.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Bytes that are carried at once: more than a statement has.
const CARRIED: usize = 64 * 1024;

/// A port that leads to a server.
pub struct Line {
    port: u16,
    orders: Arc<Orders>,
}

#[derive(Default)]
struct Orders {
    swallowed: Mutex<Option<&'static str>>,
    unanswered: Mutex<Option<&'static str>>,
    silent: AtomicUsize,
    delay_ms: AtomicU64,
}

impl Line {
    /// Leads to a port on this machine.
    pub async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let orders = Arc::new(Orders::default());
        let given = Arc::clone(&orders);
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                let callee = TcpStream::connect(("127.0.0.1", server)).await;
                let Ok(callee) = callee else { continue };
                tokio::spawn(carry(caller, callee, Arc::clone(&given)));
            }
        });
        Self { port, orders }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on a connection falls silent for good when something with this text is sent on it;
    /// with none, those that still speak go on doing so.
    pub fn swallow(&self, text: Option<&'static str>) {
        *self.orders.swallowed.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }

    /// From now on a connection brings no answer any more, for good, from the moment at which
    /// something with this text is sent on it, which arrives.
    pub fn leave_unanswered(&self, text: &'static str) {
        *self.orders.unanswered.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }

    /// From now on everything that is sent arrives so much later.
    pub fn delay(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).expect("a short time");
        self.orders.delay_ms.store(by, Ordering::Relaxed);
    }

    /// How many connections fell silent.
    pub fn silent(&self) -> usize {
        self.orders.silent.load(Ordering::Relaxed)
    }
}

async fn carry(caller: TcpStream, callee: TcpStream, orders: Arc<Orders>) {
    let (mut asks, mut hears) = caller.into_split();
    let (mut answers, mut is_asked) = callee.into_split();
    let is_unanswered = AtomicBool::new(false);
    let back = async {
        let mut bytes = vec![0; CARRIED];
        loop {
            let length = answers.read(&mut bytes).await?;
            if length == 0 {
                return Ok(());
            }
            if is_unanswered.load(Ordering::Relaxed) {
                return std::future::pending().await;
            }
            hears.write_all(&bytes[..length]).await?;
        }
    };
    let there = async {
        let mut bytes = vec![0; CARRIED];
        loop {
            let length = asks.read(&mut bytes).await?;
            if length == 0 {
                return Ok(());
            }
            let order = *orders.swallowed.lock().unwrap_or_else(PoisonError::into_inner);
            let is_meant =
                |text: &str| bytes[..length].windows(text.len()).any(|w| w == text.as_bytes());
            if order.is_some_and(is_meant) {
                orders.silent.fetch_add(1, Ordering::Relaxed);
                return std::future::pending().await;
            }
            let order = *orders.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
            if order.is_some_and(is_meant) {
                is_unanswered.store(true, Ordering::Relaxed);
            }
            tokio::time::sleep(Duration::from_millis(orders.delay_ms.load(Ordering::Relaxed)))
                .await;
            is_asked.write_all(&bytes[..length]).await?;
        }
    };
    let _ended: std::io::Result<()> =
        tokio::select! { ended = there => ended, ended = back => ended };
}
