//! A table of token requests that are not good, each with its status and code; and their like that
//! are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{ASSERTION_TYPE, Signer, good, one_refusal, patient, register};
use crate::support::{Answer, SECRET, TestApp};

const GRANT: &str = "grant_type=client_credentials";
const FORM: &str = "application/x-www-form-urlencoded";

#[expect(clippy::unnecessary_wraps, reason = "a request may be without")]
fn basic(text: &str) -> Option<String> {
    Some(format!("Basic {}", STANDARD.encode(text)))
}

fn right() -> Option<String> {
    basic(&format!("carrier:{SECRET}"))
}

#[tokio::test]
async fn a_token_request_that_is_not_good_gets_its_status() {
    let app = patient().start().await;
    let signer = Signer::ed25519(&[7; 32]);
    register(&app, "carrier", &signer).await;
    let assertion = || {
        let (header, claims) = good(&app, "carrier", &signer);
        signer.token(&header, &claims)
    };
    let typed = |assertion: &str| {
        format!("{GRANT}&client_assertion_type={ASSERTION_TYPE}&client_assertion={assertion}")
    };
    let twice = |name: &str| format!("{}&{name}=x&{name}=x", typed(&assertion()));
    let (invalid, grant, scope) = ("invalid-request", "unsupported-grant-type", "invalid-scope");
    let rows: Vec<(&str, Option<String>, String, &str)> = vec![
        ("nothing", right(), String::new(), invalid),
        ("no grant type", right(), "scope=verify".into(), invalid),
        ("an empty grant type", right(), "grant_type=".into(), invalid),
        ("grant type twice", right(), format!("{GRANT}&{GRANT}"), invalid),
        ("grant type twice, one encoded", right(), format!("{GRANT}&grant%5Ftype=x"), invalid),
        ("grant type password", right(), "grant_type=password".into(), grant),
        ("grant type refresh_token", right(), "grant_type=refresh_token".into(), grant),
        ("grant type in capitals", right(), GRANT.replace("=client", "=Client"), grant),
        ("grant type with a NUL", right(), format!("{GRANT}%00"), grant),
        ("grant type with a space", right(), format!("{GRANT}+"), grant),
        ("grant type with a lone percent sign", right(), format!("{GRANT}%"), grant),
        ("grant type of no UTF-8", right(), format!("{GRANT}%FF"), grant),
        ("scope twice", right(), format!("{GRANT}&scope=verify&scope=verify"), invalid),
        ("scope of nobody", right(), format!("{GRANT}&scope=everything"), scope),
        ("scope of others", right(), format!("{GRANT}&scope=admin"), scope),
        ("scope with a NUL", right(), format!("{GRANT}&scope=verify%00"), scope),
        ("scope encoded twice", right(), format!("{GRANT}&scope=%2576erify"), scope),
        ("scope with two spaces", right(), format!("{GRANT}&scope=verify++verify"), scope),
        ("scope with a tab", right(), format!("{GRANT}&scope=verify%09"), scope),
        ("secret and assertion", right(), typed(&assertion()), invalid),
        ("wrong secret and assertion", basic("carrier:x"), typed(&assertion()), invalid),
        ("bearer and assertion", Some("Bearer x".into()), typed(&assertion()), invalid),
        ("secret twice", right(), format!("{GRANT}&client_secret={SECRET}"), invalid),
        (
            "secret in the form and assertion",
            None,
            format!("{}&client_secret={SECRET}", typed(&assertion())),
            invalid,
        ),
        ("assertion twice", None, twice("client_assertion"), invalid),
        ("assertion type twice", None, twice("client_assertion_type"), invalid),
        ("client twice", None, twice("client_id"), invalid),
        (
            "assertion without type",
            None,
            format!("{GRANT}&client_assertion={}", assertion()),
            invalid,
        ),
        (
            "type without assertion",
            None,
            format!("{GRANT}&client_assertion_type={ASSERTION_TYPE}"),
            invalid,
        ),
        ("an empty assertion", None, typed(""), invalid),
        ("assertion and no grant type", None, typed(&assertion()).replace(GRANT, "x=y"), invalid),
        (
            "assertion and another grant type",
            None,
            typed(&assertion())
                .replace(GRANT, "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer"),
            grant,
        ),
        (
            "assertion and a scope of others",
            None,
            format!("{}&scope=admin", typed(&assertion())),
            scope,
        ),
    ];
    for (name, authorization, form, code) in rows {
        let answer = app.ask_token(authorization, &form).await;
        assert_eq!(answer.status, 400, "{name}: {}", answer.text);
        answer.problem(400, code);
    }
    let url = format!("{}/oauth2/token", app.api);
    let sent = async |query: &str, media_type: Option<&str>, body: String| {
        let request = app.http.post(format!("{url}{query}"));
        let request = request.header("authorization", right().unwrap()).body(body);
        let request =
            media_type.into_iter().fold(request, |r, kind| r.header("content-type", kind));
        Answer::read(request.send().await.unwrap()).await
    };
    sent("?scope=verify", Some(FORM), GRANT.into()).await.problem(400, "invalid-request");
    sent("?client_assertion=x", Some(FORM), GRANT.into()).await.problem(400, "invalid-request");
    for media_type in [None, Some("application/json"), Some("multipart/form-data"), Some("x")] {
        let answer = sent("", media_type, GRANT.into()).await;
        answer.problem(415, "unsupported-media-type");
    }
    let large = format!("{GRANT}&x={}", "x".repeat(2 << 20));
    sent("", Some(FORM), large).await.problem(413, "body-too-large");
    let got = Answer::read(app.http.get(&url).send().await.unwrap()).await;
    got.problem(405, "method-not-allowed");
}

