//! Quotas: never over, exact to the log, and told in time.

use std::num::{NonZeroU32, NonZeroU64};

use gateway::app::OthersRead;
use gateway::audit::{LogEntry, metered};
use gateway::config::{Config, StoreConfig};
use gateway::rate_limit::{Amount, Quota, Quotas};
use serde_json::{Value, json};

use crate::credentials::acts;
use crate::support::{
    Answer, Caller, Database, FakeRegister, Line, Postgres, Reaction, TestApp, TestClient,
    about_person, entry_bytes, merge, on_both_databases, on_file, read_gauge,
};

on_both_databases! {
    of_many_at_once_exactly_as_many_are_answered_as_there_are,
    what_was_used_stays_used_after_a_restart,
    another_policy_acts_at_once_and_what_was_used_stays_used,
    usage_report_and_recount_are_equal_after_a_mix,
    every_percentage_is_told_once_also_after_a_restart,
}

fn quota(requests: u64, attributes: u64) -> Quota {
    Quota { requests: NonZeroU64::new(requests), attributes: NonZeroU64::new(attributes) }
}

fn day(requests: u64, attributes: u64) -> Quotas {
    Quotas { day: quota(requests, attributes), ..Quotas::default() }
}

/// The carrier with quotas, and the operator.
fn company(quotas: Quotas) -> [TestClient; 2] {
    let concurrency = NonZeroU32::new(1_000).unwrap();
    let carrier = TestClient { concurrency, quotas, ..TestClient::carrier("carrier") };
    [carrier, TestClient::operator("operator")]
}

/// What the entries of the log are charged with, added up.
async fn metered_in_log(app: &TestApp) -> Amount {
    let entries = entry_bytes(&app.app).await;
    let entries = entries.iter().map(|bytes| metered(&LogEntry::decode(bytes).unwrap()));
    entries.fold(Amount::default(), Amount::plus)
}

/// Offers so many at once; how many were answered. All others are refused by the quota.
async fn offer(caller: &Caller, body: &Value, count: usize) -> usize {
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..count {
        let (caller, body) = (caller.clone(), body.clone());
        asking.spawn(async move { caller.verify(&body).await });
    }
    let answers = asking.join_all().await;
    let refused = answers.iter().filter(|answer| answer.status != 200);
    refused.for_each(|answer| drop(answer.problem(403, "quota-exceeded")));
    answers.iter().filter(|answer| answer.status == 200).count()
}

async fn usage(caller: &Caller, query: &str) -> Value {
    caller.get(&format!("/v1/usage{query}")).await.ok()
}

async fn of_many_at_once_exactly_as_many_are_answered_as_there_are(database: Database) {
    for quotas in [day(50, 0), day(0, 100), Quotas { month: quota(50, 1_000), ..day(300, 0) }] {
        let builder = TestApp::builder().on(database).clients(company(quotas));
        // However slow the machine is, nothing is shed.
        let builder = builder.config(|config| config.lanes.deadline_ms = 30_000);
        let app = builder.start().await;
        let caller = app.caller("carrier").await;
        let body = about_person(&app.person());
        assert_eq!(offer(&caller, &body, 500).await, 50);
        assert_eq!(metered_in_log(&app).await, Amount { requests: 50, attributes: 100 });
        // What is refused is not recorded, and counted as throttled under its purpose.
        let report = caller.report("?group_by=purpose").await.ok();
        assert_eq!(report["total"]["received"], 50);
        assert_eq!(report["total"]["throttled"], 450);
        assert_eq!(report["rows"][0]["group"]["purpose"], "telecom.subscriber");
        assert_eq!(read_gauge(&app.metrics().await, "gateway_quota_refusals_total"), 450);
        // A question that the policy refuses is recorded, and charged to nobody.
        let refused = merge(&body, &json!({"purpose": "tax.control"}));
        caller.verify(&refused).await.problem(403, "purpose-not-permitted");
        assert_eq!(metered_in_log(&app).await.requests, 50);
        app.recount().await;
    }
}

