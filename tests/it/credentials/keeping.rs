//! Secrets and public keys as administrators keep them, on the admin listener.

use gateway::audit::LogEntry;
use gateway::auth::PublicKey;
use serde_json::{Value, json};

use super::{Signer, ask_with, good, patient, register};
use crate::support::{Answer, Caller, Database, SECRET, TestApp, entry_bytes, on_both_databases};

on_both_databases! {
    a_client_has_two_secrets_and_a_third_takes_the_older_ones_place,
    a_client_keeps_one_credential_unless_it_is_closed_or_forced,
    the_last_use_of_a_credential_is_shown_by_the_minute,
    public_keys_are_added_listed_and_removed,
}

async fn office(app: &TestApp) -> Caller {
    app.admin_caller("operator").await
}

async fn new_secret(office: &Caller, client: &str) -> (i64, String) {
    let path = format!("/admin/v1/clients/{client}/secrets");
    let answer = office.post(&path, "application/json", "").await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let made = answer.json();
    (made["slot"].as_i64().unwrap(), made["secret"].as_str().unwrap().to_owned())
}

async fn a_client_has_two_secrets_and_a_third_takes_the_older_ones_place(database: Database) {
    let app = patient().on(database).start().await;
    let office = office(&app).await;
    let passes = async |secret: &str| {
        app.app.load_directory().await.unwrap();
        app.ask_token_with("carrier", secret).await.status == 200
    };
    app.pass(1);
    let (slot, second) = new_secret(&office, "carrier").await;
    assert_eq!(slot, 2);
    assert!(passes(SECRET).await && passes(&second).await);
    app.pass(1);
    let (slot, third) = new_secret(&office, "carrier").await;
    assert_eq!(slot, 1, "the older one ends");
    assert!(!passes(SECRET).await && passes(&second).await && passes(&third).await);
    let gone = office.delete("/admin/v1/clients/carrier/secrets/2").await;
    assert_eq!((gone.status, gone.text.as_str()), (204, ""));
    assert!(!passes(&second).await && passes(&third).await);
    app.pass(1);
    assert_eq!(new_secret(&office, "carrier").await.0, 2, "the free slot");
    for (slot, code) in
        [("3", "unknown-credential"), ("0", "unknown-credential"), ("x", "unknown-credential")]
    {
        let path = format!("/admin/v1/clients/carrier/secrets/{slot}");
        office.delete(&path).await.problem(404, code);
    }
    let nobody = office.get("/admin/v1/clients/nobody/secrets").await;
    nobody.problem(404, "unknown-client");
    let made = office.post("/admin/v1/clients/nobody/secrets", "application/json", "").await;
    made.problem(404, "unknown-client");
    for path in ["secrets", "keys"] {
        let path = format!("/admin/v1/clients/carrier/{path}");
        app.admin_caller("hospital").await.get(&path).await.problem(403, "operation-not-permitted");
    }
    let acts = acts(&app).await;
    let expected = [
        ("secret-added", "slot 2"),
        ("secret-added", "slot 1"),
        ("secret-retired", "slot 2"),
        ("secret-added", "slot 2"),
    ];
    assert_eq!(acts.len(), expected.len(), "{acts:?}");
    for (act, (name, detail)) in acts.iter().zip(expected) {
        assert_eq!(act, &["operator", name, "carrier", detail].map(String::from));
    }
    let text = format!("{acts:?}");
    assert!([&second, &third].into_iter().all(|secret| !text.contains(secret.as_str())));
}

/// Who did what to what, in the order of the log.
pub(crate) async fn acts(app: &TestApp) -> Vec<[String; 4]> {
    app.app.log_acts().await;
    let bytes = entry_bytes(&app.app).await;
    let acts = bytes.iter().filter_map(|entry| match LogEntry::decode(entry).unwrap() {
        LogEntry::Act(act) => {
            let detail = act.detail.map(|detail| detail.as_str().to_owned());
            let [by, name, target] =
                [act.by, act.act, act.target].map(|text| text.as_str().to_owned());
            Some([by, name, target, detail.unwrap_or_default()])
        }
        _ => None,
    });
    acts.collect()
}

async fn a_client_keeps_one_credential_unless_it_is_closed_or_forced(database: Database) {
    let app = patient().on(database).start().await;
    let office = office(&app).await;
    let secret = "/admin/v1/clients/carrier/secrets/1";
    office.delete(secret).await.problem(409, "last-credential");
    let signer = Signer::ed25519(&[7; 32]);
    register(&app, "carrier", &signer).await;
    assert_eq!(office.delete(secret).await.status, 204, "the key is left");
    let key = format!("/admin/v1/clients/carrier/keys/{}", signer.kid());
    office.delete(&key).await.problem(409, "last-credential");
    office.delete(&format!("{key}?force=yes")).await.problem(422, "invalid-value");
    assert_eq!(office.delete(&format!("{key}?force=true")).await.status, 204);
    office.delete(&key).await.problem(404, "unknown-credential");
    app.app.store.set_client_state("hospital", "closed").await.unwrap();
    let closed = office.delete("/admin/v1/clients/hospital/secrets/1").await;
    assert_eq!(closed.status, 204);
}

