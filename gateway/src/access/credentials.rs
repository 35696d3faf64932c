//! Credentials of clients: two secrets at a time, so that one can be replaced while the other is in
//! use, and public keys.

use super::Administrator;
use crate::auth::{PublicKey, generate_secret, hash_secret};
use crate::clock::Random;
use crate::store::{
    ClientKeyRow, CredentialPut, CredentialTaken, SecretSlotRow, Store, StoreError,
    older_is_in_use_alone, slot_for_new,
};

/// Public keys a client may have: two in use on each of a few systems.
pub const KEYS_MAX: usize = 8;
/// Shortest secret that is taken from a file: 22 of 64 letters are 128 bits.
const SECRET_CHARS_MIN: usize = 22;
const SECRET_CHARS_MAX: usize = 128;

/// Why a credential stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// Nobody has this identifier.
    #[error("there is no such client")]
    UnknownClient,
    /// The client has no such secret or key.
    #[error("the client has no such credential")]
    Unknown,
    /// The client could not authenticate any more.
    #[error("it is the client's last credential, and the client is not closed")]
    Last,
    /// The client is closed for good.
    #[error("the client is closed for good")]
    Closed,
    /// The secret that would end may be the one in use.
    #[error(
        "the newer of the two secrets was never used, and the older one, which is in use then, would \
         end: use the newer one first, take it away, or force it"
    )]
    NewerUnused,
    /// Another client has this key.
    #[error("another client has this key: each has keys of its own")]
    OfAnother,
    /// The client has a key of this name.
    #[error("the client has a key with this kid")]
    Taken,
    /// The client has [`KEYS_MAX`] keys.
    #[error("the client has {KEYS_MAX} keys, and no more are kept: remove one")]
    TooMany,
    /// The secret is too short, too long or of other letters.
    #[error("a secret is {SECRET_CHARS_MIN} to {SECRET_CHARS_MAX} of A-Z a-z 0-9 _ -")]
    Form,
    /// Hashing does not work.
    #[error("the secret cannot be hashed: {0}")]
    Hashing(String),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A secret whose `Debug` shows nothing.
pub struct NewSecret(String);

impl NewSecret {
    /// Makes one.
    pub fn generate(random: &Random) -> Self {
        Self(generate_secret(random))
    }

    /// Takes one that was made elsewhere.
    ///
    /// # Errors
    /// [`CredentialError::Form`].
    pub fn parse(text: &str) -> Result<Self, CredentialError> {
        let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        let fits = (SECRET_CHARS_MIN..=SECRET_CHARS_MAX).contains(&text.len());
        if !fits || !text.bytes().all(is_allowed) {
            return Err(CredentialError::Form);
        }
        Ok(Self(text.to_owned()))
    }

    /// The secret, to be handed over once.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewSecret(..)")
    }
}

/// What a rotation would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The slot that the new secret goes into.
    pub slot: i64,
    /// The secret that is there now and ends with it.
    pub replaces: Option<SecretSlotRow>,
}

/// The secrets of a client.
///
/// # Errors
/// If nobody has this identifier.
pub async fn secrets(
    store: &Store,
    client_id: &str,
) -> Result<Vec<SecretSlotRow>, CredentialError> {
    store.secret_slots(client_id).await?.ok_or(CredentialError::UnknownClient)
}

/// What [`rotate_secret`] would do now.
///
/// # Errors
/// As [`rotate_secret`].
pub async fn plan_rotation(
    store: &Store,
    client_id: &str,
    force: bool,
) -> Result<Rotation, CredentialError> {
    let slots = secrets(store, client_id).await?;
    check_open(store, client_id).await?;
    if older_is_in_use_alone(&slots) && !force {
        return Err(CredentialError::NewerUnused);
    }
    let slot = slot_for_new(&slots);
    Ok(Rotation { slot, replaces: slots.into_iter().find(|row| row.slot == slot) })
}

/// Puts a new secret into the free slot, or over the older secret; returns the slot. The other
/// secret stays good until it is retired.
///
/// Whoever repeats a rotation whose answer was lost would end the secret in use, and the client had
/// none that it knows. So it is refused while the newer of two was never used, unless `force`.
///
/// # Errors
/// If nobody has this identifier, the client is closed, or the newer secret was never used.
pub async fn rotate_secret(
    store: &Store,
    by: &Administrator,
    client_id: &str,
    secret: &NewSecret,
    force: bool,
) -> Result<i64, CredentialError> {
    let text = secret.expose().to_owned();
    let hash = tokio::task::spawn_blocking(move || hash_secret(&text).map_err(|e| e.to_string()))
        .await
        .unwrap_or_else(|_| Err("the hashing stopped".into()))
        .map_err(CredentialError::Hashing)?;
    let act = by.act("secret-added", client_id, None);
    match store.rotate_secret(client_id, &hash, force, &act).await? {
        CredentialPut::Done { slot } => Ok(slot),
        refused => Err(refusal_of_put(refused)),
    }
}

