//! The log served: its tree to anybody with a token, an entry to those whom it concerns.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway::audit::{
    Checkpoint, CheckpointSigner, Frontier, Hash, LogEntry, TreeHead, leaf_hash, tile_root,
    verify_consistency, verify_inclusion,
};
use gateway::clock::Random;
use gateway::policy::Disclosure;
use gateway::store::KeyFolder;
use serde_json::{Value, json};

use crate::support::{
    Answer, Caller, Database, TestApp, TestClient, about, about_person, born, merge,
    on_both_databases, read_gauge, unissued_near,
};

on_both_databases! {
    tiles_fetched_by_any_client_make_the_signed_root,
    a_tile_has_one_path_and_what_is_not_there_is_not_found,
    bundles_of_entries_are_for_auditors_alone,
    a_client_finds_its_answer_proven_and_as_it_was_disclosed,
    an_entry_of_somebody_else_reads_like_one_that_does_not_exist,
    an_entry_does_not_tell_its_client_whether_the_number_exists,
    a_refusal_is_found_by_the_client_that_was_refused,
    a_log_that_grew_is_proven_to_begin_with_what_it_was,
}

/// The body of a 200 with hashes in it.
async fn hashes(caller: &Caller, path: &str) -> Vec<Hash> {
    let bytes = caller.get_bytes(path).await;
    bytes.chunks(32).map(|hash| hash.try_into().unwrap()).collect()
}

fn decoded(hash: &Value) -> Hash {
    STANDARD.decode(hash.as_str().unwrap()).unwrap().try_into().unwrap()
}

fn decoded_all(hashes: &Value) -> Vec<Hash> {
    hashes.as_array().unwrap().iter().map(decoded).collect()
}

async fn checkpoint(caller: &Caller) -> (Checkpoint, String) {
    let answer = caller.get("/v1/logs/n1/checkpoint").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    (Checkpoint::read_unverified(&answer.text).unwrap(), answer.text)
}

/// The entry that an answer's receipt names, as this caller sees it.
async fn entry_of(caller: &Caller, answer: &Value) -> Answer {
    caller.get(&format!("/v1/logs/n1/entries/{}", answer["receipt"]["index"])).await
}

/// Checks leaf, proof and checkpoint of an entry as somebody without this program would.
fn assert_proven(entry: &Value, receipt: &Value) {
    assert_eq!((&entry["log"], &entry["index"]), (&receipt["log"], &receipt["index"]));
    assert_eq!(entry["leaf"], receipt["leaf"], "the receipt promised this very entry");
    let head = Checkpoint::read_unverified(entry["checkpoint"].as_str().unwrap()).unwrap();
    assert_eq!(entry["proof"]["tree_size"], head.size);
    let hashes = decoded_all(&entry["proof"]["hashes"]);
    let (leaf, index) = (decoded(&entry["leaf"]), entry["index"].as_u64().unwrap());
    assert!(verify_inclusion(&leaf, index, head.size, &hashes, &head.root));
}

async fn tiles_fetched_by_any_client_make_the_signed_root(database: Database) {
    let app = TestApp::start_on(database).await;
    app.fill(300).await;
    let caller = app.caller("hospital").await;
    let (head, note) = checkpoint(&caller).await;
    assert_eq!(head.size, 300);
    let logs = caller.get("/v1/logs").await.ok();
    assert_eq!(logs["logs"].as_array().unwrap().len(), 1);
    let log = &logs["logs"][0];
    assert_eq!((&log["name"], &log["size"]), (&json!("n1"), &json!(300)));
    assert_eq!(log["origin"], head.origin);
    let keys = KeyFolder::open(&app.config.keys.folder, Random::seeded(9)).unwrap();
    let signer = CheckpointSigner::new(&keys.load("log-n1").unwrap(), head.origin.clone()).unwrap();
    assert_eq!(log["verifier_key"], signer.verifier_key());
    assert_eq!(signer.verify(&note).unwrap(), head);

    let mut leaves = hashes(&caller, "/v1/logs/n1/tile/0/000").await;
    let upper = hashes(&caller, "/v1/logs/n1/tile/1/000.p/1").await;
    assert_eq!(upper, [tile_root(&leaves).unwrap()]);
    assert_eq!(hashes(&caller, "/v1/logs/n1/tile/0/000.p/7").await, leaves[..7]);
    leaves.extend(hashes(&caller, "/v1/logs/n1/tile/0/001.p/44").await);
    let (mut tree, mut full) = (Frontier::default(), Vec::new());
    for leaf in &leaves {
        tree.append(*leaf, &mut full);
    }
    assert_eq!((tree.size(), tree.root()), (head.size, head.root));
}

