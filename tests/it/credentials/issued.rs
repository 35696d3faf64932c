//! Tokens that were issued: taken back, asked about, verified by others; and what is published.

use gateway::store::ClientRow;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Value, json};

use super::{Signer, good, issuer, patient, register};
use crate::support::{
    Answer, Database, TestApp, TestClient, about_person, on_both_databases, run_on,
};

on_both_databases! {
    a_revoked_token_is_refused_on_both_nodes_and_after_a_start,
}

async fn token_of(app: &TestApp, client: &str) -> String {
    app.ask_token_as(client).await.ok()["access_token"].as_str().unwrap().to_owned()
}

async fn ask_about(app: &TestApp, client: &str, token: &str) -> Answer {
    app.post_form("/oauth2/introspect", client, &format!("token={token}")).await
}

async fn revoke(app: &TestApp, client: &str, token: &str) -> Answer {
    let form = format!("token={token}&token_type_hint=refresh_token");
    let answer = app.post_form("/oauth2/revoke", client, &form).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer
}

async fn a_revoked_token_is_refused_on_both_nodes_and_after_a_start(database: Database) {
    let app = TestApp::builder().on(database).start().await;
    // On a file there is one node; the same process started again stands for the other.
    let other = match database {
        Database::Postgres => {
            let other = app.kept().again().config(|config| config.log.name = "n2".into());
            Some(other.start().await)
        }
        Database::Sqlite => None,
    };
    let (token, kept_token) = (token_of(&app, "carrier").await, token_of(&app, "carrier").await);
    let body = about_person(&app.person());
    for node in [Some(&app), other.as_ref()].into_iter().flatten() {
        node.caller_with(&token).verify(&body).await.ok();
    }
    revoke(&app, "carrier", &token).await;
    app.caller_with(&token).verify(&body).await.problem(401, "invalid-token");
    revoke(&app, "carrier", &token).await;
    if let Some(other) = &other {
        // What every node does each second.
        other.app.load_revoked().await.unwrap();
        other.caller_with(&token).verify(&body).await.problem(401, "invalid-token");
        other.caller_with(&kept_token).verify(&body).await.ok();
        other.app.load_revoked().await.unwrap();
        other.caller_with(&token).verify(&body).await.problem(401, "invalid-token");
    }
    drop(other);
    let (kept, _) = app.stop().await;
    let app = kept.again().start().await;
    app.caller_with(&token).verify(&body).await.problem(401, "invalid-token");
    app.caller_with(&kept_token).verify(&body).await.ok();
}

#[tokio::test]
async fn only_ones_own_token_is_revoked_and_an_unknown_one_is_no_error() {
    let app = TestApp::start().await;
    let token = token_of(&app, "hospital").await;
    let body = about_person(&app.person());
    for unknown in ["x", "a.b.c", &token, &format!("{token}x")] {
        revoke(&app, "carrier", unknown).await;
    }
    let hospital = app.caller_with(&token);
    assert_ne!(hospital.verify(&body).await.status, 401);
    let none = app.post_form("/oauth2/revoke", "hospital", "token=").await;
    assert_eq!(none.problem(400, "invalid-request")["error"], "invalid_request");
    let url = format!("{}/oauth2/revoke", app.api);
    let form = "application/x-www-form-urlencoded";
    let nobody = app.http.post(url).header("content-type", form).body(format!("token={token}"));
    Answer::read(nobody.send().await.unwrap()).await.problem(401, "invalid-client");
    // Whoever is suspended may still take its tokens back.
    app.app.store.set_client_state("hospital", "suspended").await.unwrap();
    app.app.load_directory().await.unwrap();
    hospital.verify(&body).await.problem(403, "client-suspended");
    revoke(&app, "hospital", &token).await;
    hospital.verify(&body).await.problem(401, "invalid-token");
}

