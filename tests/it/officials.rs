//! Who at a client asks: lists of officials, what a policy demands of them, and what is kept.

use gateway::audit::{Decided, LogEntry};
use gateway::policy::{Officials, RateDocument, Refusal};
use gateway::request::ClientId;
use serde_json::{Value, json};

use crate::support::{
    Answer, Caller, Database, TestApp, TestClient, about_person, entry_bytes, merge,
    on_both_databases, run_on,
};

on_both_databases! {
    a_stranger_is_refused_on_record_where_the_policy_asks_for_known_officials,
    a_list_replaces_the_one_before_and_says_what_changed,
}

const NDJSON: &str = "application/x-ndjson";

/// A company in which carriers must, hospitals may name officials whom they have made known.
async fn company(database: Database) -> TestApp {
    let mut clients = TestClient::company();
    for client in &mut clients {
        client.officials = match client.id {
            "carrier" => Officials::Required,
            "hospital" => Officials::Known,
            _ => Officials::Optional,
        };
    }
    clients.push(TestClient { officials: Officials::Required, ..TestClient::carrier("other") });
    TestApp::builder().clients(clients).on(database).start().await
}

fn list<'a>(officials: impl IntoIterator<Item = &'a str>) -> String {
    let line = |official: &str| format!("{}\n", json!({"official": official}));
    officials.into_iter().map(line).collect()
}

async fn put(caller: &Caller, list: &str) -> Answer {
    caller.put_text("/v1/officials", NDJSON, list).await
}

async fn ask(app: &TestApp, caller: &Caller, purpose: &str, official: Option<&str>) -> Answer {
    let body = merge(&about_person(&app.person()), &json!({"purpose": purpose}));
    let named = official.map_or(json!({}), |official| json!({"official": official}));
    caller.verify(&merge(&body, &named)).await
}

async fn acts(app: &TestApp) -> Vec<(String, String, String)> {
    let entries = entry_bytes(&app.app).await;
    let act = |bytes: &Vec<u8>| match LogEntry::decode(bytes).unwrap() {
        LogEntry::Act(act) if act.act.as_str() == "officials-changed" => Some((
            act.by.as_str().to_owned(),
            act.target.as_str().to_owned(),
            act.detail.unwrap().as_str().to_owned(),
        )),
        _ => None,
    };
    entries.iter().filter_map(act).collect()
}