#[tokio::test]
async fn tiles_may_be_kept_and_checkpoints_may_not() {
    let app = TestApp::start().await;
    app.fill(260).await;
    let caller = app.caller("operator").await;
    let fields = async |path: &str| {
        let answer = caller.get_raw(&format!("/v1/logs/n1/{path}")).await;
        ["content-type", "cache-control"]
            .map(|name| answer.headers()[name].to_str().unwrap().to_owned())
    };
    let kept = "private, max-age=31536000, immutable";
    assert_eq!(fields("tile/0/000").await, ["application/octet-stream", kept]);
    assert_eq!(fields("tile/0/001.p/3").await, ["application/octet-stream", kept]);
    assert_eq!(fields("checkpoint").await, ["text/plain; charset=utf-8", "no-store"]);
    assert_eq!(fields("tile/entries/000").await, ["application/octet-stream", "no-store"]);
    let metrics = app.metrics().await;
    let counted = |route: &str| {
        let name = format!("gateway_requests_total{{route=\"{route}\",status=\"200\"}}");
        read_gauge(&metrics, &name)
    };
    assert_eq!(counted("/v1/logs/{log}/tile/{*tile}"), 3);
    assert_eq!(counted("/v1/logs/{log}/checkpoint"), 1);
}

async fn a_tile_has_one_path_and_what_is_not_there_is_not_found(database: Database) {
    let app = TestApp::start_on(database).await;
    app.fill(300).await;
    let caller = app.caller("operator").await;
    let absent = [
        "tile/0/002",
        "tile/0/001",
        "tile/0/001.p/45",
        "tile/0/000.p/256",
        "tile/0/000.p/0",
        "tile/0/000.p/07",
        "tile/0/x000/000",
        "tile/0/0",
        "tile/0/%30%300",
        "tile/00/000",
        "tile/1/000",
        "tile/1/000.p/2",
        "tile/2/000.p/1",
        "tile/64/000",
        "tile/data/000",
        "tile/0",
        "tile/0/",
        "tile/entries/001",
        "tile/entries/001.p/45",
        "tile/entries/0",
        "tile/entries",
        "entries/300",
        "entries/007",
        "entries/-1",
        "entries/99999999999999999999",
        "nothing",
    ];
    for path in absent {
        caller.get(&format!("/v1/logs/n1/{path}")).await.problem(404, "not-found");
    }
    for log in ["n2", "n", "N1", "..", "n%31", ""] {
        for path in ["checkpoint", "tile/0/000", "tile/entries/000", "entries/0"] {
            let answer = caller.get(&format!("/v1/logs/{log}/{path}")).await;
            answer.problem(404, "not-found");
        }
    }
    for path in ["/v1/logs?a=1", "/v1/logs/n1/tile/0/000?a=1", "/v1/logs/n1/entries/0?a=1"] {
        let answer = caller.get(path).await;
        answer.problem(400, "invalid-request");
        assert_eq!(answer.field_errors(), [("/a".into(), "unknown".into())]);
    }
}

async fn bundles_of_entries_are_for_auditors_alone(database: Database) {
    let app = TestApp::start_on(database).await;
    app.fill(270).await;
    let narrow = "grant_type=client_credentials&scope=report";
    let narrow = app.ask_token_scoped("operator", narrow).await.ok();
    let narrow = app.caller_with(narrow["access_token"].as_str().unwrap());
    for caller in [app.caller("carrier").await, app.caller("ministry").await, narrow] {
        for path in ["/v1/logs/n1/tile/entries/000", "/v1/logs/n2/tile/entries/000"] {
            caller.get(path).await.problem(403, "operation-not-permitted");
        }
    }
    let auditor = app.caller("operator").await;
    for (index, width) in [("000", 256), ("001.p/14", 14), ("000.p/3", 3)] {
        let bundle = auditor.get_bytes(&format!("/v1/logs/n1/tile/entries/{index}")).await;
        let leaves = hashes(&auditor, &format!("/v1/logs/n1/tile/0/{index}")).await;
        let (mut rest, mut read) = (bundle.as_slice(), Vec::new());
        while let Some((length, after)) = rest.split_first_chunk::<2>() {
            let (entry, after) = after.split_at(usize::from(u16::from_be_bytes(*length)));
            LogEntry::decode(entry).unwrap();
            read.push(leaf_hash(entry));
            rest = after;
        }
        assert_eq!((read.len(), read), (width, leaves));
    }
}

/// Members of an entry's `entry` that tell whether a number exists, or hint at it.
const FOR_AUDITORS: [&str; 3] = ["audit", "pseudonym", "prefix"];

