//! How many at once, until when, and in what order: what one client has on its way stops no other.

use std::num::NonZeroU32;
use std::time::Duration;

use gateway::config::Config;
use gateway::rate_limit::Lane;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::{
    Answer, Caller, FakeRegister, Reaction, TestApp, TestClient, about, entries, on_file,
};

/// A client for each lane, and the operator.
fn company() -> Vec<TestClient> {
    let on = |id, lane| TestClient { lane, ..TestClient::carrier(id) };
    vec![
        on("file", Lane::Bulk),
        on("desk", Lane::Interactive),
        on("ward", Lane::Emergency),
        TestClient::operator("operator"),
    ]
}

/// However slow the machine is: a test lets the register answer, or says that it will not.
fn be_patient(config: &mut Config) {
    config.population.timeout_ms = 60_000;
    config.lanes.deadline_ms = 30_000;
    config.server.request_timeout_ms = 60_000;
}

/// So many places, one of them for bulk, before a register that answers when it is let.
async fn narrow(places: usize) -> (TestApp, FakeRegister) {
    let register = FakeRegister::start(Reaction::AnswerLate).await;
    let app = TestApp::builder().clients(company()).register(&register.url).config(move |config| {
        config.lanes.places = places;
        config.lanes.bulk_places = 1;
        config.lanes.bulk_places_alone = 1;
        be_patient(config);
    });
    (app.start().await, register)
}

fn ask(caller: &Caller, body: Value) -> JoinHandle<Answer> {
    let caller = caller.clone();
    tokio::spawn(async move { caller.verify(&body).await })
}