async fn the_last_use_of_a_credential_is_shown_by_the_minute(database: Database) {
    let app = patient().on(database).start().await;
    let office = office(&app).await;
    let signer = Signer::ed25519(&[7; 32]);
    register(&app, "carrier", &signer).await;
    let shown = async |kind: &str| {
        app.app.flush_uses().await;
        let answer = office.get(&format!("/admin/v1/clients/carrier/{kind}")).await.ok();
        answer[kind][0]["last_used_at"].clone()
    };
    assert_eq!((shown("secrets").await, shown("keys").await), (json!(null), json!(null)));
    app.ask_token_with("carrier", "wrong").await.problem(401, "invalid-client");
    assert_eq!(shown("secrets").await, json!(null), "a wrong secret is no use");
    app.pass(59);
    app.ask_token_as("carrier").await.ok();
    let used = shown("secrets").await;
    assert_eq!(used, "2026-11-20T09:00:00.000+07:00");
    assert_eq!(shown("keys").await, json!(null));
    app.pass(60);
    let (header, claims) = good(&app, "carrier", &signer);
    ask_with(&app, &signer.token(&header, &claims)).await.ok();
    assert_eq!(
        (shown("secrets").await, shown("keys").await),
        (used, json!("2026-11-20T09:01:00.000+07:00"))
    );
    app.ask_token_as("carrier").await.ok();
    assert_eq!(shown("secrets").await, "2026-11-20T09:01:00.000+07:00");
}

async fn public_keys_are_added_listed_and_removed(database: Database) {
    let app = patient().on(database).start().await;
    let office = office(&app).await;
    let path = "/admin/v1/clients/carrier/keys";
    let add = async |body: &str| office.post(path, "application/json", body).await;
    let (ed, ec) = (Signer::ed25519(&[7; 32]), Signer::p256());
    for signer in [&ed, &ec] {
        let answer = add(&signer.jwk()).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert_eq!(answer.json()["kid"], signer.kid());
    }
    // A key without a name is named by its thumbprint.
    let mut nameless: Value = serde_json::from_str(&ed.jwk()).unwrap();
    nameless.as_object_mut().unwrap().remove("kid");
    let thumbprint = PublicKey::parse(&nameless.to_string()).unwrap().kid().to_owned();
    let first = acts(&app).await.remove(0);
    assert_eq!(
        first[1..],
        ["key-added", "carrier", &format!("EdDSA {}, thumbprint {thumbprint}", ed.kid())]
            .map(str::to_owned)
    );
    add(&ed.jwk()).await.problem(409, "no-room-for-key");
    for bad in [
        ed.jwk().replace("Ed25519", "X25519"),
        ed.jwk().replacen('{', r#"{"d":"AA","#, 1),
        ed.jwk().replacen('{', r#"{"kid":"x","#, 1),
        r#"{"kty":"oct","k":"AAAA"}"#.to_owned(),
        "[]".to_owned(),
        "{".to_owned(),
    ] {
        add(&bad).await.problem(422, "invalid-value");
    }
    app.app.load_directory().await.unwrap();
    for signer in [&ed, &ec] {
        let (header, claims) = good(&app, "carrier", signer);
        ask_with(&app, &signer.token(&header, &claims)).await.ok();
    }
    let listed = office.get(path).await.ok();
    assert_eq!(listed["keys"].as_array().unwrap().len(), 2);
    assert!(listed["keys"].as_array().unwrap().iter().all(|key| key["jwk"].get("d").is_none()));
    assert_eq!(office.delete(&format!("{path}/{}", ed.kid())).await.status, 204);
    app.app.load_directory().await.unwrap();
    let (header, claims) = good(&app, "carrier", &ed);
    ask_with(&app, &ed.token(&header, &claims)).await.problem(401, "invalid-client");
    for seed in 10..17 {
        assert_eq!(add(&Signer::ed25519(&[seed; 32]).jwk()).await.status, 201);
    }
    add(&Signer::ed25519(&[17; 32]).jwk()).await.problem(409, "no-room-for-key");
    // Several fit a header that names none: which one is meant would be a guess.
    let without = |signer: &Signer| {
        let (mut header, claims) = good(&app, "carrier", signer);
        header.as_object_mut().unwrap().remove("kid");
        signer.token(&header, &claims)
    };
    app.app.load_directory().await.unwrap();
    ask_with(&app, &without(&Signer::ed25519(&[10; 32]))).await.problem(401, "invalid-client");
    ask_with(&app, &without(&ec)).await.ok();
    let unread: Answer = app.admin_caller("hospital").await.get(path).await;
    unread.problem(403, "operation-not-permitted");
}
