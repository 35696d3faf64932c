//! A job as its client sees it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::engine::file;
use crate::support::{Answer, Caller, Database, TestApp, TestClient, on_both_databases};

on_both_databases! {
    a_file_goes_in_in_parts_and_its_results_come_out_in_ranges,
}

impl Caller {
    async fn order(&self, body: &Value) -> Answer {
        self.post("/v1/jobs", "application/json", &body.to_string()).await
    }

    async fn put_part(&self, id: &str, part: &[u8], offset: usize, is_last: bool) -> Answer {
        let request = self.http.put(format!("{}/v1/jobs/{id}/file", self.api));
        let request = request
            .bearer_auth(&self.token)
            .header("upload-offset", offset)
            .header("upload-complete", if is_last { "?1" } else { "?0" })
            .body(part.to_vec());
        Answer::read(request.send().await.unwrap()).await
    }

    async fn results(&self, id: &str, range: Option<&str>) -> Answer {
        let request = self.http.get(format!("{}/v1/jobs/{id}/results", self.api));
        let mut request = request.bearer_auth(&self.token);
        if let Some(range) = range {
            request = request.header("range", range);
        }
        Answer::read(request.send().await.unwrap()).await
    }

    async fn job(&self, id: &str) -> Value {
        self.get(&format!("/v1/jobs/{id}")).await.ok()
    }

