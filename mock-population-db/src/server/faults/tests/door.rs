//! What a caller sees of a connection that gets no answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::super::super::serve_register;
use super::*;

/// A register behind a real door that was sent one batch.
struct Served {
    register: Arc<Register>,
    stream: TcpStream,
    stop: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Served {
    /// Serves with these faults from the start, and sends a request.
    async fn asked(usual: Misbehaviour, method: &str, path: &str) -> Self {
        let settings = Settings::new(KEY).with_faults(Faults { usual, ..Faults::default() });
        let register = register(settings.expect("good faults"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(serve_register(listener, Arc::clone(&register), async {
            drop(stopped.await);
        }));
        let body = batch_about(&[SOMEBODY]);
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: register\r\nauthorization: Bearer {KEY}\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(request.as_bytes()).await.expect("the request is sent");
        Self { register, stream, stop, server }
    }

    /// Waits until so many batches wait. Ends long before a hang would end by itself.
    async fn waiting(&self, batches: usize) {
        let waiting = async {
            while self.register.faults.waiting() != batches {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(30), waiting).await.expect("so many batches wait");
    }

    /// All bytes until the connection is closed.
    async fn received(&mut self) -> Vec<u8> {
        let mut received = Vec::new();
        // A reset is an end too.
        drop(self.stream.read_to_end(&mut received).await);
        received
    }
}

fn hanging() -> Misbehaviour {
    Misbehaviour { hang_rate: 1.0, ..Misbehaviour::default() }
}

#[tokio::test]
async fn an_outage_closes_the_connection_without_a_byte_and_spares_livez() {
    let outage = Misbehaviour { outage: true, ..Misbehaviour::default() };
    assert_eq!(Served::asked(outage.clone(), "POST", BATCH).await.received().await, b"");
    let live = Served::asked(outage, "GET", "/livez").await.received().await;
    assert!(live.starts_with(b"HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_lets_hanging_callers_go_without_a_byte() {
    let mut served = Served::asked(hanging(), "POST", BATCH).await;
    served.waiting(1).await;
    let (stop, _) = oneshot::channel();
    drop(std::mem::replace(&mut served.stop, stop));
    assert_eq!(served.received().await, b"");
    served.server.await.expect("no panic").expect("no error");
}

#[tokio::test]
async fn a_hang_ends_when_its_caller_goes_away() {
    let mut served = Served::asked(hanging(), "POST", BATCH).await;
    served.waiting(1).await;
    served.stream.shutdown().await.expect("the connection is ours to close");
    served.waiting(0).await;
}
