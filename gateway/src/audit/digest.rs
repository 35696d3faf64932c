//! Keyed digests: who and what an entry is about, for those alone who hold the keys.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{PoisonError, RwLock};

use aws_lc_rs::hmac;
use unicode_normalization::UnicodeNormalization as _;

use super::known_keys::ensure_known;
use super::quarter::Quarter;
use super::writer::{IdempotencyKey, LogUnavailable};
use crate::clock::Micros;
use crate::request::{Claims, ClientId, PersonalId, SubjectKey};
use crate::store::{KeyError, KeyFolder, Store};

/// A subject under the key of a quarter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pseudonym {
    /// Quarter of the key: 4 x year + quarter (0 to 3), Vietnamese calendar.
    pub period: u16,
    /// HMAC-SHA-256, first 16 bytes.
    pub digest: [u8; 16],
}

impl Pseudonym {
    /// Its first 8 bytes, which tell people apart within a while.
    pub fn short(&self) -> u64 {
        let first = self.digest.iter().take(8);
        first.fold(0, |short, byte| short << 8 | u64::from(*byte))
    }
}

/// Some keys of a person in all quarters that can be linked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Linked {
    /// The pseudonyms.
    pub pseudonyms: HashSet<Pseudonym>,
    /// The quarters.
    pub quarters: BTreeSet<Quarter>,
}

/// A reference under the key of references.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ShortDigest(pub [u8; 8]);

/// Where a quarter's key was refused, it is looked again after so many microseconds.
const REFUSED_US: u64 = 1_000_000;

/// A pseudonym was asked for before its quarter was made ready: the quarter has turned since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key of the quarter {0} is not ready")]
pub struct QuarterNotReady(pub Quarter);

/// Makes digests.
#[derive(Debug)]
pub struct Digests {
    folder: KeyFolder,
    references: hmac::Key,
    guesses: hmac::Key,
    quarters: RwLock<HashMap<u16, hmac::Key>>,
    /// When a quarter's key was last refused; held while the database is asked.
    refused_at: tokio::sync::Mutex<Micros>,
}

impl Digests {
    /// Loads the keys, and makes those that are missing.
    pub fn open(folder: KeyFolder) -> Result<Self, KeyError> {
        let key = |name| Ok(hmac::Key::new(hmac::HMAC_SHA256, &folder.load_or_create(name)?));
        let (references, guesses) = (key("references")?, key("guesses")?);
        let refused_at = tokio::sync::Mutex::new(Micros(i64::MIN));
        Ok(Self { folder, references, guesses, quarters: RwLock::default(), refused_at })
    }

