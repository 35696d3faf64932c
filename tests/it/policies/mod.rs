//! Policies on the admin listener: versions, what differs between them, and who follows.

mod trial;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::credentials::acts;
use crate::support::{Answer, Caller, Database, TestApp, about_person, merge, on_both_databases};

on_both_databases! {
    a_version_is_added_beside_the_others_and_clients_move_when_told,
    a_trial_changes_nothing_and_says_what_would_be,
    of_many_who_add_at_once_each_gets_a_version_of_its_own,
    a_document_that_is_sent_again_makes_one_version,
    what_limits_cannot_be_is_told_by_pointer,
    versions_come_in_pages,
    nodes_follow_while_clients_are_moved_again_and_again,
}

const PATH: &str = "/admin/v1/policies/carrier-policy";

/// The policy of the client `carrier`, as it is seeded but for its lower rate.
fn document() -> Value {
    json!({
        "grants": [{
            "operations": ["verify"],
            "purposes": ["telecom.subscriber", "telecom.cleanup"],
            "attributes": [
                "full_name", "date_of_birth", "sex", "old_id_number", "card_issue_date",
                "place_of_origin", "permanent_address", "insurance_number"
            ],
        }],
        "required": ["full_name", "date_of_birth"],
        "accepted_reasons": ["marks_missing", "merged_place", "year_only"],
        "disclosure": "reasons",
        "rate": 100_000,
        "burst": 100_000,
    })
}

async fn put(admin: &Caller, query: &str, document: &Value) -> Answer {
    admin.put(&format!("{PATH}{query}"), document).await
}

/// Effect and what it is about of every change.
fn told(answer: &Value) -> Vec<(&str, &str)> {
    let text = |change: &'_ Value, name| change[name].as_str().map(str::len).is_some_and(|n| n > 9);
    let changes = answer["changes"].as_array().unwrap();
    let told = changes.iter().map(|change| {
        assert!(text(change, "vi") && text(change, "en"), "{change}");
        (change["effect"].as_str().unwrap(), change["about"].as_str().unwrap())
    });
    told.collect()
}

async fn a_version_is_added_beside_the_others_and_clients_move_when_told(database: Database) {
    let app = TestApp::start_on(database).await;
    let (admin, carrier) = (app.admin_caller("operator").await, app.caller("carrier").await);
    let body = about_person(&app.person());
    assert_eq!(carrier.verify(&body).await.ok()["policy"], "carrier-policy@1");

    let second = put(&admin, "", &document()).await;
    assert_eq!(second.status, 201, "{}", second.text);
    let second = second.json();
    assert_eq!(second["policy"], "carrier-policy@2");
    assert_eq!((&second["added"], &second["clients_moved"]), (&json!(true), &json!(0)));
    assert_eq!(told(&second), [("less", "burst")]);
    app.app.load_directory().await.unwrap();
    assert_eq!(carrier.verify(&body).await.ok()["policy"], "carrier-policy@1", "it stays");

    let narrow = merge(
        &document(),
        &json!({"grants": [{
        "operations": ["verify"], "purposes": ["telecom.cleanup"], "attributes": ["full_name"],
    }], "required": ["full_name"]}),
    );
    let third = put(&admin, "?move_clients=true", &narrow).await.json();
    assert_eq!((&third["version"], &third["clients_moved"]), (&json!(3), &json!(1)));
    assert_eq!(
        told(&third),
        [("less", "attributes"), ("less", "grant"), ("more", "required")],
        "{third}"
    );
    app.app.load_directory().await.unwrap();
    carrier.verify(&body).await.problem(403, "purpose-not-permitted");

    let all = admin.get("/admin/v1/policies").await.ok();
    let of_carrier: Vec<_> = all["policies"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["name"] == "carrier-policy")
        .map(|row| (row["version"].as_i64().unwrap(), row["clients"].as_i64().unwrap()))
        .collect();
    assert_eq!(of_carrier, [(1, 0), (2, 0), (3, 1)]);
    let latest = admin.get(PATH).await.ok();
    assert_eq!((&latest["version"], &latest["clients"]), (&json!(3), &json!(1)));
    assert_eq!(latest["document"]["grants"], narrow["grants"]);
    let first = admin.get(&format!("{PATH}?version=1")).await.ok();
    assert_eq!((&first["version"], &first["clients"]), (&json!(1), &json!(0)));
    let back = admin.get(&format!("{PATH}/diff?from=3&to=2")).await.ok();
    assert_eq!(
        (&back["from"], &back["to"]),
        (&json!("carrier-policy@3"), &json!("carrier-policy@2"))
    );
    assert_eq!(told(&back), [("more", "attributes"), ("more", "grant"), ("less", "required")]);

    for (path, status, code) in [
        ("/admin/v1/policies/nobodys", 404, "unknown-policy"),
        ("/admin/v1/policies/carrier-policy?version=4", 404, "unknown-policy"),
        ("/admin/v1/policies/carrier-policy?version=01", 422, "invalid-value"),
        ("/admin/v1/policies/carrier-policy/diff?from=1", 400, "invalid-request"),
        ("/admin/v1/policies/carrier-policy/diff?from=1&to=9", 404, "unknown-policy"),
    ] {
        admin.get(path).await.problem(status, code);
    }
    for path in ["/admin/v1/policies", PATH, "/admin/v1/policies/carrier-policy/diff?from=1&to=2"] {
        let other = app.admin_caller("hospital").await;
        other.get(path).await.problem(403, "operation-not-permitted");
        other.put(PATH, &document()).await.problem(403, "operation-not-permitted");
    }
    let mut expected = Vec::new();
    for (version, moved, headline) in
        [(2, 0, "less burst"), (3, 1, "more required, less attributes grant")]
    {
        let row = app.app.store.policy("carrier-policy", version).await.unwrap().unwrap();
        let digest = digest(&SHA256, row.document.as_bytes());
        let hex: Vec<String> = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let hex = hex.concat();
        let detail = format!("{moved} clients moved; SHA-256 {hex}; {headline}");
        let target = format!("carrier-policy@{version}");
        expected.push(["operator".to_owned(), "policy-added".to_owned(), target, detail]);
    }
    assert_eq!(acts(&app).await, expected, "once each");
}

