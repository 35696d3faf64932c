//! Acts between their transaction and their entry, and administrators at the same time.

use gateway::access::{self, Administrator, Run};
use gateway::audit::{EventText, RequestIds};
use gateway::auth::ClientState;
use gateway::clock::{Micros, Random};
use gateway::store::{ClientRow, NewClientRow};
use serde_json::json;

use super::{acts, acts_of, bare_act, show, step};
use crate::support::{Database, TestApp, TestClient, on_both_databases, seed};

on_both_databases! {
    what_was_done_before_a_death_is_logged_once_by_the_next_start,
    an_act_that_the_log_has_and_the_store_has_not_forgotten_is_not_logged_again,
    what_was_done_behind_an_import_is_in_the_log_when_it_is_answered,
    two_imports_of_the_same_facilities_do_not_stop_each_other,
    the_agencies_of_some_clients_are_read_without_those_of_others,
}

/// Suspends the carrier as a command does that dies before it has written the log.
async fn suspend_and_die(app: &TestApp) -> Administrator {
    let at = app.app.clock.now();
    let request_id = RequestIds::new(&Random::seeded(11)).next(at);
    let by = Administrator { by: "cli:root".into(), request_id, at };
    let reason = EventText::parse("no answer to letters").unwrap();
    let step = (ClientState::Suspended, Some(&reason));
    access::set_client_state(&app.app.store, &by, "carrier", step, Run::Real).await.unwrap();
    by
}

async fn what_was_done_before_a_death_is_logged_once_by_the_next_start(database: Database) {
    let builder = TestApp::builder().on(database);
    let app = builder.start().await;
    let (kept, _) = app.stop().await;
    // Nobody writes the log while this is done.
    let store = gateway::store::Store::open_existing(&config_of(&kept).store).await.unwrap();
    let at = Micros::parse_rfc3339("2026-11-20T09:00:01+07:00").unwrap();
    let request_id = RequestIds::new(&Random::seeded(11)).next(at);
    let by = Administrator { by: "cli:root".into(), request_id, at };
    let reason = EventText::parse("no answer to letters").unwrap();
    let step = (ClientState::Suspended, Some(&reason));
    access::set_client_state(&store, &by, "carrier", step, Run::Real).await.unwrap();
    // Judged only, nothing is written down.
    access::set_client_state(&store, &by, "hospital", step, Run::Dry).await.unwrap();
    assert_eq!(store.acts(10).await.unwrap().len(), 1);
    let expected = [["client-suspended", "carrier", "no answer to letters"].map(str::to_owned)];
    let mut kept = kept;
    for _ in 0..2 {
        let app = kept.again().start().await;
        app.app.log_acts().await;
        app.ask_token_as("carrier").await.problem(403, "client-suspended");
        app.caller("hospital").await;
        assert_eq!(acts_of(&app, "cli:root").await, expected);
        assert_eq!(acts(&app).await[0].request_id, request_id);
        assert_eq!(store.acts(10).await.unwrap(), []);
        app.verify_log().await.unwrap();
        kept = app.stop().await.0;
    }
}

fn config_of(kept: &crate::support::Kept) -> gateway::config::Config {
    gateway::config::Config::load(Some(&kept.config_file())).unwrap()
}

async fn an_act_that_the_log_has_and_the_store_has_not_forgotten_is_not_logged_again(
    database: Database,
) {
    let app = TestApp::start_on(database).await;
    let admin = app.admin_caller("operator").await;
    suspend_and_die(&app).await;
    let rows = app.app.store.acts(10).await.unwrap();
    app.app.log_acts().await;
    assert_eq!(acts(&app).await.len(), 1);
    // As if the node had died between its commit and forgetting.
    for act in rows {
        let old = app.app.store.client("carrier").await.unwrap().unwrap();
        let mut new = old.clone();
        new.name_en = "changed with an act that the log has".into();
        assert!(app.app.store.change_client((&old, &new), None, &act).await.unwrap());
    }
    app.app.log_acts().await;
    assert_eq!(acts(&app).await.len(), 1);
    assert_eq!(app.app.store.acts(10).await.unwrap(), []);
    assert_eq!(show(&admin, "carrier").await["state_reason"], "no answer to letters");
}

