//! A table of access tokens that are not good, most of them signed by our own key; and tokens made
//! in the same way that are.

use aws_lc_rs::hmac;
use gateway::clock::Random;
use gateway::store::KeyFolder;
use serde_json::{Value, json};

use super::signer::encode;
use super::{Signer, good, issuer, one_refusal, patient, register};
use crate::support::{Answer, TestApp};

/// Our own signing key, which nobody else has, and somebody else's.
struct Ground {
    app: TestApp,
    ours: Signer,
    kid: String,
    stranger: Signer,
}

impl Ground {
    async fn new() -> Self {
        let app = patient().start().await;
        let keys = KeyFolder::open(&app.config.keys.folder, Random::seeded(9)).unwrap();
        let ours = Signer::ed25519(&keys.load("token-signing").unwrap());
        let kid = encode(&ours.public()[..8]);
        Self { app, ours, kid, stranger: Signer::ed25519(&[8; 32]) }
    }

    /// The header of our tokens, octet by octet.
    fn header(&self) -> String {
        format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{}"}}"#, self.kid)
    }

    fn claims(&self) -> Value {
        let (issuer, now) = (issuer(&self.app), self.app.app.clock.now().seconds());
        json!({
            "iss": issuer, "aud": issuer, "sub": "carrier", "client_id": "carrier",
            "scope": "verify", "iat": now, "exp": now + 600, "jti": Signer::unique(),
        })
    }

    /// A token of ours with one claim changed; null takes it away.
    fn claim(&self, name: &str, value: Value) -> String {
        let mut claims = self.claims();
        claims.as_object_mut().unwrap().remove(name);
        if !value.is_null() {
            claims[name] = value;
        }
        self.ours.token_of(&self.header(), &claims.to_string())
    }

    /// Issued and expiring so many seconds from now.
    fn moments(&self, issued: i64, expires: i64) -> String {
        let (mut claims, now) = (self.claims(), self.app.app.clock.now().seconds());
        claims["iat"] = json!(now + issued);
        claims["exp"] = json!(now + expires);
        self.ours.token_of(&self.header(), &claims.to_string())
    }

    fn with_header(&self, header: &str) -> String {
        self.ours.token_of(header, &self.claims().to_string())
    }

    fn with_payload(&self, payload: &str) -> String {
        self.ours.token_of(&self.header(), payload)
    }

    async fn ask(&self, authorization: &[u8]) -> Answer {
        let value = reqwest::header::HeaderValue::from_bytes(authorization).unwrap();
        let request = self.app.http.get(format!("{}/v1/whoami", self.app.api));
        let request = request.header("authorization", value);
        Answer::read(request.send().await.unwrap()).await
    }
}

