//! `POST /v1/verifications/batch`: up to a thousand verifications in one request, each with an answer
//! or a problem of its own.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::Call;
use super::code::Code;
use super::deadline;
use super::described::{BodyProblems, CallProblems};
use super::edge::prefers_vietnamese;
use super::error::{Problem, ProblemDocument};
use super::idempotency::{self, ItemKeys, Sent, Turn};
use super::json::{self, Errors, Fields, Node};
use super::subject::Reader;
use super::verifications::{
    Answered, VerificationBody, VerificationReply, admit, answer, json_reply, read_verification,
};
use crate::app::App;
use crate::batch;
use crate::policy::{Demands, Policy};
use crate::rate_limit::{Admission, Lane};
use crate::request::{Malformed, Operation, Verification};

/// Where batches are posted.
const PATH: &str = "/v1/verifications/batch";
/// Bytes of a batch: a thousand for each item, where an ordinary one has three hundred.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Wrong fields that are told of one item: all of an honest one. Together they would be many times what
/// was sent.
const ITEM_ERRORS_MAX: usize = 32;

/// Body of a batch. The handler reads it by hand; a test holds this description to what it reads.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct BatchBody {
    /// What is verified, one person each.
    #[schema(min_items = 1, max_items = 1000)]
    items: Vec<VerificationBody>,
}

/// Answer to a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchReply<'a> {
    /// One for each item of the request, in the same order.
    items: Vec<ItemReply<'a>>,
}

/// What became of an item: an answer, which has an `outcome`, or a problem, which has a `code`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ItemReply<'a> {
    /// What `POST /v1/verifications` answers.
    Answer(&'a VerificationReply),
    /// What it refuses with.
    Problem(ProblemDocument<'a>),
}

/// Verifies what the caller holds about up to a thousand persons.
///
/// Each item is answered, recorded and counted as though it had come alone, and takes one unit of the
/// rate; only of the requests on their way the batch is one. One that is refused has its problem in its
/// place, with pointers into the whole body (`/items/3/subject/personal_id`), and does not touch the
/// others. Unless the client's lane is `emergency`, items travel on the lane `bulk`.
#[utoipa::path(
    post,
    path = "/v1/verifications/batch",
    request_body = BatchBody,
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "The same key and body within 24 hours get the same answers to all items that were recorded, which are not counted again; the others are asked. `Idempotent-Replayed: true` where one was told before."),
        ("Request-Deadline-Ms" = Option<u32>, Header, minimum = 1, maximum = 30000, description = deadline::DESCRIPTION)
    ),
    responses(
        (status = 200, body = BatchReply),
        CallProblems,
        BodyProblems,
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = ["verify"]))
)]
pub async fn post_batch(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = Call::begin(&app, &request, Some(Operation::Verify))?;
    let policy = call.policy()?;
    let told = Told::of(request.headers());
    let read = read(&call, policy.demands(), request).await;
    let (sent, items) = call.well_formed(read)?;
    let keys = ItemKeys::take(&call, PATH, &sent, batch::ITEMS_MAX)?;
    drop(sent);
    let admitting =
        (1..).zip(items).map(|(number, read)| admitted(call.item(number), &policy, read, told));
    let items = batch::side_by_side(admitting).await;
    let turns = turns(&call, keys, &items).await.inspect_err(|problem| {
        let items = items.iter().flatten();
        items.for_each(|item| told.settle(&item.call, problem));
    })?;
    let lane = batch::lane(policy.terms().lane);
    let answering =
        items.into_iter().zip(turns).map(|(item, turn)| answered(item, lane, turn, told));
    let answers = batch::side_by_side(answering).await;
    // It is the caller whom this refuses, and no item; the refusal of each is on record.
    if answers.iter().all(Result::is_err) && !call.may(Operation::Verify)? {
        let refused = Problem::from(Code::OperationNotPermitted);
        return Err(if was_given(&answers) { refused.again() } else { refused });
    }
    Ok(reply(&call, told, &answers))
}

/// What the head of the request says about how problems are told.
#[derive(Debug, Clone, Copy)]
struct Told {
    in_vietnamese: bool,
    /// Whoever sets a deadline of its own could ask for nothing with one that is too short.
    sets_deadline: bool,
}

impl Told {
    fn of(headers: &HeaderMap) -> Self {
        let sets_deadline = headers.contains_key(deadline::FIELD);
        Self { in_vietnamese: prefers_vietnamese(headers), sets_deadline }
    }

