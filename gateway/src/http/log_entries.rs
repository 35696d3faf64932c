//! `GET /admin/v1/log/entries`: the operator's search in all logs, on the admin listener.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use utoipa::IntoParams;

use super::call::Call;
use super::code::Code;
use super::error::{FieldError, Problem, ProblemDocument};
use super::extract;
use super::found::FoundReply;
use super::reports::read_day;
use super::verifications::json_reply;
use crate::app::App;
use crate::audit::{AnswerId, Kind};
use crate::clock::Micros;
use crate::matching::Outcome;
use crate::policy::Policies;
use crate::projections::{self, Cursor, Filter, ProjectionError, Why};
use crate::rate_limit::Lane;
use crate::request::{ClientId, Operation, Purpose};

/// Entries of a page where the search does not say how many.
const LIMIT_USUAL: usize = 100;
/// Entries of a page at most.
const LIMIT_MAX: usize = 1_000;
/// Values of one parameter at most.
const VALUES_MAX: usize = 16;

/// The parameters by their names. Those that narrow take several values, split by commas.
const NAMES: [&str; 12] = [
    "kind",
    "client",
    "outcome",
    "reason",
    "purpose",
    "operation",
    "lane",
    "from",
    "to",
    "request_id",
    "after",
    "limit",
];

/// What was asked for: a filter, where to go on and how many entries at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// What the entries must be, but for their lane.
    pub filter: Filter,
    /// On which lane the requests travelled.
    pub lane: Option<Lane>,
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// Entries at most.
    pub limit: usize,
}

/// Parameters of the search. Those that narrow take several values, split by commas.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogEntriesQuery {
    /// Kinds of entry.
    pub kind: Option<String>,
    /// Clients.
    pub client: Option<String>,
    /// Outcomes.
    pub outcome: Option<String>,
    /// Reasons of verdicts or codes of refusals.
    pub reason: Option<String>,
    /// Purposes.
    pub purpose: Option<String>,
    /// Operations.
    pub operation: Option<String>,
    /// `bulk`, `interactive` or `emergency`: that of the policy version which the entry names.
    pub lane: Option<String>,
    /// First Vietnamese day, or first moment (RFC 3339).
    pub from: Option<String>,
    /// Last Vietnamese day, or first moment after it.
    pub to: Option<String>,
    /// Identity of one request.
    pub request_id: Option<String>,
    /// `next` of the page before.
    pub after: Option<String>,
    /// Entries on the page, 1 to 1,000; 100 when left out.
    pub limit: Option<String>,
}

/// Searches all logs, for callers with `audit` or `admin`; pseudonyms are shown to the former.
#[utoipa::path(
    get,
    path = "/admin/v1/log/entries",
    params(LogEntriesQuery),
    responses(
        (status = 200, description = "Entries, the newest first", body = serde_json::Value),
        (status = 400, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 500, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn get_log_entries(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = Call::begin(&app, &request, Some(Operation::Audit))?;
    let audits = call.may(Operation::Audit)?;
    if !audits && !call.may(Operation::Admin)? {
        return Err(Code::OperationNotPermitted.into());
    }
    let search = read_search(extract::query(&request, NAMES)?)
        .map_err(|errors| Problem::with_errors(Code::InvalidValue, errors))?;
    let _admission = call.admit().await?;
    let filter = search.filter_by(&app.policies);
    let Search { after, limit, .. } = search;
    let page = projections::search(&app.store, filter, after.as_ref(), limit)
        .await
        .map_err(|error| unreadable(&error))?;
    Ok(json_reply(&FoundReply::new(&page, audits)))
}

/// The problem that an error of the projections is to the caller.
pub(super) fn unreadable(error: &ProjectionError) -> Problem {
    let told = error as &dyn std::error::Error;
    match error {
        ProjectionError::Behind { .. } => {
            tracing::warn!(error = told, "the projections catch up");
            Code::Overloaded.into()
        }
        ProjectionError::Store(_)
        | ProjectionError::NoSuchLog { .. }
        | ProjectionError::Entry { .. }
        | ProjectionError::Overtaken { .. } => {
            tracing::error!(error = told, "the logs cannot be searched");
            Code::InternalError.into()
        }
    }
}

/// Reads the parameters in the order of their names.
///
/// # Errors
/// Every parameter that is not well formed.
pub fn read_search(sent: [Option<String>; 12]) -> Result<Search, Vec<FieldError>> {
    let [
        kind,
        client,
        outcome,
        reason,
        purpose,
        operation,
        lane,
        from,
        to,
        request_id,
        after,
        limit,
    ] = sent;
    let mut errors = Errors(Vec::new());
    let id = errors.one("request_id", request_id, AnswerId::parse);
    let filter = Filter {
        kinds: errors.list("kind", kind, |name| Kind::ALL.into_iter().find(|k| k.name() == name)),
        clients: errors.list("client", client, |text| ClientId::parse(text).ok()),
        outcomes: errors
            .list("outcome", outcome, |name| Outcome::ALL.into_iter().find(|o| o.name() == name)),
        reasons: errors.list("reason", reason, Why::find),
        purposes: errors.list("purpose", purpose, |text| Purpose::parse(text).ok()),
        operations: errors.list("operation", operation, Operation::find),
        policies: None,
        from: errors.one("from", from, |text| read_moment(text, 0)),
        until: errors.one("to", to, |text| read_moment(text, 1)),
        request_id: id.map(|id| id.request_id),
        item: id.and_then(AnswerId::named_item),
    };
    let lane =
        errors.one("lane", lane, |name| Lane::ALL.into_iter().find(|lane| lane.name() == name));
    let after = errors.one("after", after, Cursor::parse);
    let limit = errors.one("limit", limit, |text| {
        text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit))
    });
    if errors.0.is_empty() {
        return Ok(Search { filter, lane, after, limit: limit.unwrap_or(LIMIT_USUAL) });
    }
    Err(errors.0)
}

