//! The gateway's API as a client meets it: one connection, one token.

use std::time::Duration;

use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Map, Value, json};

/// Longer than the gateway may take for one request.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Attributes that a person of `people.ndjson` can have on file.
pub(super) const ATTRIBUTES: [&str; 8] = [
    "full_name",
    "date_of_birth",
    "sex",
    "old_id_number",
    "card_issue_date",
    "place_of_origin",
    "permanent_address",
    "insurance_number",
];

/// One client with a token.
#[derive(Clone)]
pub(super) struct Api {
    http: reqwest::Client,
    base: String,
    token: String,
}

/// An answer, complete to its last byte.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

/// What an answer with status 200 promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Acknowledged {
    pub(super) id: String,
    pub(super) index: usize,
    pub(super) leaf: Vec<u8>,
    pub(super) outcome: String,
}

fn http() -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build()?)
}

/// Whether a gateway says that it is ready.
pub(super) async fn is_ready(port: u16) -> bool {
    let Ok(http) = http() else { return false };
    let answer = http.get(format!("http://127.0.0.1:{port}/readyz")).send().await;
    answer.is_ok_and(|answer| answer.status() == StatusCode::OK)
}

/// Asks without a token.
pub(super) async fn ask_openly(port: u16, method: Method, path: &str) -> anyhow::Result<Response> {
    let url = format!("http://127.0.0.1:{port}{path}");
    Ok(http()?.request(method, url).send().await?)
}

/// A request about a person of `people.ndjson` with everything that is on file.
pub(super) fn request(person: &Value, purpose: &str) -> Value {
    let attributes: Map<String, Value> = ATTRIBUTES
        .into_iter()
        .filter(|name| !person[name].is_null())
        .map(|name| (name.to_owned(), person[name].clone()))
        .collect();
    json!({
        "subject": {"personal_id": person["personal_id"]},
        "purpose": purpose,
        "attributes": attributes,
    })
}

/// Whether the attributes that policies require are on file.
pub(super) fn can_be_asked(person: &Value) -> bool {
    !person["full_name"].is_null() && !person["date_of_birth"].is_null()
}

impl Api {
    /// Obtains a token for a client of `clients.json`.
    pub(super) async fn connect(port: u16, client: &Value) -> anyhow::Result<Self> {
        let (http, base) = (http()?, format!("http://127.0.0.1:{port}"));
        let answer = http
            .post(format!("{base}/oauth2/token"))
            .basic_auth(text(client, "client_id")?, Some(text(client, "client_secret")?))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials")
            .send()
            .await?;
        let (status, body) = (answer.status(), answer.json::<Value>().await?);
        ensure!(status == StatusCode::OK, "token for {}: {body}", client["client_id"]);
        Ok(Self { http, base, token: text(&body, "access_token")?.to_owned() })
    }

    /// The same client over a connection of its own.
    pub(super) fn another_connection(&self) -> anyhow::Result<Self> {
        Ok(Self { http: http()?, ..self.clone() })
    }

    /// The same client and token at another door.
    pub(super) fn at(&self, port: u16) -> Self {
        Self { base: format!("http://127.0.0.1:{port}"), ..self.clone() }
    }

    /// Posts a verification.
    pub(super) async fn verify(&self, request: &Value) -> anyhow::Result<Answer> {
        let url = format!("{}/v1/verifications", self.base);
        let sent = self.http.post(url).bearer_auth(&self.token).json(request).send().await?;
        Answer::read(sent).await
    }

    /// Gets a path.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        let url = format!("{}{path}", self.base);
        Answer::read(self.http.get(url).bearer_auth(&self.token).send().await?).await
    }
}

impl Answer {
    async fn read(response: reqwest::Response) -> anyhow::Result<Self> {
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Self { status, headers, body: response.json().await? })
    }

    /// What was promised, if the status is 200.
    pub(super) fn acknowledged(&self) -> anyhow::Result<Acknowledged> {
        ensure!(self.status == StatusCode::OK, "{}: {}", self.status, self.body);
        let index = self.body["receipt"]["index"].as_u64().context("an index")?;
        Ok(Acknowledged {
            id: text(&self.body, "id")?.to_owned(),
            index: usize::try_from(index)?,
            leaf: STANDARD.decode(text(&self.body["receipt"], "leaf")?)?,
            outcome: text(&self.body, "outcome")?.to_owned(),
        })
    }

    /// The outcome, if the status is 200.
    pub(super) fn outcome(&self) -> anyhow::Result<String> {
        Ok(self.acknowledged()?.outcome)
    }
}

fn text<'a>(value: &'a Value, name: &str) -> anyhow::Result<&'a str> {
    value[name].as_str().with_context(|| format!("{name} in {value}"))
}
