//! Keys that are taken, and the many that are not.

use super::*;

const PUBLISHED_ED: &str =
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
const PUBLISHED_EC: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
const ED: &str =
    r#"{"kty":"OKP","crv":"Ed25519","x":"ieFB8DlFYbIkN-c-uS8SrYt2BkEkgdMe3JABN9niM20"}"#;
const EC: &str = r#"{"kty":"EC","crv":"P-256","x":"UABmDkZ8Ut2mDZe6nyidXENQqSRZnl_2_dqftxgfg5E","y":"d963ogyHkQ5PyqXDn72Liyn7qtPWYJ44NadCIQCs-g8"}"#;

#[test]
fn a_key_without_a_name_gets_its_thumbprint() {
    // The value of RFC 8037, appendix A.3.
    let public = decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
    let key = PublicKey::checked(None, AssertionAlgorithm::EdDsa, public).unwrap();
    assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    let algorithms = [ED, EC].map(|text| PublicKey::parse(text).unwrap().algorithm());
    assert_eq!(algorithms, AssertionAlgorithm::ALL);
    assert!([ED, EC].iter().all(|text| PublicKey::parse(text).unwrap().kid().len() == 43));
}

#[test]
fn a_key_whose_private_half_is_printed_is_refused_in_every_form() {
    for text in [PUBLISHED_ED, PUBLISHED_EC] {
        assert_eq!(PublicKey::parse(text), Err(PublicKeyError::Published));
        let named = text.replacen('{', r#"{"kid":"mine","#, 1);
        assert_eq!(PublicKey::parse(&named), Err(PublicKeyError::Published));
    }
    for x in &PUBLISHED[1..4] {
        let text = PUBLISHED_ED.replace(PUBLISHED[0], x);
        assert_eq!(PublicKey::parse(&text), Err(PublicKeyError::Published), "{x}");
    }
    let der = [&ED25519_DER[..], &decode(PUBLISHED[0]).unwrap()].concat();
    let pem = format!("{BEGIN}\n{}\n{END}", STANDARD.encode(der));
    assert_eq!(PublicKey::parse(&pem), Err(PublicKeyError::Published));
}

#[test]
fn what_is_kept_of_a_key_reads_as_the_same_key_and_so_does_its_pem() {
    for text in [ED, EC] {
        let key = PublicKey::parse(text).unwrap();
        assert_eq!(PublicKey::parse(&key.to_jwk()).unwrap(), key);
        let beginning: &[u8] = match key.algorithm {
            AssertionAlgorithm::EdDsa => &ED25519_DER,
            AssertionAlgorithm::Es256 => &P256_DER,
        };
        let base64 = STANDARD.encode([beginning, &key.public].concat());
        let (one, other) = base64.split_at(30);
        let pem = format!("{BEGIN}\r\n{one}\r\n{other}\r\n{END}\r\n");
        assert_eq!(PublicKey::parse(&pem).unwrap(), key);
    }
}

#[test]
fn what_is_no_public_key_of_ours_is_refused_by_name() {
    let with = |key: &str, more: &str| key.replacen('{', &format!("{{{more},"), 1);
    let p256 = |x: &str| EC.replace("UABmDkZ8Ut2mDZe6nyidXENQqSRZnl_2_dqftxgfg5E", x);
    let low = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for (text, error) in [
        (String::new(), PublicKeyError::Form),
        ("{".into(), PublicKeyError::Form),
        (with(ED, r#""kty":"OKP""#), PublicKeyError::Form),
        (with(ED, r#""d":"AA""#), PublicKeyError::Private("d")),
        ("-----BEGIN PRIVATE KEY-----\n".into(), PublicKeyError::Private("")),
        (format!("{BEGIN}\nAAAA\n{END}"), PublicKeyError::Kind),
        (ED.replace("Ed25519", "X25519"), PublicKeyError::Kind),
        (EC.replace("P-256", "secp256k1"), PublicKeyError::Kind),
        (r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#.into(), PublicKeyError::Kind),
        (ED.replace("20\"", "20=\""), PublicKeyError::Kind),
        (p256("AA"), PublicKeyError::Kind),
        (p256("UABmDkZ8Ut2mDZe6nyidXENQqSRZnl_2_dqftxgfg5I"), PublicKeyError::Point),
        (ED.replace("ieFB8DlFYbIkN-c-uS8SrYt2BkEkgdMe3JABN9niM20", low), PublicKeyError::Point),
        (with(ED, r#""use":"enc""#), PublicKeyError::Use),
        (with(ED, r#""alg":"ES256""#), PublicKeyError::Use),
        (with(ED, r#""key_ops":["sign","verify"]"#), PublicKeyError::Use),
        (with(ED, r#""kid":"a/b""#), PublicKeyError::Kid),
        (with(ED, r#""kid":"""#), PublicKeyError::Kid),
        (with(ED, r#""kid":5"#), PublicKeyError::Kid),
    ] {
        assert_eq!(PublicKey::parse(&text), Err(error), "{text}");
    }
    assert!(PublicKey::parse(&with(ED, r#""use":"sig","alg":"EdDSA","kid":"k1""#)).is_ok());
}
