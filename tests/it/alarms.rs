//! What stands out in how clients ask: raised once, seen to, cleared, and every step in the log.

use std::time::Duration;

use gateway::alarms::{AlarmKind, Answered, Figures, Raised, Span};
use gateway::app::Judging;
use gateway::audit::Pseudonym;
use gateway::matching::Outcome;
use gateway::rate_limit::Lane;
use gateway::request::{ClientId, PersonalId};
use gateway::store::AlarmFilter;
use serde_json::{Value, json};

use crate::credentials::acts;
use crate::support::{
    Answer, Caller, Database, TestApp, TestClient, about_person, merge, on_both_databases,
};

on_both_databases! {
    a_fall_of_the_match_rate_is_told_once_and_over_once_whatever_restarts,
    number_after_number_and_one_person_by_many_are_told_without_a_number,
    lists_are_narrowed_and_come_in_pages,
    of_two_nodes_one_raises_and_the_one_that_saw_it_last_clears,
}

const DAY: i64 = 86_400;

/// A token does not live as long as a window.
async fn office(app: &TestApp) -> Caller {
    app.admin_caller("operator").await
}

async fn list(app: &TestApp, query: &str) -> Vec<Value> {
    let listed = office(app).await.get(&format!("/admin/v1/alarms{query}")).await.ok();
    listed["alarms"].as_array().unwrap().clone()
}

async fn acknowledge(app: &TestApp, id: &str, body: &Value) -> Answer {
    let path = format!("/admin/v1/alarms/{id}/acknowledge");
    office(app).await.post(&path, "application/json", &body.to_string()).await
}

/// Judges until something is so; the gateway judges each second by itself as well.
async fn judge_until(app: &TestApp, mut is_so: impl AsyncFnMut() -> bool) {
    let mut judging = Judging::default();
    let judging = async {
        while !is_so().await {
            app.app.judge_alarms(&mut judging).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), judging).await.expect("it is judged");
}

/// Asks over the wire about as many people, some at once.
async fn ask(app: &TestApp, count: usize, change: &Value) {
    let caller = app.caller("carrier").await;
    let bodies: Vec<Value> =
        app.people(count).iter().map(|person| merge(&about_person(person), change)).collect();
    let mut asking = tokio::task::JoinSet::new();
    for bodies in bodies.chunks(count.div_ceil(16)) {
        let (caller, bodies) = (caller.clone(), bodies.to_vec());
        asking.spawn(async move {
            for body in bodies {
                caller.verify(&body).await.ok();
            }
        });
    }
    asking.join_all().await;
}

/// Has as many answers watched as fill a window.
fn watch(app: &TestApp, client: &str, outcome: Outcome) {
    let client = ClientId::parse(client).unwrap();
    for n in 0..1_001_u64 {
        app.pass(1);
        app.app.alarms.note(&Answered {
            client: &client,
            lane: Lane::Interactive,
            at: app.app.clock.now(),
            outcome,
            number: None,
            subject: pseudonym(n),
        });
    }
}