    /// Makes ready for pseudonyms of the quarter of `at`. The first request of a quarter makes its
    /// key, and makes it known to the database, so that no other node uses another one.
    ///
    /// # Errors
    /// Without the quarter's key nothing can be logged; why is told here.
    pub async fn make_ready(&self, store: &Store, at: Micros) -> Result<(), LogUnavailable> {
        let quarter = Quarter::of(at);
        if self.is_ready(quarter) {
            return Ok(());
        }
        // One asks the database for all that wait, and is refused for them.
        let mut refused_at = self.refused_at.lock().await;
        if self.is_ready(quarter) {
            return Ok(());
        }
        if at.0.abs_diff(refused_at.0) < REFUSED_US {
            return Err(LogUnavailable);
        }
        let known = ensure_known(store, &self.folder, &quarter.key_name()).await;
        known.and_then(|()| Ok(self.load(quarter)?)).map_err(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "no pseudonym key, so nothing can be logged");
            *refused_at = at;
            LogUnavailable
        })
    }

    fn is_ready(&self, quarter: Quarter) -> bool {
        self.quarters.read().unwrap_or_else(PoisonError::into_inner).contains_key(&quarter.0)
    }

    /// Loads the key of a quarter. A clock that went back finds none of a quarter that was
    /// destroyed, and makes none.
    fn load(&self, quarter: Quarter) -> Result<(), KeyError> {
        let bytes = self.folder.load_or_create(&quarter.key_name())?;
        let mut known = self.quarters.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(quarter.0, hmac::Key::new(hmac::HMAC_SHA256, &bytes));
        Ok(())
    }

    /// Pseudonym of a person, for the quarter of `at`. A key asked for that leads to nobody is its
    /// own person, and another one than the same digits under a key of another kind.
    ///
    /// # Errors
    /// If the quarter was not made ready.
    pub fn pseudonym(
        &self,
        at: Micros,
        asked: &SubjectKey,
        resolved: Option<PersonalId>,
    ) -> Result<Pseudonym, QuarterNotReady> {
        let quarter = Quarter::of(at);
        let subject = resolved.map_or(*asked, SubjectKey::PersonalId);
        let known = self.quarters.read().unwrap_or_else(PoisonError::into_inner);
        let key = known.get(&quarter.0).ok_or(QuarterNotReady(quarter))?;
        Ok(Pseudonym { period: quarter.0, digest: digest_of_key(key, subject) })
    }

    /// The pseudonyms of keys in every quarter whose key is still in the folder, and these
    /// quarters. A key that was destroyed is not used, though this process may remember it: what it
    /// linked is not to be linked any more.
    ///
    /// # Errors
    /// If the folder or a key in it cannot be read.
    pub fn linked(&self, keys: &[SubjectKey]) -> Result<Linked, KeyError> {
        let mut linked = Linked::default();
        for file in self.folder.list()? {
            let Some(quarter) = Quarter::of_key_name(&file.name) else { continue };
            // One whose destruction was cut short is there still and must not be used.
            if file.is_destroyed || !file.is_there {
                continue;
            }
            let key = hmac::Key::new(hmac::HMAC_SHA256, &self.folder.load(&file.name)?);
            linked.quarters.insert(quarter);
            linked.pseudonyms.extend(keys.iter().map(|subject| Pseudonym {
                period: quarter.0,
                digest: digest_of_key(&key, *subject),
            }));
        }
        Ok(linked)
    }

    /// Digest of an official of a client.
    pub fn official(&self, client: &str, official: &str) -> ShortDigest {
        self.reference("official", client, official)
    }

    /// Digest of a client's case reference.
    pub fn case(&self, client: &str, case: &str) -> ShortDigest {
        self.reference("case", client, case)
    }

    /// Digests of a client's idempotency key and of the request it goes with. The request holds
    /// personal values, of which an unkeyed digest would tell what can be guessed.
    pub fn idempotency(
        &self,
        client: &ClientId,
        key: &str,
        path: &str,
        body: &[u8],
    ) -> IdempotencyKey {
        let (references, of) = (&self.references, client.as_str().as_bytes());
        IdempotencyKey {
            client: client.clone(),
            key_digest: digest(references, &[b"idempotency", of, key.as_bytes()]),
            body_digest: digest(references, &[b"request", path.as_bytes(), body]),
        }
    }

    /// The same of a batch, for each of so many items. The first goes under the key itself: whoever uses
    /// it for another request is told so. The others go under keys that are made of it and that no
    /// caller can name.
    pub fn idempotency_of_items(
        &self,
        client: &ClientId,
        key: &str,
        (path, body): (&str, &[u8]),
        items: usize,
    ) -> Vec<IdempotencyKey> {
        let first = self.idempotency(client, key, path, body);
        let of = client.as_str().as_bytes();
        let others = (2..=items as u64).map(|item| {
            let parts: [&[u8]; 4] = [b"idempotency-item", of, key.as_bytes(), &item.to_be_bytes()];
            IdempotencyKey { key_digest: digest(&self.references, &parts), ..first.clone() }
        });
        std::iter::once(first.clone()).chain(others).collect()
    }

    /// Digest of claims of a client that may be wrong, so that an honest repeat is told from another
    /// guess. It is another one in each quarter and for each client, so that it links nobody whom
    /// pseudonyms do not.
    pub fn guess(&self, at: Micros, client: &ClientId, claims: &Claims) -> ShortDigest {
        let text = |part: Option<&str>| part.unwrap_or("\u{1}").to_owned();
        let name = claims.full_name.as_ref().map(|name| as_typed(name.as_str()));
        let parts = [
            Quarter::of(at).to_string(),
            client.as_str().to_owned(),
            text(name.as_deref()),
            text(claims.date_of_birth.map(|date| date.to_string()).as_deref()),
            format!("{:?}", claims.sex),
            text(claims.old_id_number.map(|number| number.to_string()).as_deref()),
            text(claims.card_issue_date.map(|date| date.to_string()).as_deref()),
            format!("{:?}", claims.place_of_origin),
            format!("{:?}", claims.permanent_address),
            text(claims.insurance_number.map(|number| number.to_string()).as_deref()),
        ];
        let parts: Vec<&[u8]> = parts.iter().map(String::as_bytes).collect();
        ShortDigest(digest(&self.guesses, &parts))
    }

    /// Digest of a person under whose pseudonym guesses have failed.
    pub fn guessed(&self, pseudonym: &Pseudonym) -> u64 {
        let parts: [&[u8]; 3] = [b"subject", &pseudonym.period.to_be_bytes(), &pseudonym.digest];
        u64::from_be_bytes(digest(&self.guesses, &parts))
    }

    /// Digest of a person, the same in every quarter, for what nodes tell each other.
    pub fn guessed_by_all(&self, subject: SubjectKey) -> u64 {
        let digest: [u8; 16] = digest_of_key(&self.guesses, subject);
        u64::from_be_bytes(*digest.first_chunk().unwrap_or(&[0; 8]))
    }

    /// The pseudonym that a person had in the quarter before that of `at`, if entries of so many
    /// seconds ago can be of that quarter and its key is there.
    pub fn pseudonym_before(
        &self,
        at: Micros,
        subject: SubjectKey,
        seconds: u32,
    ) -> Option<Pseudonym> {
        let quarter = Quarter::of(at.plus_seconds(-i64::from(seconds)));
        if quarter == Quarter::of(at) {
            return None;
        }
        if !self.is_ready(quarter) {
            self.load_if_there(quarter)?;
        }
        let known = self.quarters.read().unwrap_or_else(PoisonError::into_inner);
        let key = known.get(&quarter.0)?;
        Some(Pseudonym { period: quarter.0, digest: digest_of_key(key, subject) })
    }

    /// Loads the key of a quarter that has ended; a new one would be of no use.
    fn load_if_there(&self, quarter: Quarter) -> Option<()> {
        let bytes = self.folder.load(&quarter.key_name()).ok()?;
        let mut known = self.quarters.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(quarter.0, hmac::Key::new(hmac::HMAC_SHA256, &bytes));
        Some(())
    }

    /// The client is part of what is digested, so that two clients' equal references differ.
    fn reference(&self, kind: &str, client: &str, reference: &str) -> ShortDigest {
        let parts = [kind.as_bytes(), client.as_bytes(), reference.as_bytes()];
        ShortDigest(digest(&self.references, &parts))
    }
}

