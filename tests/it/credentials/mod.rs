//! Credentials and tokens: what is good passes, what is not gets one answer, and what was good once
//! is good once.

mod assertions;
mod bad_assertions;
mod bad_requests;
mod bad_tokens;
mod floods;
mod issued;
mod keeping;
mod refused;
mod rotation;
mod signer;

use gateway::access::{Administrator, credentials};
use gateway::audit::RequestIds;
use gateway::auth::PublicKey;
use gateway::clock::Random;
use serde_json::{Value, json};

pub(crate) use keeping::acts;
pub(crate) use signer::Signer;

use crate::support::{Answer, Builder, TestApp};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A gateway that lets an address fail as often as a table is long.
fn patient() -> Builder {
    TestApp::builder().config(|config| {
        config.auth.address_failures_burst = 1_000_000;
        config.auth.address_failures_per_second = 1_000_000;
    })
}

/// Who acts in a test, under an identity of the act's own.
fn administrator(app: &TestApp) -> Administrator {
    let at = app.app.clock.now();
    let request_id = RequestIds::new(&Random::system()).next(at);
    Administrator { by: "cli:test".into(), request_id, at }
}

/// Registers a client's public key, as an administrator does, and tells the node.
async fn register(app: &TestApp, client: &str, signer: &Signer) {
    let (by, key) = (administrator(app), PublicKey::parse(&signer.jwk()).unwrap());
    credentials::add_key(&app.app.store, &by, client, &key).await.unwrap();
    app.app.load_directory().await.unwrap();
}

fn issuer(app: &TestApp) -> String {
    app.config.server.public_url()
}

/// The header and claims of a good assertion.
fn good(app: &TestApp, client: &str, signer: &Signer) -> (Value, Value) {
    let now = app.app.clock.now().seconds();
    let header = json!({ "alg": signer.algorithm(), "typ": "JWT", "kid": signer.kid() });
    let claims = json!({
        "iss": client, "sub": client, "aud": issuer(app), "iat": now, "exp": now + 60,
        "jti": Signer::unique(),
    });
    (header, claims)
}

/// The form of a token request with an assertion.
fn form_of(assertion: &str) -> String {
    format!(
        "grant_type=client_credentials&client_assertion_type={ASSERTION_TYPE}\
         &client_assertion={assertion}"
    )
}

async fn ask_with(app: &TestApp, assertion: &str) -> Answer {
    app.ask_token(None, &form_of(assertion)).await
}

/// All refusals of authentication are one: status, body and names of the header fields.
fn one_refusal(answers: &[(String, Answer)], code: &str) {
    let (_, first) = &answers[0];
    let names = |answer: &Answer| answer.headers.keys().cloned().collect::<Vec<_>>();
    for (name, answer) in answers {
        assert_eq!(answer.status, 401, "{name}: {}", answer.text);
        answer.problem(401, code);
        assert_eq!(answer.without_identity(), first.without_identity(), "{name}");
        assert_eq!(names(answer), names(first), "{name}");
    }
}
