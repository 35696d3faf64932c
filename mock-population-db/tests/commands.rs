//! The program as people and scripts call it: output, exit codes, start and stop.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mock-population-db"));
    command.args(arguments);
    command
}

fn run(arguments: &[&str]) -> Output {
    program(arguments).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn show_prints_the_person_that_any_number_leads_to() {
    for number in ["066187225060", "066087470027", "572894905", "6660033950", "DN4666660033950"] {
        let output = run(&["show", number]);
        assert!(output.status.success(), "{number}");
        let person: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(person["personal_id"], "066187225060");
        assert_eq!(person["full_name"], "Nguyễn Diệu Nguyên");
    }
}

#[test]
fn show_tells_a_free_number_from_a_malformed_one() {
    let free = run(&["show", "001090012345", "--seed", "20220106"]);
    assert_eq!(free.status.code(), Some(1));
    assert_eq!(
        text(&free.stderr),
        "mock-population-db: nobody has the number 001090012345: \
         it was never issued in the nation of seed 20220106\n"
    );
    let malformed = run(&["show", "00109001234"]);
    assert_eq!(malformed.status.code(), Some(2));
    assert_eq!(
        text(&malformed.stderr),
        "mock-population-db: \"00109001234\" is not a number of a person: \
         personal numbers have 12 digits, insurance numbers 10, old numbers 9\n"
    );
    assert!(free.stdout.is_empty() && malformed.stdout.is_empty());
}

#[test]
fn sample_prints_one_person_a_line_and_the_same_ones_again() {
    let output = run(&["sample", "25"]);
    assert!(output.status.success());
    let lines: Vec<&str> = text(&output.stdout).lines().collect();
    assert_eq!(lines.len(), 25);
    for line in lines {
        let person: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert!(person["status"] == "active" || person["status"] == "deceased");
    }
    assert_eq!(run(&["sample", "25"]).stdout, output.stdout);
    assert_ne!(run(&["--seed", "7", "sample", "25"]).stdout, output.stdout);
}

#[test]
fn a_reader_who_has_seen_enough_is_no_error() {
    let mut child = program(&["sample", "100000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the program ends");
    assert!(output.status.success());
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn a_key_file_must_exist_and_hold_a_key() {
    let directory = tempfile::tempdir().expect("a folder");
    let path = directory.path().join("key");
    let path = path.to_str().expect("a UTF-8 path");
    let serve = || run(&["serve", "--listen", "127.0.0.1:0", "--api-key-file", path]);
    assert!(text(&serve().stderr).contains("cannot read the key file"));
    std::fs::write(path, " \n").expect("a file is written");
    let output = serve();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("is empty"));
}

#[test]
fn a_file_with_faults_must_exist_and_hold_faults() {
    let directory = tempfile::tempdir().expect("a folder");
    let path = |name: &str| directory.path().join(name).to_str().expect("a UTF-8 path").to_owned();
    let (key, faults) = (path("key"), path("faults.json"));
    std::fs::write(&key, "secret\n").expect("a file is written");
    let listen = ["serve", "--listen", "127.0.0.1:0", "--api-key-file", &key, "--faults", &faults];
    assert!(text(&run(&listen).stderr).contains("cannot read the file with faults"));
    std::fs::write(&faults, r#"{"error_rate":2}"#).expect("a file is written");
    let output = run(&listen);
    assert_eq!(output.status.code(), Some(1));
    let expected = "faults.json does not do: error_rate must be from 0 to 1\n";
    assert!(text(&output.stderr).ends_with(expected), "{}", text(&output.stderr));
}

#[test]
fn serve_says_when_it_is_ready_misbehaves_as_its_file_says_and_stops_when_told() {
    let directory = tempfile::tempdir().expect("a folder");
    let [key_file, faults] = ["key", "faults.json"].map(|name| directory.path().join(name));
    std::fs::write(&key_file, "secret\n").expect("a file is written");
    std::fs::write(&faults, r#"{"error_rate":0.5,"error_status":429}"#).expect("a file is written");
    let mut child = program(&["serve", "--listen", "127.0.0.1:0", "--api-key-file"])
        .arg(&key_file)
        .arg("--faults")
        .arg(&faults)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut ready = String::new();
    let stdout = child.stdout.take().expect("a pipe");
    BufReader::new(stdout).read_line(&mut ready).expect("a line");
    let address = ready.strip_prefix("ready on ").expect(&ready);
    let (address, rest) = address.split_once(": ").expect("an address and a sentence");
    assert_eq!(rest, "98000000 people of seed 20220106\n");

    let response = ask(address);
    let person =
        r#"{"personal_id":"066187225060","status":"active","superseded":false,"sex":"female"}"#;
    assert!(response.ends_with(&format!(r#""items":[{{"persons":[{person}]}}]}}"#)), "{response}");
    let response = ask(address);
    assert!(response.starts_with("HTTP/1.1 429 Too Many Requests\r\n"), "{response}");

    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
    assert!(child.wait().expect("the program ends").success());
}

/// Everything that comes back when the person of the other tests is asked about.
fn ask(address: &str) -> String {
    let body = r#"{"items":[{"key":{"personal_id":"066187225060"},"fields":["sex"]}]}"#;
    let mut stream = TcpStream::connect(address).expect("a connection");
    write!(
        stream,
        "POST /v1/persons/batch-get HTTP/1.1\r\nhost: register\r\nauthorization: Bearer secret\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("the request is sent");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("the response is read");
    response
}

#[test]
fn records_come_as_lines_as_csv_and_counted() {
    let records = |more: &[&str]| {
        let output = run(&[&["records", "--holder", "carrier", "--count", "200"], more].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout).to_owned()
    };
    let lines = records(&[]);
    assert_eq!(lines.lines().count(), 200);
    for line in lines.lines() {
        let record: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert!(record["truth"]["error"].is_string() && record["attributes"].is_object());
    }
    let csv = records(&["--format", "csv"]);
    assert_eq!(csv.lines().count(), 201);
    assert!(csv.starts_with("row_id,personal_id,old_id_number,insurance_number,full_name,"));
    let summary = records(&["--summary"]);
    assert!(summary.lines().last().is_some_and(|line| line.starts_with("all")), "{summary}");
}

#[test]
fn a_profile_of_ones_own_makes_other_records() {
    let directory = tempfile::tempdir().expect("a folder");
    let path = directory.path().join("profile.csv");
    let path = path.to_str().expect("a UTF-8 path");
    let records = || run(&["records", "--holder", "hospital", "--count", "50", "--profile", path]);
    std::fs::write(path, "part,name,per_100000,note\nerror,no_marks,100000,all\n")
        .expect("written");
    let output = records();
    assert!(text(&output.stdout).lines().all(|line| line.contains(r#""error":"no_marks""#)));
    std::fs::write(path, "part,name,per_100000,note\nerror,no_mark,1,\n").expect("written");
    let output = records();
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("cannot be used: line 2: there is no error \"no_mark\""), "{said}");
    assert_eq!(run(&["records", "--holder", "bank"]).status.code(), Some(2));
}