async fn a_client_finds_its_answer_proven_and_as_it_was_disclosed(database: Database) {
    let quiet = |id, disclosure| TestClient { disclosure, ..TestClient::carrier(id) };
    let clients = [
        TestClient::carrier("carrier"),
        TestClient { purposes: &["telecom.subscriber"], ..TestClient::hospital("hospital") },
        quiet("verdicts", Disclosure::Verdicts),
        quiet("outcome", Disclosure::Outcome),
        TestClient::operator("operator"),
    ];
    let app = TestApp::builder().on(database).clients(clients).start().await;
    let auditor = app.caller("operator").await;
    let person = app.person();
    let wrong =
        merge(&about_person(&person), &json!({"attributes": {"date_of_birth": "1901-02-03"}}));
    for client in ["carrier", "hospital", "verdicts", "outcome"] {
        let caller = app.caller(client).await;
        let answer = caller.verify(&wrong).await.ok();
        let reply = entry_of(&caller, &answer).await;
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let reply = reply.ok();
        assert_proven(&reply, &answer["receipt"]);
        let entry = &reply["entry"];
        for same in
            ["outcome", "profile", "policy", "attributes", "subject_status", "registry_as_of"]
        {
            assert_eq!(entry.get(same), answer.get(same), "{client}: {same}");
        }
        assert_eq!(
            format!("ver_{}", entry["request_id"].as_str().unwrap()),
            answer["id"].as_str().unwrap()
        );
        assert_eq!((&entry["kind"], &entry["client"]), (&json!("decision"), &json!(client)));
        assert_eq!(entry["purpose"], "telecom.subscriber");
        assert!(
            reply.get("bytes").is_none()
                && FOR_AUDITORS.iter().all(|name| entry.get(name).is_none())
        );

        let whole = entry_of(&auditor, &answer).await.ok();
        assert_proven(&whole, &answer["receipt"]);
        let bytes = STANDARD.decode(whole["bytes"].as_str().unwrap()).unwrap();
        assert_eq!(whole["leaf"], STANDARD.encode(leaf_hash(&bytes)));
        let record = LogEntry::decode(&bytes).unwrap();
        assert_eq!(record.request_id().to_string(), entry["request_id"].as_str().unwrap());
        assert_eq!(whole["entry"]["subject_status"], "active");
        assert_eq!(whole["entry"]["audit"]["prefix"], person.personal_id.as_str()[..3]);
        assert_eq!(whole["entry"]["audit"]["quarter"], "2026Q4");
        assert_eq!(whole["entry"]["audit"]["pseudonym"].as_str().unwrap().len(), 32);
        assert_eq!(whole["entry"]["audit"]["failed_guess"].as_str().unwrap().len(), 16);
        assert_eq!(whole["entry"]["attributes"]["date_of_birth"]["reason"], "different");
    }
}

async fn an_entry_of_somebody_else_reads_like_one_that_does_not_exist(database: Database) {
    let clients = [TestClient::carrier("carrier"), TestClient::carrier("other")];
    let app = TestApp::builder().on(database).clients(clients).start().await;
    let answer = app.fill(1).await.remove(0);
    let other = app.caller("other").await;
    let foreign = entry_of(&other, &answer).await;
    foreign.problem(404, "not-found");
    let missing = other.get("/v1/logs/n1/entries/1").await;
    let elsewhere = other.get("/v1/logs/n9/entries/0").await;
    for answer in [missing, elsewhere] {
        answer.problem(404, "not-found");
        assert_eq!(answer.without_identity(), foreign.without_identity());
        let names =
            |answer: &Answer| answer.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(&answer), names(&foreign));
    }
    entry_of(&app.caller("carrier").await, &answer).await.ok();
}

async fn an_entry_does_not_tell_its_client_whether_the_number_exists(database: Database) {
    let app = TestApp::start_on(database).await;
    let caller = app.caller("carrier").await;
    let person = app.person();
    let unissued = unissued_near(&app.nation, &person);
    let mut shown = Vec::new();
    for number in [person.personal_id.as_str(), &unissued] {
        let answer = caller.verify(&about(number, "Đặng Thử Nghiệm", &born(&person))).await.ok();
        let mut entry = entry_of(&caller, &answer).await.ok()["entry"].clone();
        assert_eq!(entry["request_id"].as_str().map(str::len), Some(32));
        entry["request_id"] = Value::Null;
        shown.push(entry);
    }
    assert_eq!(shown[0], shown[1]);
}

