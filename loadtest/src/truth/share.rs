//! Who sends how many records: every client in proportion to its rate.

use mock_population_db::records::Holder;

use crate::failure::Failure;
use crate::material::{Client, Kind};

/// A rate above this counts as this: the sandbox gives its platform a rate without meaning.
const RATE_MAX: f64 = 2_000.0;

/// The part of one client.
#[derive(Clone, Copy)]
pub(super) struct Share<'a> {
    pub client: &'a Client,
    /// Whose kind of records it holds.
    pub holder: Holder,
    /// Number of its first record among those of the holder.
    pub first: u64,
    pub count: u64,
}

/// Divides `records` among the clients that may verify, of one kind of holder or of all. Clients of
/// one kind take consecutive records, so that together they have the shares of the profile.
pub(super) fn divide(
    clients: &[Client],
    records: u64,
    only: Option<Holder>,
) -> Result<Vec<Share<'_>>, Failure> {
    let able: Vec<(&Client, Holder)> = clients
        .iter()
        .filter(|client| client.operations.iter().any(|operation| operation == "verify"))
        .filter(|client| !client.purposes.is_empty())
        .map(|client| (client, holder(client.kind)))
        .filter(|(_, holder)| only.is_none_or(|only| only == *holder))
        .collect();
    let rate = |client: &Client| client.rate.unwrap_or(0.0).clamp(1.0, RATE_MAX);
    let total: f64 = able.iter().map(|(client, _)| rate(client)).sum();
    if able.is_empty() {
        return Err(Failure::Usage("no listed client of this kind may verify".to_owned()));
    }
    let mut next = [0; Holder::ALL.len()];
    let (mut rates, mut given) = (0.0, 0);
    let mut shares = Vec::with_capacity(able.len());
    for (client, holder) in able {
        rates += rate(client);
        // Up to here in proportion, so that the parts add up to the whole.
        let until = (records as f64 * rates / total).round() as u64;
        let count = until.min(records) - given;
        given += count;
        if count > 0 {
            let next = &mut next[holder as usize];
            shares.push(Share { client, holder, first: *next, count });
            *next += count;
        }
    }
    Ok(shares)
}

fn holder(kind: Kind) -> Holder {
    match kind {
        Kind::Carrier => Holder::Carrier,
        Kind::HealthFacility => Holder::Hospital,
        Kind::Locality => Holder::Locality,
        // Enterprises and platforms keep registers as ministries do.
        Kind::Ministry | Kind::Other => Holder::Ministry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"[
      {"client_id": "a", "client_secret": "s", "kind": "carrier", "operations": ["verify"],
       "purposes": ["p"], "rate": 2000},
      {"client_id": "b", "client_secret": "s", "kind": "carrier", "operations": ["verify"],
       "purposes": ["p"], "rate": 1000},
      {"client_id": "c", "client_secret": "s", "kind": "platform", "operations": ["verify"],
       "purposes": ["p"], "rate": 1000000},
      {"client_id": "d", "client_secret": "s", "kind": "auditor", "operations": ["audit"],
       "purposes": ["p"], "rate": 9}]"#;

    #[test]
    fn records_are_divided_by_rate_and_all_are_given() {
        let clients: Vec<Client> = serde_json::from_str(LIST).unwrap();
        let shares = divide(&clients, 1_001, None).unwrap();
        let parts: Vec<_> =
            shares.iter().map(|it| (it.client.id.as_str(), it.first, it.count)).collect();
        assert_eq!(parts, [("a", 0, 400), ("b", 400, 201), ("c", 0, 400)]);
        let carriers = divide(&clients, 10, Some(Holder::Carrier)).unwrap();
        assert_eq!(carriers.iter().map(|it| it.count).sum::<u64>(), 10);
        assert_eq!(carriers.len(), 2);
        assert_eq!(divide(&clients, 1, None).unwrap().len(), 1);
        assert!(divide(&clients, 10, Some(Holder::Hospital)).is_err());
    }
}
