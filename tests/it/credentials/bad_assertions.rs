//! A table of assertions that are not good, each for one reason; and the same assertion without
//! that reason, which is.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE};
use serde_json::{Value, json};

use super::signer::encode;
use super::{Signer, ask_with, good, issuer, one_refusal, patient, register};
use crate::support::{Answer, TestApp};

/// What the table is made with: two clients that sign, and somebody who does not belong.
struct Ground {
    app: TestApp,
    ed: Signer,
    ec: Signer,
    stranger: Signer,
}

impl Ground {
    async fn new() -> Self {
        let app = patient().start().await;
        let (ed, ec) = (Signer::ed25519(&[7; 32]), Signer::p256());
        register(&app, "carrier", &ed).await;
        register(&app, "hospital", &ec).await;
        Self { app, ed, ec, stranger: Signer::ed25519(&[8; 32]) }
    }

    /// The carrier's good assertion with one member of the header changed; null takes it away.
    fn header(&self, name: &str, value: Value) -> String {
        let (mut header, claims) = good(&self.app, "carrier", &self.ed);
        change(&mut header, name, value);
        self.ed.token(&header, &claims)
    }

    /// The same with one claim changed.
    fn claim(&self, name: &str, value: Value) -> String {
        let (header, mut claims) = good(&self.app, "carrier", &self.ed);
        change(&mut claims, name, value);
        self.ed.token(&header, &claims)
    }

    /// The same with a moment, in seconds from now.
    fn moment(&self, name: &str, seconds: i64) -> String {
        let (header, mut claims) = good(&self.app, "carrier", &self.ed);
        let now = self.app.app.clock.now().seconds();
        // Long ago, so that nothing else is wrong with one that has expired.
        change(&mut claims, "iat", json!(now - 120));
        change(&mut claims, name, json!(now + seconds));
        self.ed.token(&header, &claims)
    }

    /// The same with something put behind the first brace of header and claims.
    fn spliced(&self, in_header: &str, in_claims: &str) -> String {
        let (header, claims) = good(&self.app, "carrier", &self.ed);
        let splice =
            |value: &Value, more: &str| value.to_string().replacen('{', &format!("{{{more}"), 1);
        self.ed.token_of(&splice(&header, in_header), &splice(&claims, in_claims))
    }

    /// Header and payload as they are sent.
    fn parts(&self) -> (String, String) {
        let (header, claims) = good(&self.app, "carrier", &self.ed);
        (encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()))
    }
}

fn change(object: &mut Value, name: &str, value: Value) {
    let members = object.as_object_mut().unwrap();
    members.remove(name);
    if !value.is_null() {
        members.insert(name.into(), value);
    }
}