async fn a_trial_changes_nothing_and_says_what_would_be(database: Database) {
    let app = TestApp::start_on(database).await;
    let admin = app.admin_caller("operator").await;
    let tried = put(&admin, "?dry_run=true&move_clients=true", &document()).await.ok();
    assert_eq!((&tried["added"], &tried["clients_moved"]), (&json!(false), &json!(1)));
    assert_eq!((&tried["version"], told(&tried)), (&json!(2), vec![("less", "burst")]));
    assert_eq!(admin.get(PATH).await.ok()["version"], 1);
    assert_eq!(acts(&app).await.len(), 0);
    put(&admin, "?dry_run=perhaps", &document()).await.problem(422, "invalid-value");
    let first = admin.put("/admin/v1/policies/made-new", &document()).await;
    assert_eq!((first.status, &first.json()["version"]), (201, &json!(1)));
    assert_eq!(first.json()["changes"], json!([]));
    admin.put("/admin/v1/policies/not%40one", &document()).await.problem(422, "invalid-value");
}

async fn of_many_who_add_at_once_each_gets_a_version_of_its_own(database: Database) {
    let app = TestApp::start_on(database).await;
    let admin = app.admin_caller("operator").await;
    let mut adding = tokio::task::JoinSet::new();
    for n in 0..4 {
        let admin = admin.clone();
        let document = merge(&document(), &json!({"rate": 10 + n, "burst": 10 + n}));
        adding.spawn(async move { put(&admin, "", &document).await.json()["version"].as_u64() });
    }
    let mut versions = adding.join_all().await;
    versions.sort_unstable();
    assert_eq!(versions, [2, 3, 4, 5].map(Some));
    assert_eq!(acts(&app).await.len(), 4);
}

async fn a_document_that_is_sent_again_makes_one_version(database: Database) {
    let app = TestApp::start_on(database).await;
    let admin = app.admin_caller("operator").await;
    let first = put(&admin, "", &document()).await;
    assert_eq!((first.status, &first.json()["version"]), (201, &json!(2)));
    for query in ["", "?dry_run=true"] {
        let again = put(&admin, query, &document()).await.ok();
        let told = (&again["version"], &again["added"], &again["changes"]);
        assert_eq!(told, (&json!(2), &json!(false), &json!([])));
    }
    let moved = put(&admin, "?move_clients=true", &document()).await;
    assert_eq!((moved.status, &moved.json()["version"]), (201, &json!(3)));
    assert_eq!(acts(&app).await.len(), 2);
    // What was sent before the last is another version again.
    let other = merge(&document(), &json!({"rate": 1, "burst": 1}));
    assert_eq!(put(&admin, "", &other).await.json()["version"], 4);
    assert_eq!(put(&admin, "", &document()).await.json()["version"], 5);
}

async fn what_limits_cannot_be_is_told_by_pointer(database: Database) {
    let app = TestApp::start_on(database).await;
    let admin = app.admin_caller("operator").await;
    let rate = json!({"rate": 2, "burst": 4});
    for (wrong, pointer) in [
        (json!({"concurrency": 0}), "/concurrency"),
        (json!({"lane": "fast"}), "/lane"),
        (json!({"official_limits": rate}), "/official_limits"),
        (
            json!({"officials": "known", "official_limits": {"rate": 2, "burst": 3}}),
            "/official_limits/burst",
        ),
        (json!({"quotas": {"day": {"requests": 0}}}), "/quotas/day/requests"),
        (json!({"quotas": {"month": {"attributes": 1_u64 << 54}}}), "/quotas/month/attributes"),
    ] {
        let problem =
            put(&admin, "", &merge(&document(), &wrong)).await.problem(422, "invalid-value");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{wrong}");
    }
    for wrong in [
        json!({"quotas": {"week": {}}}),
        json!({"quotas": {"day": {"requests": "7"}}}),
        json!({"officials": "known", "official_limits": {"rate": 2}}),
    ] {
        let refused = put(&admin, "", &merge(&document(), &wrong)).await;
        refused.problem(400, "invalid-request");
    }
    let right = json!({
        "officials": "required", "official_limits": rate, "concurrency": 7, "lane": "bulk",
        "quotas": {"day": {"requests": 10}, "month": {"attributes": 70}},
    });
    let added = put(&admin, "", &merge(&document(), &right)).await;
    assert_eq!(added.status, 201, "{}", added.text);
    let shown = admin.get(PATH).await.ok();
    for (name, value) in right.as_object().unwrap() {
        assert_eq!(&shown["document"][name], value, "{name}");
    }
}