#[tokio::test]
async fn a_token_is_described_to_its_client_and_to_who_may_audit_and_to_nobody_else() {
    let app = TestApp::start().await;
    let token = token_of(&app, "carrier").await;
    let described = ask_about(&app, "carrier", &token).await.ok();
    let now = app.app.clock.now().seconds();
    assert_eq!((&described["active"], &described["client_id"]), (&json!(true), &json!("carrier")));
    assert_eq!((&described["iat"], &described["exp"]), (&json!(now), &json!(now + 600)));
    assert_eq!(
        (&described["scope"], &described["token_type"]),
        (&json!("verify"), &json!("Bearer"))
    );
    assert_eq!(described["iss"], issuer(&app));
    assert_eq!(ask_about(&app, "operator", &token).await.ok(), described);
    let nothing = json!({ "active": false });
    assert_eq!(ask_about(&app, "hospital", &token).await.ok(), nothing);
    for unknown in ["x", "a.b.c", &format!("{token}x")] {
        assert_eq!(ask_about(&app, "operator", unknown).await.ok(), nothing);
    }
    app.app.store.set_client_state("carrier", "suspended").await.unwrap();
    app.app.load_directory().await.unwrap();
    assert_eq!(ask_about(&app, "operator", &token).await.ok(), nothing, "good for nothing now");
    let own = ask_about(&app, "carrier", &token).await;
    assert_eq!(own.problem(403, "client-suspended")["error"], "unauthorized_client");
    app.app.store.set_client_state("carrier", "active").await.unwrap();
    app.app.load_directory().await.unwrap();
    assert_eq!(ask_about(&app, "carrier", &token).await.ok()["active"], true);
    revoke(&app, "carrier", &token).await;
    assert_eq!(ask_about(&app, "carrier", &token).await.ok(), nothing);
    let late = token_of(&app, "carrier").await;
    app.pass(611);
    assert_eq!(ask_about(&app, "carrier", &late).await.ok(), nothing);
    ask_about(&app, "carrier", "").await.problem(400, "invalid-request");
}

#[tokio::test]
async fn what_a_policy_withdraws_no_token_is_described_with() {
    let seer = TestClient { operations: &["verify", "report"], ..TestClient::carrier("seer") };
    let app = TestApp::builder().clients([seer]).start().await;
    let both = token_of(&app, "seer").await;
    let form = "grant_type=client_credentials&scope=verify";
    let verifies = app.ask_token_scoped("seer", form).await.ok()["access_token"].clone();
    let scope_of = async |token: &str| ask_about(&app, "seer", token).await.ok()["scope"].clone();
    assert_eq!(scope_of(&both).await, "verify report");
    let shrunk = r#"insert into policies (name, version, document, created_us) select name, 2,
        replace(document, '"verify","report"', '"report"'), created_us from policies"#;
    assert_eq!(run_on(app.kept().rows(), shrunk.into()).await, 1);
    let moved = "update clients set policy_version = 2".to_owned();
    assert_eq!(run_on(app.kept().rows(), moved).await, 1);
    app.app.load_directory().await.unwrap();
    assert_eq!(scope_of(&both).await, "report");
    let nothing = ask_about(&app, "seer", verifies.as_str().unwrap()).await.ok();
    assert_eq!(nothing, json!({ "active": false }), "it is good for nothing any more");
}

#[tokio::test]
async fn an_assertion_is_good_at_every_endpoint_and_once_at_all() {
    let app = patient().start().await;
    let signer = Signer::p256();
    register(&app, "carrier", &signer).await;
    let token = token_of(&app, "carrier").await;
    let (header, claims) = good(&app, "carrier", &signer);
    let assertion = signer.token(&header, &claims);
    let form = super::form_of(&assertion)
        .replace("grant_type=client_credentials", &format!("token={token}"));
    let asked = app.post_form_as_nobody("/oauth2/introspect", &form).await;
    assert_eq!(asked.ok()["active"], true);
    for path in ["/oauth2/introspect", "/oauth2/revoke", "/oauth2/token"] {
        let form = if path.ends_with("token") { super::form_of(&assertion) } else { form.clone() };
        let again = app.post_form_as_nobody(path, &form).await;
        again.problem(401, "invalid-client");
    }
    let both = app.post_form("/oauth2/introspect", "carrier", &form).await;
    both.problem(400, "invalid-request");
}