async fn a_stranger_is_refused_on_record_where_the_policy_asks_for_known_officials(
    database: Database,
) {
    let app = company(database).await;
    let (carrier, hospital) = (app.caller("carrier").await, app.caller("hospital").await);
    let (telecom, health) = ("telecom.subscriber", "health.insurance");
    // Nobody is known yet.
    ask(&app, &carrier, telecom, Some("lan")).await.problem(403, "official-unknown");
    let problem = ask(&app, &carrier, telecom, None).await;
    let problem = problem.problem(422, "required-attribute-missing");
    let missing = json!([{"pointer": "/official", "code": "required-attribute-missing"}]);
    assert_eq!(problem["errors"], missing);
    ask(&app, &hospital, health, Some("lan")).await.problem(403, "official-unknown");
    ask(&app, &hospital, health, None).await.ok();
    let ministry = app.caller("ministry").await;
    ask(&app, &ministry, "insurance.reconcile", Some("anybody")).await.ok();

    put(&carrier, &list(["lan", "minh"])).await.ok();
    put(&app.caller("other").await, &list(["of-the-other"])).await.ok();
    ask(&app, &carrier, telecom, Some("lan")).await.ok();
    ask(&app, &carrier, telecom, Some("minh")).await.ok();
    for stranger in ["Lan", "lan ", "of-the-other"] {
        let refused = ask(&app, &carrier, telecom, Some(stranger)).await;
        refused.problem(403, "official-unknown");
    }
    ask(&app, &hospital, health, Some("lan")).await.problem(403, "official-unknown");

    let entries = entry_bytes(&app.app).await;
    let refused: Vec<Refusal> = entries
        .iter()
        .filter_map(|bytes| match LogEntry::decode(bytes).unwrap() {
            LogEntry::Request(entry) => match entry.record {
                Decided::Refused { refusal, .. } => Some(refusal),
                Decided::Answered { .. } | Decided::Disclosed { .. } => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!(refused, [Refusal::Official; 6]);
    let report = app.caller("operator").await.report("").await.ok();
    assert_eq!(
        (&report["total"]["refused"], &report["total"]["received"]),
        (&json!(6), &json!(10))
    );
    app.recount().await;
}

async fn a_list_replaces_the_one_before_and_says_what_changed(database: Database) {
    let app = company(database).await;
    let carrier = app.caller("carrier").await;
    let changes = |answer: &Value| {
        [&answer["officials"], &answer["added"], &answer["removed"]].map(|n| n.as_u64().unwrap())
    };
    let count = async || carrier.get("/v1/officials").await.ok()["officials"].as_u64().unwrap();
    assert_eq!(count().await, 0);
    let first = put(&carrier, &list(["a", "b", "b", "c"])).await.ok();
    assert_eq!((changes(&first), count().await), ([3, 3, 0], 3));
    ask(&app, &carrier, "telecom.subscriber", Some("a")).await.ok();
    // The last line without its end, blank lines, and the lines of another system.
    let second = put(&carrier, "{\"official\":\"b\"}\r\n\n{\"official\":\"d\"}").await.ok();
    assert_eq!((changes(&second), count().await), ([2, 1, 2], 2));
    let again = put(&carrier, &list(["d", "b"])).await.ok();
    assert_eq!(changes(&again), [2, 0, 0]);
    // On this node and on every other one, for as long as it remembers whom it has found.
    ask(&app, &carrier, "telecom.subscriber", Some("a")).await.ok();
    app.pass(4);
    for (official, status) in [("a", 403), ("b", 200), ("c", 403), ("d", 200)] {
        let answer = ask(&app, &carrier, "telecom.subscriber", Some(official)).await;
        assert_eq!(answer.status, status, "{official}");
    }
    let told = ["3 on, 0 off", "1 on, 2 off"];
    let told = told.map(|detail| ("carrier".to_owned(), "carrier".to_owned(), detail.to_owned()));
    assert_eq!(acts(&app).await, told);
    let problem = put(&carrier, "\n").await.problem(422, "invalid-value");
    assert_eq!(problem["errors"], json!([{"pointer": "", "code": "empty"}]));
    let none = carrier.put_text("/v1/officials?empty=true", NDJSON, "").await.ok();
    assert_eq!((changes(&none), count().await), ([0, 0, 2], 0));
}

#[tokio::test]
async fn everything_wrong_in_a_list_is_told_by_line_and_nothing_is_changed() {
    let app = company(Database::Sqlite).await;
    let carrier = app.caller("carrier").await;
    put(&carrier, &list(["a"])).await.ok();
    let long = "x".repeat(300);
    let lines = [
        r#"{"official": "good"}"#,
        r#"{"official": 1, "more": "secret-value"}"#,
        "secret-value",
        "[]",
        "{}",
        r#"{"official": "a", "official": "b"}"#,
        r#"{"official": "  "}"#,
    ];
    let problem = put(&carrier, &lines.join("\n")).await.problem(400, "invalid-request");
    let told: Vec<(&str, &str)> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["pointer"].as_str().unwrap(), error["code"].as_str().unwrap()))
        .collect();
    let expected = [
        ("/2/official", "wrong-type"),
        ("/2/more", "unknown"),
        ("/3", "invalid-json"),
        ("/4", "wrong-type"),
        ("/5/official", "missing"),
        ("/6/official", "duplicate"),
    ];
    assert_eq!(told, expected);
    assert!(!problem.to_string().contains("secret-value"));
    let values = format!("{}{}", list([" ", &long]), list(["good"]));
    let problem = put(&carrier, &values).await.problem(422, "invalid-value");
    let codes = json!([{"pointer": "/1/official", "code": "malformed"},
                       {"pointer": "/2/official", "code": "too-long"}]);
    assert_eq!(problem["errors"], codes);
    // As many as anybody reads.
    let problem = put(&carrier, &"x\n".repeat(5_000)).await.problem(400, "invalid-request");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 100);

    let other = carrier.put_text("/v1/officials", "application/json", "{}").await;
    other.problem(415, "unsupported-media-type");
    let line = list([&*"x".repeat(5_000)]);
    put(&carrier, &line).await.problem(413, "body-too-large");
    carrier.get("/v1/officials?client=other").await.problem(400, "invalid-request");
    assert_eq!(carrier.get("/v1/officials").await.ok(), json!({"officials": 1}));
    assert_eq!(acts(&app).await.len(), 1);
}