async fn versions_come_in_pages(database: Database) {
    let app = TestApp::start_on(database).await;
    let admin = app.admin_caller("operator").await;
    for rate in 1..4 {
        put(&admin, "", &merge(&document(), &json!({"rate": rate, "burst": rate}))).await;
    }
    let all = admin.get("/admin/v1/policies").await.ok();
    assert_eq!(all.get("next"), None);
    let labels = |page: &Value| -> Vec<String> {
        let rows = page["policies"].as_array().unwrap().iter();
        rows.map(|row| row["policy"].as_str().unwrap().to_owned()).collect()
    };
    let (mut read, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let page = admin.get(&format!("/admin/v1/policies{query}")).await.ok();
        assert!((1..=2).contains(&labels(&page).len()));
        read.extend(labels(&page));
        let Some(next) = page.get("next") else { break };
        query = format!("?limit=2&after={}", next.as_str().unwrap());
    }
    assert_eq!(read, labels(&all));
    assert!(read.len() > 6 && read.contains(&"carrier-policy@4".to_owned()));
    for query in ["limit=0", "limit=501", "limit=x", "after=%00", "after=eA", "after="] {
        let refused = admin.get(&format!("/admin/v1/policies?{query}")).await;
        refused.problem(422, "invalid-value");
    }
}

/// A node that reads in between finds the policy of every client.
async fn nodes_follow_while_clients_are_moved_again_and_again(database: Database) {
    let app = TestApp::start_on(database).await;
    let admin = app.admin_caller("operator").await;
    let moving = tokio::spawn(async move {
        for version in 2..42 {
            let document = merge(&document(), &json!({"rate": version, "burst": version}));
            let moved = put(&admin, "?move_clients=true", &document).await;
            assert_eq!(moved.json()["version"], version, "{}", moved.text);
        }
    });
    while !moving.is_finished() {
        app.app.load_directory().await.unwrap();
    }
    moving.await.unwrap();
}

#[tokio::test]
async fn everything_wrong_with_a_document_is_told_at_once() {
    let app = TestApp::start().await;
    let admin = app.admin_caller("operator").await;
    let errors = async |document: &Value, status: u16, code: &str| {
        let problem = put(&admin, "", document).await;
        let told = problem.problem(status, code);
        let told = told["errors"].as_array().cloned().unwrap_or_default();
        let text = |error: &Value, name| error[name].as_str().unwrap().to_owned();
        told.iter().map(|it| [text(it, "pointer"), text(it, "code")]).collect::<Vec<_>>()
    };
    let names = json!({
        "grants": [
            {"operations": ["verify", "verifi"], "purposes": ["telecom.subscriber", "No Code"]},
            {"operations": [], "purposes": ["001090012345"], "attributes": ["name"]},
        ],
        "required": ["full_name", "fullname"],
        "accepted_reasons": ["off_by_one"],
        "disclosure": "everything",
        "rate": 10,
        "burst": 15,
    });
    let expected = [
        ["/grants/0/operations/1", "unknown-name"],
        ["/grants/0/purposes/1", "unknown-name"],
        ["/grants/1/operations", "empty"],
        ["/grants/1/purposes/0", "unknown-name"],
        ["/grants/1/attributes/0", "unknown-name"],
        ["/required/1", "unknown-name"],
        ["/accepted_reasons/0", "unknown-name"],
        ["/disclosure", "malformed"],
        ["/burst", "malformed"],
    ];
    assert_eq!(
        errors(&names, 422, "invalid-value").await,
        expected.map(|it| it.map(str::to_owned))
    );
    let shape = json!({
        "grants": [{"operations": ["verify", "verify"], "purposes": "telecom.subscriber"}, 5],
        "required": [1], "disclosure": "reasons", "discloses_status": "yes", "rate": 0,
        "limits": {},
    });
    let expected = [
        ["/burst", "missing"],
        ["/grants/0/operations/1", "duplicate"],
        ["/grants/0/purposes", "wrong-type"],
        ["/grants/1", "wrong-type"],
        ["/required/0", "wrong-type"],
        ["/discloses_status", "wrong-type"],
        ["/limits", "unknown"],
    ];
    assert_eq!(
        errors(&shape, 400, "invalid-request").await,
        expected.map(|it| it.map(str::to_owned))
    );
    assert_eq!(admin.get(PATH).await.ok()["version"], 1);
    assert_eq!(acts(&app).await.len(), 0);
}
