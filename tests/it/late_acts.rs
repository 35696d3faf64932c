//! An act that is logged long after it was done, as after a database was away: once all the same.

use gateway::audit::{Act, EventText, LogEntry, NotRecorded, RequestIds};
use gateway::clock::Random;
use gateway::request::ClientId;

use crate::support::{Database, TestApp, entry_bytes, on_both_databases};

on_both_databases! {
    the_key_of_an_old_act_is_held_from_its_commit_on,
}

async fn the_key_of_an_old_act_is_held_from_its_commit_on(database: Database) {
    let app = TestApp::start_on(database).await;
    let at = app.app.clock.now().plus_seconds(-30 * 3_600);
    let request_id = RequestIds::new(&Random::system()).next(at);
    let act = || {
        let [by, act, target] = ["cli:test", "client-closed", "x"].map(EventText::shortened);
        LogEntry::Act(Act { at, request_id, by, act, target, detail: None })
    };
    let owner = ClientId::parse("acts").unwrap();
    let key = || app.app.digests.idempotency(&owner, "\nx", "acts", b"\nx");
    app.app.audit.record_once(act(), [key()]).await.unwrap();
    // As another node does that has read the act before the first has forgotten it.
    for _ in 0..2 {
        let again = app.app.audit.record_once(act(), [key()]).await;
        assert!(matches!(again, Err(NotRecorded::KeyTaken)));
    }
    let acts = entry_bytes(&app.app).await;
    let acts = acts.iter().filter(|entry| matches!(LogEntry::decode(entry), Ok(LogEntry::Act(_))));
    assert_eq!(acts.count(), 1);
}
