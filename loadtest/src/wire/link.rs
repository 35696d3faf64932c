//! One kept-alive connection, opened when it is first needed and again after it broke.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::Endpoint;
use super::response::{self, Head, ResponseError};

/// First size of the read buffer: a whole answer of any system under load in one read.
const BUFFER_BYTES: usize = 4 * 1024;

/// Why a request got no usable answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    /// The connection could not be opened.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    /// The connection broke.
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    /// The server closed the connection before its answer was whole.
    #[error("the connection was closed before the answer")]
    Closed,
    /// More bytes came than the answer has: the next answer could not be told from this one.
    #[error("bytes came after the answer")]
    Surplus,
    /// The answer came and cannot be used.
    #[error(transparent)]
    Response(#[from] ResponseError),
}

/// One connection to one system, with the last answer that came over it.
#[derive(Debug)]
pub(crate) struct Link {
    endpoint: Endpoint,
    source: Option<Ipv4Addr>,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
    filled: usize,
    head: Option<Head>,
}

impl Link {
    /// A link that connects with its first exchange.
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self::between(None, endpoint)
    }

    /// The same from an address of this machine; the system chooses where none is given.
    pub(crate) fn between(source: Option<Ipv4Addr>, endpoint: Endpoint) -> Self {
        let buffer = vec![0; BUFFER_BYTES];
        Self { endpoint, source, stream: None, buffer, filled: 0, head: None }
    }

    /// Sends a request and waits for the whole answer, whose status is returned. The body is
    /// [`Link::body`] until the next exchange.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<u16, ExchangeError> {
        self.head = None;
        self.filled = 0;
        // Taken and put back only after a whole answer: a call that fails, or is dropped half way
        // by a deadline, must not leave a connection with somebody else's answer in it.
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.connect().await?,
        };
        stream.write_all(request).await.map_err(ExchangeError::Broken)?;
        let head = self.read_answer(&mut stream).await?;
        self.head = Some(head);
        if !head.closes {
            self.stream = Some(stream);
        }
        Ok(head.status)
    }

    /// Body of the last answer; empty where there was none.
    pub(crate) fn body(&self) -> &[u8] {
        self.head
            .and_then(|head| self.buffer.get(head.body_at..head.body_at + head.body_bytes))
            .unwrap_or_default()
    }

    /// A header field of the last answer.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let head = self.buffer.get(..self.head?.body_at)?;
        let mut lines = head.split(|byte| *byte == b'\n');
        let value = lines.find_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let is_it = line[..colon].eq_ignore_ascii_case(name.as_bytes());
            is_it.then(|| line[colon + 1..].trim_ascii())
        });
        std::str::from_utf8(value?).ok()
    }

    async fn connect(&self) -> Result<TcpStream, ExchangeError> {
        let address = self.endpoint.address();
        let connecting = match self.source {
            None => TcpStream::connect(address).await,
            Some(source) => connect_from(source, address).await,
        };
        let stream = connecting.map_err(ExchangeError::Connect)?;
        stream.set_nodelay(true).map_err(ExchangeError::Connect)?;
        Ok(stream)
    }

    async fn read_answer(&mut self, stream: &mut TcpStream) -> Result<Head, ExchangeError> {
        loop {
            let room = &mut self.buffer[self.filled..];
            let read = stream.read(room).await.map_err(ExchangeError::Broken)?;
            if read == 0 {
                return Err(ExchangeError::Closed);
            }
            self.filled += read;
            let head = response::parse_head(&self.buffer[..self.filled])?;
            // The parser bounds head and body, so the buffer's growth is bounded with them.
            let needed = head.map_or(self.filled + 1, |head| head.body_at + head.body_bytes);
            if let Some(head) = head
                && self.filled >= needed
            {
                return if self.filled == needed { Ok(head) } else { Err(ExchangeError::Surplus) };
            }
            if needed > self.buffer.len() {
                self.buffer.resize(needed.max(self.buffer.len() * 2), 0);
            }
        }
    }
}

async fn connect_from(source: Ipv4Addr, address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((source, 0)))?;
    socket.connect(address).await
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Serves one connection: after each request it writes the given pieces one by one.
    async fn server(pieces: Vec<Vec<u8>>) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut request = [0; 1024];
            while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                for piece in &pieces {
                    stream.write_all(piece).await.unwrap();
                    tokio::task::yield_now().await;
                }
                if pieces.last().is_none_or(Vec::is_empty) {
                    return;
                }
            }
        });
        Endpoint::local(port)
    }

    fn bytes_one_by_one(answer: &[u8]) -> Vec<Vec<u8>> {
        answer.iter().map(|&byte| vec![byte]).collect()
    }

    #[tokio::test]
    async fn an_answer_in_pieces_is_put_together_and_the_connection_kept() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
        let mut link = Link::new(server(bytes_one_by_one(answer)).await);
        for _ in 0..3 {
            assert_eq!(link.exchange(b"x").await.unwrap(), 200);
            assert_eq!(link.body(), b"hello");
        }
    }

    #[tokio::test]
    async fn a_body_longer_than_the_buffer_is_read_whole() {
        let body = vec![b'a'; 3 * BUFFER_BYTES];
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        let mut link = Link::new(server(vec![head.into_bytes(), body.clone()]).await);
        assert_eq!(link.exchange(b"x").await.unwrap(), 200);
        assert_eq!(link.body(), body);
    }

    #[tokio::test]
    async fn an_early_close_and_surplus_bytes_are_errors() {
        let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel".to_vec();
        let mut link = Link::new(server(vec![cut, Vec::new()]).await);
        assert!(matches!(link.exchange(b"x").await, Err(ExchangeError::Closed)));
        assert_eq!(link.body(), b"");

        let long = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhello".to_vec();
        let mut link = Link::new(server(vec![long]).await);
        assert!(matches!(link.exchange(b"x").await, Err(ExchangeError::Surplus)));
    }

    #[tokio::test]
    async fn a_connection_comes_from_the_address_that_is_asked_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint::local(listener.local_addr().unwrap().port());
        let source = Ipv4Addr::new(127, 66, 0, 7);
        let mut link = Link::between(Some(source), endpoint);
        let (answer, accepted) = tokio::join!(link.exchange(b"x"), async {
            let (mut stream, peer) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            peer
        });
        assert_eq!((answer.unwrap(), accepted.ip()), (204, source.into()));
    }
}