#[tokio::test]
async fn a_suspension_acts_on_assertions_and_on_tokens_that_were_issued_before() {
    let app = patient().start().await;
    let signer = Signer::ed25519(&[7; 32]);
    register(&app, "carrier", &signer).await;
    let assertion = || {
        let (header, claims) = good(&app, "carrier", &signer);
        signer.token(&header, &claims)
    };
    let token = super::ask_with(&app, &assertion()).await.ok();
    let caller = app.caller_with(token["access_token"].as_str().unwrap());
    let body = about_person(&app.person());
    caller.verify(&body).await.ok();
    app.app.store.set_client_state("carrier", "suspended").await.unwrap();
    app.app.load_directory().await.unwrap();
    caller.verify(&body).await.problem(403, "client-suspended");
    super::ask_with(&app, &assertion()).await.problem(403, "client-suspended");
    let rows: Vec<ClientRow> = app.app.store.clients().await.unwrap();
    assert!(rows.iter().any(|row| row.client_id == "carrier" && row.state == "suspended"));
}

#[tokio::test]
async fn what_is_published_leads_a_program_to_a_token_that_it_can_verify() {
    let app = patient().start().await;
    let url = format!("{}/.well-known/oauth-authorization-server", app.api);
    let answer = Answer::read(app.http.get(url).send().await.unwrap()).await;
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    let metadata = answer.ok();
    let ours = issuer(&app);
    for (member, path) in [
        ("issuer", ""),
        ("token_endpoint", "/oauth2/token"),
        ("revocation_endpoint", "/oauth2/revoke"),
        ("introspection_endpoint", "/oauth2/introspect"),
        ("jwks_uri", "/.well-known/jwks.json"),
    ] {
        assert_eq!(metadata[member], format!("{ours}{path}"), "{member}");
    }
    assert_eq!(metadata["response_types_supported"], json!([]));
    assert_eq!(metadata["grant_types_supported"], json!(["client_credentials"]));
    let methods = json!(["client_secret_basic", "private_key_jwt"]);
    let algorithms = json!(["EdDSA", "ES256"]);
    for endpoint in ["token", "revocation", "introspection"] {
        assert_eq!(metadata[format!("{endpoint}_endpoint_auth_methods_supported")], methods);
        let member = format!("{endpoint}_endpoint_auth_signing_alg_values_supported");
        assert_eq!(metadata[member], algorithms);
    }
    let jwks = published_keys(&app).await;
    let token = token_of(&app, "carrier").await;
    let header = jsonwebtoken::decode_header(&token).unwrap();
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    let keys = jwks["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2, "the key that signs and the next: {jwks}");
    let key = keys.iter().find(|key| key["kid"] == header.kid.clone().unwrap()).unwrap();
    assert!(keys.iter().all(|key| key["use"] == "sig" && key.get("d").is_none()));
    let key = DecodingKey::from_ed_components(key["x"].as_str().unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&[&ours]);
    validation.set_audience(&[&ours]);
    // The gateway's clock stands still.
    validation.validate_exp = false;
    let claims = decode::<Value>(&token, &key, &validation).unwrap().claims;
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!("carrier"), &json!("carrier")));
}

pub(super) async fn published_keys(app: &TestApp) -> Value {
    let url = format!("{}/.well-known/jwks.json", app.api);
    let answer = Answer::read(app.http.get(url).send().await.unwrap()).await;
    assert_eq!(answer.header("content-type"), Some("application/jwk-set+json"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    answer.ok()
}