type Row = (&'static str, String);

fn algorithms(ground: &Ground) -> Vec<Row> {
    let (header, payload) = ground.parts();
    let (_, claims) = good(&ground.app, "carrier", &ground.ed);
    let public = ground.ed.public();
    let hs256 = |header: &Value, key: &[u8]| {
        let signed = format!("{}.{payload}", encode(header.to_string().as_bytes()));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), signed.as_bytes());
        format!("{signed}.{}", encode(tag.as_ref()))
    };
    let named = |alg: &str| json!({ "alg": alg, "typ": "JWT", "kid": ground.ed.kid() });
    let unsigned = |alg: &str| format!("{}.{payload}.", encode(named(alg).to_string().as_bytes()));
    let ec_claims = good(&ground.app, "hospital", &ground.ec).1;
    let ec_named = json!({ "alg": "ES256", "kid": ground.ed.kid() });
    vec![
        ("none", unsigned("none")),
        ("None", unsigned("None")),
        ("NONE", unsigned("NONE")),
        ("nOnE", unsigned("nOnE")),
        ("none, signed", ground.header("alg", json!("none"))),
        ("no signature", unsigned("EdDSA")),
        ("HS256 with the public key", hs256(&named("HS256"), &public)),
        ("HS256 with its base64", hs256(&named("HS256"), encode(&public).as_bytes())),
        ("HS256 with the JWK", hs256(&named("HS256"), ground.ed.jwk().as_bytes())),
        ("HS256 with nothing", hs256(&named("HS256"), b"")),
        ("HMAC said to be EdDSA", hs256(&named("EdDSA"), &public)),
        ("ES256 named for an Ed25519 key", ground.header("alg", json!("ES256"))),
        (
            "EdDSA named for a key on P-256",
            ground.ec.token(&json!({ "alg": "EdDSA", "kid": ground.ec.kid() }), &ec_claims),
        ),
        ("RS256", ground.header("alg", json!("RS256"))),
        ("PS256", ground.header("alg", json!("PS256"))),
        ("ES384", ground.header("alg", json!("ES384"))),
        ("ES256K", ground.header("alg", json!("ES256K"))),
        ("Ed448", ground.header("alg", json!("Ed448"))),
        ("eddsa", ground.header("alg", json!("eddsa"))),
        ("alg with a space", ground.header("alg", json!("EdDSA "))),
        ("alg with a NUL", ground.header("alg", json!("EdDSA\0"))),
        ("alg a number", ground.header("alg", json!(5))),
        ("alg a list", ground.header("alg", json!(["EdDSA"]))),
        ("alg missing", ground.header("alg", Value::Null)),
        ("another client's kind of key", ground.ec.token(&ec_named, &claims)),
        ("signature of another message", {
            let other = ground.claim("jti", json!("other"));
            format!("{header}.{payload}.{}", other.rsplit('.').next().unwrap())
        }),
        ("signature of zeros", format!("{header}.{payload}.{}", encode(&[0; 64]))),
        (
            "P-256 signature of zeros",
            format!(
                "{}.{}.{}",
                encode(json!({ "alg": "ES256", "kid": ground.ec.kid() }).to_string().as_bytes()),
                encode(ec_claims.to_string().as_bytes()),
                encode(&[0; 64]),
            ),
        ),
        ("signature too short", {
            let good = ground.ed.token_of_parts(&header, &payload);
            good[..good.len() - 4].to_owned()
        }),
        ("signature too long", format!("{}AAAA", ground.ed.token_of_parts(&header, &payload))),
    ]
}