impl Search {
    /// The filter with the policies on the lane that was asked for.
    pub fn filter_by(&self, policies: &Policies) -> Filter {
        let policies = self.lane.map(|lane| policies.labels_on(lane));
        Filter { policies, ..self.filter.clone() }
    }
}

struct Errors(Vec<FieldError>);

impl Errors {
    fn one<T>(
        &mut self,
        name: &'static str,
        text: Option<String>,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let parsed = parse(&text?);
        if parsed.is_none() {
            self.0.push(FieldError { pointer: format!("/{name}"), code: "malformed" });
        }
        parsed
    }

    fn list<T>(
        &mut self,
        name: &'static str,
        text: Option<String>,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let values = |text: &str| {
            let few = text.split(',').count() <= VALUES_MAX;
            text.split(',').map(&parse).collect::<Option<Vec<T>>>().filter(|_| few)
        };
        self.one(name, text, values).unwrap_or_default()
    }
}

/// A moment as RFC 3339, or the beginning of a Vietnamese day so many days after the one that is
/// named: `to` takes the whole of its day.
pub(super) fn read_moment(text: &str, days_after: i64) -> Option<Micros> {
    let Some(day) = read_day(text) else { return Micros::parse_rfc3339(text) };
    let midnight = Micros::parse_rfc3339(&format!("{day}T00:00:00+07:00"))?;
    Some(midnight.plus_seconds(days_after * 24 * 3_600))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<Search, Vec<FieldError>> {
        let place = NAMES.iter().position(|known| *known == name).unwrap();
        let mut sent = [const { None }; 12];
        sent[place] = Some(value.to_owned());
        read_search(sent)
    }

    #[test]
    fn every_parameter_takes_its_values_and_refuses_others() {
        for (name, good, bad) in [
            ("kind", "decision,act", "verdict"),
            ("client", "viettel,bhxh", "a b"),
            ("outcome", "matched,refused", "matched,"),
            ("reason", "one_letter,purpose-not-permitted", "typo"),
            ("purpose", "telecom.subscriber", ""),
            ("operation", "verify,history", "Verify"),
            ("lane", "emergency", "fast"),
            ("from", "2026-11-20", "20.11.2026"),
            ("to", "2026-11-20T09:00:00+07:00", "2026-11-31"),
            ("request_id", "ver_0192f0c1a2b37000800000000badcafe", "ver_1"),
            ("request_id", "ver_0192f0c1a2b37000800000000badcafe-17", "17"),
            ("after", "W10", "?"),
            ("limit", "1000", "1001"),
            ("limit", "1", "0"),
        ] {
            assert!(read(name, good).is_ok(), "{name} {good}");
            let errors = read(name, bad).unwrap_err();
            let told = FieldError { pointer: format!("/{name}"), code: "malformed" };
            assert_eq!(errors, [told], "{name} {bad}");
        }
        let many = vec!["bhxh"; 17].join(",");
        assert!(read("client", &many).is_err() && read("client", &many[5..]).is_ok());
    }

    #[test]
    fn a_day_is_taken_from_its_midnight_to_the_next() {
        let moment = |name, text| {
            let filter = read(name, text).unwrap().filter;
            filter.from.or(filter.until).unwrap().to_string()
        };
        assert_eq!(moment("from", "2026-11-20"), "2026-11-20T00:00:00.000+07:00");
        assert_eq!(moment("to", "2026-11-20"), "2026-11-21T00:00:00.000+07:00");
        assert_eq!(moment("to", "2026-11-20T01:00:00Z"), "2026-11-20T08:00:00.000+07:00");
    }
}
