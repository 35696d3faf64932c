//! No personal value in the log, a metric, a trace, an error or a file.

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::{
    Answer, CARD_ON_FILE, FakeRegister, ON_FILE, Reaction, TestApp, merge, on_file,
};

/// Everything personal that goes in, and what the register holds. None of it may be found again.
const CANARIES: [&str; 22] = [
    "Kiểm Thử",
    "Kiem Thu",
    "kiem thu",
    "Chim Hoàng Yến",
    "chim hoàng yến",
    "chim hoang yen",
    ON_FILE,
    "001090777123",
    "1990-05-07",
    "1987-06-05",
    "05/06/1987",
    "876543219",
    "9988776655",
    "case-canary-31415",
    "official-canary-27182",
    "unknown-member-canary",
    "012345678",
    "07051990",
    "04032021",
    "05061987",
    "Phường B",
    "Ngõ Sơn Ca",
];

/// A card of nobody.
const CARD: &str =
    "001090777123|876543219|Chim Hoàng Yến|05061987|Nữ|Số 1, Ngõ Sơn Ca, Hà Nội|05061987";

/// What the process logs, all levels.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn capture() -> Captured {
    let captured = Captured::default();
    let writer = captured.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        // Everything but the test's own client, whose business it is to know what it sends.
        .with_env_filter("trace,reqwest=off,hyper_util=off")
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).expect("nobody else captures the log");
    captured
}

/// Requests full of canaries: good ones, refused ones, and every kind of malformed one.
fn bodies() -> Vec<String> {
    let full = merge(
        &on_file(),
        &json!({
            "case_ref": "case-canary-31415",
            "official": "official-canary-27182",
            "attributes": {
                "sex": "female",
                "old_id_number": "876543219",
                "card_issue_date": "1987-06-05",
                "insurance_number": "9988776655",
                "permanent_address": {"province": "01", "commune": "00004"},
            },
        }),
    );
    let changes = [
        json!({}),
        json!({"attributes": {"full_name": "Chim Hoàng Yến"}}),
        json!({"attributes": {"full_name": "CHIM HOANG YEN"}}),
        json!({"attributes": {"date_of_birth": "05/06/1987"}}),
        json!({"subject": {"personal_id": "001090777123"}}),
        json!({"purpose": "tax.control"}),
        json!({"on_behalf_of": "G09"}),
        json!({"unknown-member-canary": "001090777123"}),
        json!({"case_ref": ["case-canary-31415"]}),
        json!({"attributes": {"Chim Hoàng Yến": "x"}}),
        json!({"attributes": {"sex": "Chim Hoàng Yến", "old_id_number": "001090777123"}}),
        json!({"subject": {"personal_id": "0010907771234"}}),
        json!({"subject": {"001090777123": "001090777123"}}),
        json!({"subject": {"personal_id": null, "old_id_number": "876543219"}}),
        json!({"subject": {"personal_id": null, "old_id_number": "012345678"}}),
        json!({"subject": {"personal_id": null, "insurance_number": "9988776655"}}),
        json!({"subject": {"personal_id": null, "insurance_number": "DN4799988776655"}}),
        json!({"subject": {"personal_id": null, "insurance_number": "dn4799988776655"}}),
        json!({"subject": {"old_id_number": "876543219"}}),
        json!({"subject": {"personal_id": null, "card_qr": CARD}}),
        json!({"subject": {"personal_id": null, "card_qr": CARD}, "attributes": null}),
        json!({"subject": {"personal_id": null, "card_qr": CARD_ON_FILE}, "attributes": null}),
        json!({"subject": {"personal_id": null, "card_qr": CARD}, "purpose": "tax.control"}),
        json!({"subject": {"personal_id": null, "card_qr": CARD.replace('|', ";")}}),
        json!({"subject": {"personal_id": null, "card_qr": CARD.replace("Nữ", "Chim Hoàng Yến")}}),
        json!({"subject": {"personal_id": null, "card_qr": {CARD: CARD}}}),
        json!({"subject": {"card_qr": CARD}}),
        json!({"subject": {"personal_id": null, "subject_token": CARD}}),
        json!({"purpose": "Chim Hoàng Yến"}),
        json!({"attributes": {"full_name": null, "date_of_birth": null}}),
    ];
    let mut bodies: Vec<String> =
        changes.iter().map(|change| merge(&full, change).to_string()).collect();
    bodies.push(full.to_string().replacen('}', "", 1));
    bodies.push(format!("{{\"001090777123\": \"Chim Hoàng Yến\", {full}"));
    bodies.push("Chim Hoàng Yến".to_owned());
    bodies
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    found
}

fn assert_clean(place: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    for canary in CANARIES {
        let found = text.lines().find(|line| line.contains(&canary.to_lowercase()));
        assert!(found.is_none(), "{canary} is in {place}: {found:?}");
    }
    // UTF-8 in pieces or escaped would slip through above: look for the JSON form as well.
    let escaped = json!("Hoàng Yến").to_string().to_lowercase();
    assert!(!text.contains(&escaped), "{place}");
}

#[tokio::test]
async fn no_personal_value_is_kept_or_told_anywhere() {
    let log = capture();
    let register = FakeRegister::start(Reaction::Answer).await;
    let url = register.url.clone();
    let app = TestApp::builder()
        .register(&url)
        .config(|config| config.population.timeout_ms = 150)
        .start()
        .await;
    let carrier = app.caller("carrier").await;
    let mut answers: Vec<Answer> = Vec::new();
    let garbage = Reaction::Body(r#"{"as_of":"Chim Hoàng Yến","items":["001090777123"]}"#);
    for reaction in [Reaction::Answer, garbage, Reaction::Status(500), Reaction::Close] {
        register.behave(reaction);
        for body in bodies() {
            answers.push(carrier.verify_text(&body).await);
        }
    }
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    for status in [200, 400, 403, 422] {
        assert!(statuses.contains(&status), "{status} among {statuses:?}");
    }
    answers.push(carrier.post("/v1/verifications", "text/plain", "001090777123").await);
    answers.push(app.ask_token_with("001090777123", "Chim Hoàng Yến").await);
    answers.push(app.caller_with("001090777123").verify(&on_file()).await);
    answers.push(carrier.report("?group_by=001090777123&001090777123=1").await);
    answers.push(app.caller("operator").await.report("?group_by=client").await);
    for answer in &answers {
        assert_clean("an answer", answer.text.as_bytes());
        assert_clean("header fields", format!("{:?}", answer.headers).as_bytes());
    }
    assert_clean("the metrics", app.metrics().await.as_bytes());
    assert_clean("the debug form of the app", format!("{:?}", app.app).as_bytes());
    let folder = app.kept().folder().to_owned();
    // With the write-ahead log still beside the database, and once more without it.
    for (name, bytes) in files(&folder) {
        assert_clean(&name, &bytes);
    }
    let (kept, ended_well) = app.stop().await;
    assert!(ended_well);
    let files = files(&folder);
    assert!(files.iter().any(|(name, _)| name.contains("/keys/")));
    for (name, bytes) in files {
        assert_clean(&name, &bytes);
    }
    drop(kept);
    let captured = log.0.lock().unwrap().clone();
    assert!(String::from_utf8_lossy(&captured).contains("population database did not answer"));
    assert_clean("the process log", &captured);
}

#[test]
fn the_look_for_canaries_finds_one() {
    let found = std::panic::catch_unwind(|| assert_clean("here", "x KIEM THU x".as_bytes()));
    assert!(found.is_err());
    let body: Value = serde_json::from_str(&bodies()[0]).unwrap();
    assert_eq!(body["subject"]["personal_id"], ON_FILE);
}
