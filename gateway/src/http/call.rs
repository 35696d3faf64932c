//! The head that handlers have in common: who calls, what it may do, and what is counted of a
//! request that comes no further.
//!
//! What a request asks is for its handler to read; whether the policy grants it, with its purpose
//! and on record, for the story.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Request;

use super::code::Code;
use super::error::Problem;
use super::extract::{self, Exchange};
use super::finish::Finish;
use crate::app::App;
use crate::auth::Caller;
use crate::policy::Policy;
use crate::rate_limit::{Admission, Admitted, Asking, Lane, Official, RateLimited};
use crate::reports::Edge;
use crate::request::{AgencyCode, ClientId, OfficialRef, Operation, Purpose};

/// One of the requests on their way ends within this, as a rule.
const CONCURRENCY_RETRY: Duration = Duration::from_secs(1);

/// A request whose caller is known.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) app: Arc<App>,
    pub(super) exchange: Arc<Exchange>,
    pub(super) caller: Caller,
    /// Under which it is counted if it comes no further.
    operation: Option<Operation>,
}

impl Call {
    /// Who calls; without an operation where the caller asks about its own affairs.
    ///
    /// # Errors
    /// 401 for a token that is not good, 403 for a client that may not call now, 429 for one that
    /// has as many requests on their way as it may have, which is counted.
    pub(super) fn begin(
        app: &Arc<App>,
        request: &Request<Body>,
        operation: Option<Operation>,
    ) -> Result<Self, Problem> {
        let exchange = extract::exchange(request)?;
        let caller = extract::caller(app, &exchange, request.headers())?;
        let call = Self { app: Arc::clone(app), exchange, caller, operation };
        let in_flight = call.app.concurrency.enter(call.client()).map_err(|_limited| {
            call.count(None, Edge::Throttled);
            Problem::retry_after(Code::ConcurrencyLimited, CONCURRENCY_RETRY)
        })?;
        call.exchange.hold(in_flight);
        Ok(call)
    }

    /// An item of this request, from 1 on, as though it had come alone; on its way it counts with the
    /// others as one.
    pub(super) fn item(&self, item: u16) -> Self {
        Self { exchange: Arc::new(Exchange::of_item(&self.exchange, item)), ..self.clone() }
    }

    /// Work that comes to its end when the caller has gone, and is on its way until then.
    pub(super) fn finish<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Finish<T> {
        let exchange = Arc::clone(&self.exchange);
        Finish::new(async move {
            let done = work.await;
            drop(exchange);
            done
        })
    }

    /// The client that calls.
    pub(super) fn client(&self) -> &ClientId {
        &self.caller.client().client_id
    }

    /// The client's policy.
    ///
    /// # Errors
    /// 500 where there is none: our fault.
    pub(super) fn policy(&self) -> Result<Arc<Policy>, Problem> {
        let policy = self.app.policies.find(&self.caller.client().policy);
        policy.ok_or_else(|| Code::InternalError.into())
    }

    /// Whether the token was issued for what is asked.
    pub(super) fn has_scope(&self) -> bool {
        self.operation.is_none_or(|operation| self.caller.has_scope(operation))
    }

    /// Whether both token and policy name an operation.
    ///
    /// # Errors
    /// As [`Call::policy`].
    pub(super) fn may(&self, operation: Operation) -> Result<bool, Problem> {
        let policy = self.policy()?;
        Ok(self.caller.has_scope(operation) && policy.operations().contains(operation))
    }

    /// The body of a request that takes no parameters.
    ///
    /// # Errors
    /// 400, 408, 413, 415.
    pub(super) async fn json_body(&self, request: Request<Body>) -> Result<Bytes, Problem> {
        self.json_body_within(request, self.app.config.server.body_bytes_max).await
    }

