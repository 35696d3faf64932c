//! A client with its token and its policy, and a connection over which records are asked about.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use mock_population_db::records::{Holder, PolicyView, Record};
use serde::Deserialize;
use serde_json::Value;

use crate::failure::Failure;
use crate::material::{Client, problem_code};
use crate::token::Token;
use crate::wire::{Endpoint, Link, Post, get};

/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// How often one record is sent before the gateway counts as unavailable, and the pause after a
/// refusal for the rate: `Retry-After` has whole seconds, and one is the least.
const ATTEMPTS: u32 = 60;
const PAUSE: Duration = Duration::from_secs(1);

/// A client that asks about its records.
pub(super) struct Asker {
    pub client_id: String,
    pub holder: Holder,
    purpose: String,
    client: Client,
    /// The whole value of `Authorization`; a new one when a token ends during a long run.
    authorization: RwLock<String>,
    policy: Policy,
}

/// What `GET /v1/whoami` says of the policy, as far as it decides the right answer.
#[derive(Deserialize)]
struct Policy {
    required: Vec<String>,
    accepted_reasons: Vec<String>,
    discloses_status: bool,
}

#[derive(Deserialize)]
struct Whoami {
    policy: Policy,
}

impl Asker {
    /// Obtains a token and asks which policy applies.
    pub(super) async fn enter(
        endpoint: &Endpoint,
        client: &Client,
        holder: Holder,
    ) -> Result<Self, Failure> {
        let token = Token::fetch(endpoint, client).await?;
        let mut link = Link::new(endpoint.clone());
        let request = get(endpoint, "/v1/whoami", &token.bearer);
        let unavailable = |what: String| {
            Failure::Unavailable(format!(
                "{}: whoami of {}: {what}",
                endpoint.authority(),
                client.id
            ))
        };
        let status = tokio::time::timeout(ANSWER_MAX, link.exchange(&request))
            .await
            .map_err(|_| unavailable("no answer within 10 s".to_owned()))?
            .map_err(|error| unavailable(error.to_string()))?;
        if status != 200 {
            return Err(unavailable(format!("{status} {}", problem_code(link.body()))));
        }
        let whoami: Whoami =
            serde_json::from_slice(link.body()).map_err(|error| unavailable(error.to_string()))?;
        Ok(Self {
            client_id: client.id.clone(),
            holder,
            purpose: client.purposes[0].clone(),
            client: client.clone(),
            authorization: RwLock::new(format!("Bearer {}", token.bearer)),
            policy: whoami.policy,
        })
    }

    fn authorization(&self) -> String {
        self.authorization.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Obtains another token, unless another connection has since `ended` was refused.
    async fn renew(&self, endpoint: &Endpoint, ended: &str) -> Result<(), Failure> {
        if self.authorization() != ended {
            return Ok(());
        }
        let token = Token::fetch(endpoint, &self.client).await?;
        *self.authorization.write().unwrap_or_else(PoisonError::into_inner) =
            format!("Bearer {}", token.bearer);
        Ok(())
    }

    /// Judges by this client's policy.
    pub(super) fn with_policy<T>(&self, judge: impl FnOnce(PolicyView<'_>) -> T) -> T {
        fn names(list: &[String]) -> Vec<&str> {
            list.iter().map(String::as_str).collect()
        }
        judge(PolicyView {
            required: &names(&self.policy.required),
            accepted_reasons: &names(&self.policy.accepted_reasons),
            discloses_status: self.policy.discloses_status,
        })
    }

    /// Whether the answer says the subject's status.
    pub(super) fn sees_status(&self) -> bool {
        self.policy.discloses_status
    }
}

/// One connection.
pub(super) struct Connection {
    endpoint: Endpoint,
    link: Link,
}

impl Connection {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        let link = Link::new(endpoint.clone());
        Self { endpoint, link }
    }

    /// Asks about one record until it is answered; the answer's body.
    pub(super) async fn ask(&mut self, asker: &Asker, record: &Record) -> Result<Value, Failure> {
        let body = format!(
            r#"{{"subject":{},"purpose":"{}","case_ref":"{}","attributes":{}}}"#,
            record.subject_json(),
            asker.purpose,
            record.row_id,
            record.attributes_json()
        );
        let failed = |what: &str| {
            Failure::Unavailable(format!("{} as {}: {what}", record.row_id, asker.client_id))
        };
        for _ in 0..ATTEMPTS {
            let authorization = asker.authorization();
            let request = Post {
                path: "/v1/verifications",
                authorization: &authorization,
                content_type: "application/json",
                body: body.as_bytes(),
            }
            .bytes(&self.endpoint);
            let status = tokio::time::timeout(ANSWER_MAX, self.link.exchange(&request))
                .await
                .map_err(|_| failed("no answer within 10 s"))?
                .map_err(|error| failed(&error.to_string()))?;
            match status {
                200 => {
                    return serde_json::from_slice(self.link.body())
                        .map_err(|error| failed(&error.to_string()));
                }
                401 => asker.renew(&self.endpoint, &authorization).await?,
                429 | 503 => tokio::time::sleep(PAUSE).await,
                status => {
                    let code = problem_code(self.link.body());
                    return Err(Failure::Threshold(format!(
                        "{} as {}: {status} {code}",
                        record.row_id, asker.client_id
                    )));
                }
            }
        }
        Err(failed("refused a minute long"))
    }
}
