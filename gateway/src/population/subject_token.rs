//! Subject tokens: how a client recognises a person again without a number changing hands.
//!
//! AES-256-GCM-SIV under the client's own key with a fixed nonce: equal input, equal token, so
//! that a client knows a person again in the feed; two clients' tokens have nothing in common.
//! Kind and value are padded to one length, so that a token's length tells nothing.

use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use foldhash::HashMap;

use crate::request::{ClientId, InsuranceNumber, KeyKind, OldIdNumber, PersonalId, SubjectKey};
use crate::store::KEY_BYTES;

/// One byte for the kind, and more than enough for the longest key, a personal number.
const PLAIN_BYTES: usize = 16;
/// GCM-SIV keeps its promises under a repeated nonce; it then shows equality and nothing else,
/// which is what the token is for (RFC 8452, section 1).
const NONCE: [u8; 12] = [0; 12];

/// Length of every token: 16 bytes and the 16 of their tag, in base64.
const TOKEN_BYTES: usize = 43;

/// Makes tokens, and reads its own.
pub struct SubjectTokens {
    master: hmac::Key,
    clients: RwLock<HashMap<ClientId, Arc<LessSafeKey>>>,
}

impl SubjectTokens {
    /// Takes the key from which the clients' keys are derived.
    pub fn new(master: &[u8; KEY_BYTES]) -> Self {
        Self { master: hmac::Key::new(hmac::HMAC_SHA256, master), clients: RwLock::default() }
    }

    /// Token of a person for a client: of the resolved number where the caller has named the
    /// person, else of the key as it was asked.
    ///
    /// # Panics
    /// Never: no key has more than 12 digits, and 16 bytes can be sealed.
    pub fn token(
        &self,
        client: &ClientId,
        asked: &SubjectKey,
        resolved: Option<PersonalId>,
    ) -> String {
        let subject = resolved.map_or(*asked, SubjectKey::PersonalId);
        let value = subject.to_string();
        let mut sealed = vec![0; PLAIN_BYTES];
        sealed[0] = subject.kind() as u8;
        sealed[1..=value.len()].copy_from_slice(value.as_bytes());
        self.client_key(client)
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(NONCE),
                Aad::empty(),
                &mut sealed,
            )
            .expect("16 bytes can be sealed");
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// The key in a token that this client was given; `None` for everything else. What another
    /// client was given, what was cut short and what was made up cannot be told apart.
    pub fn find_key(&self, client: &ClientId, unverified_token: &str) -> Option<SubjectKey> {
        if unverified_token.len() != TOKEN_BYTES {
            return None;
        }
        let mut sealed = URL_SAFE_NO_PAD.decode(unverified_token).ok()?;
        let nonce = Nonce::assume_unique_for_key(NONCE);
        let plain = self.client_key(client).open_in_place(nonce, Aad::empty(), &mut sealed).ok()?;
        let (kind, padded) = plain.split_first()?;
        let length = padded.iter().position(|byte| *byte == 0)?;
        key_of(KeyKind::from_number(*kind)?, str::from_utf8(&padded[..length]).ok()?)
    }

    fn client_key(&self, client: &ClientId) -> Arc<LessSafeKey> {
        let known =
            self.clients.read().unwrap_or_else(PoisonError::into_inner).get(client).cloned();
        known.unwrap_or_else(|| {
            let derived = hmac::sign(&self.master, client.as_str().as_bytes());
            let unbound = UnboundKey::new(&AES_256_GCM_SIV, derived.as_ref())
                .expect("HMAC-SHA-256 gives the 32 bytes of the key");
            let key = Arc::new(LessSafeKey::new(unbound));
            let mut clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
            clients.insert(client.clone(), Arc::clone(&key));
            key
        })
    }
}

/// The key that was sealed: well formed then, and so for ever, whatever year it is.
fn key_of(kind: KeyKind, value: &str) -> Option<SubjectKey> {
    match kind {
        KeyKind::PersonalId => PersonalId::from_register(value).map(SubjectKey::PersonalId),
        KeyKind::OldIdNumber => OldIdNumber::parse(value).ok().map(SubjectKey::OldIdNumber),
        KeyKind::InsuranceNumber => {
            InsuranceNumber::parse(value).ok().map(SubjectKey::InsuranceNumber)
        }
        // These are ways to name one of the others, and never sealed themselves.
        KeyKind::CardQr | KeyKind::SubjectToken => None,
    }
}

