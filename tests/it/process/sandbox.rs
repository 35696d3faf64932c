//! `gateway sandbox` as a newcomer meets it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::api::{ATTRIBUTES, Api, can_be_asked, request};
use super::place::{Place, files};
use super::programs::Process;

const PEOPLE: usize = 1_000;
/// One in so many people is verified through the door.
const ONE_IN: usize = 20;
/// What a newcomer's machine can spare: 300 MB, here without optimisation.
const RESIDENT_KB_MAX: u64 = 300_000;
/// Kinds of client and how many there are: report 51/BC-BTTTT counts 13 units of ministries, whose
/// systems and databases have a credential each.
const KINDS: [(&str, usize); 8] = [
    ("auditor", 1),
    ("carrier", 3),
    ("health_facility", 200),
    ("locality", 63),
    ("ministry", 21),
    ("operator", 1),
    ("platform", 2),
    ("state_enterprise", 1),
];
/// Agency codes that were closed since their systems were connected, and who succeeded them.
const SUCCEEDED: [(&str, &str); 4] = [
    ("bhxh", "G12"),
    ("bach-mai", "G12"),
    ("information-communications", "G06"),
    ("quang-nam", "H17"),
];
/// Attributes that somebody has on file.
const ON_FILE: [&str; 8] = [
    "full_name",
    "date_of_birth",
    "sex",
    "old_id_number",
    "insurance_number",
    "card_issue_date",
    "place_of_origin",
    "permanent_address",
];
const FIGURES: [&str; 8] = [
    "received",
    "matched",
    "not_matched",
    "inconclusive",
    "refused",
    "matched_deceased",
    "throttled",
    "malformed",
];
/// Figures about attributes.
const ATTRIBUTE_FIGURES: [&str; 7] =
    ["asked", "match", "close", "no_match", "not_on_file", "not_checked", "not_permitted"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_finds_clients_people_true_figures_and_a_request_that_works()
-> anyhow::Result<()> {
    let place = Place::new()?;
    let sandbox = place.fresh_sandbox().await?;
    the_printed_table_is_the_report(&place, &sandbox.output()).await?;
    reports_come_in_every_form_and_grouping(&place).await?;
    it_listens_on_loopback_only(&place, &sandbox)?;
    clients_are_as_described(&place.clients()?)?;
    history_is_as_described(&place.clients()?)?;
    every_client_that_verifies_took_part(&place).await?;
    people_are_as_described(&place.people()?)?;
    the_printed_request_works_as_pasted(&place, &sandbox.output()).await?;
    every_purpose_works_for_verify(&place).await?;
    people_match_what_is_on_file(&place).await?;
    operator_and_auditor_see_all_figures(&place).await?;
    everything_it_keeps_is_in_its_folder(&place)?;
    it_stays_small(&sandbox)?;
    ensure!(sandbox.errors().is_empty(), "it complains: {}", sandbox.errors());
    sandbox.stop("INT").await?;
    place.check_log().await
}

async fn the_printed_table_is_the_report(place: &Place, printed: &str) -> anyhow::Result<()> {
    let json = report(place, "kind").await?;
    let mut rows: BTreeMap<String, Vec<String>> = printed_rows(printed);
    let total = rows.remove("total").context("a total is printed")?;
    ensure!(total == printed_figures(&json["total"])?, "{total:?} is not {}", json["total"]);
    let reported = json["rows"].as_array().context("rows")?;
    ensure!(reported.len() == rows.len(), "{} rows, {} printed", reported.len(), rows.len());
    for row in reported {
        let kind = row["group"]["kind"].as_str().context("a kind")?;
        let printed = rows.get(kind).with_context(|| format!("{kind} is printed"))?;
        ensure!(*printed == printed_figures(row)?, "{printed:?} is not {row}");
    }
    ensure!(json["total"]["received"].as_u64() >= Some(2_000), "some thousands: {json}");
    let table = place.on_data(&["report", "match-rates", "--group-by", "kind"]).await?;
    ensure!(printed.contains(&table), "the command prints another table:\n{table}\n{printed}");
    ensure!(printed.contains("Every answer is the one that the truth"), "{printed}");
    Ok(())
}

/// First cell and the others of every line of a table.
fn printed_rows(printed: &str) -> BTreeMap<String, Vec<String>> {
    printed
        .lines()
        .filter_map(|line| line.trim().strip_prefix('│')?.strip_suffix('│'))
        .map(|line| line.split('┆').map(|cell| cell.trim().to_owned()))
        .filter_map(|mut cells| Some((cells.next()?, cells.collect::<Vec<_>>())))
        .filter(|(first, _)| first != "kind")
        .collect()
}

/// The figures of a reported row as a table for people has them.
fn printed_figures(row: &Value) -> anyhow::Result<Vec<String>> {
    let mut cells = Vec::new();
    for name in FIGURES {
        let figure = row[name].as_u64().with_context(|| format!("{name} in {row}"))?;
        cells.push(if figure < 1_000 {
            figure.to_string()
        } else {
            format!("{},{:03}", figure / 1_000, figure % 1_000)
        });
    }
    let rate = row["match_rate"].as_f64();
    cells.push(rate.map_or("-".to_owned(), |rate| format!("{:.2} %", rate * 100.0)));
    Ok(cells)
}

async fn report(place: &Place, group_by: &str) -> anyhow::Result<Value> {
    let args = ["report", "match-rates", "--group-by", group_by, "-o", "json"];
    Ok(serde_json::from_str(&place.on_data(&args).await?)?)
}

async fn reports_come_in_every_form_and_grouping(place: &Place) -> anyhow::Result<()> {
    let total = report(place, "none").await?["total"].clone();
    for (group_by, one_of_them) in [
        ("client", "viettel"),
        ("kind", "carrier"),
        ("operation", "verify"),
        ("purpose", "telecom.subscriber"),
        ("none", "all"),
        ("client,month", "viettel"),
        ("outcome,status", "matched,active"),
        ("attribute,reason", "full_name,marks_missing"),
        ("province", "001"),
    ] {
        let json = report(place, group_by).await?;
        // By attribute there are other figures.
        let figures: &[&str] = if group_by.starts_with("attribute") {
            &ATTRIBUTE_FIGURES
        } else {
            ensure!(json["total"] == total, "{group_by}: {json}");
            &FIGURES
        };
        let total = &json["total"];
        for name in ["definition", "from", "to"] {
            ensure!(!json[name].is_null(), "{group_by} has no {name}");
        }
        let rows = json["rows"].as_array().context("rows")?;
        for name in figures {
            let sum: i64 = rows.iter().filter_map(|row| row[name].as_i64()).sum();
            ensure!(total[name] == sum, "{group_by}: {name} adds up to {sum}");
        }
        let command = ["report", "match-rates", "--group-by", group_by];
        let csv = place.on_data(&[&command[..], &["-o", "csv"]].concat()).await?;
        let rates = "match_rate,disputed,disputes_upheld,disputes_rejected";
        let header = format!("{group_by},{}", figures.join(","));
        let header = if figures.len() == 8 { format!("{header},{rates}") } else { header };
        ensure!(csv.lines().next() == Some(&header), "{csv}");
        ensure!(csv.lines().count() == rows.len() + 2, "{csv}");
        ensure!(csv.lines().any(|line| line.starts_with(&format!("{one_of_them},"))), "{csv}");
        let table = place.on_data(&[&["-o", "table"], &command[..]].concat()).await?;
        let first = one_of_them.split(',').next().context("a value")?;
        ensure!(table.contains(first), "{group_by}: {table}");
    }
    // `--config` and `-o` stand before or after the command.
    let config = ["--config", "sandbox-data/gateway.toml", "-o", "json"];
    let command = ["report", "match-rates"];
    let before = place.gateway(&[&config[..], &command].concat()).await?;
    let after = place.gateway(&[&command[..], &config].concat()).await?;
    ensure!(before.status.success() && before.stdout == after.stdout, "{}", after.stderr);
    let day = report(place, "none").await?["to"].as_str().context("a day")?.to_owned();
    let args = ["report", "match-rates", "--from", &day, "--to", &day, "-o", "json"];
    let same_day: Value = serde_json::from_str(&place.on_data(&args).await?)?;
    ensure!(same_day["from"] == day.as_str() && same_day["to"] == day.as_str(), "{same_day}");
    Ok(())
}

/// The listening sockets of the process are those of 127.0.0.1 and its three ports.
fn it_listens_on_loopback_only(place: &Place, sandbox: &Process) -> anyhow::Result<()> {
    const LISTENING: &str = "0A";
    let process = format!("/proc/{}", sandbox.pid());
    let mut sockets = BTreeSet::new();
    for descriptor in fs::read_dir(format!("{process}/fd"))? {
        // A connection may close between the two calls.
        let Ok(target) = fs::read_link(descriptor?.path()) else { continue };
        sockets.insert(target.display().to_string());
    }
    let mut listening = BTreeSet::new();
    for table in ["tcp", "tcp6"] {
        let text = fs::read_to_string(format!("{process}/net/{table}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            if fields[3] == LISTENING && sockets.contains(&format!("socket:[{}]", fields[9])) {
                listening.insert(fields[1].to_owned());
            }
        }
    }
    let expected: BTreeSet<String> = [0, 1, 10]
        .map(|offset| format!("0100007F:{:04X}", place.port + offset))
        .into_iter()
        .collect();
    ensure!(listening == expected, "{listening:?} is not {expected:?}");
    Ok(())
}

fn it_stays_small(sandbox: &Process) -> anyhow::Result<()> {
    let status = fs::read_to_string(format!("/proc/{}/status", sandbox.pid()))?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = resident.and_then(|text| text.split_whitespace().next()).context("VmRSS")?;
    ensure!(resident.parse::<u64>()? < RESIDENT_KB_MAX, "{resident} kB of memory");
    Ok(())
}

fn clients_are_as_described(clients: &[Value]) -> anyhow::Result<()> {
    for client in clients {
        for name in ["client_id", "client_secret", "name", "agency_code", "kind"] {
            let text = client[name].as_str().unwrap_or_default();
            ensure!(!text.is_empty(), "{name} in {client}");
        }
        for name in ["operations", "purposes"] {
            let list = client[name].as_array().context("a list")?;
            ensure!(!list.is_empty() && list.iter().all(Value::is_string), "{client}");
        }
        let (rate, burst) = (client["rate"].as_u64(), client["burst"].as_u64());
        let whole = rate.zip(burst).is_some_and(|(rate, burst)| rate > 0 && burst % rate == 0);
        ensure!(whole, "{client}");
    }
    let of_kind = |kind: &str| clients.iter().filter(|c| c["kind"] == kind).count();
    for (kind, count) in KINDS {
        ensure!(of_kind(kind) == count, "{} clients of kind {kind}", of_kind(kind));
    }
    ensure!(clients.len() == KINDS.iter().map(|(_, count)| count).sum::<usize>(), "and no other");
    let slow = clients.iter().filter(|client| {
        client["kind"] == "locality" && client["rate"] == 50 && client["burst"] == 50
    });
    ensure!(slow.clone().count() == 1, "one locality is slow");
    ensure!(slow.into_iter().all(verifies), "it verifies");
    Ok(())
}

/// Day of connection since the register opened, and an agency that may have been succeeded.
fn history_is_as_described(clients: &[Value]) -> anyhow::Result<()> {
    for client in clients {
        let day = client["connected_at"].as_str().context("a day")?;
        ensure!(day.len() == 10 && ("2021-07-01".."2026").contains(&day), "{client}");
        let successor = client.get("successor_agency_code").context("a successor or null")?;
        ensure!(successor.is_null() || successor.is_string(), "{client}");
    }
    let successor = |client_id: &str| {
        let client = clients.iter().find(|client| client["client_id"] == client_id);
        client.map(|client| &client["successor_agency_code"])
    };
    for (client_id, code) in SUCCEEDED {
        ensure!(successor(client_id).is_some_and(|known| known == code), "{client_id}");
    }
    ensure!(successor("ha-noi").is_some_and(Value::is_null), "Ha Noi has none");
    Ok(())
}

fn verifies(client: &Value) -> bool {
    client["operations"].as_array().is_some_and(|list| list.iter().any(|o| o == "verify"))
}

fn people_are_as_described(people: &[Value]) -> anyhow::Result<()> {
    ensure!(people.len() == PEOPLE, "{} people", people.len());
    let expected: BTreeSet<&str> =
        ATTRIBUTES.into_iter().chain(["personal_id", "status"]).collect();
    let mut numbers = BTreeSet::new();
    for person in people {
        let keys: BTreeSet<&str> =
            person.as_object().context("an object")?.keys().map(String::as_str).collect();
        ensure!(expected.is_subset(&keys), "{person}");
        let number = person["personal_id"].as_str().context("a number")?;
        ensure!(number.len() == 12 && numbers.insert(number), "{person}");
    }
    for name in ON_FILE {
        ensure!(people.iter().any(|person| !person[name].is_null()), "nobody has a {name}");
    }
    Ok(())
}

/// The two commands are what stands after "Try it:", pasted into a shell as they are.
async fn the_printed_request_works_as_pasted(place: &Place, printed: &str) -> anyhow::Result<()> {
    let (_, commands) = printed.split_once("Try it:").context("a request to try is printed")?;
    ensure!(commands.matches("curl ").count() == 2, "a pair of commands: {commands}");
    let ended = place.spawn(Command::new("bash").args(["-c", commands]), "bash")?.ended().await?;
    ensure!(ended.status.success() && ended.stderr.is_empty(), "{}", ended.stderr);
    let answer: Value = serde_json::from_str(&ended.stdout)?;
    let attributes = answer["attributes"].as_object().context("attributes")?;
    let reasons = attributes.values().filter(|shown| shown["reason"].is_string()).count();
    ensure!(reasons > 0 && answer["receipt"]["index"].is_u64(), "{answer}");
    Ok(())
}

async fn every_purpose_works_for_verify(place: &Place) -> anyhow::Result<()> {
    let people = place.people()?;
    let person = people.iter().find(|person| can_be_asked(person)).context("a person")?;
    for client in place.clients()?.iter().filter(|client| verifies(client)) {
        let api = Api::connect(place.port, client).await?;
        for purpose in client["purposes"].as_array().into_iter().flatten() {
            let request = request(person, purpose.as_str().context("a purpose")?);
            let answer = api.verify(&request).await?;
            let outcome = answer.outcome().with_context(|| format!("{client} {purpose}"))?;
            ensure!(outcome == "matched", "{purpose}: {}", answer.body);
        }
    }
    Ok(())
}

async fn every_client_that_verifies_took_part(place: &Place) -> anyhow::Result<()> {
    let json = report(place, "client").await?;
    let rows = json["rows"].as_array().context("rows")?;
    for client in place.clients()?.iter().filter(|client| verifies(client)) {
        let row = rows.iter().find(|row| row["group"]["client"] == client["client_id"]);
        let row = row.with_context(|| format!("{client} is counted"))?;
        ensure!(row["received"].as_u64() > Some(0) && row["throttled"] == 0, "{row}");
    }
    Ok(())
}

async fn people_match_what_is_on_file(place: &Place) -> anyhow::Result<()> {
    let api = place.api("ndxp").await?;
    let people = place.people()?;
    let asked: Vec<&Value> =
        people.iter().filter(|person| can_be_asked(person)).step_by(ONE_IN).collect();
    ensure!(asked.len() >= 45, "only {} people can be asked about", asked.len());
    for person in asked {
        let answer = api.verify(&request(person, "service.public")).await?;
        ensure!(answer.outcome()? == "matched", "{person}: {}", answer.body);
    }
    Ok(())
}

async fn operator_and_auditor_see_all_figures(place: &Place) -> anyhow::Result<()> {
    let reported = report(place, "kind").await?;
    for client in ["operator", "auditor"] {
        let api = place.api(client).await?;
        let answer = api.get("/v1/reports/match-rates?group_by=kind").await?;
        ensure!(answer.status.as_u16() == 200, "{client}: {}", answer.body);
        ensure!(answer.body["rows"] == reported["rows"], "{client}: {}", answer.body);
    }
    Ok(())
}

fn everything_it_keeps_is_in_its_folder(place: &Place) -> anyhow::Result<()> {
    let mut found = Vec::new();
    for entry in fs::read_dir(place.work())? {
        found.push(entry?.file_name());
    }
    ensure!(found == ["sandbox-data"], "{found:?}");
    for name in ["clients.json", "people.ndjson", "gateway.toml", "demo.done", "population"] {
        ensure!(place.data().join(name).exists(), "{name}");
    }
    let unfinished = files(&place.data())?
        .into_iter()
        .any(|(path, _)| path.extension().is_some_and(|extension| extension == "part"));
    ensure!(!unfinished, "half a file is left");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_start_keeps_everything_and_fresh_begins_anew() -> anyhow::Result<()> {
    let place = Place::new()?;
    let sandbox = place.fresh_sandbox().await?;
    let (clients, people) = (place.clients()?, place.people()?);
    sandbox.stop("TERM").await?;
    let first = report(&place, "client").await?;

    let mut sandbox = place.sandbox(&[]).await?;
    sandbox.wait_for_output("/v1/verifications").await?;
    ensure!(place.clients()? == clients, "secrets are kept");
    ensure!(place.people()? == people, "people are kept");
    let person = people.iter().find(|person| can_be_asked(person)).context("a person")?;
    let answer = place.api("ndxp").await?.verify(&request(person, "service.public")).await?;
    ensure!(answer.outcome()? == "matched", "{}", answer.body);
    the_printed_request_works_as_pasted(&place, &sandbox.output()).await?;
    let second = report(&place, "client").await?;
    let received = |report: &Value| report["total"]["received"].as_i64();
    ensure!(received(&second) == received(&first).map(|n| n + 2), "no traffic of its own");
    sandbox.stop("INT").await?;

    fs::write(place.data().join("left-over"), "x")?;
    let sandbox = place.fresh_sandbox().await?;
    ensure!(!place.data().join("left-over").exists(), "it begins anew");
    ensure!(place.clients()? != clients, "with new secrets");
    ensure!(place.people()? == people, "and the same nation");
    let third = report(&place, "client").await?;
    ensure!(third["rows"] == first["rows"], "and the same demonstration: {third}");
    drop(sandbox);
    place.check_log().await
}
