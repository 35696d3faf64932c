//! `/v1/officials`: the persons in whose name a client asks, as a list that the client keeps up to
//! date. Only keyed digests of them are kept; which of them asked what is in the log.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, header};
use axum::response::Response;
use http_body_util::BodyExt as _;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::Call;
use super::code::Code;
use super::described::{BodyProblems, CallProblems};
use super::error::{FieldError, Problem, ProblemDocument};
use super::extract;
use super::json::{self, Errors, Fields, Node};
use super::verifications::json_reply;
use crate::access::{
    Administrator, ListedOfficials, OFFICIALS_MAX, OfficialDigests, OfficialsError, put_officials,
};
use crate::app::App;
use crate::audit::RequestIds;
use crate::request::OfficialRef;

/// The media type of a list (<https://github.com/ndjson/ndjson-spec>).
const MEDIA_TYPE: &str = "application/x-ndjson";
/// Bytes of a list.
const LIST_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of a line.
const LINE_BYTES_MAX: usize = 4 * 1024;
/// What sending a list may take, of the two minutes of the whole.
const SENDING_MAX: Duration = Duration::from_mins(1);
/// Lines that are told to be wrong.
const WRONG_LINES_MAX: usize = 100;

/// One line of the list.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct OfficialBody {
    /// What the client calls the official in its requests, at most 64 bytes.
    #[schema(example = "nguyen.thi.lan@hospital")]
    official: String,
}

/// What became of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct OfficialsReply {
    /// Officials on the list now.
    officials: usize,
    /// Those who were not on it before.
    added: usize,
    /// Those who were and are not any more; they are refused on every node within 5 seconds.
    removed: usize,
}

/// How long the list is.
#[derive(Debug, Serialize, ToSchema)]
pub struct OfficialsCountReply {
    /// Officials on it.
    officials: i64,
}

/// Makes a list of officials the client's: whoever is not on it is not known any more.
///
/// One JSON object a line, at most 100,000. The first member of an error's pointer is the number of
/// the line, from 1; nothing is changed while a line is wrong.
#[utoipa::path(
    put,
    path = "/v1/officials",
    params(
        ("empty" = Option<String>, Query, description = "`true`: the list may be empty, so that nobody is known any more"),
    ),
    request_body(content = OfficialBody, content_type = MEDIA_TYPE),
    responses(
        (status = 200, body = OfficialsReply),
        CallProblems,
        BodyProblems,
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn put_list(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = Call::begin(&app, &request, None)?;
    let [empty] = extract::query(&request, ["empty"])?;
    let may_be_empty = extract::truth("/empty", empty.as_deref())?;
    // Before the list is read, which is work; one that is wrong has taken from the rate, too.
    let _admission = call.admit().await?;
    let turn = app.lists.begin(call.client()).ok_or(Code::Overloaded)?;
    let wanted = call.well_formed(read_list(&call, request).await)?;
    if wanted.is_empty() && !may_be_empty {
        let error = FieldError { pointer: String::new(), code: "empty" };
        return Err(Problem::with_errors(Code::InvalidValue, vec![error]));
    }
    let by = Administrator {
        by: call.client().to_string(),
        request_id: call.exchange.request_id,
        at: call.exchange.received_at,
    };
    let putting = async move {
        // Held to the end, which is not that of its caller.
        let _turn = turn;
        let ids = RequestIds::new(&app.random);
        let put = put_officials(&app.store, &by, &ids, &by.by, &wanted).await;
        app.log_acts().await;
        put
    };
    let ListedOfficials { officials, added, removed } =
        call.finish(putting).await.map_err(problem)?;
    Ok(json_reply(&OfficialsReply { officials, added, removed }))
}

/// How many officials are on the client's list.
#[utoipa::path(
    get,
    path = "/v1/officials",
    responses(
        (status = 200, body = OfficialsCountReply),
        CallProblems,
    ),
    security(("token" = []))
)]
pub async fn get_list(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = Call::begin(&app, &request, None)?;
    let [] = extract::query(&request, [])?;
    let _admission = call.admit().await?;
    let counted = app.store.count_officials(call.client().as_str()).await;
    let officials = counted.map_err(|error| problem(error.into()))?;
    Ok(json_reply(&OfficialsCountReply { officials }))
}