#[tokio::test]
async fn a_failed_authentication_is_one_refusal_however_it_was_tried() {
    let app = patient().start().await;
    let signer = Signer::ed25519(&[7; 32]);
    register(&app, "carrier", &signer).await;
    let (header, claims) = good(&app, "carrier", &signer);
    let assertion = signer.token(&header, &claims);
    let typed =
        |kind: &str| format!("{GRANT}&client_assertion_type={kind}&client_assertion={assertion}");
    let raw = |text: &str| Some(text.to_owned());
    let encoded = STANDARD.encode(format!("carrier:{SECRET}"));
    let rows: Vec<(&str, Option<String>, String)> = vec![
        ("nothing", None, GRANT.into()),
        ("a name alone", None, format!("{GRANT}&client_id=carrier")),
        ("secret in the form", None, format!("{GRANT}&client_id=carrier&client_secret={SECRET}")),
        ("wrong secret", basic("carrier:wrong"), GRANT.into()),
        ("empty secret", basic("carrier:"), GRANT.into()),
        ("secret with a NUL", basic(&format!("carrier:{SECRET}\0")), GRANT.into()),
        ("secret in capitals", basic(&format!("carrier:{}", SECRET.to_uppercase())), GRANT.into()),
        ("secret with a space", basic(&format!("carrier:{SECRET} ")), GRANT.into()),
        ("secret of another", basic(&format!("nobody:{SECRET}")), GRANT.into()),
        ("name in capitals", basic(&format!("CARRIER:{SECRET}")), GRANT.into()),
        ("name with a NUL", basic(&format!("carrier\0:{SECRET}")), GRANT.into()),
        ("name encoded", basic(&format!("%63arrier:{SECRET}")), GRANT.into()),
        ("name with a space", basic(&format!(" carrier:{SECRET}")), GRANT.into()),
        ("no colon", basic("carrier"), GRANT.into()),
        ("nothing in it", basic(""), GRANT.into()),
        ("a long secret", basic(&format!("carrier:{}", "x".repeat(10_000))), GRANT.into()),
        (
            "base64 without padding",
            raw(&format!("Basic {}", encoded.trim_end_matches('='))),
            GRANT.into(),
        ),
        ("base64 with a rest", raw(&format!("Basic {encoded}x")), GRANT.into()),
        ("no base64", raw("Basic !"), GRANT.into()),
        ("another scheme", raw(&format!("Digest {encoded}")), GRANT.into()),
        ("no scheme", raw(&encoded), GRANT.into()),
        ("another client's name beside", right(), format!("{GRANT}&client_id=hospital")),
        (
            "another type of assertion",
            None,
            typed("urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
        ),
        ("a type in capitals", None, typed(&ASSERTION_TYPE.to_uppercase())),
        ("a type with a NUL", None, typed(&format!("{ASSERTION_TYPE}%00"))),
        (
            "assertion and another name",
            None,
            format!("{}&client_id=hospital", typed(ASSERTION_TYPE)),
        ),
        (
            "assertion and a name in capitals",
            None,
            format!("{}&client_id=CARRIER", typed(ASSERTION_TYPE)),
        ),
    ];
    let mut answers = Vec::new();
    for (name, authorization, form) in rows {
        // Padded or not, what is not padded must differ from what is.
        assert!(name != "base64 without padding" || encoded.ends_with('='));
        answers.push((name.to_owned(), app.ask_token(authorization, &form).await));
    }
    one_refusal(&answers, "invalid-client");
    // None of them has used the assertion up.
    app.ask_token(None, &typed(ASSERTION_TYPE)).await.ok();
}

#[tokio::test]
async fn what_the_requests_are_made_of_is_good() {
    let app: TestApp = patient().start().await;
    let signer = Signer::ed25519(&[7; 32]);
    register(&app, "carrier", &signer).await;
    let assertion = || {
        let (header, claims) = good(&app, "carrier", &signer);
        signer.token(&header, &claims)
    };
    let typed = || {
        let kind = ASSERTION_TYPE.replace(':', "%3A");
        format!("{GRANT}&client_assertion_type={kind}&client_assertion={}", assertion())
    };
    for (authorization, form) in [
        (right(), GRANT.to_owned()),
        (right(), format!("{GRANT}&scope=verify")),
        (right(), format!("{GRANT}&scope=")),
        (right(), format!("{GRANT}&client_id=carrier")),
        (right(), format!("{GRANT}&client_assertion=&client_secret=")),
        (right(), format!("{GRANT}&resource=x&resource=y")),
        (right(), "grant%5Ftype=client%5Fcredentials".to_owned()),
        (right().map(|text| text.replace("Basic", "basic")), GRANT.to_owned()),
        (None, typed()),
        (None, format!("{}&client_id=carrier", typed())),
        (None, format!("{}&scope=verify", typed())),
    ] {
        let answer = app.ask_token(authorization, &form).await;
        assert_eq!(answer.status, 200, "{form}: {}", answer.text);
        let token = answer.ok();
        assert_eq!((&token["token_type"], &token["scope"]), (&"Bearer".into(), &"verify".into()));
    }
}
