//! What runs, without the routes that lead to it.

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
        let born =
            if number % 5 == 4 { format!("19{}", &born[2..]).replace("19", "18") } else { born };
        text += &format!("r{number},{},{name},{born}\n", person.personal_id);
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
    let entries = entry_bytes(&app.app).await;
    let entries = entries
        .iter()
        .filter(|bytes| matches!(LogEntry::decode(bytes).unwrap(), LogEntry::Request(_)));
    assert_eq!(entries.count() as i64, 1_000 - 142);
    assert!(app.app.job_files.open_upload("job1").is_err(), "the upload is gone");
    app.recount().await;
}