#[tokio::test]
async fn a_long_list_is_put_down_in_parts_and_one_that_is_too_long_not_at_all() {
    let app = company(Database::Sqlite).await;
    let carrier = app.caller("carrier").await;
    let names: Vec<String> = (0..100_001).map(|n| format!("official {n}")).collect();
    let of = |range: std::ops::Range<usize>| list(names[range].iter().map(String::as_str));
    let put_down = put(&carrier, &of(0..5_000)).await.ok();
    assert_eq!(put_down, json!({"officials": 5_000, "added": 5_000, "removed": 0}));
    let parts = ["2000 on, 0 off", "2000 on, 0 off", "1000 on, 0 off"];
    let mut told: Vec<String> = acts(&app).await.into_iter().map(|act| act.2).collect();
    told.sort_by(|one, other| other.cmp(one));
    assert_eq!(told, parts);
    put(&carrier, &of(0..100_001)).await.problem(413, "body-too-large");
    assert_eq!(carrier.get("/v1/officials").await.ok(), json!({"officials": 5_000}));
    let moved_on = put(&carrier, &of(4_000..6_000)).await.ok();
    assert_eq!(moved_on, json!({"officials": 2_000, "added": 1_000, "removed": 4_000}));

    // What is kept of each: eight bytes that tell nothing without the key.
    let kept = app.app.store.officials("carrier").await.unwrap();
    assert!(kept.len() == 2_000 && kept.iter().all(|official| official.len() == 8));
    let digest = app.app.digests.official("carrier", "official 4000").0.to_vec();
    assert!(kept.contains(&digest));
}

/// A list that came in while another was put down: whoever is told that it is the list is right.
#[tokio::test]
async fn a_list_that_another_one_undoes_is_not_told_to_be_the_list() {
    use gateway::access::{Administrator, OfficialDigests, OfficialsError, put_officials};
    use gateway::audit::RequestIds;

    let app = company(Database::Sqlite).await;
    let (store, at) = (&app.app.store, app.app.clock.now());
    let ids = RequestIds::new(&app.app.random);
    let by = || Administrator { by: "carrier".into(), request_id: ids.next(at), at };
    // Somebody takes everyone off again, whatever is put there.
    let undo = "create trigger undo after insert on officials begin delete from officials; end";
    run_on(app.kept().rows(), undo.to_owned()).await;
    let wanted: OfficialDigests = [[1; 8], [2; 8]].into_iter().collect();
    let put = put_officials(store, &by(), &ids, "carrier", &wanted).await;
    assert!(matches!(put, Err(OfficialsError::Contended)));
}

#[tokio::test]
async fn made_up_officials_are_refused_on_record_and_have_no_limit() {
    let carrier = TestClient {
        officials: Officials::Known,
        official_limits: Some(RateDocument { rate: 1, burst: 2 }),
        ..TestClient::carrier("carrier")
    };
    let app = TestApp::builder().clients([carrier]).start().await;
    let (carrier, telecom) = (app.caller("carrier").await, "telecom.subscriber");
    put(&carrier, &list(["lan"])).await.ok();
    let id = ClientId::parse("carrier").unwrap();
    let remembers = |name: &str| {
        let digest = app.app.digests.official("carrier", name).0;
        app.app.client_limits.remembers(&id, digest)
    };
    for number in 0..5 {
        let name = format!("made-up-{number}");
        ask(&app, &carrier, telecom, Some(&name)).await.problem(403, "official-unknown");
        assert!(!remembers(&name));
    }
    for status in [200, 200, 429] {
        assert_eq!(ask(&app, &carrier, telecom, Some("lan")).await.status, status);
        assert!(remembers("lan"));
    }
}