impl std::fmt::Debug for SubjectTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SubjectTokens")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> [SubjectKey; 5] {
        [
            SubjectKey::PersonalId(PersonalId::from_register("001090012345").unwrap()),
            SubjectKey::PersonalId(PersonalId::from_register("000000000000").unwrap()),
            SubjectKey::OldIdNumber(OldIdNumber::parse("000000000").unwrap()),
            SubjectKey::InsuranceNumber(InsuranceNumber::parse("0000000000").unwrap()),
            SubjectKey::InsuranceNumber(InsuranceNumber::parse("0010900123").unwrap()),
        ]
    }

    #[test]
    fn a_client_knows_a_person_again_and_another_client_does_not() {
        let tokens = SubjectTokens::new(&[1; 32]);
        let key = |text| SubjectKey::PersonalId(PersonalId::from_register(text).unwrap());
        let (one, two) = (ClientId::parse("a").unwrap(), ClientId::parse("b").unwrap());
        let token = tokens.token(&one, &key("001090012345"), None);
        assert_eq!(tokens.token(&one, &key("001090012345"), None), token);
        assert_ne!(tokens.token(&one, &key("001090012346"), None), token);
        assert_ne!(tokens.token(&two, &key("001090012345"), None), token);
        assert_eq!(token.len(), 43);
    }

    #[test]
    fn a_token_leads_its_own_client_back_to_the_key() {
        let tokens = SubjectTokens::new(&[1; 32]);
        let (one, two) = (ClientId::parse("a").unwrap(), ClientId::parse("b").unwrap());
        let restarted = SubjectTokens::new(&[1; 32]);
        let elsewhere = SubjectTokens::new(&[2; 32]);
        for key in keys() {
            let token = tokens.token(&one, &key, None);
            assert_eq!(tokens.find_key(&one, &token), Some(key));
            assert_eq!(restarted.find_key(&one, &token), Some(key));
            assert_eq!(tokens.find_key(&two, &token), None);
            assert_eq!(elsewhere.find_key(&one, &token), None);
        }
    }

    #[test]
    fn no_other_text_is_a_token() {
        let tokens = SubjectTokens::new(&[1; 32]);
        let client = ClientId::parse("a").unwrap();
        let token = tokens.token(&client, &keys()[0], None);
        for length in 0..token.len() {
            assert_eq!(tokens.find_key(&client, &token[..length]), None, "{length}");
            // Another letter in one place, the last one included: its spare bits must be zero.
            for letter in ["A", "_", "E", "F", "=", "+", "é"] {
                let other = format!("{}{letter}{}", &token[..length], &token[length + 1..]);
                let is_same = other == token;
                assert_eq!(tokens.find_key(&client, &other).is_some(), is_same, "{other}");
            }
        }
        for other in
            [format!("{token}="), format!("{token}A"), format!(" {token}"), token.repeat(2)]
        {
            assert_eq!(tokens.find_key(&client, &other), None, "{other}");
        }
    }

    #[test]
    fn a_token_tells_neither_which_key_was_asked_nor_whether_it_led_to_anyone() {
        let tokens = SubjectTokens::new(&[1; 32]);
        let client = ClientId::parse("a").unwrap();
        let id = PersonalId::from_register("001090012345").unwrap();
        let keys = [
            SubjectKey::PersonalId(id),
            SubjectKey::OldIdNumber(OldIdNumber::parse("000000000").unwrap()),
            SubjectKey::OldIdNumber(OldIdNumber::parse("001090012").unwrap()),
            SubjectKey::InsuranceNumber(InsuranceNumber::parse("0000000000").unwrap()),
            SubjectKey::InsuranceNumber(InsuranceNumber::parse("0010900123").unwrap()),
        ];
        let as_asked = keys.map(|key| tokens.token(&client, &key, None));
        assert!(as_asked.iter().all(|token| token.len() == as_asked[0].len()));
        let different: std::collections::HashSet<_> = as_asked.iter().collect();
        assert_eq!(different.len(), keys.len());
        for key in keys {
            let named = tokens.token(&client, &key, Some(id));
            assert_eq!(named, as_asked[0], "all keys of a person have one token");
        }
    }
}
