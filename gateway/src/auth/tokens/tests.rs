//! Tokens that are good, and those that are not any more.

use super::*;
use crate::auth::Retiring;
use crate::request::Operation;
use crate::store::{ALL_TOKENS, RevokedRow};

fn key(seed: u8, state: SigningState) -> SigningKey {
    SigningKey::new(&[seed; 32], state, None).unwrap()
}

fn tokens(seed: u8, clock: &Clock) -> Tokens {
    let random = Random::seeded(1);
    let tokens = Tokens::new("http://here".into(), 600, clock.clone(), random);
    tokens.replace_keys(vec![key(seed, SigningState::Active)]).unwrap();
    tokens
}

#[test]
fn a_token_is_good_until_it_expires() {
    let (clock, hand) = Clock::manual(Micros(1_000_000_000_000_000));
    let tokens = tokens(1, &clock);
    let client = ClientId::parse("viettel").unwrap();
    let scope = [Operation::Verify, Operation::Insurance].into_iter().collect();
    let issued = tokens.issue(&client, scope).unwrap();
    let verified = tokens.verify(&issued.access_token).unwrap();
    assert_eq!((verified.client_id(), verified.scope()), (&client, scope));
    assert_eq!(verified.issued_at(), clock.now());
    assert_eq!(verified.expires_at(), clock.now().plus_seconds(600));
    hand.advance(609_000_000);
    assert!(tokens.verify(&issued.access_token).is_ok());
    hand.advance(1_000_000);
    assert!(matches!(tokens.verify(&issued.access_token), Err(TokenError::Expired)));
}

#[test]
fn a_token_of_another_key_or_with_a_changed_letter_is_refused() {
    let (clock, _hand) = Clock::manual(Micros(1_000_000_000_000_000));
    let ours = tokens(1, &clock);
    let client = ClientId::parse("viettel").unwrap();
    let foreign = tokens(2, &clock).issue(&client, OperationSet::default()).unwrap();
    assert!(ours.verify(&foreign.access_token).is_err());
    let issued = ours.issue(&client, OperationSet::default()).unwrap().access_token;
    for position in [10, issued.len() / 2, issued.len() - 4] {
        let mut changed = issued.clone().into_bytes();
        changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
        assert!(ours.verify(&String::from_utf8(changed).unwrap()).is_err(), "{position}");
    }
}

#[test]
fn the_next_key_verifies_before_it_signs_and_the_one_before_until_its_time() {
    let (clock, hand) = Clock::manual(Micros(1_000_000_000_000_000));
    let (here, there) = (tokens(1, &clock), tokens(1, &clock));
    let client = ClientId::parse("viettel").unwrap();
    let issue =
        |tokens: &Tokens| tokens.issue(&client, OperationSet::default()).unwrap().access_token;
    let before = issue(&here);
    there.replace_keys(vec![key(1, SigningState::Active), key(2, SigningState::Next)]).unwrap();
    let retiring = Retiring {
        signed_until: clock.now().plus_seconds(15),
        until: clock.now().plus_seconds(60),
    };
    let retiring = SigningKey::new(&[1; 32], SigningState::Retiring, Some(retiring)).unwrap();
    here.replace_keys(vec![retiring, key(2, SigningState::Active)]).unwrap();
    assert!(there.verify(&issue(&here)).is_ok(), "signed by the next key");
    assert!(here.verify(&before).is_ok());
    hand.advance(15_000_000);
    assert!(here.verify(&issue(&there)).is_ok(), "another node has yet to hear");
    hand.advance(1_000_000);
    let stolen = issue(&there);
    assert_eq!(here.verify(&stolen).err(), Some(TokenError::Invalid), "nobody signs with it now");
    hand.advance(44_000_000);
    assert_eq!(here.verify(&issue(&there)).err(), Some(TokenError::Invalid));
    let no_key = here.replace_keys(vec![key(3, SigningState::Next)]);
    assert_eq!(no_key.err(), Some(TokenError::Key));
    assert!(here.verify(&issue(&here)).is_ok(), "nothing was replaced");
}

#[test]
fn a_key_that_is_given_up_takes_what_it_has_signed_with_it() {
    let (clock, _hand) = Clock::manual(Micros(1_000_000_000_000_000));
    let tokens = tokens(1, &clock);
    let client = ClientId::parse("viettel").unwrap();
    let issued = tokens.issue(&client, OperationSet::default()).unwrap().access_token;
    assert!(tokens.verify(&issued).is_ok());
    let kid = key(1, SigningState::Active).kid().to_owned();
    tokens.forget_keys(|gone| gone != kid);
    assert!(tokens.verify(&issued).is_ok());
    tokens.forget_keys(|gone| gone == kid);
    assert_eq!(tokens.verify(&issued).err(), Some(TokenError::Invalid));
}

#[test]
fn a_revoked_token_is_refused_though_it_was_verified_before() {
    let (clock, hand) = Clock::manual(Micros(1_000_000_000_000_000));
    let tokens = tokens(1, &clock);
    let client = ClientId::parse("viettel").unwrap();
    let [one, other] =
        [1, 2].map(|_| tokens.issue(&client, OperationSet::default()).unwrap().access_token);
    let verified = tokens.verify(&one).unwrap();
    let row = RevokedRow {
        client_id: "viettel".into(),
        jti: verified.jti().into(),
        expires_us: verified.accepted_until().0,
        revoked_us: clock.now().0,
    };
    tokens.revoked().learn(std::slice::from_ref(&row));
    assert_eq!(tokens.verify(&one).err(), Some(TokenError::Revoked));
    tokens.revoked().forget_expired(clock.now());
    assert_eq!(tokens.verify(&one).err(), Some(TokenError::Revoked), "it stays known");
    assert!(tokens.verify(&other).is_ok());
    hand.advance(1_000_000);
    let later = tokens.issue(&client, OperationSet::default()).unwrap().access_token;
    tokens.revoked().learn(&[RevokedRow { jti: ALL_TOKENS.into(), ..row }]);
    assert_eq!(tokens.verify(&other).err(), Some(TokenError::Revoked), "as all before it");
    assert!(tokens.verify(&later).is_ok());
    hand.advance(609_000_000);
    tokens.revoked().forget_expired(clock.now());
    assert_eq!(tokens.verify(&one).err(), Some(TokenError::Expired));
    let forgotten = format!("{:?}", RevokedTokens::default());
    assert_eq!(format!("{:?}", tokens.revoked()), forgotten);
}

#[test]
fn what_is_new_is_read_again_for_a_minute_whatever_the_clocks_say() {
    let tokens = RevokedTokens::default();
    let row = |revoked_us| RevokedRow {
        client_id: "c".into(),
        jti: "j".into(),
        expires_us: i64::MAX,
        revoked_us,
    };
    let now = Micros(500_000_000);
    tokens.learn(&[row(490_000_000)]);
    assert_eq!(tokens.unread_from(now), Micros(-60_000_000), "others' are unread");
    tokens.read(&[row(480_000_000), row(490_000_000)]);
    assert_eq!(tokens.unread_from(now), Micros(430_000_000));
    tokens.read(&[row(900_000_000)]);
    assert_eq!(tokens.unread_from(now), Micros(440_000_000), "of a clock that is ahead");
}
