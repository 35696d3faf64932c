//! The ways to be refused whose times are compared.

use crate::chance::Chance;
use crate::credential::{Signer, by_assertion, by_secret, nobody_like, wrong_secret};
use crate::failure::Failure;
use crate::material::{self, Client};
use crate::private::Prepared;
use crate::wire::Endpoint;

/// Name of the registered key, and of the one that pretends to be it.
const KID: &str = "measured";

/// A way to be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A client that nobody knows, with a secret.
    UnknownClient,
    /// A client with a wrong secret.
    WrongSecret,
    /// A client that has no secret, with one.
    NoSecret,
    /// A suspended client with a wrong secret.
    Suspended,
    /// A closed client with a wrong secret.
    Closed,
    /// A client that nobody knows, with an assertion.
    UnknownSigner,
    /// A client with an assertion that another key has signed.
    WrongSignature,
}

impl Kind {
    /// All of them.
    pub(super) const ALL: [Self; 7] = [
        Self::UnknownClient,
        Self::WrongSecret,
        Self::NoSecret,
        Self::Suspended,
        Self::Closed,
        Self::UnknownSigner,
        Self::WrongSignature,
    ];

    /// What a person reads.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::UnknownClient => "unknown client",
            Self::WrongSecret => "wrong secret",
            Self::NoSecret => "client without a secret",
            Self::Suspended => "suspended, wrong secret",
            Self::Closed => "closed, wrong secret",
            Self::UnknownSigner => "unknown client's assertion",
            Self::WrongSignature => "wrong signature",
        }
    }
}

/// Clients in the states that are compared, and the keys.
pub(super) struct Cast {
    ordinary: Vec<String>,
    bare: String,
    suspended: String,
    closed: String,
    keyed: String,
    registered: Signer,
    other: Signer,
}

impl Cast {
    /// Brings facilities of a gateway that does not run yet into these states.
    pub(super) fn prepare(prepared: &Prepared, chance: &mut Chance) -> Result<Self, Failure> {
        let is_facility = |client: &Client| client.kind == material::Kind::HealthFacility;
        let facilities = prepared.clients()?.into_iter().filter(is_facility);
        let mut ordinary: Vec<String> = facilities.map(|client| client.id).collect();
        let mut take = || {
            let few = || Failure::Usage("the sandbox has too few facilities".to_owned());
            ordinary.pop().ok_or_else(few)
        };
        let [bare, suspended, closed, keyed] = [take()?, take()?, take()?, take()?];
        prepared.command(&["client", "rotate", &bare, "--retire", "1", "--force"])?;
        for (client, state) in [(&suspended, "suspended"), (&closed, "closed")] {
            prepared.command(&["client", "state", client, state, "--reason", "measured"])?;
        }
        let [registered, other] = [Signer::new(KID, chance)?, Signer::new(KID, chance)?];
        prepared.add_key(&keyed, &registered.jwk())?;
        Ok(Self { ordinary, bare, suspended, closed, keyed, registered, other })
    }

    /// A request that is refused in this way. Identifiers are drawn alike for those who exist and
    /// those who do not, so that neither lengths nor repetition tell them apart.
    pub(super) fn request(
        &self,
        kind: Kind,
        endpoint: &Endpoint,
        chance: &mut Chance,
    ) -> anyhow::Result<Vec<u8>> {
        let drawn = &self.ordinary[chance.below(self.ordinary.len())];
        let nobody = |known: &str, chance: &mut Chance| nobody_like(known, chance);
        let client = match kind {
            Kind::UnknownClient => nobody(drawn, chance),
            Kind::WrongSecret => drawn.clone(),
            Kind::NoSecret => self.bare.clone(),
            Kind::Suspended => self.suspended.clone(),
            Kind::Closed => self.closed.clone(),
            Kind::UnknownSigner => nobody(&self.keyed, chance),
            Kind::WrongSignature => self.keyed.clone(),
        };
        let signer = match kind {
            Kind::UnknownSigner => &self.registered,
            Kind::WrongSignature => &self.other,
            Kind::UnknownClient
            | Kind::WrongSecret
            | Kind::NoSecret
            | Kind::Suspended
            | Kind::Closed => return Ok(by_secret(endpoint, &client, &wrong_secret(chance))),
        };
        Ok(by_assertion(endpoint, &signer.assertion(endpoint, &client, chance)?))
    }

    /// A request with the right assertion of the client whose wrong ones are measured.
    pub(super) fn good_request(
        &self,
        endpoint: &Endpoint,
        chance: &mut Chance,
    ) -> anyhow::Result<Vec<u8>> {
        Ok(by_assertion(endpoint, &self.registered.assertion(endpoint, &self.keyed, chance)?))
    }
}
