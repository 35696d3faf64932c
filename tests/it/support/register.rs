//! A register that does what it is told, well or badly, and remembers what it was asked.
//!
//! It speaks just enough HTTP/1.1 over bare TCP, because a server that hangs, lies about lengths
//! or hangs up is what a proper server library prevents.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Number of the one person on file.
pub const ON_FILE: &str = "001090004711";

/// A verification by the carrier that is true of the one person on file.
pub fn on_file() -> Value {
    super::about(ON_FILE, "Trần Thị Kiểm Thử", "1990-05-07")
}

/// Their card, as a reader types it.
pub const CARD_ON_FILE: &str = "001090004711|012345678|Trần Thị Kiểm Thử|07051990|Nữ|\
                                Số 1, Phường B, Quận C, Hà Nội|04032021";

/// The one person on file, with everything the register holds.
pub fn person_on_file() -> Value {
    let place = json!({"scheme": "2025", "province": "01", "commune": "00004"});
    json!({
        "personal_id": ON_FILE,
        "status": "active",
        "superseded": false,
        "full_name": "Trần Thị Kiểm Thử",
        "date_of_birth": "1990-05-07",
        "sex": "female",
        "old_id_number": "012345678",
        "card_issue_date": "2021-03-04",
        "place_of_origin": place,
        "permanent_address": place,
        "insurance_number": "0123456789",
    })
}

/// What the register does with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// Answers every item with everything it holds, asked for or not.
    Answer,
    /// Answers so, but only after [`FakeRegister::release`].
    AnswerLate,
    /// Never answers.
    Hang,
    /// Sends these bytes in place of a response and hangs up.
    Raw(&'static str),
    /// Sends these bytes and then nothing more.
    RawThenHang(&'static str),
    /// A 200 with this body.
    Body(&'static str),
    /// This status, with a body that would be right.
    Status(u16),
    /// Hangs up without a byte.
    Close,
}

#[derive(Debug)]
struct State {
    usual: Reaction,
    scripted: VecDeque<Reaction>,
    asked: Vec<Value>,
    people: Vec<Value>,
}

impl State {
    /// The answer to a batch: everybody who has the key of an item.
    fn answer(&self, body: &Value) -> String {
        let items = body["items"].as_array().expect("a batch has items");
        let items: Vec<Value> = items.iter().map(|item| self.answer_item(&item["key"])).collect();
        json!({"as_of": "2026-11-20T08:59:00+07:00", "items": items}).to_string()
    }

    fn answer_item(&self, key: &Value) -> Value {
        let key = key.as_object().expect("a key is an object");
        assert_eq!(key.len(), 1, "a key is one of its kinds");
        let has_key = |person: &&Value| key.iter().all(|(kind, value)| person[kind] == *value);
        json!({"persons": self.people.iter().filter(has_key).collect::<Vec<_>>()})
    }
}

/// The register.
#[derive(Debug, Clone)]
pub struct FakeRegister {
    pub url: String,
    state: Arc<Mutex<State>>,
    calls: watch::Sender<usize>,
    released: watch::Sender<bool>,
}

impl FakeRegister {
    /// Starts one that always does `usual`.
    pub async fn start(usual: Reaction) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let people = vec![person_on_file()];
        let state = State { usual, scripted: VecDeque::new(), asked: Vec::new(), people };
        let register = Self {
            url: format!("http://{address}"),
            state: Arc::new(Mutex::new(state)),
            calls: watch::Sender::new(0),
            released: watch::Sender::new(false),
        };
        let serving = register.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let register = serving.clone();
                // A broken connection ends its task; who broke it knows.
                tokio::spawn(async move { drop(register.serve(stream).await) });
            }
        });
        register
    }

    /// Puts somebody else on file, who may share an old number with others.
    pub fn enter(&self, person: Value) {
        self.lock().people.push(person);
    }

    /// Does this with all calls from now on.
    pub fn behave(&self, usual: Reaction) {
        self.lock().usual = usual;
    }

    /// Does this with the next call that nothing else was said about.
    pub fn script(&self, reaction: Reaction) {
        self.lock().scripted.push_back(reaction);
    }

    /// Lets the late answers go.
    pub fn release(&self) {
        self.released.send_replace(true);
    }

    /// Waits until this many calls have come in.
    pub async fn called(&self, times: usize) {
        let mut calls = self.calls.subscribe();
        calls.wait_for(|calls| *calls >= times).await.expect("the register lives");
    }

    /// The bodies of all calls.
    pub fn asked(&self) -> Vec<Value> {
        self.lock().asked.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(self, mut stream: TcpStream) -> std::io::Result<()> {
        loop {
            let body = read_request(&mut stream).await?;
            let (reaction, answer) = {
                let mut state = self.lock();
                state.asked.push(body.clone());
                let usual = state.usual;
                (state.scripted.pop_front().unwrap_or(usual), state.answer(&body))
            };
            self.calls.send_modify(|calls| *calls += 1);
            match reaction {
                Reaction::Answer => stream.write_all(&response(200, &answer)).await?,
                Reaction::AnswerLate => {
                    let mut released = self.released.subscribe();
                    drop(released.wait_for(|released| *released).await);
                    stream.write_all(&response(200, &answer)).await?;
                }
                Reaction::Body(text) => stream.write_all(&response(200, text)).await?,
                Reaction::Status(status) => {
                    stream.write_all(&response(status, &answer)).await?;
                }
                Reaction::Hang => return std::future::pending().await,
                Reaction::RawThenHang(bytes) => {
                    stream.write_all(bytes.as_bytes()).await?;
                    return std::future::pending().await;
                }
                Reaction::Raw(bytes) => return stream.write_all(bytes.as_bytes()).await,
                Reaction::Close => return Ok(()),
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> std::io::Result<Value> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length = length.and_then(|text| text.trim().parse().ok()).expect("a length is sent");
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(serde_json::from_slice(&body).expect("the gateway sends JSON"))
}

fn response(status: u16, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\n");
    format!("{head}content-length: {length}\r\n\r\n{body}").into_bytes()
}