async fn a_refusal_is_found_by_the_client_that_was_refused(database: Database) {
    let app = TestApp::start_on(database).await;
    let caller = app.caller("carrier").await;
    let refused = merge(&about_person(&app.person()), &json!({"purpose": "health.insurance"}));
    caller.verify(&refused).await.problem(403, "purpose-not-permitted");
    let reply = caller.get("/v1/logs/n1/entries/0").await.ok();
    assert_eq!(reply["entry"]["kind"], "refusal");
    assert_eq!(reply["entry"]["refusal"], "purpose-not-permitted");
    assert_eq!(reply["entry"]["asked"], json!(["full_name", "date_of_birth"]));
    assert_eq!(reply["entry"]["outcome"], "refused");
}

async fn a_log_that_grew_is_proven_to_begin_with_what_it_was(database: Database) {
    let app = TestApp::start_on(database).await;
    app.fill(5).await;
    let caller = app.caller("ministry").await;
    let (earlier, _) = checkpoint(&caller).await;
    app.fill(290).await;
    let (later, _) = checkpoint(&caller).await;
    assert_eq!((earlier.size, later.size), (5, 295));
    let proof = caller.get("/v1/logs/n1/proof/consistency?from=5&to=295").await.ok();
    let head = |checkpoint: &Checkpoint| TreeHead { size: checkpoint.size, root: checkpoint.root };
    let hashes = decoded_all(&proof["hashes"]);
    assert!(verify_consistency(&head(&earlier), &head(&later), &hashes));
    assert_eq!(proof, caller.get("/v1/logs/n1/proof/consistency?from=5").await.ok());

    let leaves = self::hashes(&caller, "/v1/logs/n1/tile/0/000").await;
    for index in [0_usize, 3, 255] {
        let proof = caller.get(&format!("/v1/logs/n1/proof/inclusion?index={index}")).await.ok();
        assert_eq!(proof["tree_size"], 295);
        let hashes = decoded_all(&proof["hashes"]);
        assert!(verify_inclusion(&leaves[index], index as u64, 295, &hashes, &later.root));
    }
    let proof = caller.get("/v1/logs/n1/proof/inclusion?index=4&size=5").await.ok();
    let hashes = decoded_all(&proof["hashes"]);
    assert!(verify_inclusion(&leaves[4], 4, 5, &hashes, &earlier.root));
}

#[tokio::test]
async fn a_proof_of_what_is_not_there_is_a_wrong_question() {
    let app = TestApp::start().await;
    app.fill(5).await;
    let caller = app.caller("ministry").await;
    let wrong = [
        ("inclusion", "index=5", 422, "/index"),
        ("inclusion", "index=3&size=3", 422, "/index"),
        ("inclusion", "index=3&size=6", 422, "/size"),
        ("inclusion", "index=03", 422, "/index"),
        ("inclusion", "size=3", 400, "/index"),
        ("inclusion", "index=1&from=1", 400, "/from"),
        ("consistency", "from=4&to=3", 422, "/from"),
        ("consistency", "from=4&to=6", 422, "/to"),
        ("consistency", "to=3", 400, "/from"),
    ];
    for (kind, query, status, pointer) in wrong {
        let answer = caller.get(&format!("/v1/logs/n1/proof/{kind}?{query}")).await;
        let code = if status == 400 { "invalid-request" } else { "invalid-value" };
        answer.problem(status, code);
        assert_eq!(answer.field_errors()[0].0, pointer, "{kind} {query}");
        let nowhere = format!("/v1/logs/n2/proof/{kind}?{query}");
        assert!([400, 404].contains(&caller.get(&nowhere).await.status), "{nowhere}");
    }
}

#[tokio::test]
async fn reading_the_log_takes_from_the_rate() {
    let slow = TestClient { rate: 5, burst: 5, ..TestClient::carrier("slow") };
    let app = TestApp::builder().clients([slow]).start().await;
    let caller = app.caller("slow").await;
    for path in
        ["/v1/logs", "/v1/logs/n1/checkpoint", "/v1/logs/n1/tile/0/000", "/v1/logs/n1/entries/0"]
    {
        assert_ne!(caller.get(path).await.status, 429, "{path}");
    }
    caller.get("/v1/logs/n1/tile/entries/000").await.problem(403, "operation-not-permitted");
    let paths = [
        "",
        "/n1/checkpoint",
        "/n1/tile/0/000",
        "/n1/tile/entries/000",
        "/n1/entries/0",
        "/n1/proof/inclusion",
    ];
    for path in paths {
        let answer = caller.get(&format!("/v1/logs{path}")).await;
        answer.problem(429, "rate-limited");
        assert!(answer.retry_after() >= 1);
    }
}
