//! The client that the load is sent as.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::failure::Failure;

/// A connected system, as `clients.json` lists it; fields that are not needed here are skipped.
#[derive(Clone, Deserialize)]
pub(crate) struct Client {
    /// Its identifier.
    #[serde(rename = "client_id")]
    pub(crate) id: String,
    /// Its secret. Not `Debug`, so that it cannot be printed by accident.
    #[serde(rename = "client_secret")]
    pub(crate) secret: String,
    /// What kind of organisation it belongs to.
    pub(crate) kind: Kind,
    /// What it may do.
    #[serde(default)]
    pub(crate) operations: Vec<String>,
    /// Why it may ask.
    #[serde(default)]
    pub(crate) purposes: Vec<String>,
    /// Requests a second that it may send.
    #[serde(default)]
    pub(crate) rate: Option<f64>,
}

/// The kinds whose default policy this tool knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A telephone carrier.
    Carrier,
    /// A hospital or clinic.
    HealthFacility,
    /// A ministry.
    Ministry,
    /// A province or city.
    Locality,
    /// Any other: only claims whose truth no policy can change are sent for it.
    #[serde(other)]
    Other,
}

/// Reads the file of clients.
pub(crate) fn load_clients(path: &Path) -> Result<Vec<Client>, Failure> {
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::Usage(format!("{}: not a list of clients: {error}", path.display()))
    })
}

/// The client that is named, or else the one with the highest rate that may verify.
pub(crate) fn pick(clients: Vec<Client>, wanted: Option<&str>) -> Result<Client, Failure> {
    let mut able: Vec<Client> = clients
        .into_iter()
        .filter(|client| wanted.is_none_or(|id| client.id == id))
        .filter(|client| client.operations.iter().any(|operation| operation == "verify"))
        .filter(|client| !client.purposes.is_empty())
        .collect();
    able.sort_by(|a, b| rate(a).total_cmp(&rate(b)));
    able.pop().ok_or_else(|| {
        let who = wanted.unwrap_or("no client");
        Failure::Usage(format!("{who}: not a listed client with operation `verify` and a purpose"))
    })
}

fn rate(client: &Client) -> f64 {
    client.rate.unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"[
      {"client_id": "slow", "client_secret": "s", "name": "n", "agency_code": "G09", "kind": "carrier",
       "connected_at": "2022-06-15", "successor_agency_code": null, "operations": ["verify"], "purposes": ["telecom.subscriber"], "rate": 50, "burst": 100},
      {"client_id": "fast", "client_secret": "s", "name": "n", "agency_code": "G14", "kind": "ministry",
       "operations": ["verify", "lookup"], "purposes": ["a", "b"], "rate": 100000, "burst": 100000},
      {"client_id": "auditor", "client_secret": "s", "name": "n", "agency_code": null,
       "kind": "auditor", "operations": ["audit"], "purposes": [], "rate": 900000, "burst": 1}]"#;

    #[test]
    fn the_fastest_client_that_may_verify_is_picked() {
        let picked = pick(serde_json::from_str(LIST).unwrap(), None).unwrap();
        assert_eq!((picked.id.as_str(), picked.kind), ("fast", Kind::Ministry));
    }

    #[test]
    fn a_named_client_is_taken_only_if_it_may_verify() {
        let clients: Vec<Client> = serde_json::from_str(LIST).unwrap();
        let named = pick(clients.clone(), Some("slow")).unwrap();
        assert_eq!((named.id.as_str(), named.kind), ("slow", Kind::Carrier));
        for name in ["auditor", "nobody"] {
            assert_eq!(pick(clients.clone(), Some(name)).err().unwrap().exit_code(), 2, "{name}");
        }
    }
}
