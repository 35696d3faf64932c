//! Credentials that a client does not get: over the one in use, after its end, of somebody else.

use serde_json::json;

use super::{Signer, ask_with, good, patient, register};
use crate::support::{Database, SECRET, TestApp, on_both_databases};

on_both_databases! {
    a_rotation_that_is_repeated_leaves_the_secret_in_use,
    a_closed_client_gets_no_credential,
    a_key_is_one_clients_and_no_others,
}

const SECRETS: &str = "/admin/v1/clients/carrier/secrets";
const KEYS: &str = "/admin/v1/clients/carrier/keys";

async fn a_rotation_that_is_repeated_leaves_the_secret_in_use(database: Database) {
    let app = patient().on(database).start().await;
    let office = app.admin_caller("operator").await;
    let rotate = async |query: &str| office.post(&format!("{SECRETS}{query}"), "", "").await;
    let passes = async |secret: &str| {
        app.app.load_directory().await.unwrap();
        app.ask_token_with("carrier", secret).await.status == 200
    };
    assert!(passes(SECRET).await);
    app.pass(1);
    assert_eq!(rotate("").await.status, 201, "its answer is lost");
    app.pass(1);
    for _ in 0..2 {
        rotate("").await.problem(409, "newer-secret-unused");
        rotate("?force=false").await.problem(409, "newer-secret-unused");
    }
    rotate("?force=1").await.problem(422, "invalid-value");
    assert!(passes(SECRET).await, "the one in use");
    // What to do then: the one that nobody knows goes.
    assert_eq!(office.delete(&format!("{SECRETS}/2")).await.status, 204);
    let third = rotate("").await.json()["secret"].as_str().unwrap().to_owned();
    assert!(passes(SECRET).await && passes(&third).await);
    app.pass(1);
    assert_eq!(rotate("").await.status, 201, "the newer one was used just now");
    assert!(!passes(SECRET).await && passes(&third).await);
    app.pass(1);
    let fourth = rotate("?force=true").await;
    assert_eq!(fourth.status, 201, "{}", fourth.text);
    assert!(!passes(&third).await);
}

async fn a_closed_client_gets_no_credential(database: Database) {
    let app = patient().on(database).start().await;
    let office = app.admin_caller("operator").await;
    app.app.store.set_client_state("carrier", "closed").await.unwrap();
    office.post(SECRETS, "", "").await.problem(409, "client-closed");
    let key = Signer::ed25519(&[7; 32]).jwk();
    office.post(KEYS, "application/json", &key).await.problem(409, "client-closed");
    assert_eq!(office.get(KEYS).await.ok()["keys"], json!([]));
    assert_eq!(office.get(SECRETS).await.ok()["secrets"].as_array().unwrap().len(), 1);
}

async fn a_key_is_one_clients_and_no_others(database: Database) {
    let app = patient().on(database).start().await;
    let office = app.admin_caller("operator").await;
    let add = async |client: &str, jwk: &str| {
        let path = format!("/admin/v1/clients/{client}/keys");
        office.post(&path, "application/json", jwk).await
    };
    for signer in [Signer::ed25519(&[7; 32]), Signer::p256()] {
        register(&app, "carrier", &signer).await;
        let renamed = signer.jwk().replace(&signer.kid(), "another-name");
        for jwk in [&signer.jwk(), &renamed] {
            add("hospital", jwk).await.problem(409, "key-of-another-client");
        }
        let (header, claims) = good(&app, "carrier", &signer);
        ask_with(&app, &signer.token(&header, &claims)).await.ok();
    }
    assert_eq!(add("hospital", &Signer::ed25519(&[8; 32]).jwk()).await.status, 201);
}

#[tokio::test]
async fn a_refused_key_says_where_and_why() {
    let app = TestApp::start().await;
    let office = app.admin_caller("operator").await;
    let ed = Signer::ed25519(&[7; 32]).jwk();
    let with = |more: &str| ed.replacen('{', &format!("{{{more},"), 1);
    let published =
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    for (jwk, pointer, code) in [
        ("[]".to_owned(), "", "malformed"),
        (with(r#""d":"AA""#), "/d", "private-key"),
        (r#"{"kty":"oct","k":"AAAA"}"#.into(), "/k", "private-key"),
        (r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#.into(), "", "unknown-kind-of-key"),
        (ed.replace("Ed25519", "X25519"), "", "unknown-kind-of-key"),
        (with(r#""use":"enc""#), "", "other-use"),
        (ed.replace("\"kid\":\"", "\"kid\":\"a/"), "/kid", "malformed"),
        (published.into(), "/x", "published-example"),
    ] {
        let refused = office.post(KEYS, "application/json", &jwk).await;
        refused.problem(422, "invalid-value");
        assert_eq!(refused.field_errors(), [(pointer.to_owned(), code.to_owned())], "{jwk}");
    }
}