fn keys(ground: &Ground) -> Vec<Row> {
    let stranger = |header: Value| {
        let (_, claims) = good(&ground.app, "carrier", &ground.ed);
        ground.stranger.token(&header, &claims)
    };
    let jwk: Value = serde_json::from_str(&ground.stranger.jwk()).unwrap();
    let with = |name: &str, value: Value| {
        let mut header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": ground.ed.kid() });
        change(&mut header, name, value);
        header
    };
    let operator = good(&ground.app, "operator", &ground.ed);
    let nobody = good(&ground.app, "nobody", &ground.ed);
    vec![
        ("a stranger's signature", stranger(with("typ", json!("JWT")))),
        ("a stranger's signature without kid", stranger(with("kid", Value::Null))),
        ("the stranger's kid", stranger(with("kid", json!(ground.stranger.kid())))),
        ("jwk brought along", stranger(with("jwk", jwk.clone()))),
        (
            "jwk of the right key",
            ground.header("jwk", serde_json::from_str(&ground.ed.jwk()).unwrap()),
        ),
        ("jku", stranger(with("jku", json!("http://127.0.0.1/jwks.json")))),
        ("jku with the right signature", ground.header("jku", json!("http://127.0.0.1/"))),
        ("x5u", ground.header("x5u", json!("http://127.0.0.1/cert.pem"))),
        ("x5c", ground.header("x5c", json!(["MIIB"]))),
        ("x5t", ground.header("x5t", json!("AAAA"))),
        ("x5t#S256", ground.header("x5t#S256", json!("AAAA"))),
        ("crit", ground.header("crit", json!(["exp"]))),
        ("crit of nothing", ground.header("crit", json!([]))),
        ("b64", ground.spliced(r#""b64":false,"crit":["b64"],"#, "")),
        ("b64 true", ground.spliced(r#""b64":true,"#, "")),
        ("zip", ground.header("zip", json!("DEF"))),
        ("enc", ground.header("enc", json!("A128GCM"))),
        ("cty", ground.header("cty", json!("JWT"))),
        ("an unknown member", ground.header("nonce", json!("x"))),
        ("kid of nobody", ground.header("kid", json!("other"))),
        ("kid of another client", ground.header("kid", json!(ground.ec.kid()))),
        ("kid a path", ground.header("kid", json!("../../keys/token-signing.key"))),
        ("kid an SQL text", ground.header("kid", json!("' or 1=1 --"))),
        ("kid with a NUL", ground.header("kid", json!(format!("{}\0", ground.ed.kid())))),
        ("kid in other letters", ground.header("kid", json!(ground.ed.kid().to_uppercase()))),
        ("kid empty", ground.header("kid", json!(""))),
        ("kid a number", ground.header("kid", json!(1))),
        ("kid a list", ground.header("kid", json!([ground.ed.kid()]))),
        ("a key of another client", ground.ed.token(&operator.0, &operator.1)),
        ("a client that nobody knows", ground.ed.token(&nobody.0, &nobody.1)),
        ("our own key's name", ground.header("kid", json!(ground.app.app.tokens.keys()[0].kid()))),
    ]
}

fn forms(ground: &Ground) -> Vec<Row> {
    let (header, payload) = ground.parts();
    let token = |header: &str, payload: &str| ground.ed.token_of_parts(header, payload);
    let whole = || token(&header, &ground.parts().1);
    let (_, claims) = good(&ground.app, "carrier", &ground.ed);
    let claims = claims.to_string();
    let named = json!({ "alg": "EdDSA", "kid": ground.ed.kid() }).to_string();
    // As many octets as need padding, and one octet of three whose last letter is a slash.
    let padded = format!("{claims}{}", " ".repeat(4 - claims.len() % 3));
    assert!(padded.len() % 3 == 1);
    let slashed = claims.replacen('{', r#"{"x":"???","#, 1);
    let spare_bits = {
        // The last letter of 64 octets has four spare bits.
        let token = whole();
        let (rest, last) = token.split_at(token.len() - 1);
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let at = alphabet.find(last).unwrap();
        format!("{rest}{}", &alphabet[at + 1..at + 2])
    };
    vec![
        ("two parts", format!("{header}.{payload}")),
        ("four parts", format!("{}.", whole())),
        ("five parts", format!("{}.AAAA.AAAA", whole())),
        ("empty header", token("", &payload)),
        ("empty payload", token(&header, "")),
        ("only dots", "..".into()),
        ("one letter", "a".into()),
        ("spare bits in the signature", spare_bits),
        ("padding", token(&header, &URL_SAFE.encode(&padded))),
        ("padding on the signature", format!("{}%3D%3D", whole())),
        ("the other alphabet", token(&header, &STANDARD_NO_PAD.encode(&slashed))),
        ("a line break in the header", token(&format!("{header}%0A"), &payload)),
        ("a space in front", format!("%20{}", whole())),
        ("a space behind", format!("{}+", whole())),
        ("a NUL behind", format!("{}%00", whole())),
        ("a letter outside ASCII", format!("{}%C3%A9", whole())),
        ("octets that are no UTF-8", format!("{}%FF", whole())),
        ("percent encoded twice", whole().replacen('.', "%252E", 1)),
        (
            "JSON serialisation",
            json!({ "payload": payload, "protected": header, "signature": "AA" }).to_string(),
        ),
        ("Bearer in front", format!("Bearer%20{}", whole())),
        ("header no JSON", ground.ed.token_of("{", &claims)),
        ("header a list", ground.ed.token_of(r#"["EdDSA"]"#, &claims)),
        ("header a text", ground.ed.token_of(r#""EdDSA""#, &claims)),
        ("header twice", ground.ed.token_of(&format!("{named}{named}"), &claims)),
        ("header with a BOM", ground.ed.token_of(&format!("\u{feff}{named}"), &claims)),
        ("payload no JSON", ground.ed.token_of(&named, "{")),
        ("payload a list", ground.ed.token_of(&named, "[]")),
        ("payload the claims as a list", ground.ed.token_of(&named, r#"["carrier","carrier"]"#)),
        ("payload null", ground.ed.token_of(&named, "null")),
        ("payload with a rest", ground.ed.token_of(&named, &format!("{claims} x"))),
        ("payload with a trailing comma", ground.ed.token_of(&named, &claims.replace('}', ",}"))),
        ("payload no UTF-8", token(&encode(named.as_bytes()), &encode(b"{\"iss\":\"\xff\"}"))),
        (
            "payload nested too deep",
            ground.ed.token_of(
                &named,
                &claims.replacen(
                    '{',
                    &format!("{{\"x\":{}{},", "[".repeat(400), "]".repeat(400)),
                    1,
                ),
            ),
        ),
        ("alg twice", ground.spliced(r#""alg":"none","#, "")),
        ("kid twice", ground.spliced(&format!(r#""kid":"{}","#, ground.ed.kid()), "")),
        ("kid twice, escaped", ground.spliced(r#""\u006bid":"x","#, "")),
        ("iss twice", ground.spliced("", r#""iss":"carrier","#)),
        ("sub twice", ground.spliced("", r#""sub":"operator","#)),
        ("aud twice", ground.spliced("", r#""aud":"http://elsewhere","#)),
        ("exp twice", ground.spliced("", r#""exp":1,"#)),
        ("exp twice, escaped", ground.spliced("", r#""\u0065xp":1,"#)),
        ("jti twice", ground.spliced("", r#""jti":"x","#)),
        ("a member of a member twice", ground.spliced("", r#""x":{"a":1,"a":2},"#)),
        ("a huge header", ground.header("kid", json!("k".repeat(8_000)))),
        ("huge claims", ground.spliced("", &format!(r#""x":"{}","#, "x".repeat(8_000)))),
        ("many claims", {
            let many: Vec<String> = (0..80).map(|n| format!(r#""x{n}":{n},"#)).collect();
            ground.spliced("", &many.concat())
        }),
    ]
}

fn claims(ground: &Ground) -> Vec<Row> {
    let ours = issuer(&ground.app);
    let claim = |name: &str, value: Value| ground.claim(name, value);
    vec![
        ("typ of an access token", ground.header("typ", json!("at+jwt"))),
        ("typ of a logout token", ground.header("typ", json!("logout+jwt"))),
        ("typ with a NUL", ground.header("typ", json!("JWT\0"))),
        ("typ a number", ground.header("typ", json!(1))),
        ("typ empty", ground.header("typ", json!(""))),
        ("iss missing", claim("iss", Value::Null)),
        ("sub missing", claim("sub", Value::Null)),
        ("aud missing", claim("aud", Value::Null)),
        ("exp missing", claim("exp", Value::Null)),
        ("jti missing", claim("jti", Value::Null)),
        ("iss of another", claim("iss", json!("operator"))),
        ("sub of another", claim("sub", json!("operator"))),
        ("iss a list", claim("iss", json!(["carrier"]))),
        ("sub a number", claim("sub", json!(1))),
        ("iss with a NUL", claim("iss", json!("carrier\0"))),
        ("iss our issuer", claim("iss", json!(ours))),
        ("aud another server", claim("aud", json!("http://elsewhere"))),
        ("aud with a slash", claim("aud", json!(format!("{ours}/")))),
        ("aud in capitals", claim("aud", json!(ours.to_uppercase()))),
        ("aud the revocation endpoint", claim("aud", json!(format!("{ours}/oauth2/revoke")))),
        (
            "aud the token endpoint and a slash",
            claim("aud", json!(format!("{ours}/oauth2/token/"))),
        ),
        ("aud with a query", claim("aud", json!(format!("{ours}/oauth2/token?x")))),
        ("aud ours and another", claim("aud", json!([ours, "http://elsewhere"]))),
        ("aud ours twice", claim("aud", json!([ours, ours]))),
        ("aud an empty list", claim("aud", json!([]))),
        ("aud a list in a list", claim("aud", json!([[ours]]))),
        ("aud an object", claim("aud", json!({ "a": ours }))),
        ("aud a number", claim("aud", json!(1))),
        ("aud empty", claim("aud", json!(""))),
        ("exp 11 s ago", ground.moment("exp", -11)),
        ("exp 10 s ago", ground.moment("exp", -10)),
        ("exp 61 s ago", ground.moment("exp", -61)),
        ("exp 311 s ahead", ground.moment("exp", 311)),
        ("exp a day ahead", ground.moment("exp", 86_400)),
        ("exp a text", claim("exp", json!("1795000000"))),
        ("exp negative", claim("exp", json!(-1))),
        ("exp 0", claim("exp", json!(0))),
        ("exp in milliseconds", claim("exp", json!(1_795_000_000_000_i64))),
        ("exp the largest number", claim("exp", json!(u64::MAX))),
        ("exp 1e300", claim("exp", json!(1e300))),
        ("exp true", claim("exp", json!(true))),
        ("exp a list", claim("exp", json!([1]))),
        ("iat 11 s ahead", ground.moment("iat", 11)),
        ("iat 61 s ahead", ground.moment("iat", 61)),
        ("iat behind exp", ground.moment("iat", 400)),
        ("iat a text", claim("iat", json!("now"))),
        ("iat null", ground.spliced("", r#""nbf":null,"#)),
        ("nbf 11 s ahead", ground.moment("nbf", 11)),
        ("nbf 61 s ahead", ground.moment("nbf", 61)),
        ("nbf a text", claim("nbf", json!("1"))),
        ("jti empty", claim("jti", json!(""))),
        ("jti a number", claim("jti", json!(1))),
        ("jti too long", claim("jti", json!("j".repeat(257)))),
    ]
}

#[tokio::test]
async fn an_assertion_that_is_not_good_gets_the_one_refusal_whatever_is_wrong() {
    let ground = Ground::new().await;
    let rows = [algorithms(&ground), keys(&ground), forms(&ground), claims(&ground)].concat();
    assert!(rows.len() >= 150, "{}", rows.len());
    let mut answers: Vec<(String, Answer)> = Vec::new();
    for (name, assertion) in rows {
        answers.push((name.to_owned(), ask_with(&ground.app, &assertion).await));
    }
    let wrong = ground.app.ask_token_with("carrier", "wrong").await;
    answers.push(("a wrong secret".into(), wrong));
    one_refusal(&answers, "invalid-client");
}

#[tokio::test]
async fn what_the_table_is_made_of_is_good_where_nothing_is_changed() {
    let ground = Ground::new().await;
    let ours = issuer(&ground.app);
    let (mut header, claims) = good(&ground.app, "hospital", &ground.ec);
    let mut rows = vec![
        ("P-256", ground.ec.token(&header, &claims)),
        ("nothing changed", ground.spliced("", "")),
        ("no kid", ground.header("kid", Value::Null)),
        ("no typ", ground.header("typ", Value::Null)),
        ("typ jwt", ground.header("typ", json!("jwt"))),
        ("typ of rfc7523bis", ground.header("typ", json!("client-authentication+jwt"))),
        ("typ in full", ground.header("typ", json!("application/client-authentication+jwt"))),
        ("no iat", ground.claim("iat", Value::Null)),
        ("aud the token endpoint", ground.claim("aud", json!(format!("{ours}/oauth2/token")))),
        ("aud a list of one", ground.claim("aud", json!([ours]))),
        ("exp 9 s ago", ground.moment("exp", -9)),
        ("exp 300 s ahead", ground.moment("exp", 300)),
        ("exp 309 s ahead", ground.moment("exp", 309)),
        (
            "exp with a fraction",
            ground.claim("exp", json!(ground.app.app.clock.now().seconds() as f64 + 60.5)),
        ),
        ("iat 9 s ahead", ground.moment("iat", 9)),
        ("nbf 9 s ahead", ground.moment("nbf", 9)),
        ("nbf now", ground.moment("nbf", 0)),
        ("a claim more", ground.spliced("", r#""purpose":{"x":[1,null]},"#)),
        ("jti as long as may be", ground.claim("jti", json!("j".repeat(256)))),
        ("jti of any letters", ground.claim("jti", json!("ơ \0 '"))),
        ("spaces in the claims", ground.spliced(" ", " \n ")),
    ];
    header["kid"] = Value::Null;
    header.as_object_mut().unwrap().remove("kid");
    let (_, claims) = good(&ground.app, "hospital", &ground.ec);
    rows.push(("P-256 without kid", ground.ec.token(&header, &claims)));
    for (name, assertion) in rows {
        let answer = ask_with(&ground.app, &assertion).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text);
    }
}