fn pseudonym(n: u64) -> Pseudonym {
    let mut digest = [0; 16];
    digest[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    Pseudonym { period: 1, digest }
}

/// The names of acts about alarms in the log.
async fn steps(app: &TestApp) -> Vec<String> {
    let acts = acts(app).await.into_iter().map(|[_, name, ..]| name);
    acts.filter(|name| name.starts_with("alarm-")).collect()
}

async fn a_fall_of_the_match_rate_is_told_once_and_over_once_whatever_restarts(database: Database) {
    let app = TestApp::start_on(database).await;
    // A day of the habit, and a day of somebody else's names.
    ask(&app, 1_008, &json!({})).await;
    app.pass(DAY);
    let wrong = json!({"attributes": {"full_name": "Đặng Thử Nghiệm"}});
    ask(&app, 512, &wrong).await;
    app.pass(601);
    ask(&app, 512, &wrong).await;
    judge_until(&app, async || !list(&app, "").await.is_empty()).await;
    let alarm = list(&app, "").await.remove(0);
    assert_eq!((&alarm["kind"], &alarm["client"]), (&json!("match-rate-low"), &json!("carrier")));
    assert_eq!((&alarm["state"], &alarm["about"]), (&json!("open"), &Value::Null));
    assert_eq!(alarm["figures"]["habit"], 1.0);
    assert_eq!(alarm["figures"]["observed"], 0.0);
    assert!(alarm["window"]["answers"].as_i64().unwrap() >= 1_000, "{alarm}");
    let id = alarm["id"].as_str().unwrap();
    // The same again, and again after a restart: it stands.
    watch(&app, "carrier", Outcome::NotMatched);
    app.app.judge_alarms(&mut Judging::default()).await;
    let (kept, _) = app.stop().await;
    let app = kept.again().at("2026-11-21T12:00:00+07:00").start().await;
    watch(&app, "carrier", Outcome::NotMatched);
    app.app.judge_alarms(&mut Judging::default()).await;
    assert_eq!(list(&app, "").await.len(), 1);

    let seen = acknowledge(&app, id, &json!({"note": "a leaked secret"})).await.ok();
    assert_eq!(seen["state"], "acknowledged");
    assert_eq!(
        (&seen["acknowledged_by"], &seen["note"]),
        (&json!("operator"), &json!("a leaked secret"))
    );
    // Again: it stays as it is.
    let again = acknowledge(&app, id, &json!({"note": "another"})).await.ok();
    assert_eq!(again["note"], "a leaked secret");
    watch(&app, "carrier", Outcome::Matched);
    judge_until(&app, async || list(&app, "").await[0]["state"] == "cleared").await;
    watch(&app, "carrier", Outcome::Matched);
    app.app.judge_alarms(&mut Judging::default()).await;
    acknowledge(&app, id, &json!({})).await.problem(409, "alarm-cleared");

    // Another fall is another alarm.
    watch(&app, "carrier", Outcome::NotMatched);
    judge_until(&app, async || list(&app, "").await.len() == 2).await;
    assert_eq!(list(&app, "?state=open").await.len(), 1);
    let expected = ["alarm-raised", "alarm-acknowledged", "alarm-cleared", "alarm-raised"];
    assert_eq!(steps(&app).await, expected);
    let told = acts(&app).await;
    let raised = told.iter().find(|[_, name, ..]| name == "alarm-raised").unwrap();
    assert_eq!((raised[0].as_str(), raised[2].as_str()), ("gateway", "carrier"));
    let detail: Value = serde_json::from_str(&raised[3]).unwrap();
    assert_eq!((&detail["alarm"], &detail["habit"]), (&json!(id), &json!(1.0)));
}

async fn number_after_number_and_one_person_by_many_are_told_without_a_number(database: Database) {
    let app = TestApp::start_on(database).await;
    let clients: Vec<ClientId> =
        (0..10).map(|n| ClientId::parse(&format!("c{n}")).unwrap()).collect();
    let asking = ClientId::parse("carrier").unwrap();
    for n in 0..1_001_u64 {
        app.pass(1);
        let answered = |client, number: u64, subject| {
            app.app.alarms.note(&Answered {
                client,
                lane: Lane::Interactive,
                at: app.app.clock.now(),
                outcome: Outcome::NotMatched,
                number: PersonalId::from_register(&format!("{number:012}")),
                subject,
            });
        };
        answered(&asking, 1_090_012_000 + n, pseudonym(1_000 + n));
        if let Some(client) = clients.get(n as usize) {
            answered(client, 1_090_777_777, pseudonym(7));
        }
    }
    judge_until(&app, async || list(&app, "").await.len() == 2).await;
    let consecutive = list(&app, "?kind=consecutive-numbers").await.remove(0);
    assert_eq!(consecutive["client"], "carrier");
    assert!(consecutive["figures"]["observed"].as_f64().unwrap() > 0.99, "{consecutive}");
    let by_many = list(&app, "?kind=subject-asked-by-many").await.remove(0);
    assert_eq!((&by_many["client"], &by_many["figures"]["observed"]), (&Value::Null, &json!(10.0)));
    assert_eq!(by_many["figures"]["clients"].as_array().unwrap().len(), 10);
    assert_eq!(by_many["about"], format!("{:016x}", pseudonym(7).short()));
    let told = format!("{:?} {:?}", list(&app, "").await, acts(&app).await);
    assert!(!told.contains("1090"), "no number is told: {told}");

    // Nobody asks so any more.
    for n in 0..1_001_u64 {
        app.pass(1);
        app.app.alarms.note(&Answered {
            client: &asking,
            lane: Lane::Interactive,
            at: app.app.clock.now(),
            outcome: Outcome::NotMatched,
            number: PersonalId::from_register(&format!("{:012}", 2_090_012_000 + 7 * n)),
            subject: pseudonym(9_000 + n),
        });
    }
    judge_until(&app, async || list(&app, "?state=cleared").await.len() == 2).await;
}

async fn lists_are_narrowed_and_come_in_pages(database: Database) {
    let app = TestApp::start_on(database).await;
    let admin = app.admin_caller("operator").await;
    let now = app.app.clock.now();
    for client in ["a", "b", "c"] {
        app.app.alarms.raise(Raised {
            kind: AlarmKind::Guessing,
            client: ClientId::parse(client).ok(),
            about: String::new(),
            span: Span { from: now, to: now, answers: 0 },
            figures: Figures { observed: 7.0, habit: None, limit: 5.0, clients: Vec::new() },
        });
    }
    judge_until(&app, async || list(&app, "").await.len() == 3).await;
    let names = |alarms: &[Value]| -> Vec<String> {
        alarms.iter().map(|alarm| alarm["client"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&list(&app, "").await), ["c", "b", "a"], "the newest first");
    assert_eq!(names(&list(&app, "?client=b&state=open&kind=guessing").await), ["b"]);
    assert!(list(&app, "?kind=match-rate-low").await.is_empty());
    let first = admin.get("/admin/v1/alarms?limit=2").await.ok();
    let next = first["next"].as_str().unwrap();
    let last = admin.get(&format!("/admin/v1/alarms?limit=2&after={next}")).await.ok();
    assert_eq!(names(last["alarms"].as_array().unwrap()), ["a"]);
    assert_eq!(last["next"], Value::Null);
    for query in ["?state=over", "?kind=x", "?client=a%20b", "?after=1", "?limit=0", "?limit=501"] {
        let answer = admin.get(&format!("/admin/v1/alarms{query}")).await;
        answer.problem(422, "invalid-value");
    }
    admin.get("/admin/v1/alarms?colour=red").await.problem(400, "invalid-request");

    let id = list(&app, "?client=a").await[0]["id"].as_str().unwrap().to_owned();
    for note in ["", "asked 001090012345", &"x".repeat(149)] {
        acknowledge(&app, &id, &json!({"note": note})).await.problem(422, "invalid-value");
    }
    acknowledge(&app, &id, &json!({"why": "x"})).await.problem(400, "invalid-request");
    acknowledge(&app, "nobody", &json!({})).await.problem(404, "unknown-alarm");
    acknowledge(&app, &"0".repeat(32), &json!({})).await.problem(404, "unknown-alarm");
    acknowledge(&app, &id, &json!({"note": "\"".repeat(74)})).await.ok();
    let told = acts(&app).await;
    let [_, _, _, detail] = told.last().unwrap();
    let detail: Value = serde_json::from_str(detail).expect("it was not cut");
    assert_eq!(detail["note"], "\"".repeat(74));
}

async fn of_two_nodes_one_raises_and_the_one_that_saw_it_last_clears(database: Database) {
    if database == Database::Sqlite {
        // Nodes share a server.
        return;
    }
    let first = TestApp::start_on(database).await;
    let second = first.kept().again().config(|config| config.log.name = "n2".into()).start().await;
    let numbers = |app: &TestApp, step: u64| {
        for n in 0..1_001_u64 {
            app.pass(1);
            app.app.alarms.note(&Answered {
                client: &ClientId::parse("carrier").unwrap(),
                lane: Lane::Interactive,
                at: app.app.clock.now(),
                outcome: Outcome::Matched,
                number: PersonalId::from_register(&format!("{:012}", 1_090_012_000 + step * n)),
                subject: pseudonym(n),
            });
        }
    };
    numbers(&first, 1);
    judge_until(&first, async || list(&first, "").await.len() == 1).await;
    // A quiet window of another node says nothing about this one.
    numbers(&second, 7);
    second.app.judge_alarms(&mut Judging::default()).await;
    assert_eq!(list(&first, "").await[0]["state"], "open");
    numbers(&second, 1);
    let node = async || first.app.store.standing_alarms().await.unwrap()[0].node.clone();
    judge_until(&second, async || node().await == "n2").await;
    numbers(&second, 7);
    judge_until(&second, async || list(&first, "").await[0]["state"] == "cleared").await;
    first.app.log_acts().await;
    second.app.log_acts().await;
    let found = office(&first).await.get("/admin/v1/log/entries?kind=act").await.ok();
    let names = found["entries"].as_array().unwrap().iter().map(|entry| &entry["act"]);
    assert_eq!(names.collect::<Vec<_>>(), ["alarm-cleared", "alarm-raised"]);
}

#[tokio::test]
async fn limits_that_are_not_shared_are_an_alarm_until_they_are() {
    let redis = crate::support::Redis::start().await;
    let url = redis.url();
    let builder = TestApp::builder().clients([TestClient::operator("operator")]);
    let app =
        builder.config(move |config| config.limits.redis_url = Some(url.into())).start().await;
    let asking = office(&app).await;
    let wait = async |is_shared: bool| {
        let waiting = async {
            while app.app.client_limits.is_shared() != is_shared {
                app.hand.advance(10_000);
                // Nobody notices without asking; what is answered matters to nobody.
                let _answer = asking.get("/admin/v1/alarms").await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("it is seen");
    };
    wait(true).await;
    assert!(app.app.store.standing_alarms().await.unwrap().is_empty());
    redis.stop();
    wait(false).await;
    // Asked of the store: what a node lets through alone is little after so short a time.
    let alarms = async || {
        app.pass(1);
        app.app.store.alarm_page(AlarmFilter::default(), 10).await.unwrap()
    };
    judge_until(&app, async || !alarms().await.is_empty()).await;
    let alarm = alarms().await.remove(0);
    assert_eq!((alarm.kind.as_str(), alarm.about.as_str()), ("limits-unshared", "n1"));
    redis.go_on();
    wait(true).await;
    judge_until(&app, async || alarms().await[0].state == "cleared").await;
    assert_eq!(steps(&app).await, ["alarm-raised", "alarm-cleared"]);
}
