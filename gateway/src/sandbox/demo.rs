//! Demonstration traffic: records as their holders have them, sent as real requests through the
//! sandbox's own door, and what must come of them by the truth beside each.
//!
//! How often each clerical error occurs stands in the mock's profiles of holders and nowhere else;
//! they are tuned so that the founding documents' match rates come out.

use std::net::SocketAddr;

use mock_population_db::Nation;
use mock_population_db::records::spelling::without_marks;
use mock_population_db::records::{Holder, PolicyView, Record, Records};
use serde_json::{Value, json};

use super::clients::{CLIENTS, SandboxClient};
use crate::auth::ClientKind;
use crate::cli::CliError;
use crate::cli::client::{ApiClient, ApiError};
use crate::reports::{Figures, match_rate};

/// Connections that send at once: each waits for the log between its requests, so that with few the
/// demonstration is mostly waiting.
const CONNECTIONS: usize = 32;
/// A client with fewer requests sends them all over one connection: most have a handful, and a
/// connection costs a token.
const REQUESTS_PER_CONNECTION_MIN: usize = 50;

/// What was sent and what came.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Requests sent.
    pub sent: usize,
    /// Answers that were not the expected one.
    pub surprises: usize,
}

/// A request ready to send, and the outcome that its truth demands.
#[derive(Debug, Clone)]
struct Prepared {
    body: String,
    expected: &'static str,
}

/// Sends everything and compares every answer with the truth.
pub(super) async fn run(
    nation: &Nation,
    api: SocketAddr,
    secrets: &[String],
) -> Result<Tally, CliError> {
    let mut tally = Tally::default();
    let mut jobs = Vec::new();
    // Clients of one kind take consecutive records, so that together they have its shares.
    let mut records = Holder::ALL.map(|it| Records::new(nation, it, it.profile(), 0));
    for (client, secret) in CLIENTS.iter().zip(secrets) {
        let held = &mut records[holder(client.kind) as usize];
        let requests: Vec<Prepared> = held
            .take(client.demo_weight)
            .enumerate()
            .map(|(position, record)| prepare(client, &record, position))
            .collect();
        tally.sent += requests.len();
        let chunk = requests.len().div_ceil(CONNECTIONS).max(REQUESTS_PER_CONNECTION_MIN);
        jobs.extend(
            requests.chunks(chunk).map(|part| (client.client_id.as_str(), secret, part.to_vec())),
        );
    }
    for jobs in jobs.chunks(CONNECTIONS) {
        let mut running = tokio::task::JoinSet::new();
        for (client_id, secret, requests) in jobs {
            running.spawn(send(api, client_id, (*secret).clone(), requests.clone()));
        }
        while let Some(ended) = running.join_next().await {
            tally.surprises += ended
                .map_err(|error| CliError::Failed(error.to_string()))?
                .map_err(|error| CliError::Unavailable(format!("demonstration: {error}")))?;
        }
    }
    Ok(tally)
}

/// Sends requests one after the other; the number of answers that were not as expected.
async fn send(
    api: SocketAddr,
    client_id: &'static str,
    secret: String,
    requests: Vec<Prepared>,
) -> Result<usize, ApiError> {
    let mut client = ApiClient::connect(api, client_id, &secret).await?;
    let mut surprises = 0;
    for Prepared { body, expected } in requests {
        let (_, answer) = client.post_json("/v1/verifications", body).await?;
        let answer: Value = serde_json::from_slice(&answer).map_err(|_| ApiError::Answer)?;
        if answer["outcome"] != expected {
            surprises += 1;
        }
    }
    Ok(surprises)
}

/// Whose kind of records a client has. Enterprises and platforms keep registers as ministries do.
fn holder(kind: ClientKind) -> Holder {
    match kind {
        ClientKind::Carrier => Holder::Carrier,
        ClientKind::HealthFacility => Holder::Hospital,
        ClientKind::Locality => Holder::Locality,
        ClientKind::Ministry
        | ClientKind::StateEnterprise
        | ClientKind::Platform
        | ClientKind::Operator
        | ClientKind::Auditor => Holder::Ministry,
    }
}

