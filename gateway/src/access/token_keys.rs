//! The keys that sign access tokens: `next` is published and signs nothing, `active` signs,
//! `retiring` verifies until what it has signed has expired.
//!
//! The seeds lie in the key folder, which the nodes share; which is which, in the database. No
//! request fails by a rotation, because every node knows the next key before it signs: a node that
//! has heard of the rotation may sign with it while another has not.

use std::collections::HashSet;
use std::io;

use super::Administrator;
use crate::auth::{Retiring, SigningKey, SigningState, TokenError};
use crate::clock::{Micros, Random};
use crate::store::{KEY_BYTES, KeyError, KeyFolder, Store, StoreError, TokenKeyRow, TokenKeyStep};

/// Caches may hold the published keys this long.
pub const JWKS_SECONDS: i64 = 300;
/// A next key signs when it is at least this old: a cache that was filled just before it was made
/// is empty, and so is one behind it. Nodes know it within five seconds.
pub const NEXT_AGE_MIN_SECONDS: i64 = 2 * JWKS_SECONDS;
/// A retiring key verifies this long: the longest life of a token that can be configured, and a
/// minute for clocks and for nodes that hear of the rotation later.
const RETIRING_SECONDS: i64 = 3_600 + 60;
/// A retiring key may have signed for this long after its rotation: nodes hear of it within five
/// seconds, and their clocks differ by ten at most.
const SIGNS_ON_SECONDS: i64 = 5 + 10;

/// The key that signed before there were several.
const FIRST: &str = "token-signing";