#[tokio::test]
async fn an_answer_without_the_register_is_not_charged() {
    let register = FakeRegister::start(Reaction::Status(500)).await;
    let app = TestApp::builder().clients(company(day(3, 0))).register(&register.url).start().await;
    let caller = app.caller("carrier").await;
    for _ in 0..10 {
        assert_eq!(caller.verify(&on_file()).await.ok()["outcome"], "inconclusive");
    }
    register.behave(Reaction::Answer);
    assert_eq!(offer(&caller, &on_file(), 20).await, 3);
    let shown = usage(&caller, "").await;
    assert_eq!(
        (&shown["total"]["requests"]["used"], &shown["total"]["uncharged"]),
        (&json!(3), &json!(10))
    );
    assert_eq!(metered_in_log(&app).await, Amount { requests: 3, attributes: 6 });
}

#[tokio::test]
async fn who_hangs_up_is_charged_when_the_entry_stands_and_holds_its_place_until_then() {
    let register = FakeRegister::start(Reaction::AnswerLate).await;
    let app = TestApp::builder().clients(company(day(2, 0))).register(&register.url).start().await;
    let caller = app.caller("carrier").await;
    let gone = tokio::spawn({
        let caller = caller.clone();
        async move { caller.verify(&on_file()).await }
    });
    register.called(1).await;
    gone.abort();
    assert!(gone.await.is_err());
    let waiting = tokio::spawn({
        let caller = caller.clone();
        async move { caller.verify(&on_file()).await }
    });
    register.called(2).await;
    caller.verify(&on_file()).await.problem(403, "quota-exceeded");
    register.release();
    waiting.await.unwrap().ok();
    while metered_in_log(&app).await.requests < 2 {
        tokio::task::yield_now().await;
    }
    caller.verify(&on_file()).await.problem(403, "quota-exceeded");
    assert_eq!(metered_in_log(&app).await.requests, 2);
}

#[tokio::test]
async fn only_attributes_that_may_be_read_are_reserved_and_a_replay_takes_nothing() {
    let narrow = TestClient {
        attributes: vec!["full_name", "date_of_birth"],
        quotas: day(0, 4),
        ..TestClient::carrier("carrier")
    };
    let app = TestApp::builder().clients([narrow]).start().await;
    let caller = app.caller("carrier").await;
    let body = merge(&about_person(&app.person()), &json!({"attributes": {"sex": "male"}}));
    let path = "/v1/verifications";
    caller.post_once(path, "one", &body).await.ok();
    caller.post_once(path, "two", &body).await.ok();
    caller.post_once(path, "three", &body).await.problem(403, "quota-exceeded");
    caller.post_once(path, "two", &body).await.ok();
    app.pass(15 * 3_600);
    let caller = app.caller("carrier").await;
    // What was refused has left its key free.
    caller.post_once(path, "three", &body).await.ok();
    assert_eq!(metered_in_log(&app).await, Amount { requests: 3, attributes: 6 });
}

async fn what_was_used_stays_used_after_a_restart(database: Database) {
    let app = TestApp::builder().on(database).clients(company(day(5, 0))).start().await;
    let body = about_person(&app.person());
    assert_eq!(offer(&app.caller("carrier").await, &body, 3).await, 3);
    let (kept, _) = app.stop().await;
    let app = kept.again().start().await;
    let caller = app.caller("carrier").await;
    assert_eq!(offer(&caller, &body, 20).await, 2);
    assert_eq!(usage(&caller, "").await["today"]["requests"]["used"], 5);
    app.recount().await;
}

#[tokio::test]
async fn a_node_has_what_the_others_have_left() {
    let builder = TestApp::builder().on(Database::Postgres).clients(company(day(6, 0)));
    let one = builder.start().await;
    let body = about_person(&one.person());
    let caller_of_one = one.caller("carrier").await;
    assert_eq!(offer(&caller_of_one, &body, 2).await, 2);
    let two = one.kept().again().config(|config| config.log.name = "n2".into()).start().await;
    let caller_of_two = two.caller("carrier").await;
    let left = |answer: &Answer| answer.header("ratelimit").unwrap().to_owned();
    let first = caller_of_two.verify(&body).await;
    first.ok();
    assert!(left(&first).contains("\"day\";r=3;"), "{}", left(&first));
    // One node has read what the other has used since it began.
    one.app.follow_others(&mut OthersRead::default()).await.unwrap();
    assert_eq!(offer(&caller_of_one, &body, 20).await, 3);
    two.app.follow_others(&mut OthersRead::default()).await.unwrap();
    assert_eq!(offer(&caller_of_two, &body, 20).await, 0);
    assert_eq!(usage(&caller_of_two, "").await["total"]["requests"]["used"], 6);
}

