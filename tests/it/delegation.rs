//! Who asks for another agency: permitted below one's own code and on one's list, recorded where it
//! is not, and limited for both.

use gateway::audit::{Decided, Entry, LogEntry};
use gateway::policy::Refusal;
use gateway::request::ClientId;
use serde_json::{Value, json};

use crate::support::{
    Answer, Caller, Database, TestApp, TestClient, about_person, entry_bytes, merge,
    on_both_databases,
};

on_both_databases! {
    an_agency_below_or_on_the_list_may_be_acted_for_and_no_other,
    what_was_asked_for_an_agency_is_counted_for_both,
}

/// Entries of requests, in order.
async fn entries(app: &TestApp) -> Vec<Entry> {
    let entries = entry_bytes(&app.app).await;
    let request = |bytes: &Vec<u8>| match LogEntry::decode(bytes).unwrap() {
        LogEntry::Request(entry) => Some(entry),
        _ => None,
    };
    entries.iter().filter_map(request).collect()
}

fn body(app: &TestApp) -> Value {
    merge(&about_person(&app.person()), &json!({"purpose": "insurance.reconcile"}))
}

async fn ask(app: &TestApp, ministry: &Caller, agency: &str) -> Answer {
    ministry.verify(&merge(&body(app), &json!({"on_behalf_of": agency}))).await
}

/// Requests that a client has left.
fn left(app: &TestApp, client: &str) -> u32 {
    let id = ClientId::parse(client).unwrap();
    app.app.client_limits.state(&id).unwrap().remaining
}

async fn an_agency_below_or_on_the_list_may_be_acted_for_and_no_other(database: Database) {
    let app = TestApp::start_on(database).await;
    let ministry = app.caller("ministry").await;
    for agency in ["G24", "G24.5", "000.00.07.G24"] {
        ask(&app, &ministry, agency).await.ok();
    }
    for agency in ["G240", "G2", "H26", "H26.1", "12345", "000.00.00.H26"] {
        ask(&app, &ministry, agency).await.problem(403, "on-behalf-of-not-permitted");
    }
    let told: Vec<(String, bool)> = entries(&app)
        .await
        .into_iter()
        .map(|entry| {
            let refused = Refusal::OnBehalfOf;
            let is_refused =
                matches!(entry.record, Decided::Refused { refusal, .. } if refusal == refused);
            (entry.on_behalf_of.unwrap().as_str().to_owned(), is_refused)
        })
        .collect();
    let expected = [
        ("G24", false),
        ("G24.5", false),
        ("G24.07", false),
        // Whose code it is is told; what could be any text is not.
        ("0", true),
        ("0", true),
        ("H26", true),
        ("0", true),
        ("0", true),
        ("H26", true),
    ];
    assert_eq!(told, expected.map(|(code, refused)| (code.to_owned(), refused)));

    let office = app.admin_caller("operator").await;
    let list = json!({"delegations": ["000.00.00.H26"]});
    office.patch("/admin/v1/clients/ministry", &list).await.ok();
    app.app.load_directory().await.unwrap();
    for (agency, status) in [("H26", 200), ("000.00.00.H26", 200), ("H26.1", 403), ("H27", 403)] {
        assert_eq!(ask(&app, &ministry, agency).await.status, status, "{agency}");
    }
    office.patch("/admin/v1/clients/ministry", &json!({"delegations": []})).await.ok();
    app.app.load_directory().await.unwrap();
    ask(&app, &ministry, "H26").await.problem(403, "on-behalf-of-not-permitted");
}

#[tokio::test]
async fn both_rates_are_taken_or_none() {
    let mut clients = TestClient::company();
    for client in &mut clients {
        let (rate, burst) = match client.id {
            "ministry" => (10, 10),
            "hospital" => (1, 2),
            _ => continue,
        };
        (client.rate, client.burst) = (rate, burst);
    }
    let app = TestApp::builder().clients(clients).start().await;
    let ministry = app.caller("ministry").await;
    // The hospital's own agency, and below the ministry's.
    let of_the_hospital = "G24.01929";
    for (own, others) in [(9, 1), (8, 0)] {
        ask(&app, &ministry, of_the_hospital).await.ok();
        assert_eq!((left(&app, "ministry"), left(&app, "hospital")), (own, others));
    }
    let refused = ask(&app, &ministry, of_the_hospital).await;
    refused.problem(429, "rate-limited");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!((left(&app, "ministry"), left(&app, "hospital")), (8, 0), "nothing is taken");
    // For itself it goes on, and its own agency is itself.
    ask(&app, &ministry, "G24").await.ok();
    assert_eq!(left(&app, "ministry"), 7);

    app.pass(1);
    assert_eq!((left(&app, "ministry"), left(&app, "hospital")), (10, 1));
    for _ in 0..10 {
        ministry.verify(&body(&app)).await.ok();
    }
    ask(&app, &ministry, of_the_hospital).await.problem(429, "rate-limited");
    assert_eq!(left(&app, "hospital"), 1, "nothing is taken");
    // Whoever may not act for an agency takes nothing from it.
    app.pass(1);
    let carrier = app.caller("carrier").await;
    let foreign = merge(&about_person(&app.person()), &json!({"on_behalf_of": of_the_hospital}));
    carrier.verify(&foreign).await.problem(403, "on-behalf-of-not-permitted");
    assert_eq!(left(&app, "hospital"), 2);
}

async fn what_was_asked_for_an_agency_is_counted_for_both(database: Database) {
    let app = TestApp::start_on(database).await;
    let (ministry, hospital) = (app.caller("ministry").await, app.caller("hospital").await);
    for agency in ["G24.01929", "G24.01929", "G24.01929.2", "G24.019", "G24"] {
        ask(&app, &ministry, agency).await.ok();
    }
    ministry.verify(&body(&app)).await.ok();
    let mine = json!({"purpose": "health.insurance"});
    hospital.verify(&merge(&about_person(&app.person()), &mine)).await.ok();

    let rows = async |caller: &Caller, query: &str| {
        let report = caller.report(query).await.ok();
        let row = |row: &Value| (row["group"].clone(), row["received"].as_u64().unwrap());
        report["rows"].as_array().unwrap().iter().map(row).collect::<Vec<_>>()
    };
    let acted_for = "?view=acted_for&group_by=client,on_behalf_of";
    let by_ministry =
        |agency: &str, n: u64| (json!({"client": "ministry", "on_behalf_of": agency}), n);
    let of_the_hospital = [by_ministry("G24.01929", 2), by_ministry("G24.01929.2", 1)];
    assert_eq!(rows(&hospital, acted_for).await, of_the_hospital);
    assert_eq!(rows(&hospital, "").await, [(json!({}), 1)], "what it asked itself");
    assert_eq!(rows(&hospital, "?view=asked").await, [(json!({}), 1)]);
    assert_eq!(rows(&ministry, "").await, [(json!({}), 6)]);
    assert_eq!(rows(&ministry, "?view=acted_for").await, [(json!({}), 5)]);
    assert_eq!(rows(&app.caller("carrier").await, acted_for).await, []);
    // The operator's own agency is not meant by everybody's.
    assert_eq!(rows(&app.caller("operator").await, "").await, [(json!({}), 7)]);

    for grouping in ["attribute", "province", "dispute_reason", "client,hour"] {
        let query = format!("?view=acted_for&group_by={grouping}");
        hospital.report(&query).await.problem(422, "grouping-not-available");
    }
    hospital.report("?view=all").await.problem(422, "invalid-value");
}
