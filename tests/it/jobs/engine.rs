//! What runs, without the routes that lead to it.

use std::fmt::Write as _;
use std::io::Write as _;

use gateway::audit::LogEntry;
use gateway::jobs::rows::{Columns, FileFormat};
use gateway::jobs::{Mode, Order};
use gateway::request::Purpose;
use gateway::store::JobRow;
use mock_population_db::Person;

use crate::support::{Database, TestApp, entry_bytes, on_both_databases};

on_both_databases! {
    every_row_is_answered_logged_and_counted_once,
    a_job_that_is_interrupted_gives_the_same_results,
}

pub(crate) fn order(chunk_rows: u16) -> Order {
    Order {
        purpose: Purpose::parse("telecom.subscriber").unwrap(),
        mode: Mode::Verify,
        format: FileFormat::Csv,
        results: FileFormat::Csv,
        columns: Columns::Auto,
        error_threshold: 0.5,
        dry_run: false,
        on_behalf_of: None,
        official: None,
        procedure: None,
        chunk_rows,
    }
}

/// A file of these people as they are; every fifth is born in another year, every seventh has no name.
pub(crate) fn file(people: &[Person]) -> String {
    let mut text = "row_id,personal_id,full_name,date_of_birth\n".to_owned();
    for (number, person) in people.iter().enumerate() {
        let name = if number % 7 == 6 { "" } else { &person.full_name };
        let born = person.date_of_birth.to_string();
        let born = if number % 5 == 4 { "1899-12-31".to_owned() } else { born };
        writeln!(text, "r{number},{},{name},{born}", person.personal_id).unwrap();
    }
    text
}

async fn begin(app: &TestApp, id: &str, order: &Order, text: &str) {
    let files = &app.app.job_files;
    files.append_upload(id).unwrap().write_all(text.as_bytes()).unwrap();
    let now = app.app.clock.now().0;
    let row = JobRow {
        id: id.to_owned(),
        client_id: "carrier".to_owned(),
        node: app.config.log.name.clone(),
        state: "running".to_owned(),
        settings: order.to_json(),
        file_bytes: Some(text.len() as i64),
        problem: None,
        digest: None,
        created_us: now,
        changed_us: now,
        ended_us: None,
    };
    assert!(app.app.store.add_job(&row, 10).await.unwrap());
    app.app.jobs_changed.notify_one();
}

async fn ended(app: &TestApp, id: &str) -> JobRow {
    loop {
        let job = app.app.store.job(id).await.unwrap().unwrap();
        if job.state != "running" {
            return job;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn every_row_is_answered_logged_and_counted_once(database: Database) {
    let app = TestApp::builder().on(database).start().await;
    let people = app.people(1_000);
    begin(&app, "job1", &order(64), &file(&people)).await;
    let job = ended(&app, "job1").await;
    assert_eq!((job.state.as_str(), &job.problem), ("done", &None), "{job:?}");
    let done = app.app.store.last_chunk("n1", "job1").await.unwrap().unwrap();
    let results = app.app.job_files.read_results("job1", 0, 1 << 24).unwrap();
    assert_eq!(results.len() as i64, done.result_bytes);
    let results = String::from_utf8(results).unwrap();
    let lines: Vec<&str> = results.lines().collect();
    assert_eq!(lines.len(), 1_001);
    assert!(lines[1].starts_with("2,r0,matched,match,,match,,"), "{}", lines[1]);
    assert!(lines[5].starts_with("6,r4,not_matched,match,,no_match,different,"), "{}", lines[5]);
    assert!(lines[7].ends_with(",full_name:required-attribute-missing"), "{}", lines[7]);
    assert_eq!(requests(&app).await, 1_000 - 142);
    assert!(app.app.job_files.open_upload("job1").is_err(), "the upload is gone");
    app.recount().await;
}

/// Requests in the log.
async fn requests(app: &TestApp) -> usize {
    let entries = entry_bytes(&app.app).await;
    let entries = entries
        .iter()
        .filter(|bytes| matches!(LogEntry::decode(bytes).unwrap(), LogEntry::Request(_)));
    entries.count()
}

async fn a_job_that_is_interrupted_gives_the_same_results(database: Database) {
    // Every person comes seven times, each time with another claim: who is guarded must not depend on
    // where the job was interrupted.
    let app = TestApp::builder().on(database).start().await;
    let people = app.people(60);
    let mut text = "personal_id,full_name,date_of_birth\n".to_owned();
    for round in 0..7 {
        for person in &people {
            let born = match round {
                3 => person.date_of_birth.to_string(),
                _ => format!("18{}-01-01", 90 + round),
            };
            writeln!(text, "{},{},{born}", person.personal_id, person.full_name).unwrap();
        }
    }
    begin(&app, "whole", &order(50), &text).await;
    assert_eq!(ended(&app, "whole").await.state, "done");
    let whole = app.app.job_files.read_results("whole", 0, 1 << 24).unwrap();
    let entries = requests(&app).await;
    let told = String::from_utf8(whole.clone()).unwrap();
    assert_eq!(told.lines().filter(|line| line.ends_with(",subject-guarded")).count(), 60);
    app.recount().await;
    drop(app);

    let mut app = TestApp::builder().on(database).start().await;
    begin(&app, "cut", &order(50), &text).await;
    for chunks in [0, 2, 5] {
        loop {
            let done = app.app.store.last_chunk("n1", "cut").await.unwrap();
            if done.is_some_and(|done| done.number >= chunks) {
                break;
            }
            tokio::task::yield_now().await;
        }
        let (kept, ended_well) = app.stop().await;
        assert!(ended_well);
        // What was written and not committed.
        let results = kept.folder().join("jobs/cut.results");
        let mut file = std::fs::OpenOptions::new().append(true).open(results).unwrap();
        file.write_all(b"half a li").unwrap();
        app = kept.again().start().await;
    }
    assert_eq!(ended(&app, "cut").await.state, "done");
    assert_eq!(app.app.job_files.read_results("cut", 0, 1 << 24).unwrap(), whole);
    assert_eq!(requests(&app).await, entries);
    app.recount().await;
}
