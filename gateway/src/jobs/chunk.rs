//! What is decided about a chunk, and what is told of it, while those before it are written and those behind
//! it are read.

use super::order::Order;
use super::problem::{self, JobProblem};
use super::reading::ReadChunk;
use super::results::{self, Told};
use super::rows::{Position, Row, RowClaims, RowSubject};
use super::summary::Summary;
use crate::app::App;
use crate::audit::{LogUnavailable, RequestIds};
use crate::auth::Caller;
use crate::policy::{Disclosure, Policy};
use crate::rate_limit::{Deadline, Lane, Pass};
use crate::request::{Attribute, ClientId, NamedSubject, Operation, Verification};
use crate::verification::{RequestContext, RowsDecided, RowsNotDecided, decide_rows};
use std::time::Duration;

/// A chunk that takes longer has lost its register or its log.
const CHUNK_MAX: Duration = Duration::from_mins(1);

/// A quota that has room again within this time is waited for.
const SOON: Duration = Duration::from_mins(1);

/// A chunk that is ready to be written.
pub(super) struct DecidedChunk {
    /// Its lines of the results.
    pub(super) lines: Vec<u8>,
    /// Its rows, counted.
    pub(super) summary: Summary,
    /// What is to be recorded; none where nobody was asked.
    pub(super) decided: Option<RowsDecided>,
    /// Where the file is read on behind it.
    pub(super) end: Position,
    /// Its place on the bulk lane, until it is committed.
    pub(super) pass: Option<Pass>,
}

/// Why a chunk was not decided.
#[derive(Debug)]
pub(super) enum NotDecided {
    Stuck(JobProblem),
    Log(LogUnavailable),
    Register,
    Lane,
}

/// A row that is asked, or why it is not.
enum Ready<'a> {
    /// Its place among those that are asked.
    Asked(usize),
    Not(Told<'a>),
}

/// Decides a chunk by the rights and the policy that its client has now.
pub(super) async fn decide(
    app: &App,
    order: &Order,
    client: &ClientId,
    chunk: ReadChunk,
) -> Result<DecidedChunk, NotDecided> {
    let stuck = |code| NotDecided::Stuck(JobProblem::named(code));
    let now = app.clock.now();
    let caller = Caller::of_job(&app.directory, client, now)
        .map_err(|_| stuck(problem::CLIENT_NOT_ACTIVE))?;
    let policy = app.policies.find(&caller.client().policy);
    let policy = policy.ok_or_else(|| stuck(problem::CLIENT_NOT_ACTIVE))?;
    // Every row would be refused, each with an entry.
    if policy.granted(Operation::Verify, &order.purpose).is_none() {
        return Err(stuck(problem::PURPOSE_NOT_PERMITTED));
    }
    // Who is slowed by an administrator asks one by one.
    if app.slowed.slows(client) {
        return Err(NotDecided::Lane);
    }
    let ReadChunk { rows, end } = chunk;
    let (requests, ready) = make_ready(app, order, client, &policy, &rows);
    if order.dry_run || requests.is_empty() {
        let (lines, summary) = tell(order, policy.disclosure(), (&rows, &ready), None);
        return Ok(DecidedChunk { lines, summary, decided: None, end, pass: None });
    }
    let deadline = Deadline::after(app.clock.monotonic_nanos(), CHUNK_MAX);
    let pass = app.lanes.enter(Lane::Bulk, client, deadline).await;
    let pass = pass.map_err(|_shed| NotDecided::Lane)?;
    let request_id = RequestIds::new(&app.random).next(now);
    let context = RequestContext { request_id, received_at: now, item: 0, key: None };
    let who = (&caller, &policy);
    let decided = decide_rows(app, who, (&context, order.official), &requests, &pass).await;
    let decided = decided.map_err(|not| match not {
        // What another node has, or is about to give, is soon here.
        RowsNotDecided::QuotaExceeded(exceeded) if exceeded.retry_after < SOON => NotDecided::Lane,
        RowsNotDecided::QuotaExceeded(_) => stuck(problem::QUOTA_EXCEEDED),
        RowsNotDecided::LogUnavailable(unavailable) => NotDecided::Log(unavailable),
        RowsNotDecided::RegisterUnavailable => NotDecided::Register,
    })?;
    let (lines, summary) = tell(order, policy.disclosure(), (&rows, &ready), Some(&decided));
    Ok(DecidedChunk { lines, summary, decided: Some(decided), end, pass: Some(pass) })
}

/// The rows that are asked, as single requests, and which row is which of them.
fn make_ready<'a>(
    app: &App,
    order: &Order,
    client: &ClientId,
    policy: &Policy,
    rows: &'a [Row],
) -> (Vec<Verification>, Vec<Ready<'a>>) {
    let mut requests = Vec::with_capacity(rows.len());
    let ready = rows.iter().map(|row| {
        let claims = match &row.content {
            Ok(claims) => claims,
            Err(problems) => return Ready::Not(Told::Wrong(problems)),
        };
        let Some(subject) = subject_of(app, client, &claims.subject) else {
            return Ready::Not(Told::Lacks("subject_token"));
        };
        if let Some(attribute) = missing(policy, claims) {
            return Ready::Not(Told::Lacks(attribute.name()));
        }
        if order.dry_run {
            return Ready::Not(Told::Read);
        }
        requests.push(Verification {
            subject,
            purpose: order.purpose.clone(),
            case_ref: claims.case_ref.clone(),
            official: None,
            on_behalf_of: order.on_behalf_of.clone(),
            procedure: order.procedure.clone(),
            claims: claims.claims.clone(),
            from_card: claims.from_card,
        });
        Ready::Asked(requests.len() - 1)
    });
    let ready = ready.collect();
    (requests, ready)
}

fn subject_of(app: &App, client: &ClientId, subject: &RowSubject) -> Option<NamedSubject> {
    match subject {
        RowSubject::Named(named) => Some(*named),
        RowSubject::Token(token) => {
            app.subject_tokens.find_key(client, token.as_str()).map(NamedSubject::of_token)
        }
    }
}

fn missing(policy: &Policy, claims: &RowClaims) -> Option<Attribute> {
    policy.required().difference(claims.claims.asked()).iter().next()
}

fn tell(
    order: &Order,
    disclosure: Disclosure,
    (rows, ready): (&[Row], &[Ready<'_>]),
    decided: Option<&RowsDecided>,
) -> (Vec<u8>, Summary) {
    let (mut lines, mut summary) = (Vec::with_capacity(rows.len() * 96), Summary::default());
    for (row, ready) in rows.iter().zip(ready) {
        let told = match ready {
            Ready::Asked(place) => match decided.and_then(|all| all.decisions.get(*place)) {
                Some(decision) => {
                    summary.count(decision, disclosure);
                    Told::Decided(decision)
                }
                None => continue,
            },
            Ready::Not(told) => {
                summary.count_untold(told);
                told.clone()
            }
        };
        results::write(&mut lines, order.results, row, &told, disclosure);
    }
    (lines, summary)
}