/// Why the signing keys stay as they are.
#[derive(Debug, thiserror::Error)]
pub enum TokenKeyError {
    /// The next key may not be known to all yet.
    #[error(
        "the next key is too new: repeat in {wait_seconds} seconds, when caches of the published keys hold it"
    )]
    TooYoung {
        /// How long to wait.
        wait_seconds: i64,
    },
    /// Somebody else moved the keys on meanwhile.
    #[error("the keys were changed by somebody else meanwhile")]
    Changed,
    /// There is no key that signs, or none that comes next.
    #[error("there is no {0} key: start a gateway, which makes it")]
    None(&'static str),
    /// The file of the key that signs is not here; where the nodes have copies, this may be the wrong
    /// place.
    #[error(
        "the file of the key that signs, {kid}, is not here: is this the key folder? If it is lost, \
         force the rotation"
    )]
    ActiveLost {
        /// The key.
        kid: String,
    },
    /// The file of the next key is not here, which would have to sign now.
    #[error("the file of the next key, {kid}, is not here: rotate once to replace it, then again")]
    NextLost {
        /// The key.
        kid: String,
    },
    /// A key file is not there or cannot be read.
    #[error(transparent)]
    File(#[from] KeyError),
    /// A file holds no key.
    #[error(transparent)]
    Key(#[from] TokenError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a rotation does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRotation {
    /// The key that signs from now on; `None` where the file of the next key is lost, which is
    /// replaced then, and nothing else changes.
    pub activates: Option<String>,
    /// The key that signed until now, or the lost one.
    pub retires: String,
    /// The key that comes next; `None` if it was not made, because this was a trial.
    pub next: Option<String>,
}

/// Name of the file of a key.
pub fn file_name(kid: &str) -> String {
    format!("{FIRST}-{kid}")
}

/// The name of the file that holds the key of this identifier, if one does.
///
/// # Errors
/// If there is none, or it cannot be read.
pub fn file_of(keys: &KeyFolder, kid: &str) -> Result<(String, [u8; KEY_BYTES]), TokenKeyError> {
    let name = file_name(kid);
    if !keys.holds(&name) && keys.holds(FIRST) {
        let seed = keys.load(FIRST)?;
        if SigningKey::new(&seed, SigningState::Active, None)?.kid() == kid {
            return Ok((FIRST.to_owned(), seed));
        }
    }
    let seed = keys.load(&name)?;
    if SigningKey::new(&seed, SigningState::Active, None)?.kid() != kid {
        return Err(TokenError::Key.into());
    }
    Ok((name, seed))
}

/// Makes sure at start that there is a key that signs and one that comes next: the first that signs
/// is the one which was there before there were several.
///
/// If we die after making a file, it lies there without a row, and another is made.
///
/// # Errors
/// If files or rows cannot be made.
pub async fn prepare(
    store: &Store,
    keys: &KeyFolder,
    random: &Random,
    now: Micros,
) -> Result<(), TokenKeyError> {
    let rows = store.token_keys().await?;
    let is_there = |state: SigningState| rows.iter().any(|row| row.state == state.name());
    let row = |kid: &str, state: SigningState| TokenKeyRow {
        kid: kid.to_owned(),
        state: state.name().to_owned(),
        state_us: now.0,
    };
    if !is_there(SigningState::Active) {
        let seed = keys.load_or_create(FIRST)?;
        let key = SigningKey::new(&seed, SigningState::Active, None)?;
        // Another node may be first; then its key is the key.
        store.add_token_key(&row(key.kid(), SigningState::Active)).await?;
    }
    if !is_there(SigningState::Next) {
        let kid = make(keys, random)?;
        if !store.add_token_key(&row(&kid, SigningState::Next)).await? {
            keys.forget(&file_name(&kid))?;
        }
    }
    Ok(())
}

/// The keys that verify at `now`. One that does not sign and cannot be read is left out and told.
///
/// # Errors
/// If the key that signs cannot be read.
pub async fn load(
    store: &Store,
    keys: &KeyFolder,
    now: Micros,
) -> Result<Vec<SigningKey>, TokenKeyError> {
    let mut loaded = Vec::new();
    for row in store.token_keys().await? {
        let inconsistent =
            || StoreError::Inconsistent { table: "token_keys", row: row.kid.clone() };
        let state = SigningState::find(&row.state).ok_or_else(inconsistent)?;
        let retiring = match state {
            SigningState::Retired => continue,
            SigningState::Next | SigningState::Active => None,
            SigningState::Retiring => {
                let since = Micros(row.state_us);
                let signed_until = since.plus_seconds(SIGNS_ON_SECONDS);
                Some(Retiring { signed_until, until: since.plus_seconds(RETIRING_SECONDS) })
            }
        };
        if retiring.is_some_and(|retiring| retiring.until <= now) {
            continue;
        }
        match file_of(keys, &row.kid) {
            Ok((_, seed)) => loaded.push(SigningKey::new(&seed, state, retiring)?),
            Err(error) if state == SigningState::Active => return Err(error),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, kid = row.kid, "a key of tokens cannot be read");
            }
        }
    }
    Ok(loaded)
}

/// The keys that verify nothing any more.
///
/// # Errors
/// If the store does not answer.
pub async fn void(store: &Store) -> Result<HashSet<String>, StoreError> {
    let rows = store.token_keys().await?.into_iter();
    let void = rows.filter(|row| row.state == SigningState::Retired.name());
    Ok(void.map(|row| row.kid).collect())
}

