//! Demonstration traffic: real requests through the sandbox's own door, and what must come of
//! them by the truth they were made from.

use std::net::SocketAddr;

use mock_population_db::{Nation, Person};
use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::clients::{CLIENTS, SandboxClient};
use crate::cli::CliError;
use crate::cli::client::{ApiClient, ApiError};
use crate::matching::Outcome;

/// Connections that send at once; a client's requests go through one of them, in order.
const CONNECTIONS: usize = 8;
/// A client with fewer requests sends them all over one connection: most have a handful, and a
/// connection costs a token.
const REQUESTS_PER_CONNECTION_MIN: usize = 50;

/// What a holder's record has wrong, by a plan that repeats every hundred requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Planted {
    Nothing,
    MarksMissing,
    DayMonthSwapped,
    OtherName,
    OtherBirthDate,
    UnissuedNumber,
}

impl Planted {
    /// Of a hundred: 74 right, 9 without marks, 3 swapped, 5 other names, 5 other dates, 4 unissued
    /// numbers. Carriers, which accept missing marks, come out at 83 of 100.
    fn of(position: usize) -> Self {
        match position % 100 {
            0..74 => Self::Nothing,
            74..83 => Self::MarksMissing,
            83..86 => Self::DayMonthSwapped,
            86..91 => Self::OtherName,
            91..96 => Self::OtherBirthDate,
            _ => Self::UnissuedNumber,
        }
    }
}

/// What was sent and what came.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Requests sent.
    pub sent: usize,
    /// Answers that were not the expected one.
    pub surprises: usize,
}

/// Sends everything and compares every answer with the truth.
pub(super) async fn run(
    nation: &Nation,
    api: SocketAddr,
    secrets: &[String],
) -> Result<Tally, CliError> {
    let mut tally = Tally::default();
    let mut jobs = Vec::new();
    let mut people = nation.sample(10_000);
    for (client, secret) in CLIENTS.iter().zip(secrets) {
        let requests: Vec<(String, Outcome)> = (0..client.demo_weight)
            .filter_map(|position| request(nation, client, &people.next()?, position))
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
    requests: Vec<(String, Outcome)>,
) -> Result<usize, ApiError> {
    let mut client = ApiClient::connect(api, client_id, &secret).await?;
    let mut surprises = 0;
    for (body, expected) in requests {
        let (_, answer) = client.post_json("/v1/verifications", body).await?;
        let answer: Value = serde_json::from_slice(&answer).map_err(|_| ApiError::Answer)?;
        if answer["outcome"] != expected.name() {
            surprises += 1;
        }
    }
    Ok(surprises)
}

/// One request about `person`, and the outcome that its truth demands.
fn request(
    nation: &Nation,
    client: &SandboxClient,
    person: &Person,
    position: usize,
) -> Option<(String, Outcome)> {
    let planted = Planted::of(position * 37);
    let born = person.date_of_birth.day()?;
    let (year, month, day) = (born.year(), born.month(), born.day());
    let mut number = person.personal_id.to_string();
    let mut name = person.full_name.clone();
    let mut date = format!("{year:04}-{month:02}-{day:02}");
    let wrong = match planted {
        Planted::Nothing => false,
        Planted::MarksMissing => {
            name = without_marks(&person.full_name);
            name != person.full_name && !client.accepts("marks_missing")
        }
        Planted::DayMonthSwapped => {
            let swapped = day <= 12 && day != month;
            if swapped {
                date = format!("{year:04}-{day:02}-{month:02}");
            }
            swapped && !client.accepts("day_month_swapped")
        }
        Planted::OtherName => {
            // "Thử Nghiệm" is nobody's name: the family name alone stays.
            name = format!("{} Thử Nghiệm", name.split(' ').next()?);
            true
        }
        Planted::OtherBirthDate => {
            date = format!(
                "{:04}-{month:02}-{:02}",
                year - 3,
                if day > 14 { day - 14 } else { day + 14 }
            );
            true
        }
        Planted::UnissuedNumber => {
            number = unissued_near(nation, &number)?;
            true
        }
    };
    let purposes = &client.policy.purposes;
    let purpose = &purposes[position % purposes.len()];
    let body = json!({
        "subject": {"personal_id": number},
        "purpose": purpose,
        "case_ref": format!("DEMO-{position}"),
        "attributes": {"full_name": name, "date_of_birth": date, "sex": person.sex.name()},
    });
    Some((body.to_string(), if wrong { Outcome::NotMatched } else { Outcome::Matched }))
}

/// A number of the same cell that nobody was issued.
fn unissued_near(nation: &Nation, number: &str) -> Option<String> {
    let (cell, last) = number.split_at(6);
    let last: u32 = last.parse().ok()?;
    (1..1_000)
        .map(|step| format!("{cell}{:06}", (last + step * 7_919) % 1_000_000))
        .find(|candidate| nation.find(candidate).is_none())
}

/// The name as systems without Vietnamese letters keep it.
fn without_marks(name: &str) -> String {
    name.nfd()
        .filter(|&letter| !is_combining_mark(letter))
        .map(|letter| match letter {
            'đ' => 'd',
            'Đ' => 'D',
            other => other,
        })
        .collect()
}

/// A request worth trying by hand: a name without its marks and a birth date with day and month
/// swapped, so that the answer shows two reasons.
pub(super) fn request_to_try(nation: &Nation) -> Option<String> {
    let person = nation.sample(1_000).find(|person| {
        let date = person.date_of_birth.day();
        let swappable =
            date.is_some_and(|d| d.day() <= 12 && d.day() != d.month() && d.year() < 2000);
        // Pasted between single quotes, and unlike its unmarked form.
        swappable && !person.full_name.contains('\'') && !person.full_name.is_ascii()
    })?;
    let born = person.date_of_birth.day()?;
    let body = json!({
        "subject": {"personal_id": person.personal_id.to_string()},
        "purpose": "telecom.subscriber",
        "attributes": {
            "full_name": without_marks(&person.full_name),
            "date_of_birth": format!("{:04}-{:02}-{:02}", born.year(), born.day(), born.month()),
            "sex": person.sex.name(),
        },
    });
    Some(body.to_string())
}