    async fn when_ended(&self, id: &str) -> Value {
        loop {
            let job = self.job(id).await;
            if !["running", "receiving"].contains(&job["state"].as_str().unwrap()) {
                return job;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    async fn delete_job(&self, id: &str) -> Answer {
        self.delete(&format!("/v1/jobs/{id}")).await
    }
}

fn id_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["id"].as_str().unwrap().to_owned()
}

async fn a_file_goes_in_in_parts_and_its_results_come_out_in_ranges(database: Database) {
    let app = TestApp::builder().on(database).start().await;
    let caller = app.caller("carrier").await;
    let text = file(&app.people(300));
    let ordered = caller
        .order(&json!({"purpose": "telecom.cleanup", "format": "csv", "error_threshold": 0.5}))
        .await;
    let id = id_of(&ordered);
    assert_eq!(ordered.header("location"), Some(format!("/v1/jobs/{id}").as_str()));
    assert_eq!(ordered.json()["state"], "created");
    let (first, rest) = text.as_bytes().split_at(5_000);
    let job = caller.put_part(&id, first, 0, false).await.ok();
    assert_eq!((&job["state"], &job["received_bytes"]), (&json!("receiving"), &json!(5_000)));
    // The same part again, because its answer was lost.
    let again = caller.put_part(&id, first, 0, false).await;
    again.problem(409, "offset-mismatch");
    assert_eq!(again.header("upload-offset"), Some("5000"));
    caller.put_part(&id, rest, 5_000, true).await.ok();
    let job = caller.when_ended(&id).await;
    assert_eq!((&job["state"], &job["rows"]), (&json!("done"), &json!(300)), "{job}");
    let outcomes = &job["summary"]["outcomes"];
    let answered =
        outcomes["matched"].as_u64().unwrap() + outcomes["not_matched"].as_u64().unwrap();
    assert_eq!(
        answered + job["summary"]["problems"]["required-attribute-missing"].as_u64().unwrap(),
        300
    );
    assert_eq!(job["received_bytes"], 0, "the upload is gone");

    let whole = caller.results(&id, None).await;
    assert_eq!((whole.status, whole.text.lines().count()), (200, 301));
    assert_eq!(whole.text.len() as u64, job["result_bytes"].as_u64().unwrap());
    let part = caller.results(&id, Some("bytes=100-199")).await;
    assert_eq!((part.status, part.text.as_str()), (206, &whole.text[100..200]));
    let range = format!("bytes 100-199/{}", whole.text.len());
    assert_eq!(part.header("content-range"), Some(range.as_str()));
    let beyond = format!("bytes={}-", whole.text.len());
    caller.results(&id, Some(&beyond)).await.problem(416, "range-not-satisfiable");

    let receipts = caller.get(&format!("/v1/jobs/{id}/receipts")).await.ok();
    let entries: u64 = receipts["receipts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["entries"].as_u64().unwrap())
        .sum();
    assert_eq!(entries, answered);
    let events = caller.get(&format!("/v1/jobs/{id}/events")).await;
    assert!(events.text.starts_with("event: job\ndata: {"), "{}", events.text);

    // Nobody else sees it.
    let other = app.caller("hospital").await;
    other.get(&format!("/v1/jobs/{id}")).await.problem(404, "unknown-job");
    assert_eq!(caller.delete_job(&id).await.status, 204);
    caller.get(&format!("/v1/jobs/{id}")).await.problem(404, "unknown-job");
    app.recount().await;
}

#[tokio::test]
async fn an_order_that_is_wrong_or_not_permitted_is_refused_with_every_reason() {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    let wrong = json!({
        "mode": "guess", "format": "xls", "columns": {"full_name": "HO TEN", "salary": "LUONG"},
        "error_threshold": 1.5, "purpose": "telecom.cleanup",
    });
    let answer = caller.order(&wrong).await;
    answer.problem(400, "invalid-request");
    caller
        .order(&json!({"purpose": "health.insurance"}))
        .await
        .problem(403, "purpose-not-permitted");
    caller.order(&json!({})).await.problem(400, "invalid-request");
    let answer = caller
        .order(&json!({"purpose": "telecom.cleanup", "mode": "guess", "error_threshold": 1.5}))
        .await;
    answer.problem(422, "invalid-value");
    assert_eq!(answer.field_errors().len(), 2, "{}", answer.text);
    let order = json!({"purpose": "telecom.cleanup"});
    for _ in 0..4 {
        id_of(&caller.order(&order).await);
    }
    caller.order(&order).await.problem(409, "too-many-jobs");
    let jobs = caller.get("/v1/jobs?limit=3").await.ok();
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 3);
    let next = jobs["next"].as_str().unwrap();
    let jobs = caller.get(&format!("/v1/jobs?before={next}")).await.ok();
    assert_eq!((jobs["jobs"].as_array().unwrap().len(), &jobs["next"]), (1, &Value::Null));
}

/// What is sent, and the state, problem and line that it ends with.
#[tokio::test]
async fn a_bad_file_has_one_clear_problem_with_its_line_and_loses_nothing() {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    let good = file(&app.people(20));
    let utf_16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(good.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let files: [(&str, Vec<u8>, &str, u64); 5] = [
        ("UTF-16", utf_16, "encoding", 1),
        ("nothing", Vec::new(), "no-rows", 1),
        ("a header alone", b"personal_id,full_name,date_of_birth\n".to_vec(), "no-rows", 1),
        ("no key", b"full_name,date_of_birth\nA,1990\n".to_vec(), "missing-column", 1),
        ("half a gzip", vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1], "gzip-broken", 1),
    ];
    for (what, bytes, code, line) in files {
        let id = id_of(&caller.order(&json!({"purpose": "telecom.cleanup"})).await);
        caller.put_part(&id, &bytes, 0, true).await.ok();
        let job = caller.when_ended(&id).await;
        assert_eq!(job["state"], "failed", "{what}: {job}");
        assert_eq!(
            (&job["problem"]["code"], &job["problem"]["line"]),
            (&json!(code), &json!(line)),
            "{what}"
        );
        assert!(!job["problem"]["vi"].as_str().unwrap().is_empty());
    }
    // Rows that are wrong cost themselves and nothing else.
    let mut lines: Vec<Vec<u8>> = good.lines().map(|line| line.as_bytes().to_vec()).collect();
    lines[3].extend_from_slice(b"\xff");
    lines[5].push(0);
    lines[8] = b"\"r7,never closed".to_vec();
    let bytes = [b"\xef\xbb\xbf".to_vec(), lines.join(&b"\r\n"[..])].concat();
    let order = json!({"purpose": "telecom.cleanup", "error_threshold": 1});
    let id = id_of(&caller.order(&order).await);
    caller.put_part(&id, &bytes, 0, true).await.ok();
    let job = caller.when_ended(&id).await;
    assert_eq!((&job["state"], &job["rows"]), (&json!("done"), &json!(20)), "{job}");
    let results = caller.results(&id, None).await.text;
    let told: Vec<&str> = results.lines().filter(|line| !line.contains("match")).collect();
    let problems =
        ["invalid-utf8", "nul-byte", "full_name:required-attribute-missing", "unclosed-quote"];
    assert!(
        problems.iter().all(|problem| told.iter().any(|line| line.ends_with(problem))),
        "{told:?}"
    );
    assert_eq!(results.lines().count(), 21);
}

#[tokio::test]
async fn too_many_wrong_rows_and_a_quota_stop_a_job_and_it_goes_on_when_told() {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    let mut text = file(&app.people(100));
    for row in 0..2_500 {
        writeln!(text, "w{row},123,Nguyễn Văn A,1990-01-01").unwrap();
    }
    text += &file(&app.people(100))[43..];
    let id = id_of(&caller.order(&json!({"purpose": "telecom.cleanup"})).await);
    caller.put_part(&id, text.as_bytes(), 0, true).await.ok();
    let job = caller.when_ended(&id).await;
    assert_eq!(job["state"], "paused", "{job}");
    assert_eq!(job["problem"]["code"], "too-many-row-problems");
    assert!(caller.results(&id, None).await.text.lines().count() > 100, "what is done can be seen");
    let resume = format!("/v1/jobs/{id}/resume");
    caller.post(&resume, "application/json", "{}").await.problem(400, "invalid-request");
    let resume = caller.http.post(format!("{}/v1/jobs/{id}/resume", caller.api));
    Answer::read(resume.bearer_auth(&caller.token).send().await.unwrap()).await.ok();
    let job = caller.when_ended(&id).await;
    assert_eq!((&job["state"], &job["rows"]), (&json!("done"), &json!(2_700)), "{job}");
    app.recount().await;
}

#[tokio::test]
async fn a_dry_run_reads_everything_and_asks_nobody() {
    let app = TestApp::builder().clients([TestClient::carrier("carrier")]).start().await;
    let caller = app.caller("carrier").await;
    let order = json!({"purpose": "telecom.cleanup", "dry_run": true, "results": "ndjson"});
    let id = id_of(&caller.order(&order).await);
    caller.put_part(&id, file(&app.people(70)).as_bytes(), 0, true).await.ok();
    let job = caller.when_ended(&id).await;
    assert_eq!((&job["state"], &job["rows"]), (&json!("done"), &json!(70)), "{job}");
    assert_eq!(job["summary"]["problems"], json!({"required-attribute-missing": 10}));
    let results = caller.results(&id, None).await;
    assert_eq!(results.text.lines().next(), Some(r#"{"line":2,"row_id":"r0"}"#));
    assert_eq!(caller.report("").await.ok()["total"]["received"], 0);
}

#[tokio::test]
async fn a_job_that_is_cancelled_keeps_its_results_until_it_is_deleted() {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    let id = id_of(&caller.order(&json!({"purpose": "telecom.cleanup"})).await);
    caller.put_part(&id, b"personal_id,full_name", 0, false).await.ok();
    let job = caller.delete_job(&id).await.ok();
    assert_eq!((&job["state"], &job["received_bytes"]), (&json!("cancelled"), &json!(0)));
    caller.put_part(&id, b",date_of_birth\n", 21, true).await.problem(409, "job-state");
    assert_eq!(caller.delete_job(&id).await.status, 204);
    caller.delete_job(&id).await.problem(404, "unknown-job");
}