/// The next key signs from now on, the one that signed verifies what it has signed, and a new next
/// key is made. With `dry_run` says what would be done.
///
/// If we die after making the new file, it lies there without a row, and nothing has changed.
///
/// # Errors
/// If the next key is too young, or the file of the key that signs is lost, unless it is forced; if a
/// file cannot be read.
pub async fn rotate(
    store: &Store,
    keys: &KeyFolder,
    random: &Random,
    by: &Administrator,
    mode: RotationMode,
) -> Result<KeyRotation, TokenKeyError> {
    let rows = store.token_keys().await?;
    let of = |state: SigningState| {
        let found = rows.iter().find(|row| row.state == state.name());
        found.ok_or(TokenKeyError::None(state.name()))
    };
    let (active, next) = (of(SigningState::Active)?, of(SigningState::Next)?);
    if !mode.is_forced() && !is_there(keys, &active.kid)? {
        return Err(TokenKeyError::ActiveLost { kid: active.kid.clone() });
    }
    let is_lost = !is_there(keys, &next.kid)?;
    let wait_seconds =
        Micros(next.state_us).plus_seconds(NEXT_AGE_MIN_SECONDS).seconds() - by.at.seconds();
    if wait_seconds > 0 && !mode.is_forced() && !is_lost {
        return Err(TokenKeyError::TooYoung { wait_seconds });
    }
    if is_lost && mode.compromised {
        // What would sign must be there: it is made first, and the rotation repeated.
        return Err(TokenKeyError::NextLost { kid: next.kid.clone() });
    }
    let mut rotation = KeyRotation {
        activates: (!is_lost).then(|| next.kid.clone()),
        retires: if is_lost { next.kid.clone() } else { active.kid.clone() },
        next: None,
    };
    if mode.dry_run {
        return Ok(rotation);
    }
    let kid = make(keys, random)?;
    let step = TokenKeyStep {
        active: (!is_lost).then(|| active.kid.clone()),
        next: next.kid.clone(),
        new_next: kid.clone(),
        at_once: mode.compromised,
    };
    let (name, detail) = match &rotation.activates {
        Some(signs) if mode.compromised => (
            "token-key-compromised",
            format!("{signs} signs, {} and all before it are void, {kid} is next", active.kid),
        ),
        Some(signs) => {
            ("token-key-rotated", format!("{signs} signs, {} retires, {kid} is next", active.kid))
        }
        None => ("token-key-replaced", format!("the file of {} is lost, {kid} is next", next.kid)),
    };
    let act = by.act(name, rotation.retires.as_str(), Some(detail));
    if !store.move_token_keys(&step, &act).await? {
        keys.forget(&file_name(&kid))?;
        return Err(TokenKeyError::Changed);
    }
    rotation.next = Some(kid);
    Ok(rotation)
}

/// Whether the file of a key is there. One that cannot be read, or holds another key, is not lost: a
/// wrong owner or a wrong folder must not cost a key.
fn is_there(keys: &KeyFolder, kid: &str) -> Result<bool, TokenKeyError> {
    match file_of(keys, kid) {
        Ok(_) => Ok(true),
        Err(TokenKeyError::File(KeyError::File { source, .. }))
            if source.kind() == io::ErrorKind::NotFound =>
        {
            Ok(false)
        }
        Err(TokenKeyError::File(KeyError::Destroyed { .. })) => Ok(false),
        Err(error) => Err(error),
    }
}

/// How a rotation is done.
#[derive(Debug, Clone, Copy, Default)]
pub struct RotationMode {
    /// Only say what would be done.
    pub dry_run: bool,
    /// Although the next key may not be known everywhere yet, or the file of the key that signs is
    /// lost.
    pub force: bool,
    /// The key that signs is in wrong hands: it verifies nothing any more, nor do those that retire.
    /// It does not wait for anything either.
    pub compromised: bool,
}

impl RotationMode {
    fn is_forced(self) -> bool {
        self.force || self.compromised
    }
}

/// Writes down which keys have retired by now.
///
/// # Errors
/// If the store does not answer.
pub async fn retire(store: &Store, now: Micros) -> Result<u64, StoreError> {
    store.retire_token_keys(now.plus_seconds(-RETIRING_SECONDS).0, now.0).await
}

/// Makes the file of a new key; returns its identifier.
fn make(keys: &KeyFolder, random: &Random) -> Result<String, TokenKeyError> {
    let seed = random.bytes::<KEY_BYTES>();
    let kid = SigningKey::new(&seed, SigningState::Next, None)?.kid().to_owned();
    keys.create(&file_name(&kid), &seed)?;
    Ok(kid)
}