#[tokio::test]
async fn days_and_months_end_at_midnight_in_viet_nam() {
    // Ten minutes before the end of November in Viet Nam, an afternoon in London.
    let quotas = Quotas { day: quota(3, 0), month: quota(4, 0) };
    let builder = TestApp::builder().clients(company(quotas)).at("2026-11-29T16:50:00Z");
    let app = builder.start().await;
    let body = about_person(&app.person());
    let caller = app.caller("carrier").await;
    assert_eq!(offer(&caller, &body, 5).await, 3);
    assert_eq!(caller.verify(&body).await.retry_after(), 600);
    app.pass(599);
    caller.verify(&body).await.problem(403, "quota-exceeded");
    app.pass(1);
    // 30 November: of the month one is left.
    let caller = app.caller("carrier").await;
    assert_eq!(offer(&caller, &body, 5).await, 1);
    assert_eq!(caller.verify(&body).await.retry_after(), 24 * 3_600);
    app.pass(24 * 3_600);
    let caller = app.caller("carrier").await;
    assert_eq!(offer(&caller, &body, 5).await, 3);
    let november = usage(&caller, "?month=2026-11&group_by=day").await;
    let days = json!([
        {"day": "2026-11-29", "requests": 3, "attributes": 6, "refused": 0, "uncharged": 0},
        {"day": "2026-11-30", "requests": 1, "attributes": 2, "refused": 0, "uncharged": 0},
    ]);
    assert_eq!(november["days"], days);
    assert_eq!(november["today"], Value::Null);
    let december = usage(&caller, "").await;
    assert_eq!(december["month"], "2026-12");
    let used = json!({"used": 3, "quota": 4, "remaining": 1});
    assert_eq!(december["total"]["requests"], used);
    let used = json!({"used": 3, "quota": 3, "remaining": 0});
    assert_eq!(december["today"]["requests"], used);
    assert!(december.get("days").is_none());
}

async fn another_policy_acts_at_once_and_what_was_used_stays_used(database: Database) {
    let clients = company(Quotas::default());
    let app = TestApp::builder().on(database).clients(clients).start().await;
    let (admin, caller) = (app.admin_caller("operator").await, app.caller("carrier").await);
    let body = about_person(&app.person());
    assert_eq!(offer(&caller, &body, 4).await, 4);
    let put = async |quotas: Value| {
        let policy = json!({
            "grants": [{
                "operations": ["verify"],
                "purposes": ["telecom.subscriber"],
                "attributes": ["full_name", "date_of_birth"],
            }],
            "required": ["full_name", "date_of_birth"],
            "disclosure": "reasons",
            "rate": 1_000,
            "burst": 1_000,
            "quotas": quotas,
        });
        let path = "/admin/v1/policies/carrier-policy?move_clients=true";
        assert_eq!(admin.put(path, &policy).await.status, 201);
        app.app.load_directory().await.unwrap();
    };
    put(json!({"day": {"requests": 6}})).await;
    assert_eq!(offer(&caller, &body, 10).await, 2);
    put(json!({"day": {"requests": 5}, "month": {"requests": 100}})).await;
    assert_eq!(offer(&caller, &body, 3).await, 0);
    assert_eq!(usage(&caller, "").await["today"]["requests"]["remaining"], 0);
    put(json!({"month": {"attributes": 15}})).await;
    // Twelve were used: there is room for one request with two, and none for another.
    assert_eq!(offer(&caller, &body, 3).await, 1);
    put(json!({})).await;
    assert_eq!(offer(&caller, &body, 3).await, 3);
    assert_eq!(metered_in_log(&app).await, Amount { requests: 10, attributes: 20 });
}