type Row = (&'static str, String);

fn headers(ground: &Ground) -> Vec<Row> {
    let kid = &ground.kid;
    let (good, claims) = (ground.header(), ground.claims().to_string());
    let with = |more: &str| ground.with_header(&good.replacen('{', &format!("{{{more},"), 1));
    let instead = |old: &str, new: &str| ground.with_header(&good.replace(old, new));
    let unsigned = |alg: &str| {
        let header = good.replace("EdDSA", alg);
        format!("{}.{}.", encode(header.as_bytes()), encode(claims.as_bytes()))
    };
    let hs256 = |header: &str| {
        let signed = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, &ground.ours.public());
        format!("{signed}.{}", encode(hmac::sign(&key, signed.as_bytes()).as_ref()))
    };
    let next = ground.app.app.tokens.keys();
    let next = next.iter().find(|key| key.kid() != kid).unwrap().kid().to_owned();
    vec![
        ("none", unsigned("none")),
        ("NONE", unsigned("NONE")),
        ("no signature", unsigned("EdDSA")),
        ("none, signed", instead("EdDSA", "none")),
        ("HS256 with the public key", hs256(&good.replace("EdDSA", "HS256"))),
        ("HMAC said to be EdDSA", hs256(&good)),
        ("ES256", instead("EdDSA", "ES256")),
        ("a stranger's signature", ground.stranger.token_of(&good, &claims)),
        ("the next key's name", instead(kid, &next)),
        ("a kid of nobody", instead(kid, "AAAAAAAAAAA")),
        ("a kid that is a path", instead(kid, "../token-signing")),
        ("no kid", ground.with_header(r#"{"typ":"at+jwt","alg":"EdDSA"}"#)),
        ("typ JWT", instead("at+jwt", "JWT")),
        ("typ in capitals", instead("at+jwt", "AT+JWT")),
        ("typ in full", instead("at+jwt", "application/at+jwt")),
        ("no typ", instead(r#""typ":"at+jwt","#, "")),
        (
            "members in another order",
            ground.with_header(&format!(r#"{{"alg":"EdDSA","typ":"at+jwt","kid":"{kid}"}}"#)),
        ),
        ("a space in the header", instead(",", ", ")),
        ("alg twice", with(r#""alg":"EdDSA""#)),
        ("jwk", with(&format!(r#""jwk":{}"#, ground.stranger.jwk()))),
        ("jku", with(r#""jku":"http://127.0.0.1/""#)),
        ("x5u", with(r#""x5u":"http://127.0.0.1/""#)),
        ("x5c", with(r#""x5c":[]"#)),
        ("crit", with(r#""crit":["exp"]"#)),
        ("b64", with(r#""b64":false"#)),
        ("header a list", ground.with_header(r#"["at+jwt","EdDSA"]"#)),
        ("header empty", ground.with_header("")),
    ]
}

fn claims(ground: &Ground) -> Vec<Row> {
    let ours = issuer(&ground.app);
    let claim = |name: &str, value: Value| ground.claim(name, value);
    let missing = ["iss", "aud", "sub", "client_id", "scope", "iat", "exp", "jti"];
    let mut rows: Vec<Row> = missing.map(|name| (name, claim(name, Value::Null))).to_vec();
    let text = ground.claims().to_string();
    let twice = |member: &str| ground.with_payload(&text.replacen('{', &format!("{{{member},"), 1));
    rows.extend([
        ("iss of another", claim("iss", json!("http://elsewhere"))),
        ("iss a list", claim("iss", json!([ours]))),
        ("aud of another", claim("aud", json!("http://elsewhere"))),
        ("aud a list of ours", claim("aud", json!([ours]))),
        ("aud ours and another", claim("aud", json!([ours, "http://elsewhere"]))),
        ("aud with a slash", claim("aud", json!(format!("{ours}/")))),
        ("sub of another", claim("sub", json!("operator"))),
        ("client of another", claim("client_id", json!("operator"))),
        ("client with a NUL", claim("client_id", json!("carrier\0"))),
        ("sub a number", claim("sub", json!(1))),
        ("scope of nobody", claim("scope", json!("everything"))),
        ("scope twice", claim("scope", json!("verify verify"))),
        ("scope a list", claim("scope", json!(["verify"]))),
        ("scope with two spaces", claim("scope", json!("verify  lookup"))),
        ("iat a text", claim("iat", json!("1"))),
        (
            "iat with a fraction",
            claim("iat", json!(ground.app.app.clock.now().seconds() as f64 + 0.5)),
        ),
        ("exp a text", claim("exp", json!("1795000000"))),
        ("exp negative", claim("exp", json!(-1))),
        ("exp 1e300", claim("exp", json!(1e300))),
        ("exp null", ground.with_payload(&text.replace("\"exp\":", "\"exp\":null,\"x\":"))),
        ("jti empty", claim("jti", json!(""))),
        ("jti a number", claim("jti", json!(1))),
        ("a claim more", claim("admin", json!(true))),
        ("nbf", claim("nbf", json!(0))),
        ("exp twice", twice(r#""exp":9999999999"#)),
        ("scope twice, escaped", twice(r#""\u0073cope":"admin""#)),
        ("client twice", twice(r#""client_id":"operator""#)),
        (
            "claims as a list",
            ground.with_payload(
                &json!([ours, ours, "carrier", "carrier", "verify", 0, 9_999_999_999_u64, "x"])
                    .to_string(),
            ),
        ),
        ("no claims", ground.with_payload("{}")),
        ("no JSON", ground.with_payload("{")),
        ("expired 10 s ago", ground.moments(-600, -10)),
        ("expired 61 s ago", ground.moments(-600, -61)),
        ("issued 11 s ahead", ground.moments(11, 600)),
        ("issued 61 s ahead", ground.moments(61, 600)),
        ("living too long", ground.moments(0, 601)),
        ("expiring before it was issued", ground.moments(5, 4)),
    ]);
    rows
}

fn forms(ground: &Ground) -> Vec<Row> {
    let token = ground.claim("scope", json!("verify"));
    let parts: Vec<&str> = token.split('.').collect();
    let (header, payload, signature) = (parts[0], parts[1], parts[2]);
    let assertion = {
        let (header, claims) = good(&ground.app, "carrier", &ground.stranger);
        ground.stranger.token(&header, &claims)
    };
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (rest, last) = token.split_at(token.len() - 1);
    let at = alphabet.find(last).unwrap();
    vec![
        ("nothing", String::new()),
        ("a word", "x".into()),
        ("two parts", format!("{header}.{payload}")),
        ("four parts", format!("{token}.")),
        ("padding", format!("{token}==")),
        ("spare bits", format!("{rest}{}", &alphabet[at + 1..at + 2])),
        ("percent encoding", token.replace('.', "%2E")),
        (
            "the other alphabet",
            format!("{header}.{payload}.{}", signature.replace(['-', '_'], "+")),
        ),
        ("a space within", format!("{header}. {payload}.{signature}")),
        ("a comma behind", format!("{token},")),
        ("two tokens", format!("{token} {token}")),
        ("in quotes", format!("\"{token}\"")),
        ("parts swapped", format!("{payload}.{header}.{signature}")),
        ("another token's claims", {
            let other = ground.claim("client_id", json!("operator"));
            format!("{header}.{}.{signature}", other.split('.').nth(1).unwrap())
        }),
        ("an assertion", assertion),
        ("huge", format!("{header}.{}.{signature}", "A".repeat(12_000))),
    ]
}

#[tokio::test]
async fn a_token_that_is_not_good_gets_the_one_refusal_whatever_is_wrong() {
    let ground = Ground::new().await;
    register(&ground.app, "carrier", &ground.stranger).await;
    let rows = [headers(&ground), claims(&ground), forms(&ground)].concat();
    assert!(rows.len() >= 85, "{}", rows.len());
    let mut answers = Vec::new();
    for (name, token) in rows {
        // A signature over "the other alphabet" may hold none of its letters.
        if name == "the other alphabet" && !token.contains('+') {
            continue;
        }
        answers.push((name.to_owned(), ground.ask(format!("Bearer {token}").as_bytes()).await));
    }
    let token = ground.claim("scope", json!("verify"));
    for (name, authorization) in [
        ("another scheme", format!("Basic {token}")),
        ("no scheme", token.clone()),
        ("DPoP", format!("DPoP {token}")),
        ("two spaces", format!("Bearer  {token}")),
        ("a tab", format!("Bearer\t{token}")),
        ("a letter outside ASCII", format!("Bearer {token}\u{e9}")),
    ] {
        answers.push((name.to_owned(), ground.ask(authorization.as_bytes()).await));
    }
    one_refusal(&answers, "invalid-token");
    let twice = ground.app.http.get(format!("{}/v1/whoami", ground.app.api));
    let twice = twice.bearer_auth(&token).header("authorization", format!("Bearer {token}"));
    let twice = Answer::read(twice.send().await.unwrap()).await;
    one_refusal(
        &[("no field".into(), answers.remove(0).1), ("two".into(), twice)],
        "invalid-token",
    );
}

#[tokio::test]
async fn what_our_own_key_signs_in_our_own_form_is_good() {
    let ground = Ground::new().await;
    for (name, token) in [
        ("nothing changed", ground.claim("scope", json!("verify"))),
        ("no scope", ground.claim("scope", json!(""))),
        ("expired 9 s ago", ground.moments(-600, -9)),
        ("issued 9 s ahead", ground.moments(9, 600)),
        ("living a second", ground.moments(0, 1)),
    ] {
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let answer = ground.ask(format!("{scheme} {token}").as_bytes()).await;
            assert_eq!(answer.status, 200, "{name}: {}", answer.text);
        }
    }
}