fn prepare(client: &SandboxClient, record: &Record, position: usize) -> Prepared {
    let policy = client.policy;
    let names = |list: &'static [String]| list.iter().map(String::as_str).collect::<Vec<_>>();
    let answer = record.truth.answer(PolicyView {
        required: &names(&policy.required),
        accepted_reasons: &names(&policy.accepted_reasons),
        discloses_status: policy.discloses_status,
    });
    let purpose = &policy.purposes[position % policy.purposes.len()];
    let body = format!(
        r#"{{"subject":{},"purpose":"{purpose}","case_ref":"{}","attributes":{}}}"#,
        record.subject_json(),
        record.row_id,
        record.attributes_json()
    );
    Prepared { body, expected: if answer.is_matched { "matched" } else { "not_matched" } }
}

/// A match rate that the founding documents report.
struct FoundingFigure {
    what: &'static str,
    /// Millions received and matched.
    received: f64,
    matched: f64,
    source: &'static str,
}

/// Subscriber checks of the three carriers (report 51/BC-BTTTT).
const CARRIERS: FoundingFigure =
    FoundingFigure { what: "three carriers", received: 108.7, matched: 90.27, source: "May 2023" };

/// All lookups, verifications and syncs (one-year review of Project 06).
const ALL_OPERATIONS: FoundingFigure = FoundingFigure {
    what: "all operations",
    received: 819.0,
    matched: 572.0,
    source: "December 2022",
};

/// The demonstration's match rates beside those of the founding documents.
pub(super) fn beside_founding_figures(carriers: &Figures, all: &Figures) -> String {
    let line = |figures: &Figures, founding: &FoundingFigure| {
        let FoundingFigure { what, received, matched, source } = founding;
        let rate = match_rate(figures.matched, figures.not_matched).unwrap_or_default() * 100.0;
        let founding = matched / received * 100.0;
        format!(
            "{what}: {rate:.2} % here, {founding:.2} % in the report of {source} \
             ({matched} of {received} million)"
        )
    };
    [line(carriers, &CARRIERS), line(all, &ALL_OPERATIONS)].join("\n")
}

/// A request worth trying by hand: a name without its marks and a birth date with day and month
/// swapped, so that the answer shows two reasons.
pub(super) fn request_to_try(nation: &Nation) -> Option<String> {
    // The body is pasted between single quotes; a name with a quote of its own has no plain form.
    nation.sample(1_000).find_map(|person| {
        let born = person.date_of_birth.day()?;
        let is_swappable = born.day() <= 12 && born.day() != born.month() && born.year() < 2000;
        let name = without_marks(&person.full_name).filter(|_| is_swappable)?;
        let body = json!({
            "subject": {"personal_id": person.personal_id.to_string()},
            "purpose": "telecom.subscriber",
            "attributes": {
                "full_name": name,
                "date_of_birth": format!("{:04}-{:02}-{:02}", born.year(), born.day(), born.month()),
                "sex": person.sex.name(),
            },
        });
        Some(body.to_string())
    })
}

#[cfg(test)]
mod tests {
    use mock_population_db::DEFAULT_SEED;

    use super::*;

    /// The right outcomes of the whole demonstration: carriers and all.
    fn right_outcomes() -> (Figures, Figures) {
        let nation = Nation::new(DEFAULT_SEED);
        let mut records = Holder::ALL.map(|it| Records::new(&nation, it, it.profile(), 0));
        let (mut carriers, mut all) = (Figures::default(), Figures::default());
        for client in CLIENTS.iter() {
            let held = &mut records[holder(client.kind) as usize];
            for record in held.take(client.demo_weight) {
                let is_matched = prepare(client, &record, 0).expected == "matched";
                let count = |figures: &mut Figures| {
                    figures.matched += i64::from(is_matched);
                    figures.not_matched += i64::from(!is_matched);
                };
                count(&mut all);
                if client.kind == ClientKind::Carrier {
                    count(&mut carriers);
                }
            }
        }
        (carriers, all)
    }

    #[test]
    fn the_demonstration_comes_to_the_founding_rates_within_half_a_point() {
        let (carriers, all) = right_outcomes();
        for (figures, founding) in [(&carriers, &CARRIERS), (&all, &ALL_OPERATIONS)] {
            let rate = match_rate(figures.matched, figures.not_matched).unwrap() * 100.0;
            let founding_rate = founding.matched / founding.received * 100.0;
            assert!((rate - founding_rate).abs() < 0.5, "{}: {rate:.2}", founding.what);
        }
        let text = beside_founding_figures(&carriers, &all);
        assert!(text.contains("83.05 % in the report of May 2023 (90.27 of 108.7 million)"));
        assert!(text.contains("69.84 % in the report of December 2022 (572 of 819 million)"));
    }
}