/// Takes a secret away. The last credential of a client that is not closed stays, unless `force`.
///
/// # Errors
/// If nobody has it, or it is the last.
pub async fn retire_secret(
    store: &Store,
    by: &Administrator,
    client_id: &str,
    slot: i64,
    force: bool,
) -> Result<(), CredentialError> {
    let act = by.act("secret-retired", client_id, Some(format!("slot {slot}")));
    taken(store.retire_secret(client_id, slot, force, &act).await?)
}

/// The public keys of a client.
///
/// # Errors
/// If nobody has this identifier.
pub async fn keys(store: &Store, client_id: &str) -> Result<Vec<ClientKeyRow>, CredentialError> {
    store.keys_of_client(client_id).await?.ok_or(CredentialError::UnknownClient)
}

/// What [`add_key`] would refuse now, without adding anything.
///
/// # Errors
/// As [`add_key`].
pub async fn check_key(
    store: &Store,
    client_id: &str,
    key: &PublicKey,
) -> Result<(), CredentialError> {
    let there = keys(store, client_id).await?;
    check_open(store, client_id).await?;
    if store.is_key_of_another(client_id, &key.own_member()).await? {
        return Err(CredentialError::OfAnother);
    }
    if there.iter().any(|row| row.kid == key.kid()) {
        return Err(CredentialError::Taken);
    }
    if there.len() >= KEYS_MAX {
        return Err(CredentialError::TooMany);
    }
    Ok(())
}

/// Adds a public key, with which the client signs assertions from now on.
///
/// # Errors
/// If nobody has this identifier, the client is closed, has a key of this name or too many, or
/// another one has the key.
pub async fn add_key(
    store: &Store,
    by: &Administrator,
    client_id: &str,
    key: &PublicKey,
) -> Result<(), CredentialError> {
    let row = ClientKeyRow {
        client_id: client_id.to_owned(),
        kid: key.kid().to_owned(),
        jwk: key.to_jwk(),
        created_us: by.at.0,
        last_used_us: None,
    };
    let (algorithm, kid) = (key.algorithm().name(), key.kid());
    let detail = format!("{algorithm} {kid}, thumbprint {}", key.thumbprint());
    let act = by.act("key-added", client_id, Some(detail));
    match store.add_client_key(&row, &key.own_member(), KEYS_MAX as i64, &act).await? {
        CredentialPut::Done { .. } => Ok(()),
        refused => Err(refusal_of_put(refused)),
    }
}

/// Takes a public key away. The last credential of a client that is not closed stays, unless
/// `force`.
///
/// # Errors
/// If nobody has it, or it is the last.
pub async fn remove_key(
    store: &Store,
    by: &Administrator,
    client_id: &str,
    kid: &str,
    force: bool,
) -> Result<(), CredentialError> {
    let act = by.act("key-removed", client_id, Some(kid.to_owned()));
    taken(store.remove_client_key(client_id, kid, force, &act).await?)
}

/// What taking one credential away would leave: refuses where it is not there or the last.
///
/// # Errors
/// As [`retire_secret`] and [`remove_key`]; of a closed client nothing is the last.
pub async fn check_removal(
    store: &Store,
    client_id: &str,
    is_it: impl Fn(Option<i64>, Option<&str>) -> bool,
    force: bool,
) -> Result<(), CredentialError> {
    let (secrets, keys) = (secrets(store, client_id).await?, keys(store, client_id).await?);
    let is_there = secrets.iter().any(|row| is_it(Some(row.slot), None))
        || keys.iter().any(|row| is_it(None, Some(&row.kid)));
    if !is_there {
        return Err(CredentialError::Unknown);
    }
    let is_closed = store.client(client_id).await?.is_some_and(|row| row.state == "closed");
    if secrets.len() + keys.len() == 1 && !force && !is_closed {
        return Err(CredentialError::Last);
    }
    Ok(())
}

/// Nothing is added to a client that is closed for good.
async fn check_open(store: &Store, client_id: &str) -> Result<(), CredentialError> {
    if store.client(client_id).await?.is_some_and(|row| row.state == "closed") {
        return Err(CredentialError::Closed);
    }
    Ok(())
}

fn refusal_of_put(put: CredentialPut) -> CredentialError {
    match put {
        CredentialPut::Closed => CredentialError::Closed,
        CredentialPut::NewerUnused => CredentialError::NewerUnused,
        CredentialPut::OfAnother => CredentialError::OfAnother,
        CredentialPut::Taken => CredentialError::Taken,
        CredentialPut::TooMany => CredentialError::TooMany,
        CredentialPut::UnknownClient | CredentialPut::Done { .. } => CredentialError::UnknownClient,
    }
}

fn taken(taken: CredentialTaken) -> Result<(), CredentialError> {
    match taken {
        CredentialTaken::Done => Ok(()),
        CredentialTaken::UnknownClient => Err(CredentialError::UnknownClient),
        CredentialTaken::Unknown => Err(CredentialError::Unknown),
        CredentialTaken::Last => Err(CredentialError::Last),
    }
}
