//! The wrong credentials: so many requests that none is sent twice.

use super::Setting;
use crate::chance::Chance;
use crate::cli::Naming;
use crate::credential::{Signer, by_assertion, by_secret, nobody_like, wrong_secret};
use crate::material::Ring;
use crate::private::Prepared;
use crate::{failure::Failure, material::Client};

/// Clients that get a key, for assertions that name somebody who could have signed.
const KEYED: usize = 8;

/// Name of the registered keys, and of the one that pretends to be them.
const KID: &str = "flooded";

/// Everybody who is named.
pub(super) struct Named {
    with_secret: Vec<String>,
    with_key: Vec<String>,
    chance: Chance,
}

impl Named {
    /// Chooses among the clients of a gateway that does not run yet; some get a key.
    pub(super) fn prepare(
        prepared: &Prepared,
        clients: &[Client],
        needs_keys: bool,
    ) -> Result<Self, Failure> {
        let mut chance = Chance::of(1, 1);
        let with_secret: Vec<String> = clients.iter().map(|client| client.id.clone()).collect();
        let with_key: Vec<String> = with_secret.iter().rev().take(KEYED).cloned().collect();
        if needs_keys {
            for client in &with_key {
                prepared.add_key(client, &Signer::new(KID, &mut chance)?.jwk())?;
            }
        }
        Ok(Self { with_secret, with_key, chance })
    }

    /// `count` requests with wrong secrets.
    pub(super) fn secrets(&mut self, setting: &Setting<'_>, count: u64) -> Ring {
        Ring::of_refused((0..count).map(|index| {
            let known = &self.with_secret[self.chance.below(self.with_secret.len())];
            let client = named(setting.naming, index, known, &mut self.chance);
            by_secret(setting.endpoint, &client, &wrong_secret(&mut self.chance))
        }))
    }

    /// `count` requests with assertions that are right but for their signature.
    pub(super) fn assertions(&mut self, setting: &Setting<'_>, count: u64) -> anyhow::Result<Ring> {
        let signer = Signer::new(KID, &mut self.chance)?;
        let requests: anyhow::Result<Vec<Vec<u8>>> = (0..count)
            .map(|index| {
                let known = &self.with_key[self.chance.below(self.with_key.len())];
                let client = named(setting.naming, index, known, &mut self.chance);
                let assertion = signer.assertion(setting.endpoint, &client, &mut self.chance)?;
                Ok(by_assertion(setting.endpoint, &assertion))
            })
            .collect();
        Ok(Ring::of_refused(requests?))
    }
}

fn named(naming: Naming, index: u64, known: &str, chance: &mut Chance) -> String {
    let is_known = match naming {
        Naming::Existing => true,
        Naming::Unknown => false,
        Naming::Both => index.is_multiple_of(2),
    };
    if is_known { known.to_owned() } else { nobody_like(known, chance) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_them_name_somebody_unless_told_otherwise() {
        let mut chance = Chance::of(0, 1);
        let mut known = |naming| {
            (0..10)
                .filter(|index| named(naming, *index, "viettel", &mut chance) == "viettel")
                .count()
        };
        assert_eq!([Naming::Existing, Naming::Unknown, Naming::Both].map(&mut known), [10, 0, 5]);
    }
}
