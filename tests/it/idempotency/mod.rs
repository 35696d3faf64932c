//! `Idempotency-Key`: a POST that comes twice is answered alike and recorded once.

mod disputes;
mod histories;
mod keys;
mod verifications;

use serde_json::Value;

use crate::support::{Answer, TestApp};

fn is_replay(answer: &Answer) -> bool {
    answer.header("idempotent-replayed") == Some("true")
}

/// Requests as the report counts them; the log counted again says the same.
async fn received(app: &TestApp) -> Value {
    app.recount().await;
    app.caller("operator").await.report("").await.ok()["total"]["received"].clone()
}
