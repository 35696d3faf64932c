use super::*;

fn args() -> PeersArgs {
    PeersArgs {
        url: None,
        clients: None,
        people: None,
        pid: None,
        rounds: 3,
        seconds: 2,
        connections: 64,
        json: None,
        tolerate_missing: Vec::new(),
        allow_remote: false,
    }
}

fn measured(system: System, rps: f64, cpu: Option<f64>) -> Measured {
    Measured {
        system,
        rps,
        p50_ms: 1.5,
        p99_ms: 4.0,
        cpu_us_per_request: cpu,
        generator_cpu_us_per_request: Some(10.0),
        errors: (1, Some("429 rate-limited".to_owned())),
        wrong: (0, None),
    }
}

fn all() -> Vec<Measured> {
    let mut all = Vec::new();
    for (echo, haproxy, gateway) in
        [(80_000.0, 30_000.0, 40_000.0), (70_000.0, 31_000.0, 39_000.0), (1.0, 1.0, 1.0)]
    {
        all.push(measured(System::Echo, echo, Some(20.0)));
        all.push(measured(System::Haproxy, haproxy, Some(50.0)));
        all.push(measured(System::Gateway, gateway, None));
    }
    all
}

/// The names that the comparison's readers rely on.
#[test]
fn the_file_has_the_agreed_shape() {
    let comparison = Comparison::new(&args(), &all());
    let golden = r#"{
  "echo": {
    "rps": 70000.0,
    "p50_ms": 1.5,
    "p99_ms": 4.0,
    "cpu_us_per_request": 20.0,
    "generator_cpu_us_per_request": 10.0,
    "errors": 3,
    "wrong": 0
  },
  "haproxy": {
    "rps": 30000.0,
    "p50_ms": 1.5,
    "p99_ms": 4.0,
    "cpu_us_per_request": 50.0,
    "generator_cpu_us_per_request": 10.0,
    "errors": 3,
    "wrong": 0
  },
  "gateway": {
    "rps": 39000.0,
    "p50_ms": 1.5,
    "p99_ms": 4.0,
    "cpu_us_per_request": null,
    "generator_cpu_us_per_request": 10.0,
    "errors": 3,
    "wrong": 0
  },
  "ratios": {
    "gateway_vs_haproxy": 1.3,
    "gateway_vs_echo": 0.557
  },
  "rounds": 3,
  "seconds": 2,
  "connections": 64
}"#;
    assert_eq!(serde_json::to_string_pretty(&comparison).unwrap(), golden);
}

#[test]
fn a_system_that_was_left_out_is_null_and_so_is_its_ratio() {
    let rest: Vec<_> = all().into_iter().filter(|m| m.system != System::Haproxy).collect();
    let comparison = Comparison::new(&args(), &rest);
    let json = serde_json::to_value(&comparison).unwrap();
    assert!(json["haproxy"].is_null());
    assert!(json["ratios"]["gateway_vs_haproxy"].is_null());
    assert!(comparison.table().contains("gateway / HAProxy: not measured"));
    assert!(comparison.judge().is_ok());
}

#[test]
fn the_table_states_the_gates() {
    let table = Comparison::new(&args(), &all()).table();
    assert!(table.contains("gateway / HAProxy: 1.30 (gate 1.2: held, aim 1.5)"), "{table}");
    assert!(table.contains("gateway / echo: 0.56 (gate 0.45: held, aim 0.6)"), "{table}");
    assert!(table.contains("echo: 429 rate-limited"), "{table}");
}

#[test]
fn wrong_answers_and_silence_are_failures() {
    let mut wrong = all();
    wrong[2].wrong = (1, Some("wrong_name: outcome".to_owned()));
    assert_eq!(Comparison::new(&args(), &wrong).judge().unwrap_err().exit_code(), 6);
    let silent = [measured(System::Gateway, 0.0, None)];
    assert_eq!(Comparison::new(&args(), &silent).judge().unwrap_err().exit_code(), 5);
}
