//! Who is calling: clients, their secrets, their tokens.
//!
//! What a caller may do is the policy's question and how often the limiter's.

mod agency;
mod assertions;
mod directory;
mod hashing;
mod jws;
mod officials;
mod public_key;
mod revoked;
mod secrets;
mod signing;
mod tokens;
mod uses;

use std::sync::Arc;

pub use agency::Agency;
pub use assertions::{Assertions, VerifiedAssertion};
pub use directory::{ASSESSMENT_LEVEL_MIN, Client, ClientKind, ClientState, Directory, Standing};
pub use hashing::Turn;
pub use officials::KnownOfficials;
pub use public_key::{AssertionAlgorithm, KEY_FILE_BYTES_MAX, PublicKey, PublicKeyError};
pub use revoked::RevokedTokens;
pub use secrets::{SecretCheck, Secrets, SecretsError, generate_secret, hash_secret};
pub use signing::{Retiring, SigningKey, SigningState};
pub use tokens::{IssuedToken, TokenError, Tokens, VerifiedToken};
pub use uses::CredentialUses;

use crate::request::{ClientId, Operation};

/// Somebody whose token was verified and who stands well now.
#[derive(Debug, Clone)]
pub struct Caller {
    client: Arc<Client>,
    scope: OperationSet,
    /// None of a job, which goes on when the token that opened it has expired.
    token: Option<Arc<VerifiedToken>>,
}

impl Caller {
    /// Admits a verified token: the client must still be there and stand well at this moment.
    ///
    /// # Errors
    /// [`CallerRefusal`] with the reason.
    pub fn admit(
        directory: &Directory,
        token: Arc<VerifiedToken>,
        now: crate::clock::Micros,
    ) -> Result<Self, CallerRefusal> {
        let client = standing_well(directory, token.client_id(), now)?;
        Ok(Self { client, scope: token.scope(), token: Some(token) })
    }

    /// Admits a client for the rows of a job that it has opened: it must still be there and stand well
    /// at this moment.
    ///
    /// # Errors
    /// [`CallerRefusal`] with the reason.
    pub fn of_job(
        directory: &Directory,
        client_id: &ClientId,
        now: crate::clock::Micros,
    ) -> Result<Self, CallerRefusal> {
        let client = standing_well(directory, client_id, now)?;
        Ok(Self { client, scope: [Operation::Verify].into_iter().collect(), token: None })
    }

    /// The client that calls.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Whether the token was issued for this operation.
    pub fn has_scope(&self, operation: Operation) -> bool {
        self.scope.contains(operation)
    }

    /// The token it called with; none of a job.
    pub fn token(&self) -> Option<&VerifiedToken> {
        self.token.as_deref()
    }
}

fn standing_well(
    directory: &Directory,
    client_id: &ClientId,
    now: crate::clock::Micros,
) -> Result<Arc<Client>, CallerRefusal> {
    let client = directory.client(client_id).ok_or(CallerRefusal::UnknownClient)?;
    match client.standing(now) {
        Standing::Good => Ok(client),
        standing => Err(CallerRefusal::Standing(standing)),
    }
}

/// Why a verified token does not make a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallerRefusal {
    /// The client was removed since.
    #[error("the client is not known any more")]
    UnknownClient,
    /// The client may not call now.
    #[error("the client may not call now: {0}")]
    Standing(Standing),
}

/// A set of operations: a token's scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OperationSet(u16);

impl OperationSet {
    /// Whether the set holds `operation`.
    pub fn contains(self, operation: Operation) -> bool {
        self.0 & (1 << operation as u8) != 0
    }

    /// The operations in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Operation> {
        Operation::ALL.into_iter().filter(move |&operation| self.contains(operation))
    }

    /// Reads a scope: names separated by single spaces (RFC 6749, section 3.3). `None` if a name
    /// is nobody's or comes twice.
    pub fn parse_scope(text: &str) -> Option<Self> {
        let mut set = Self::default();
        for name in text.split(' ') {
            let bit = 1 << Operation::find(name)? as u8;
            if set.0 & bit != 0 {
                return None;
            }
            set.0 |= bit;
        }
        Some(set)
    }

    /// The scope as text.
    pub fn to_scope(self) -> String {
        self.iter().map(Operation::name).collect::<Vec<_>>().join(" ")
    }

    /// What this set holds and the other does not.
    #[must_use]
    pub fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// What both sets hold.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether nothing is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Operation> for OperationSet {
    fn from_iter<I: IntoIterator<Item = Operation>>(operations: I) -> Self {
        Self(operations.into_iter().fold(0, |bits, operation| bits | 1 << operation as u8))
    }
}