/// Reads a list as it comes in: only digests are held.
async fn read_list(call: &Call, request: Request<Body>) -> Result<OfficialDigests, Problem> {
    let sent = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = sent.and_then(|text| text.split(';').next()).map(str::trim);
    if !essence.is_some_and(|essence| essence.eq_ignore_ascii_case(MEDIA_TYPE)) {
        return Err(Code::UnsupportedMediaType.into());
    }
    let reading = async {
        let (mut body, mut list) = (pin!(request.into_body()), ReadList::new(call));
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Code::InvalidJson)?;
            if let Some(bytes) = frame.data_ref() {
                list.push(bytes)?;
            }
        }
        list.finish()
    };
    let read = tokio::time::timeout(SENDING_MAX, reading).await;
    read.map_err(|_| Problem::from(Code::RequestTimeout))?
}

/// A list of which a part has come in.
struct ReadList<'a> {
    call: &'a Call,
    /// The line that has begun.
    line: Vec<u8>,
    lines: usize,
    bytes: usize,
    officials: OfficialDigests,
    errors: Errors,
    wrong: usize,
}

impl<'a> ReadList<'a> {
    fn new(call: &'a Call) -> Self {
        let (line, officials, errors) = (Vec::new(), OfficialDigests::new(), Errors::default());
        Self { call, line, lines: 0, bytes: 0, officials, errors, wrong: 0 }
    }

    fn push(&mut self, mut bytes: &[u8]) -> Result<(), Problem> {
        self.bytes += bytes.len();
        if self.bytes > LIST_BYTES_MAX {
            return Err(Code::BodyTooLarge.into());
        }
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            self.begin(&bytes[..end])?;
            self.end()?;
            bytes = &bytes[end + 1..];
        }
        self.begin(bytes)
    }

    /// The next part of a line.
    fn begin(&mut self, part: &[u8]) -> Result<(), Problem> {
        if self.line.len() + part.len() > LINE_BYTES_MAX {
            return Err(Code::BodyTooLarge.into());
        }
        self.line.extend_from_slice(part);
        Ok(())
    }

    /// A line is whole.
    fn end(&mut self) -> Result<(), Problem> {
        let line = std::mem::take(&mut self.line);
        self.lines += 1;
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let client = self.call.client().as_str();
        let mut errors = Errors::default();
        if let Some(official) = read_line(&line, format!("/{}", self.lines), &mut errors) {
            let digest = self.call.app.digests.official(client, official.as_str());
            self.officials.insert(digest.0);
        }
        if !errors.is_empty() && self.wrong < WRONG_LINES_MAX {
            self.wrong += 1;
            self.errors.add(errors);
        }
        if self.officials.len() > OFFICIALS_MAX {
            return Err(Code::BodyTooLarge.into());
        }
        Ok(())
    }

    fn finish(mut self) -> Result<OfficialDigests, Problem> {
        self.end()?;
        self.errors.finish()?;
        Ok(self.officials)
    }
}

fn read_line(line: &[u8], pointer: String, errors: &mut Errors) -> Option<OfficialRef> {
    let Ok(node) = json::parse(line) else {
        errors.shape(pointer, "invalid-json");
        return None;
    };
    let mut fields = Fields::of(&node, pointer, errors);
    if matches!(node, Node::Object(_)) && !fields.has("official") {
        fields.missing("official", errors);
    }
    let official = fields.parsed("official", errors, OfficialRef::parse);
    fields.finish(errors);
    official
}

fn problem(error: OfficialsError) -> Problem {
    match error {
        OfficialsError::Contended => Code::OfficialsChanged.into(),
        OfficialsError::Store(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "officials cannot be read or kept");
            Code::Overloaded.into()
        }
    }
}