async fn usage_report_and_recount_are_equal_after_a_mix(database: Database) {
    let quotas = Quotas { day: quota(60, 0), month: quota(0, 1_000) };
    let app = TestApp::builder().on(database).clients(company(quotas)).start().await;
    let caller = app.caller("carrier").await;
    app.misbehave(&json!({"outage": true})).await;
    for person in app.people(3) {
        assert_eq!(caller.verify(&about_person(&person)).await.ok()["outcome"], "inconclusive");
    }
    app.misbehave(&json!({})).await;
    let mut asking = tokio::task::JoinSet::new();
    for (position, person) in app.people(100).into_iter().enumerate() {
        let (caller, good) = (caller.clone(), about_person(&person));
        let change = match position % 5 {
            0 | 1 => json!({}),
            2 => json!({"attributes": {"full_name": "Đặng Thử Nghiệm"}}),
            3 => json!({"attributes": {"insurance_number": "0123456789", "sex": "male"}}),
            _ => json!({"purpose": "tax.control"}),
        };
        asking.spawn(async move { caller.verify(&merge(&good, &change)).await.status });
    }
    let statuses = asking.join_all().await;
    let answered = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(answered, 60);
    app.recount().await;
    let in_log = metered_in_log(&app).await;
    let shown = usage(&caller, "?group_by=day").await;
    let total = &shown["total"];
    assert_eq!(in_log.requests, 60);
    assert_eq!(total["requests"]["used"], json!(in_log.requests));
    assert_eq!(total["attributes"]["used"], json!(in_log.attributes));
    assert_eq!(total["attributes"]["remaining"], json!(1_000 - in_log.attributes));
    assert_eq!(shown["days"][0]["attributes"], json!(in_log.attributes));
    let report = caller.report("").await.ok();
    let answered = ["matched", "not_matched", "inconclusive"];
    let answered: i64 = answered.iter().map(|it| report["total"][it].as_i64().unwrap()).sum();
    assert_eq!((json!(answered), &report["total"]["refused"]), (json!(63), &total["refused"]));
    assert_eq!(total["uncharged"], 3);
    let report = caller.report("?group_by=attribute").await.ok();
    let compared = ["match", "close", "no_match", "not_on_file"];
    let compared: i64 = compared.iter().map(|it| report["total"][it].as_i64().unwrap()).sum();
    assert_eq!(json!(compared), total["attributes"]["used"]);
    // What this node keeps in memory is the same.
    let rate = caller.get("/v1/whoami").await;
    let left = format!("\"month-attributes\";r={};", 1_000 - in_log.attributes);
    let told = rate.header("ratelimit").unwrap();
    assert!(told.contains("\"day\";r=0;") && told.contains(&left), "{told}");
}

async fn every_percentage_is_told_once_also_after_a_restart(database: Database) {
    let quotas = Quotas { day: quota(10, 0), month: quota(0, 40) };
    let app = TestApp::builder().on(database).clients(company(quotas)).start().await;
    let caller = app.caller("carrier").await;
    let body = about_person(&app.person());
    assert_eq!(offer(&caller, &body, 4).await, 4);
    let told = async |app: &TestApp| {
        app.app.warn_of_quotas().await;
        let acts = acts(app).await.into_iter();
        let warnings = acts.filter(|[by, act, ..]| by == "gateway" && act == "quota-warning");
        let mut warnings: Vec<(String, Value)> = warnings
            .map(|[.., client, detail]| (client, serde_json::from_str(&detail).unwrap()))
            .collect();
        warnings.sort_by_key(|(_, detail)| detail.to_string());
        warnings
    };
    let warning = |period: &str, unit: &str, percent: u64, used: u64, quota: u64| {
        let detail = json!({
            "period": period, "unit": unit, "percent": percent, "used": used, "quota": quota,
        });
        ("carrier".to_owned(), detail)
    };
    assert_eq!(told(&app).await, []);
    assert_eq!(caller.get("/v1/whoami").await.header("quota-warning"), None);
    let fifth = caller.verify(&body).await;
    assert_eq!(fifth.header("quota-warning"), Some("day;unit=requests;percent=50"));
    let half = warning("2026-11-20", "requests", 50, 5, 10);
    assert_eq!(told(&app).await, std::slice::from_ref(&half));
    assert_eq!(told(&app).await, std::slice::from_ref(&half));
    let (kept, _) = app.stop().await;

    let app = kept.again().start().await;
    assert_eq!(told(&app).await, std::slice::from_ref(&half));
    let caller = app.caller("carrier").await;
    assert_eq!(offer(&caller, &body, 20).await, 5);
    let last = caller.verify(&body).await;
    last.problem(403, "quota-exceeded");
    let both = "day;unit=requests;percent=100, month;unit=attributes;percent=50";
    assert_eq!(last.header("quota-warning"), Some(both));
    let all = told(&app).await;
    let percents = |unit: &str| -> Vec<u64> {
        let of_unit = all.iter().filter(|(_, detail)| detail["unit"] == unit);
        let mut percents: Vec<u64> =
            of_unit.map(|(_, detail)| detail["percent"].as_u64().unwrap()).collect();
        percents.sort_unstable();
        percents
    };
    assert_eq!(percents("requests"), [50, 80, 95, 100]);
    assert_eq!(percents("attributes"), [50]);
    assert!(all.contains(&half) && all.contains(&warning("2026-11", "attributes", 50, 20, 40)));
    assert_eq!(told(&app).await, all);
}