    /// The same within another limit of size.
    ///
    /// # Errors
    /// As [`Call::json_body`].
    pub(super) async fn json_body_within(
        &self,
        request: Request<Body>,
        bytes_max: usize,
    ) -> Result<Bytes, Problem> {
        let [] = extract::query(&request, [])?;
        extract::body_within(&self.app, request, "application/json", bytes_max).await
    }

    /// What was read of the request; one that cannot be read is counted.
    ///
    /// # Errors
    /// The problem that it is.
    pub(super) fn well_formed<T>(&self, read: Result<T, Problem>) -> Result<T, Problem> {
        read.inspect_err(|_| self.count(None, Edge::Malformed))
    }

    /// Takes from the caller's rate.
    ///
    /// # Errors
    /// 429, which is counted.
    pub(super) async fn admit(&self) -> Result<Admission, Problem> {
        self.admit_for(None, None, None).await
    }

    /// The same where a purpose is told, under which a refusal is counted: one of the client's own,
    /// or made-up ones would fill the table.
    ///
    /// Who acts for an agency whose own system is connected takes from that one's rate, too; who may
    /// not act for it takes nothing from it and is refused by the policy. An official has a rate where
    /// the policy gives one.
    ///
    /// # Errors
    /// 429, which is counted.
    pub(super) async fn admit_for(
        &self,
        own: Option<&Purpose>,
        agency: Option<&AgencyCode>,
        official: Option<&OfficialRef>,
    ) -> Result<Admission, Problem> {
        let agency = agency.filter(|agency| self.caller.client().may_act_for(agency));
        let other = agency.and_then(|agency| self.app.directory.client_of_agency(agency));
        let official = official
            .map(|official| self.app.digests.official(self.client().as_str(), official.as_str()).0);
        let limits = &self.app.client_limits;
        let remembered = official.filter(|official| limits.remembers(self.client(), *official));
        let asking = Asking {
            client: self.client(),
            acted_for: other.as_ref().map(|client| &client.client_id),
            official: remembered,
        };
        let limited = |limited: RateLimited| {
            self.count(own, Edge::Throttled);
            Problem::retry_after(Code::RateLimited, limited.retry_after)
        };
        let mut admission = limits.admit(asking).await.map_err(limited)?;
        if let Some(official) = official.filter(|official| remembered != Some(*official)) {
            match self.knows(official).await {
                Ok(false) => {}
                Ok(true) => {
                    let admitted = limits.admit_official(admission, self.client(), official).await;
                    admission = admitted.map_err(limited)?;
                }
                Err(problem) => {
                    self.exchange.take(admission.units());
                    return Err(problem);
                }
            }
        }
        self.exchange.take(admission.units());
        Ok(admission)
    }

    /// Whether the client has made an official known. Asked when its own rate is paid: whoever makes
    /// names up has them looked for no faster than that.
    async fn knows(&self, official: Official) -> Result<bool, Problem> {
        let known = self.app.officials.know(&self.app.store, self.client(), official).await;
        // Without the store there is no entry either.
        known.map_err(|_| Code::LogUnavailable.into())
    }

    /// Takes a place on the way to register and log, on the lane that the policy names; nobody waits
    /// for one who has hung up.
    ///
    /// # Errors
    /// 503 where the deadline would be over before it is this request's turn.
    pub(super) async fn enter(&self, admission: Admission) -> Result<Admitted, Problem> {
        let lane = self.policy()?.terms().lane;
        self.enter_on(lane, admission).await
    }

    /// The same on another lane.
    ///
    /// # Errors
    /// As [`Call::enter`].
    pub(super) async fn enter_on(
        &self,
        lane: Lane,
        admission: Admission,
    ) -> Result<Admitted, Problem> {
        let deadline = self.exchange.deadline();
        let pass = self.app.lanes.enter(lane, self.client(), deadline).await?;
        Ok(Admitted { admission, pass })
    }

    fn count(&self, purpose: Option<&Purpose>, edge: Edge) {
        let (at, client) = (self.exchange.received_at, self.client());
        self.app.edge.add(at, client, self.operation, purpose, edge);
    }
}
