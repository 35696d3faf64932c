//! The program as its users run it, against a small fake of the gateway.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod fake_gateway;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use fake_gateway::{Answers, FakeGateway};
use rustix::process::{Pid, Signal, kill_process};

fn loadtest(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadtest")).args(arguments).output().unwrap()
}

fn run(gateway: &FakeGateway, more: &[&str]) -> Output {
    let (clients, people) = (gateway.clients(), gateway.people());
    let given = ["run", "--url", &gateway.url, "--clients", &clients, "--people", &people];
    loadtest(&[&given, more].concat())
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_truthful_gateway_passes_and_its_figures_are_written() {
    let gateway = FakeGateway::start(Answers::Truthful);
    let file = gateway.folder.path().join("run.json");
    let file_name = file.to_str().unwrap();
    let done = run(&gateway, &["--rate", "500", "--duration", "1", "--json", file_name]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert!(text(&done.stdout).contains("verdicts wrong: 0"), "{}", text(&done.stdout));
    let figures = json(&file);
    assert_eq!(figures["answered"], 500);
    assert_eq!(figures["verdicts_wrong"], 0);
    assert_eq!(figures["client"], "carrier-fast");
    assert!(figures["latency_ms"]["p99.9"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_gateway_that_always_says_yes_is_found_out() {
    let gateway = FakeGateway::start(Answers::AlwaysMatched);
    let done = run(&gateway, &["--rate", "100", "--duration", "1"]);
    assert_eq!(done.status.code(), Some(6), "{}", text(&done.stderr));
    let said = text(&done.stdout);
    assert!(said.contains("wrong_name: outcome is Matched, must be NotMatched"), "{said}");
}

#[test]
fn a_gateway_that_is_gone_or_refuses_us_has_its_own_exit_codes() {
    let mut gateway = FakeGateway::start(Answers::NoToken);
    let load = ["--rate", "1", "--duration", "1"];
    let refused = run(&gateway, &load);
    assert_eq!(refused.status.code(), Some(4), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("401 invalid-client"), "{}", text(&refused.stderr));
    gateway.stop();
    assert_eq!(run(&gateway, &load).status.code(), Some(5));
}

#[test]
fn mistakes_in_the_arguments_are_usage_errors() {
    let gateway = FakeGateway::start(Answers::Truthful);
    assert_eq!(run(&gateway, &["--rate", "0", "--duration", "1"]).status.code(), Some(2));
    let nobody = ["--rate", "1", "--duration", "1", "--client", "nobody"];
    assert_eq!(run(&gateway, &nobody).status.code(), Some(2));
    let too_long = run(&gateway, &["--rate", "1", "--duration", "3600"]);
    assert_eq!(too_long.status.code(), Some(2));
    assert!(text(&too_long.stderr).contains("a token lasts 600 s"));
    let (clients, people) = (gateway.clients(), gateway.people());
    let remote = ["run", "--url", "http://192.0.2.1:1", "--clients", &clients, "--people", &people];
    let remote = loadtest(&[&remote[..], &["--rate", "1", "--duration", "1"]].concat());
    assert_eq!(remote.status.code(), Some(2));
    assert!(text(&remote.stderr).contains("--allow-remote"));
}

/// With `HAProxy` where it is installed, without it elsewhere: the rest must work on any machine.
#[test]
fn a_comparison_measures_everybody_and_leaves_no_process_behind() {
    let gateway = FakeGateway::start(Answers::Truthful);
    let file = gateway.folder.path().join("peers.json");
    let (clients, people) = (gateway.clients(), gateway.people());
    let own = std::process::id().to_string();
    let done = loadtest(&[
        "peers",
        "--url",
        &gateway.url,
        "--clients",
        &clients,
        "--people",
        &people,
        "--pid",
        &own,
        "--rounds",
        "1",
        "--seconds",
        "1",
        "--connections",
        "8",
        "--tolerate-missing",
        "haproxy",
        "--json",
        file.to_str().unwrap(),
    ]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let figures = json(&file);
    for system in ["echo", "gateway"] {
        assert!(figures[system]["rps"].as_f64().unwrap() > 0.0, "{figures}");
        assert!(figures[system]["cpu_us_per_request"].as_f64().is_some(), "{figures}");
        assert_eq!(figures[system]["errors"], 0, "{figures}");
    }
    assert!(figures["ratios"]["gateway_vs_echo"].as_f64().unwrap() > 0.0);
    assert_eq!(figures["haproxy"].is_null(), figures["ratios"]["gateway_vs_haproxy"].is_null());
}

#[test]
fn a_comparison_that_is_told_to_stop_stops_its_children_first() {
    let gateway = FakeGateway::start(Answers::Truthful);
    let (clients, people) = (gateway.clients(), gateway.people());
    let folder = tempfile::tempdir().unwrap();
    let given = ["peers", "--url", &gateway.url, "--clients", &clients, "--people", &people];
    let mut comparison = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(given)
        .args(["--connections", "1", "--tolerate-missing", "haproxy"])
        .env("TMPDIR", folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Its first line comes after the first measurement, when all children run.
    let mut said = BufReader::new(comparison.stderr.take().unwrap());
    said.read_line(&mut String::new()).unwrap();
    let pid = comparison.id();
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    assert!(!children.trim().is_empty());

    kill_process(Pid::from_child(&comparison), Signal::TERM).unwrap();
    assert_eq!(comparison.wait().unwrap().code(), Some(1));
    for child in children.split_ascii_whitespace() {
        assert!(!Path::new(&format!("/proc/{child}")).exists(), "{child} is still there");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the folder is gone too");
}