/// As a bulk import leaves them, more than are read at once.
async fn what_was_done_behind_an_import_is_in_the_log_when_it_is_answered(database: Database) {
    const BEFORE: usize = 1_100;
    let app = TestApp::start_on(database).await;
    let admin = app.admin_caller("operator").await;
    let row = app.app.store.client("carrier").await.unwrap().unwrap();
    let imported = |n: usize| {
        let client_id = format!("imported-{n}");
        let act = bare_act(&app, &client_id);
        let client = ClientRow { client_id, ..row.clone() };
        NewClientRow { client, delegations: Vec::new(), secret_hash: None, act }
    };
    let imported: Vec<_> = (0..BEFORE).map(imported).collect();
    app.app.store.add_new_clients(&imported).await.unwrap();
    app.pass(1);
    let change = json!({"name_en": "changed behind an import"});
    admin.patch("/admin/v1/clients/carrier", &change).await.ok();
    let logged = acts(&app).await;
    assert_eq!(logged.len(), BEFORE + 1);
    assert_eq!(logged[BEFORE].act.as_str(), "client-updated");
}

/// Each writes the rows that the other one waits for, were they not to wait for each other before.
async fn two_imports_of_the_same_facilities_do_not_stop_each_other(database: Database) {
    let app = TestApp::start_on(database).await;
    let row = app.app.store.client("carrier").await.unwrap().unwrap();
    for round in 0..5 {
        let of_one = |n: usize| {
            let client_id = format!("imported-{round}-{n}");
            let act = bare_act(&app, &client_id);
            let client = ClientRow { client_id, ..row.clone() };
            NewClientRow { client, delegations: Vec::new(), secret_hash: None, act }
        };
        let one: Vec<_> = (0..60).map(of_one).collect();
        let other: Vec<_> = (0..60).rev().map(of_one).collect();
        let (store, again) = (&app.app.store, &app.app.store);
        let (one, other) = tokio::join!(store.add_new_clients(&one), again.add_new_clients(&other));
        let added = |added: Vec<bool>| added.into_iter().filter(|is_new| *is_new).count();
        assert_eq!(added(one.unwrap()) + added(other.unwrap()), 60, "each is added once");
    }
}

#[tokio::test]
async fn two_administrators_at_once_do_not_undo_each_others_checks() {
    let app = TestApp::start().await;
    let client = TestClient::hospital("bv");
    seed(&app.config, &[client], app.app.clock.now()).await;
    let admin = app.admin_caller("operator").await;
    let moves = (0..8).map(|n| {
        let admin = admin.clone();
        let body = if n % 2 == 0 {
            json!({"state": "suspended", "reason": "x"})
        } else {
            json!({"state": "closed", "reason": "y"})
        };
        tokio::spawn(async move { step(&admin, "bv", &body).await.status })
    });
    let mut statuses = Vec::new();
    for moving in moves.collect::<Vec<_>>() {
        statuses.push(moving.await.unwrap());
    }
    let done = statuses.iter().filter(|status| **status == 200).count();
    assert!(statuses.iter().all(|status| [200, 409].contains(status)), "{statuses:?}");
    // One closed it, and at most one suspended it before.
    assert!((1..=2).contains(&done), "{statuses:?}");
    assert_eq!(show(&admin, "bv").await["state"], "closed");
    assert_eq!(acts(&app).await.len(), done);
}

async fn the_agencies_of_some_clients_are_read_without_those_of_others(database: Database) {
    let app = TestApp::start_on(database).await;
    let row = app.app.store.client("carrier").await.unwrap().unwrap();
    let of_one = |n: usize| {
        let client_id = format!("of-many-{n:03}");
        let act = bare_act(&app, &client_id);
        let client = ClientRow { client_id, ..row.clone() };
        let delegations = vec![format!("H{n}"), "G01".to_owned()];
        NewClientRow { client, delegations, secret_hash: None, act }
    };
    let new: Vec<_> = (0..250).map(of_one).collect();
    app.app.store.add_new_clients(&new).await.unwrap();
    let ids: Vec<String> = (0..220).map(|n| format!("of-many-{n:03}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let read = app.app.store.delegations_of(&ids).await.unwrap();
    assert_eq!(read.len(), 440);
    assert_eq!(read[439], ("of-many-219".to_owned(), "H219".to_owned()));
    assert_eq!(app.app.store.delegations_of(&[]).await.unwrap(), []);
    let page = app.admin_caller("operator").await.get("/admin/v1/clients?limit=3").await.ok();
    assert_eq!(page["clients"][1]["delegations"], json!([]));
}