#[tokio::test]
async fn header_fields_tell_every_quota_behind_the_rate() {
    let quotas = Quotas { day: quota(100, 500), month: quota(1_000, 0) };
    let app = TestApp::builder().clients(company(quotas)).start().await;
    let caller = app.caller("carrier").await;
    let answer = caller.verify(&about_person(&app.person())).await;
    // Nine o'clock on 20 November.
    let fields = [
        (
            "ratelimit-policy",
            "\"client\";q=1000000;w=10, \"day\";q=100;w=86400, \
             \"day-attributes\";q=500;qu=\"attributes\";w=86400, \"month\";q=1000;w=2592000",
        ),
        (
            "ratelimit",
            "\"client\";r=999999;t=1, \"day\";r=99;t=54000, \"day-attributes\";r=498;t=54000, \
             \"month\";r=999;t=918000",
        ),
    ];
    for (name, value) in fields {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    let operator = app.caller("operator").await.get("/v1/whoami").await;
    assert_eq!(operator.header("ratelimit-policy"), Some("\"client\";q=1000000;w=10"));
}

#[tokio::test]
async fn the_monthly_statement_is_a_table_of_days_and_operations() {
    let register = FakeRegister::start(Reaction::Answer).await;
    let app = TestApp::builder().clients(company(day(9, 0))).register(&register.url).start().await;
    let caller = app.caller("carrier").await;
    caller.verify(&on_file()).await.ok();
    let refused = merge(&on_file(), &json!({"purpose": "tax.control"}));
    caller.verify(&refused).await.problem(403, "purpose-not-permitted");
    register.script(Reaction::Status(500));
    caller.verify(&on_file()).await.ok();
    app.pass(24 * 3_600);
    let caller = app.caller("carrier").await;
    caller.verify(&merge(&on_file(), &json!({"attributes": {"sex": "male"}}))).await.ok();
    caller.verify(&on_file()).await.ok();
    let expected = "client,day,operation,requests,attributes,refused,uncharged\r\n\
        carrier,2026-11-20,verify,1,2,1,1\r\n\
        carrier,2026-11-21,verify,2,5,0,0\r\n\
        total,2026-11,,3,7,1,1\r\n";
    let statement = caller.get("/v1/usage?format=csv").await;
    assert_eq!((statement.status, statement.text.as_str()), (200, expected));
    let media_type = "text/csv; charset=utf-8; header=present";
    assert_eq!(statement.header("content-type"), Some(media_type));
    let file = "attachment; filename=\"usage-carrier-2026-11.csv\"";
    assert_eq!(statement.header("content-disposition"), Some(file));
    let asked = app.http.get(format!("{}/v1/usage?month=2026-11", app.api));
    let token = app.ask_token_as("carrier").await.ok();
    let asked = asked.bearer_auth(token["access_token"].as_str().unwrap());
    let asked = Answer::read(asked.header("accept", "text/csv").send().await.unwrap()).await;
    assert_eq!(asked.text, expected);
    let empty = caller.get("/v1/usage?format=csv&month=2026-10").await;
    let nothing = "client,day,operation,requests,attributes,refused,uncharged\r\n\
        total,2026-10,,0,0,0,0\r\n";
    assert_eq!(empty.text, nothing);
}

#[tokio::test]
async fn own_usage_needs_no_operation_and_that_of_others_takes_report() {
    let clients = [
        TestClient::carrier("carrier"),
        TestClient::hospital("hospital"),
        TestClient::operator("operator"),
    ];
    let app = TestApp::builder().clients(clients).start().await;
    let (carrier, hospital) = (app.caller("carrier").await, app.caller("hospital").await);
    let operator = app.caller("operator").await;
    carrier.verify(&about_person(&app.person())).await.ok();
    let used = |usage: &Value| (usage["client"].clone(), usage["total"]["requests"].clone());
    let one = (json!("carrier"), json!({"used": 1, "quota": null, "remaining": null}));
    let own = usage(&carrier, "").await;
    assert_eq!(used(&own), one);
    assert_eq!(own["policy"], "carrier-policy@1");
    assert_eq!(used(&usage(&carrier, "?client=carrier").await), one);
    assert_eq!(used(&usage(&operator, "?client=carrier").await), one);
    assert_eq!(usage(&hospital, "").await["total"]["requests"]["used"], 0);
    for id in ["carrier", "nobody"] {
        let answer = hospital.get(&format!("/v1/usage?client={id}")).await;
        answer.problem(403, "operation-not-permitted");
    }
    operator.get("/v1/usage?client=nobody").await.problem(404, "unknown-client");
    let query = "?client=%20&month=2026-13&group_by=week&format=xml";
    let answer = carrier.get(&format!("/v1/usage{query}")).await;
    answer.problem(422, "invalid-value");
    let wrong = [
        ("/client", "malformed"),
        ("/month", "malformed"),
        ("/group_by", "unknown-name"),
        ("/format", "unknown-name"),
    ];
    assert_eq!(answer.field_errors(), wrong.map(|(p, c)| (p.to_owned(), c.to_owned())));
    carrier.get("/v1/usage?year=2026").await.problem(400, "invalid-request");
    // Figures stay readable when nothing is recorded any more.
    app.app.close().await;
    assert_eq!(used(&usage(&carrier, "").await), one);
}

/// A gateway that reaches its server over a line, with one request a day.
async fn start_over(line: &Line) -> TestApp {
    let url = Postgres::url_at(line.port());
    let builder = TestApp::builder().clients(company(day(1, 0)));
    let patient = |config: &mut Config| {
        config.store = StoreConfig::server(url);
        // A slow machine must not be taken for a log that is silent.
        config.lanes.deadline_ms = 10_000;
    };
    let app = builder.config(patient).start().await;
    // The first request of a quarter makes its key: not while the line is bad.
    app.app.digests.make_ready(&app.app.store, app.app.clock.now()).await.unwrap();
    app
}

#[tokio::test]
async fn what_a_log_did_not_take_is_given_back() {
    let postgres = Postgres::start().await;
    let line = Line::to(postgres.port()).await;
    let app = start_over(&line).await;
    let caller = app.caller("carrier").await;
    let body = about_person(&app.person());
    line.swallow(Some("log_append"));
    assert_eq!(caller.verify(&body).await.status, 503);
    line.swallow(None);
    let mut answer = caller.verify(&body).await;
    // Until it is known how the commit has ended, its place is taken.
    while answer.status != 200 {
        assert!([403, 503].contains(&answer.status), "{}", answer.text);
        answer = caller.verify(&body).await;
    }
    caller.verify(&body).await.problem(403, "quota-exceeded");
    assert_eq!(metered_in_log(&app).await.requests, 1);
}

#[tokio::test]
async fn what_a_log_took_is_used_also_where_nobody_was_told() {
    let postgres = Postgres::start().await;
    let line = Line::to(postgres.port()).await;
    let app = start_over(&line).await;
    let caller = app.caller("carrier").await;
    let body = about_person(&app.person());
    // The commit arrives, its end does not come back, and nobody can be asked how it was.
    line.leave_unanswered("commit");
    line.swallow(Some("for update"));
    assert_eq!(caller.verify(&body).await.status, 503);
    caller.verify(&body).await.problem(403, "quota-exceeded");
    line.swallow(None);
    while !app.app.audit.is_open() {
        tokio::task::yield_now().await;
    }
    caller.verify(&body).await.problem(403, "quota-exceeded");
    assert_eq!(metered_in_log(&app).await.requests, 1);
}