    /// Gives back what an item has taken that failed through no fault of its own.
    fn settle(self, call: &Call, problem: &Problem) {
        if is_our_fault(problem) && !self.sets_deadline {
            call.exchange.give_back();
        }
    }
}

fn is_our_fault(problem: &Problem) -> bool {
    problem.code().explained().status.is_server_error()
}

/// An item that has its unit of the rate.
struct Item {
    call: Call,
    verification: Verification,
    admission: Admission,
}

/// Everything the request says: as it was sent, and of each item what it means or what is wrong.
async fn read(
    call: &Call,
    demands: Demands,
    request: Request<Body>,
) -> Result<(Sent, Vec<Result<Verification, Problem>>), Problem> {
    deadline::note(call, request.headers())?;
    let sent = Sent::read_within(call, request, BODY_BYTES_MAX).await?;
    // One item more than there may be is read, to be told so.
    let node = json::parse_long(&sent.body, batch::ITEMS_MAX + 1)?;
    let items = read_batch(&node, demands, Reader::of(call))?;
    drop(node);
    Ok((sent, items))
}

/// Reads the items of a batch.
///
/// # Errors
/// 400 or 422 where the batch itself is not well formed.
pub fn read_batch(
    node: &Node<'_>,
    demands: Demands,
    reader: Reader<'_>,
) -> Result<Vec<Result<Verification, Problem>>, Problem> {
    let mut errors = Errors::default();
    let mut fields = Fields::of(node, String::new(), &mut errors);
    if !fields.has("items") {
        fields.missing("items", &mut errors);
    }
    let items = fields.list("items", &mut errors).unwrap_or_default();
    if errors.is_empty() && items.is_empty() {
        errors.value(fields.pointer("items"), Malformed::Empty);
    }
    if items.len() > batch::ITEMS_MAX {
        errors.value(fields.pointer("items"), Malformed::TooLong);
    }
    fields.finish(&mut errors);
    errors.finish()?;
    let read = items.into_iter().map(|(pointer, item)| {
        read_verification(item, pointer, demands, reader)
            .map_err(|problem| problem.with_errors_at_most(ITEM_ERRORS_MAX))
    });
    Ok(read.collect())
}

/// An item, counted if it comes no further.
async fn admitted(
    call: Call,
    policy: &Policy,
    read: Result<Verification, Problem>,
    told: Told,
) -> Result<Item, Problem> {
    let verification = call.well_formed(read)?;
    let admission = admit(&call, policy, &verification).await;
    let admission = admission.inspect_err(|problem| told.settle(&call, problem))?;
    Ok(Item { call, verification, admission })
}

/// What is to be done with each item. Without an item that was admitted, nothing is.
async fn turns(
    call: &Call,
    keys: Option<ItemKeys>,
    items: &[Result<Item, Problem>],
) -> Result<Vec<Turn>, Problem> {
    match (keys, items.iter().flatten().next()) {
        (Some(keys), Some(first)) => keys.turns(call, &first.admission).await,
        (Some(_), None) | (None, _) => Ok(items.iter().map(|_| Turn::Plain).collect()),
    }
}

/// The story of an item, from its place on the lane on.
async fn answered(
    item: Result<Item, Problem>,
    lane: Lane,
    turn: Turn,
    told: Told,
) -> Result<Answered, Problem> {
    let Item { call, verification, admission } = item?;
    let answered = async {
        let admitted = call.enter_on(lane, admission).await?;
        answer(&call, admitted, verification, turn).await
    };
    answered.await.inspect_err(|problem| told.settle(&call, problem))
}

fn reply(call: &Call, told: Told, answers: &[Result<Answered, Problem>]) -> Response {
    let request_id = call.exchange.request_id.to_string();
    let failed = answers
        .iter()
        .filter_map(|answer| answer.as_ref().err())
        .filter(|problem| is_our_fault(problem));
    let failed = failed.count();
    if failed > 0 {
        tracing::warn!(request_id, failed, "items of a batch failed");
    }
    let items = answers.iter().enumerate().map(|(place, answer)| match answer {
        Ok(answered) => ItemReply::Answer(&answered.reply),
        Err(problem) => {
            ItemReply::Problem(problem.document_of_item(&request_id, place, told.in_vietnamese))
        }
    });
    let response = json_reply(&BatchReply { items: items.collect() });
    if was_given(answers) { idempotency::mark(response) } else { response }
}

/// Whether one of the answers was given before.
fn was_given(answers: &[Result<Answered, Problem>]) -> bool {
    answers.iter().any(|answer| match answer {
        Ok(answered) => answered.is_again,
        Err(problem) => problem.is_again(),
    })
}
