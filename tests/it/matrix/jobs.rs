//! Jobs of every client, in the states that routes ask for.

use gateway::jobs::rows::{Columns, FileFormat};
use gateway::jobs::{Mode, Order};
use gateway::request::Purpose;
use gateway::store::JobRow;

use super::callers::Who;
use super::described::Route;
use crate::support::TestApp;

const STATES: [&str; 4] = ["created", "paused", "cancelled", "receiving"];

/// The identity of a client's job in a state.
pub(super) fn id_of(client: &str, state: &str) -> String {
    format!("job_{client}_{state}")
}

/// The caller's own job with which a route can do something.
pub(super) fn fitting(route: &Route, who: &Who) -> String {
    let state = match (route.method.as_str(), route.path.rsplit('/').next()) {
        ("PUT", _) => "created",
        ("POST", _) => "paused",
        ("DELETE", _) => "receiving",
        _ => "cancelled",
    };
    id_of(who.client.unwrap_or("nobody"), state)
}

/// Gives a client a job in each state; nothing where it has them.
pub(super) async fn plant(app: &TestApp, client: &str) {
    let order = Order {
        purpose: Purpose::parse("telecom.subscriber").unwrap(),
        mode: Mode::Verify,
        format: FileFormat::Csv,
        results: FileFormat::Csv,
        columns: Columns::Auto,
        error_threshold: 0.0,
        dry_run: true,
        on_behalf_of: None,
        official: None,
        procedure: None,
        chunk_rows: 100,
    };
    for state in STATES {
        let (id, now) = (id_of(client, state), app.app.clock.now().0);
        if app.app.store.job(&id).await.unwrap().is_some() {
            return;
        }
        let row = JobRow {
            id,
            client_id: client.to_owned(),
            node: "n1".to_owned(),
            state: state.to_owned(),
            settings: order.to_json(),
            file_bytes: None,
            problem: None,
            digest: None,
            created_us: now,
            changed_us: now,
            ended_us: None,
        };
        assert!(app.app.store.add_job(&row, i64::MAX).await.unwrap());
    }
}
