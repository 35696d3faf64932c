//! The keys that nodes on one database must share, compared with those that the database knows.
//!
//! Digests of a person, a reference or a guess are the same on all nodes only under the same keys,
//! and nothing in an entry tells under which key it was made. So the database knows each key by a
//! fingerprint from its first use on. The keys of logs are not among them: each node has its own,
//! and a log's checkpoint says whether it is the right one.

use std::path::PathBuf;

use aws_lc_rs::digest::{Context, SHA256};

use super::quarter::Quarter;
use crate::clock::Micros;
use crate::hex::hex;
use crate::store::{KEY_BYTES, KeyError, KeyFolder, Store, StoreError};

/// Shared keys that are not of a quarter.
const ALWAYS: [&str; 2] = ["references", "guesses"];
/// Stands before what is hashed, so that no other digest of a key is a fingerprint.
const DOMAIN: &[u8] = b"population verification gateway: fingerprint of key ";
/// Bytes of a fingerprint: nobody has to be kept from finding a second key with the same.
const FINGERPRINT_BYTES: usize = 16;

/// Why the keys at hand must not be used on the database.
#[derive(Debug, thiserror::Error)]
pub enum KnownKeyError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key cannot be read or made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key is another one than that which the database knows.
    #[error(
        "the key {name} in {} is not the one that this database was written with: another key \
         folder was put here, or the configuration names another database; put a copy of the right \
         key in its place", folder.display()
    )]
    Differs {
        /// Name of the key.
        name: String,
        /// The key folder.
        folder: PathBuf,
    },
    /// A key that would be made now was used on the database before.
    #[error(
        "the key {name} is not in {}, but this database was written with one: nodes that share a \
         database share their keys; put a copy of it there, or, if it is lost for good, say so \
         with: gateway --config FILE key accept-loss {name} --yes", folder.display()
    )]
    Missing {
        /// Name of the key.
        name: String,
        /// The key folder.
        folder: PathBuf,
    },
}

/// Compares the keys in the folder with those that the database knows; how many it knows that are
/// here. Writes nothing. A key that was destroyed, here or on another node, is not missed.
///
/// # Errors
/// [`KnownKeyError`] if a key differs, or if one is not here that would be made at `now`.
pub async fn check_known_keys(
    store: &Store,
    keys: &KeyFolder,
    now: Micros,
) -> Result<usize, KnownKeyError> {
    let mut checked = 0;
    let files = keys.list()?;
    for known in store.key_fingerprints().await? {
        let (name, folder) = (known.name, keys.folder().to_owned());
        match files.iter().find(|file| file.name == name) {
            Some(file) if file.is_destroyed => {}
            Some(_) if fingerprint(&name, &keys.load(&name)?) == known.fingerprint => checked += 1,
            Some(_) => return Err(KnownKeyError::Differs { name, folder }),
            None if is_needed(&name, now) => return Err(KnownKeyError::Missing { name, folder }),
            None => {}
        }
    }
    Ok(checked)
}

/// The fingerprint by which the database knows a key that is not in the folder: it is another one
/// there, or none. None where nothing is lost: the key is there, was destroyed on purpose, or was
/// never used.
///
/// # Errors
/// [`KnownKeyError`] if store or folder cannot be read.
pub async fn find_lost_key(
    store: &Store,
    keys: &KeyFolder,
    name: &str,
) -> Result<Option<String>, KnownKeyError> {
    let Some(known) = store.key_fingerprint(name).await? else { return Ok(None) };
    let is_right = match keys.list()?.iter().find(|file| file.name == name) {
        Some(file) => file.is_destroyed || fingerprint(name, &keys.load(name)?) == known,
        None => false,
    };
    Ok((!is_right).then_some(known))
}

/// Whether a key is made at `now` where it is not there.
fn is_needed(name: &str, now: Micros) -> bool {
    ALWAYS.contains(&name) || name == Quarter::of(now).key_name()
}

/// Makes all shared keys in the folder known to the database.
///
/// # Errors
/// [`KnownKeyError`] if another node was first, with another key.
pub async fn make_keys_known(store: &Store, keys: &KeyFolder) -> Result<(), KnownKeyError> {
    for file in keys.list()? {
        let is_shared = ALWAYS.contains(&&*file.name) || Quarter::of_key_name(&file.name).is_some();
        if is_shared && file.is_there && !file.is_destroyed {
            make_known(store, keys, &file.name).await?;
        }
    }
    Ok(())
}

/// Makes sure that there is a key which is the one that the database knows. If we die between
/// making it and making it known, the next start makes it known.
///
/// # Errors
/// [`KnownKeyError`] if there is none and another node has one, or if it is another one.
pub(super) async fn ensure_known(
    store: &Store,
    keys: &KeyFolder,
    name: &str,
) -> Result<(), KnownKeyError> {
    if !keys.holds(name) && store.key_fingerprint(name).await?.is_some() {
        // Another node with the same folder may have made it meanwhile; or it was destroyed.
        let missing = || KnownKeyError::Missing { name: name.into(), folder: keys.folder().into() };
        return match keys.load(name) {
            Ok(_) => make_known(store, keys, name).await,
            Err(KeyError::File { .. }) => Err(missing()),
            Err(error) => Err(error.into()),
        };
    }
    keys.load_or_create(name)?;
    make_known(store, keys, name).await
}

async fn make_known(store: &Store, keys: &KeyFolder, name: &str) -> Result<(), KnownKeyError> {
    let ours = fingerprint(name, &keys.load(name)?);
    if store.know_key(name, &ours).await? == ours {
        return Ok(());
    }
    Err(KnownKeyError::Differs { name: name.into(), folder: keys.folder().into() })
}

/// What tells a key from others and nothing about it: keys are 32 random bytes, so that nobody can
/// find one by trying.
fn fingerprint(name: &str, key: &[u8; KEY_BYTES]) -> String {
    let mut context = Context::new(&SHA256);
    for part in [DOMAIN, name.as_bytes(), b"\0", key] {
        context.update(part);
    }
    let digest = context.finish();
    hex(&digest.as_ref()[..FINGERPRINT_BYTES])
}
