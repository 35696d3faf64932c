//! The samples that clients copy, run as `gateway/samples/README.md` says: against the sandbox, and
//! against a gateway that has no time.
//!
//! bash with curl and Python must be there. Another language that is not on this machine is
//! reported and left out.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, ensure};
use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use gateway::http::Code;
use gateway::matching::Advice;
use serde_json::{Value, json};

use super::place::Place;
use super::programs::{Ended, Process};

/// The client that asks.
const CLIENT: &str = "viettel";

/// A sample, ready to be called with its four arguments.
struct Sample {
    name: &'static str,
    command: Vec<OsString>,
}

impl Sample {
    fn start(&self, place: &Place, args: &[&str]) -> anyhow::Result<Process> {
        let mut command = Command::new(&self.command[0]);
        // Of a terminal that knows no Vietnamese, and never through somebody's proxy.
        command.args(&self.command[1..]).args(args).env("LC_ALL", "C").env("NO_PROXY", "127.0.0.1");
        place.spawn(&mut command, self.name)
    }

    async fn run(&self, place: &Place, args: &[&str]) -> anyhow::Result<Ended> {
        self.start(place, args)?.ended().await
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway/samples")
}

fn is_here(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// All samples that can run on this machine; those that are compiled, compiled.
async fn samples(place: &Place) -> anyhow::Result<Vec<Sample>> {
    let missing: Vec<_> =
        ["bash", "curl", "python3"].into_iter().filter(|name| !is_here(name)).collect();
    ensure!(missing.is_empty(), "{missing:?} must be installed: see tests/run");
    let script = |name, program: &str, file: &str| Sample {
        name,
        command: vec![program.into(), folder().join(file).into()],
    };
    let mut samples =
        vec![script("shell", "bash", "verify.sh"), script("python", "python3", "verify.py")];
    if is_here("php") {
        samples.push(script("php", "php", "verify.php"));
    } else {
        eprintln!("no PHP on this machine: verify.php is not tried");
    }
    if is_here("java") && is_here("javac") {
        samples.push(java(place).await?);
    } else {
        eprintln!("no JDK on this machine: Verify.java is not tried");
    }
    if is_here("mono") && is_here("mcs") {
        samples.extend(csharp(place).await?);
    } else {
        eprintln!("no Mono on this machine: Verify.cs is not tried");
    }
    Ok(samples)
}

async fn java(place: &Place) -> anyhow::Result<Sample> {
    let classes = place.work().join("java");
    fs::create_dir(&classes)?;
    let mut compiler = Command::new("javac");
    compiler.args(["-encoding", "UTF-8", "-source", "8", "-target", "8", "-Xlint:-options", "-d"]);
    let ended = place.spawn(compiler.arg(&classes).arg(folder().join("Verify.java")), "javac")?;
    let ended = ended.ended().await?;
    ensure!(ended.status.success() && ended.stderr.is_empty(), "javac: {}", ended.stderr);
    Ok(Sample {
        name: "java",
        command: vec!["java".into(), "-cp".into(), classes.into(), "Verify".into()],
    })
}

/// None where Mono lacks parts of the class library, which Debian packs one by one.
async fn csharp(place: &Place) -> anyhow::Result<Option<Sample>> {
    let program = place.work().join("Verify.exe");
    let mut compiler = Command::new("mcs");
    compiler.args(["-codepage:utf8", "-r:System.Net.Http", "-r:System.Runtime.Serialization"]);
    compiler.args(["-r:System.Xml", "-r:System.Xml.Linq"]);
    compiler.arg(format!("-out:{}", program.display())).arg(folder().join("Verify.cs"));
    let ended = place.spawn(&mut compiler, "mcs")?.ended().await?;
    let said = ended.stdout + &ended.stderr;
    if said.contains("error CS0006") {
        eprintln!("Mono on this machine is not complete: Verify.cs is not tried: {said}");
        return Ok(None);
    }
    ensure!(ended.status.success() && !said.contains("warning"), "mcs: {said}");
    Ok(Some(Sample { name: "csharp", command: vec!["mono".into(), program.into()] }))
}

/// Writes a file where the samples are started.
fn write(place: &Place, name: &str, text: &str) -> anyhow::Result<()> {
    Ok(fs::write(place.work().join(name), text)?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sample_asks_the_sandbox_and_tells_what_it_said() -> anyhow::Result<()> {
    let place = Place::new()?;
    let _sandbox = place.fresh_sandbox().await?;
    let secret = write_files(&place)?;
    for sample in samples(&place).await? {
        it_tells_what_the_sandbox_says(&place, &sample, &secret)
            .await
            .with_context(|| format!("the sample in {}", sample.name))?;
    }
    Ok(())
}

/// The secrets and requests that the samples are called with; the right secret.
fn write_files(place: &Place) -> anyhow::Result<String> {
    let clients = place.clients()?;
    let client = clients.iter().find(|client| client["client_id"] == CLIENT).context("a client")?;
    let secret = client["client_secret"].as_str().context("a secret")?.to_owned();
    write(place, "right.secret", &format!("{secret}\n"))?;
    write(place, "wrong.secret", "not-the-secret\n")?;

    let people = place.people()?;
    let person = people.iter().find(|person| is_complete(person)).context("a person")?;
    let mut request = json!({
        "subject": {"personal_id": person["personal_id"]},
        "purpose": "telecom.subscriber",
        "attributes": {
            "full_name": person["full_name"],
            "date_of_birth": person["date_of_birth"],
        },
    });
    write(place, "true.json", &request.to_string())?;
    // "Thử Nghiệm" is nobody's name.
    request["attributes"]["full_name"] = json!("Đặng Thử Nghiệm");
    write(place, "wrong-name.json", &request.to_string())?;
    request["attributes"] = json!({"full_name": person["full_name"], "sex": "unknown"});
    write(place, "malformed.json", &request.to_string())?;
    Ok(secret)
}

/// Alive, born on a day, and with a name that shows whether it arrived as UTF-8.
fn is_complete(person: &Value) -> bool {
    person["status"] == "active"
        && person["date_of_birth"].as_str().is_some_and(|date| date.len() == "1990-05-01".len())
        && person["full_name"].as_str().is_some_and(|name| !name.is_ascii())
}

async fn it_tells_what_the_sandbox_says(
    place: &Place,
    sample: &Sample,
    secret: &str,
) -> anyhow::Result<()> {
    let url = format!("http://127.0.0.1:{}/", place.port);
    let ask = async |secret_file: &str, request: &str| {
        let ended = sample.run(place, &[&url, CLIENT, secret_file, request]).await?;
        ensure!(!(ended.stdout.clone() + &ended.stderr).contains(secret), "it tells the secret");
        anyhow::Ok(ended)
    };
    let names = ["full_name", "date_of_birth"];

    let ended = ask("right.secret", "true.json").await?;
    is_answer(&ended, "matched", &names.map(|name| format!("  {name}: match")), None)?;

    let ended = ask("right.secret", "wrong-name.json").await?;
    let different = names.map(|name| format!("  {name}: no_match (different)"));
    is_answer(&ended, "not_matched", &different, Some(Advice::CopyFromCard))?;

    is_problem(&ask("wrong.secret", "true.json").await?, Code::InvalidClient, &[])?;

    let fields = ["/attributes/date_of_birth: required-attribute-missing", "/attributes/sex: "];
    is_problem(&ask("right.secret", "malformed.json").await?, Code::InvalidValue, &fields)?;

    let usual = folder().join("request.json");
    let ended = ask("right.secret", usual.to_str().context("a path in UTF-8")?).await?;
    let right = ended.stdout.starts_with("Kết quả: matched\n");
    ensure!(right, "request.json is not what is on file about its person: {}", ended.stdout);

    for args in [&[][..], &[&url, CLIENT, "right.secret"], &[&url, CLIENT, "none", "true.json"]] {
        let ended = sample.run(place, args).await?;
        ensure!(ended.status.code() == Some(2), "{args:?}: {}", ended.status);
        ensure!(ended.stdout.is_empty() && !ended.stderr.is_empty(), "{args:?}");
    }
    Ok(())
}

/// The sample has shown an answer, whole and nothing else.
fn is_answer(
    ended: &Ended,
    outcome: &str,
    attributes: &[String],
    advice: Option<Advice>,
) -> anyhow::Result<()> {
    ensure!(ended.status.success() && ended.stderr.is_empty(), "{}", ended.stderr);
    let mut expected = vec![format!("Kết quả: {outcome}")];
    expected.extend_from_slice(attributes);
    expected.extend(advice.map(|advice| format!("Hướng dẫn: {}", advice.vi())));
    let mut lines: Vec<&str> = ended.stdout.lines().collect();
    let receipt = lines.pop().and_then(|line| line.strip_prefix("Biên nhận: n1 "));
    let (index, leaf) = receipt.and_then(|text| text.split_once(' ')).context("a receipt")?;
    ensure!(index.parse::<u64>().is_ok() && leaf.len() == 44, "{receipt:?}");
    ensure!(lines == expected, "{lines:?} is not {expected:?}");
    Ok(())
}

/// The sample has shown a problem document.
fn is_problem(ended: &Ended, code: Code, fields: &[&str]) -> anyhow::Result<()> {
    ensure!(ended.status.code() == Some(1) && ended.stdout.is_empty(), "{}", ended.stdout);
    let told = code.explained();
    let expected = format!("Lỗi {} {}: {}", told.status.as_u16(), told.code, told.vi);
    let lines: Vec<&str> = ended.stderr.lines().collect();
    ensure!(lines.first() == Some(&expected.as_str()), "{lines:?} is not {expected}");
    let request_id = lines.get(1).and_then(|line| line.strip_prefix("Mã yêu cầu: "));
    ensure!(request_id.is_some_and(|id| id.len() == 32), "{lines:?}");
    let shown = &lines[2..];
    let all = fields.len() == shown.len()
        && fields.iter().all(|field| shown.iter().any(|line| line.trim_start().starts_with(field)));
    ensure!(all, "{shown:?} is not {fields:?}");
    Ok(())
}

/// A gateway that has no time for some of its callers.
struct Busy {
    url: String,
    calls: Arc<AtomicUsize>,
}

impl Busy {
    /// Starts one that refuses the calls, counted from 0, of which `refused` is true.
    async fn start(refused: fn(usize) -> bool) -> anyhow::Result<Self> {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let or_refuse = move |status: StatusCode, answer: Value| {
            let call = counted.fetch_add(1, Ordering::Relaxed);
            if refused(call) { busy(status) } else { axum::Json(answer).into_response() }
        };
        let token = json!({"access_token": "t", "token_type": "Bearer", "expires_in": 600});
        let answer = json!({
            "outcome": "matched", "receipt": {"log": "n1", "index": 1, "leaf": "x".repeat(44)},
        });
        let for_token = or_refuse.clone();
        let router = Router::new()
            .route(
                "/oauth2/token",
                post(async move || for_token(StatusCode::SERVICE_UNAVAILABLE, token)),
            )
            .route(
                "/v1/verifications",
                post(async move || or_refuse(StatusCode::TOO_MANY_REQUESTS, answer)),
            );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, calls })
    }
}

fn busy(status: StatusCode) -> Response {
    let document = json!({"code": "busy", "detail": "Đang bận.", "request_id": "0".repeat(32)});
    let head = [(CONTENT_TYPE, "application/problem+json"), (RETRY_AFTER, "1")];
    (status, head, document.to_string()).into_response()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sample_comes_again_once_when_it_was_told_to() -> anyhow::Result<()> {
    let place = Place::new()?;
    write(&place, "secret", "secret")?;
    write(&place, "request.json", "{}")?;
    let mut running = Vec::new();
    for sample in samples(&place).await? {
        // Token and verification come through at the second try each; and nothing ever does.
        for (refused, calls, status) in
            [((|call| call % 2 == 0) as fn(usize) -> bool, 4, 0), (|_| true, 2, 1)]
        {
            let gateway = Busy::start(refused).await?;
            let args = [gateway.url.as_str(), CLIENT, "secret", "request.json"];
            let process = sample.start(&place, &args)?;
            running.push((sample.name, process, gateway, calls, status));
        }
    }
    for (name, process, gateway, calls, status) in running {
        let ended = process.ended().await?;
        ensure!(ended.status.code() == Some(status), "{name}: {} {}", ended.status, ended.stderr);
        let counted = gateway.calls.load(Ordering::Relaxed);
        ensure!(counted == calls, "{name}: {counted} calls in place of {calls}");
        let told = if status == 0 { ended.stdout } else { ended.stderr };
        let expected =
            if status == 0 { "Kết quả: matched\n" } else { "Lỗi 503 busy: Đang bận.\n" };
        ensure!(told.starts_with(expected), "{name}: {told}");
    }
    Ok(())
}