/// Waits until the metrics say so; fails after a time that only a loss takes.
async fn until(app: &TestApp, figure: &str, lane: &str, number: usize) {
    let line = format!("gateway_lane_{figure}{{lane=\"{lane}\"}} {number}");
    let told = async {
        while !app.metrics().await.lines().any(|told| told == line) {
            tokio::task::yield_now().await;
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(30), told).await;
    assert!(told.is_ok(), "{line} never came: {}", app.metrics().await);
}

async fn few_at_once(register: &FakeRegister) -> TestApp {
    let clients = [
        TestClient {
            concurrency: NonZeroU32::new(2).unwrap(),
            rate: 5,
            burst: 10,
            ..TestClient::carrier("few")
        },
        TestClient::carrier("carrier"),
        TestClient::operator("operator"),
    ];
    TestApp::builder().clients(clients).register(&register.url).config(be_patient).start().await
}

#[tokio::test]
async fn a_client_has_no_more_on_its_way_than_its_policy_allows_and_pays_nothing_for_the_rest() {
    let register = FakeRegister::start(Reaction::AnswerLate).await;
    let app = few_at_once(&register).await;
    let caller = app.caller("few").await;
    let first = ask(&caller, on_file());
    register.called(1).await;
    let second = ask(&caller, on_file());
    register.called(2).await;
    for _ in 0..20 {
        let refused = caller.verify(&on_file()).await;
        refused.problem(429, "concurrency-limited");
        assert_eq!(refused.retry_after(), 1);
        assert_eq!(refused.header("ratelimit"), Some("\"client\";r=8;t=1"));
        caller.get("/v1/whoami").await.problem(429, "concurrency-limited");
    }
    // Another client's requests are not its own, and a token is not one of them.
    let other = ask(&app.caller("carrier").await, on_file());
    register.called(3).await;
    app.ask_token_as("few").await.ok();
    register.release();
    for answer in [first, second, other] {
        assert_eq!(answer.await.unwrap().ok()["outcome"], "matched");
    }
    caller.verify(&on_file()).await.ok();
    assert_eq!(entries(&app.app).await.len(), 4);
    let report = app.caller("operator").await.report("?group_by=client").await.ok();
    let rows = report["rows"].as_array().unwrap();
    let few = rows.iter().find(|row| row["group"]["client"] == "few").unwrap();
    assert_eq!(few["throttled"], 40, "{report}");
}

#[tokio::test]
async fn what_goes_on_for_a_caller_who_hung_up_is_on_its_way_until_it_ends() {
    let register = FakeRegister::start(Reaction::AnswerLate).await;
    let app = few_at_once(&register).await;
    let caller = app.caller("few").await;
    for call in 1..=2 {
        let asking = ask(&caller, on_file());
        register.called(call).await;
        asking.abort();
    }
    for _ in 0..20 {
        caller.verify(&on_file()).await.problem(429, "concurrency-limited");
    }
    register.release();
    let free = async {
        while caller.verify(&on_file()).await.status != 200 {
            app.pass(1);
        }
    };
    tokio::time::timeout(Duration::from_secs(30), free).await.expect("both end");
    assert_eq!(entries(&app.app).await.len(), 3);
}

#[tokio::test]
async fn more_at_once_are_allowed_from_one_moment_to_the_next() {
    let register = FakeRegister::start(Reaction::AnswerLate).await;
    let app = few_at_once(&register).await;
    let few = app.app.directory.all().keys().find(|id| id.as_str() == "few").cloned().unwrap();
    app.app.concurrency.replace([(few, NonZeroU32::new(3).unwrap())]);
    let caller = app.caller("few").await;
    let mut asking = Vec::new();
    for call in 1..=3 {
        asking.push(ask(&caller, on_file()));
        register.called(call).await;
    }
    caller.verify(&on_file()).await.problem(429, "concurrency-limited");
    register.release();
    for answer in asking {
        answer.await.unwrap().ok();
    }
}

#[tokio::test]
async fn a_deadline_that_is_none_is_refused_by_name() {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    let operator = app.caller("operator").await;
    let body = on_file();
    let look = json!({"subject": body["subject"], "purpose": "operations.report"});
    for deadline in ["", "0", "30001", "-5", "soon", "1.5"] {
        let fields = [("request-deadline-ms", deadline)];
        for answer in [
            caller.verify_with(&fields, &body.to_string()).await,
            operator.post_with("/v1/subjects/history", &fields, &look.to_string()).await,
        ] {
            let problem = answer.problem(400, "invalid-request");
            let expected = json!([{"pointer": "/Request-Deadline-Ms", "code": "malformed"}]);
            assert_eq!(problem["errors"], expected, "{deadline:?}");
        }
    }
    let twice = [("request-deadline-ms", "500"), ("request-deadline-ms", "500")];
    caller.verify_with(&twice, &body.to_string()).await.problem(400, "invalid-request");
    assert_eq!(entries(&app.app).await.len(), 0);
    let fields = [("request-deadline-ms", "30000")];
    caller.verify_with(&fields, &body.to_string()).await.ok();
}

#[tokio::test]
async fn what_comes_too_late_for_its_deadline_is_recorded_once_the_register_was_asked() {
    let register = FakeRegister::start(Reaction::AnswerLate).await;
    let app = TestApp::builder().register(&register.url).config(be_patient).start().await;
    let (caller, operator) = (app.caller("carrier").await, app.caller("operator").await);
    let verification = ask(&caller, on_file());
    register.called(1).await;
    let look = json!({"subject": on_file()["subject"], "purpose": "operations.report"});
    let look = tokio::spawn(async move {
        operator.post("/v1/subjects/history", "application/json", &look.to_string()).await
    });
    register.called(2).await;
    app.hand.advance(30_000_000);
    register.release();
    assert_eq!(verification.await.unwrap().ok()["outcome"], "matched");
    look.await.unwrap().ok();
    assert_eq!(entries(&app.app).await.len(), 2);
}

#[tokio::test]
async fn a_deadline_too_short_for_the_register_has_it_asked_by_nobody_or_on_record() {
    let register = FakeRegister::start(Reaction::Hang).await;
    let app = TestApp::builder().register(&register.url);
    let app = app.config(|config| config.population.timeout_ms = 600_000).start().await;
    let (caller, operator) = (app.caller("carrier").await, app.caller("operator").await);
    let look = json!({"subject": on_file()["subject"], "purpose": "operations.report"});
    let fields = [("request-deadline-ms", "1")];
    for _ in 0..20 {
        caller.verify_with(&fields, &on_file().to_string()).await;
        operator.post_with("/v1/subjects/history", &fields, &look.to_string()).await;
    }
    assert!(entries(&app.app).await.len() >= register.asked().len());
    // A look that was given up is in the person's history all the same.
    let before = entries(&app.app).await.len();
    let fields = [("request-deadline-ms", "300")];
    let answer = operator.post_with("/v1/subjects/history", &fields, &look.to_string()).await;
    answer.problem(503, "overloaded");
    assert_eq!(entries(&app.app).await.len(), before + 1);
}

#[tokio::test]
async fn where_only_the_logs_time_is_left_the_register_is_not_asked() {
    let (app, register) = narrow(1).await;
    let desk = app.caller("desk").await;
    let first = ask(&desk, on_file());
    register.called(1).await;
    let second = ask(&desk, on_file());
    until(&app, "waiting", "interactive", 1).await;
    app.hand.advance(29_950_000);
    register.release();
    assert_eq!(first.await.unwrap().ok()["outcome"], "matched");
    assert_eq!(second.await.unwrap().ok()["outcome"], "inconclusive");
    assert_eq!((register.asked().len(), entries(&app.app).await.len()), (1, 2));
}

#[tokio::test]
async fn a_deadline_before_the_registers_time_out_gives_an_answer_that_says_so() {
    let register = FakeRegister::start(Reaction::Hang).await;
    let app = TestApp::builder().register(&register.url);
    let app = app.config(|config| config.population.timeout_ms = 600_000).start().await;
    let caller = app.caller("carrier").await;
    let fields = [("request-deadline-ms", "300")];
    let answer = caller.verify_with(&fields, &on_file().to_string()).await.ok();
    assert_eq!(answer["outcome"], "inconclusive");
    assert_eq!(answer["attributes"]["full_name"]["reason"], "registry_unavailable");
    assert_eq!(entries(&app.app).await.len(), 1);
}

#[tokio::test]
async fn lanes_never_share_a_call_to_the_register() {
    let register = FakeRegister::start(Reaction::AnswerLate).await;
    let app = TestApp::builder().clients(company()).register(&register.url);
    let app = app.config(|config| {
        be_patient(config);
        config.population.calls_in_flight_max = 1;
        config.lanes.bulk_places = 10;
    });
    let app = app.start().await;
    let mut asking = Vec::new();
    // The first of each is in a call of its own, and the others gather behind it.
    for number in 0..10 {
        for (lane, client) in ["file", "desk", "ward"].into_iter().enumerate() {
            let subject = format!("00109000{lane}{number:03}");
            let body = about(&subject, "Trần Thị Kiểm Thử", "1990-05-07");
            asking.push(ask(&app.caller(client).await, body));
        }
        register.called(3).await;
    }
    for lane in Lane::ALL {
        until(&app, "in_flight", lane.name(), 10).await;
    }
    register.release();
    for answer in asking {
        answer.await.unwrap().ok();
    }
    let mut items = 0;
    for call in register.asked() {
        let asked = call["items"].as_array().unwrap();
        let lane = |item: &Value| item["key"]["personal_id"].as_str().unwrap()[8..9].to_owned();
        assert!(asked.iter().all(|item| lane(item) == lane(&asked[0])), "{call}");
        items += asked.len();
    }
    assert_eq!(items, 30);
    assert!(register.asked().iter().any(|call| call["items"].as_array().unwrap().len() > 1));
}

#[tokio::test]
async fn a_file_that_hangs_before_the_register_stops_no_desk() {
    let (app, register) = narrow(4).await;
    let file = app.caller("file").await;
    let flood: Vec<_> = (0..40).map(|_| ask(&file, on_file())).collect();
    until(&app, "waiting", "bulk", 39).await;
    register.called(1).await;
    register.behave(Reaction::Answer);
    for client in ["desk", "ward"] {
        let caller = app.caller(client).await;
        for _ in 0..10 {
            caller.verify(&on_file()).await.ok();
        }
    }
    until(&app, "in_flight", "bulk", 1).await;
    until(&app, "waiting", "bulk", 39).await;
    register.release();
    for answer in flood {
        answer.await.unwrap().ok();
    }
    assert_eq!(entries(&app.app).await.len(), 60);
}

#[tokio::test]
async fn those_who_wait_go_by_lane_and_every_use_of_the_first_can_be_seen() {
    let (app, register) = narrow(1).await;
    let desk = app.caller("desk").await;
    let mut asking = vec![ask(&desk, on_file())];
    register.called(1).await;
    for (client, lane) in [("file", "bulk"), ("desk", "interactive"), ("ward", "emergency")] {
        asking.push(ask(&app.caller(client).await, on_file()));
        until(&app, "waiting", lane, 1).await;
    }
    register.release();
    for answer in asking {
        answer.await.unwrap().ok();
    }
    let order: Vec<_> = entries(&app.app).await.iter().map(|it| it.client.to_string()).collect();
    assert_eq!(order, ["desk", "ward", "desk", "file"]);
    let used = "gateway_emergency_requests_total{client=\"ward\"} 1";
    assert!(app.metrics().await.lines().any(|line| line == used));
}

#[tokio::test]
async fn who_hangs_up_while_it_waits_leaves_its_place_and_no_entry() {
    let (app, register) = narrow(1).await;
    let desk = app.caller("desk").await;
    let first = ask(&desk, on_file());
    register.called(1).await;
    let second = ask(&desk, on_file());
    until(&app, "waiting", "interactive", 1).await;
    second.abort();
    until(&app, "waiting", "interactive", 0).await;
    register.release();
    first.await.unwrap().ok();
    desk.verify(&on_file()).await.ok();
    assert_eq!(entries(&app.app).await.len(), 2);
}

#[tokio::test]
async fn a_queue_behind_a_slow_register_is_shed_at_once_where_it_would_come_too_late() {
    let (app, register) = narrow(1).await;
    let desk = app.caller("desk").await;
    let slow = ask(&desk, on_file());
    register.called(1).await;
    // Every place is held for eight seconds, as far as anybody has seen.
    app.hand.advance(8_000_000);
    register.release();
    slow.await.unwrap().ok();
    register.behave(Reaction::Hang);
    let held = ask(&desk, on_file());
    register.called(2).await;
    let fields = [("request-deadline-ms", "2000")];
    let shed = desk.verify_with(&fields, &on_file().to_string()).await;
    shed.problem(503, "overloaded");
    assert_eq!(shed.retry_after(), 6);
    held.abort();
    assert_eq!(entries(&app.app).await.len(), 1);
}

#[tokio::test]
async fn a_stop_ends_those_who_wait_and_not_those_who_are_on_their_way() {
    let (app, register) = narrow(1).await;
    let desk = app.caller("desk").await;
    let first = ask(&desk, on_file());
    register.called(1).await;
    let second = ask(&desk, on_file());
    until(&app, "waiting", "interactive", 1).await;
    app.tell_to_stop();
    let ended = second.await.unwrap();
    ended.problem(503, "overloaded");
    register.release();
    first.await.unwrap().ok();
    let (kept, ended_well) = app.stopped().await;
    assert!(ended_well);
    let app = kept.again().start().await;
    assert_eq!(entries(&app.app).await.len(), 1);
}