/// A name without what the same name is typed with in one way or another: blanks, capitals, letters
/// in parts or as one.
fn as_typed(name: &str) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    words.join(" ").to_lowercase().nfc().collect()
}

/// Personal numbers were the first keys and stand by themselves; before the digits of the others
/// stands what they are.
fn digest_of_key(key: &hmac::Key, subject: SubjectKey) -> [u8; 16] {
    let (kind, value) = (subject.kind(), subject.to_string());
    match subject {
        SubjectKey::PersonalId(_) => digest(key, &[value.as_bytes()]),
        SubjectKey::OldIdNumber(_) | SubjectKey::InsuranceNumber(_) => {
            digest(key, &[kind.name().as_bytes(), value.as_bytes()])
        }
    }
}

fn digest<const N: usize>(key: &hmac::Key, parts: &[&[u8]]) -> [u8; N] {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(&(part.len() as u32).to_be_bytes());
        context.update(part);
    }
    let mut digest = [0; N];
    digest.copy_from_slice(&context.sign().as_ref()[..N]);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Random;
    use crate::request::{InsuranceNumber, OldIdNumber};

    impl Digests {
        /// A pseudonym on a node that is alone.
        fn alone(
            &self,
            at: Micros,
            asked: &SubjectKey,
            resolved: Option<PersonalId>,
        ) -> Result<Pseudonym, KeyError> {
            self.load(Quarter::of(at))?;
            Ok(self.pseudonym(at, asked, resolved).unwrap())
        }
    }

    #[test]
    fn a_person_is_the_same_within_a_quarter_and_nobody_beyond_it() {
        let folder = tempfile::tempdir().unwrap();
        let open =
            || Digests::open(KeyFolder::open(folder.path(), Random::system()).unwrap()).unwrap();
        let digests = open();
        let id = PersonalId::from_register("001090012345").unwrap();
        let key = SubjectKey::PersonalId(id);
        let at = |text| Micros::parse_rfc3339(text).unwrap();
        let october = digests.alone(at("2026-10-01T00:00:00+07:00"), &key, None).unwrap();
        let december = digests.alone(at("2026-12-31T23:59:59+07:00"), &key, Some(id)).unwrap();
        let january = digests.alone(at("2027-01-01T00:00:00+07:00"), &key, None).unwrap();
        assert_eq!(october, december);
        assert_ne!(december.digest, january.digest);
        let reopened = open().alone(at("2026-10-01T00:00:00+07:00"), &key, None).unwrap();
        assert_eq!(reopened, october);
    }

    #[test]
    fn a_clock_that_goes_back_makes_no_key_in_the_place_of_a_destroyed_one() {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeyFolder::open(folder.path(), Random::system()).unwrap();
        let key = SubjectKey::PersonalId(PersonalId::from_register("001090012345").unwrap());
        let at = |text| Micros::parse_rfc3339(text).unwrap();
        let (december, january) =
            (at("2026-12-31T23:59:59+07:00"), at("2027-01-01T00:00:00+07:00"));
        Digests::open(keys.clone()).unwrap().alone(december, &key, None).unwrap();
        keys.destroy("pseudonym-2026Q4").unwrap();
        let digests = Digests::open(keys).unwrap();
        digests.alone(january, &key, None).unwrap();
        let refused = digests.alone(december, &key, None).unwrap_err();
        assert!(matches!(refused, KeyError::Destroyed { .. }), "{refused}");
        let not_ready = digests.pseudonym(december, &key, None).unwrap_err();
        assert_eq!(not_ready.to_string(), "the key of the quarter 2026Q4 is not ready");
        digests.alone(january, &key, None).unwrap();
    }

    #[test]
    fn a_key_whose_destruction_was_cut_short_links_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeyFolder::open(folder.path(), Random::system()).unwrap();
        let digests = Digests::open(keys.clone()).unwrap();
        let key = SubjectKey::PersonalId(PersonalId::from_register("001090012345").unwrap());
        for at in ["2026-12-31T23:59:59+07:00", "2027-01-01T00:00:00+07:00"] {
            digests.alone(Micros::parse_rfc3339(at).unwrap(), &key, None).unwrap();
        }
        assert_eq!(digests.linked(&[key]).unwrap().quarters.len(), 2);
        std::fs::write(folder.path().join("pseudonym-2026Q4.destroyed"), "").unwrap();
        assert!(keys.holds("pseudonym-2026Q4"));
        let linked = digests.linked(&[key]).unwrap();
        assert_eq!((linked.quarters.len(), linked.pseudonyms.len()), (1, 1));
        assert!(linked.pseudonyms.iter().all(|one| one.period == 2027 * 4));
        keys.destroy("pseudonym-2026Q4").unwrap();
        assert_eq!(digests.linked(&[key]).unwrap().quarters, linked.quarters);
    }

    #[test]
    fn all_keys_of_a_person_have_one_pseudonym_and_keys_of_nobody_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let folder = KeyFolder::open(folder.path(), Random::seeded(1)).unwrap();
        let digests = Digests::open(folder).unwrap();
        let id = PersonalId::from_register("000123456789").unwrap();
        // The same number in everything but its kind.
        let keys = [
            SubjectKey::PersonalId(id),
            SubjectKey::OldIdNumber(OldIdNumber::parse("123456789").unwrap()),
            SubjectKey::InsuranceNumber(InsuranceNumber::parse("0123456789").unwrap()),
        ];
        let of = |key, resolved| digests.alone(Micros(0), &key, resolved).unwrap().digest;
        let unresolved = keys.map(|key| of(key, None));
        let different: std::collections::HashSet<_> = unresolved.iter().collect();
        assert_eq!(different.len(), keys.len());
        for key in keys {
            assert_eq!(of(key, Some(id)), unresolved[0]);
        }
    }

    #[test]
    fn what_stands_before_a_number_keeps_it_apart_from_every_other() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]);
        let id = SubjectKey::PersonalId(PersonalId::from_register("001090012345").unwrap());
        let old = SubjectKey::OldIdNumber(OldIdNumber::parse("001090012").unwrap());
        assert_eq!(digest_of_key(&key, id), digest::<16>(&key, &[b"001090012345"]));
        assert_ne!(digest_of_key(&key, old), digest::<16>(&key, &[b"001090012"]));
    }
}
