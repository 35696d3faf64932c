//! The match-rate report: who sees what, over which days, and that it is what happened.

use gateway::policy::Disclosure;
use serde_json::{Value, json};

use crate::support::{
    Answer, Caller, Database, TestApp, TestClient, about, about_person, entries, merge,
    on_both_databases,
};

on_both_databases! {
    a_client_sees_its_own_rows_and_the_operator_all,
    nothing_answered_has_no_rate,
    days_are_vietnamese_and_both_ends_are_included,
    after_a_mix_in_parallel_report_answers_and_recount_are_equal,
    own_figures_need_no_operation_and_stay_readable_when_the_log_is_closed,
}

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

fn figure(row: &Value, name: &str) -> i64 {
    row[name].as_i64().unwrap_or_else(|| panic!("{name} in {row}"))
}

/// Checks what every report promises and returns it.
fn checked(answer: &Answer) -> Value {
    let report = answer.ok();
    let (rows, total) = (report["rows"].as_array().unwrap(), &report["total"]);
    for name in FIGURES {
        if total[name].is_null() {
            // Kept from whoever is not told the status of a person.
            assert!(name == "matched_deceased" && rows.iter().all(|row| row[name].is_null()));
            continue;
        }
        let sum: i64 = rows.iter().map(|row| figure(row, name)).sum();
        assert_eq!(sum, figure(total, name), "{name}");
    }
    for row in rows.iter().chain([total]) {
        let answered = figure(row, "matched") + figure(row, "not_matched");
        let others = figure(row, "inconclusive") + figure(row, "refused");
        assert_eq!(figure(row, "received"), answered + others);
        let expected = (answered > 0).then(|| figure(row, "matched") as f64 / answered as f64);
        assert_eq!(row["match_rate"].as_f64(), expected);
    }
    assert!(total.get("group").is_none());
    assert!(report["definition"]["vi"].is_string() && report["definition"]["en"].is_string());
    report
}

async fn a_client_sees_its_own_rows_and_the_operator_all(database: Database) {
    let app = TestApp::start_on(database).await;
    let [carrier, hospital] = [app.caller("carrier").await, app.caller("hospital").await];
    let operator = app.caller("operator").await;
    for (position, person) in app.people(5).iter().enumerate() {
        carrier.verify(&about_person(person)).await.ok();
        if position < 2 {
            let body = merge(&about_person(person), &json!({"purpose": "health.insurance"}));
            hospital.verify(&body).await.ok();
        }
    }
    let groups = |report: &Value| -> Vec<Value> {
        report["rows"].as_array().unwrap().iter().map(|row| row["group"].clone()).collect()
    };
    let own = checked(&carrier.report("?group_by=client").await);
    assert_eq!(groups(&own), [json!({"client": "carrier"})]);
    assert_eq!(own["total"]["received"], 5);
    let own = checked(&hospital.report("?group_by=purpose").await);
    assert_eq!(groups(&own), [json!({"purpose": "health.insurance"})]);
    let all = checked(&operator.report("?group_by=client").await);
    assert_eq!(groups(&all), [json!({"client": "carrier"}), json!({"client": "hospital"})]);
    let all = checked(&operator.report("?group_by=kind").await);
    assert_eq!(groups(&all), [json!({"kind": "carrier"}), json!({"kind": "health_facility"})]);
    assert_eq!(all["total"]["received"], 7);
    let all = checked(&operator.report("?group_by=operation").await);
    assert_eq!(groups(&all), [json!({"operation": "verify"})]);
    for query in ["", "?group_by=none"] {
        assert_eq!(groups(&checked(&operator.report(query).await)), [json!({})]);
    }
    // A token without the scope `report` sees its own figures only.
    let narrow = "grant_type=client_credentials&scope=audit";
    let narrow = app.ask_token_scoped("operator", narrow).await.ok();
    let narrow = app.caller_with(narrow["access_token"].as_str().unwrap());
    assert_eq!(checked(&narrow.report("").await)["total"]["received"], 0);
}

async fn nothing_answered_has_no_rate(database: Database) {
    let app = TestApp::start_on(database).await;
    let carrier = app.caller("carrier").await;
    let empty = checked(&carrier.report("").await);
    assert_eq!(empty["total"]["match_rate"], Value::Null);
    assert_eq!(empty["rows"], json!([]));
    assert_eq!((&empty["from"], &empty["to"]), (&json!("2026-11-20"), &json!("2026-11-20")));
    let refused = merge(&about_person(&app.person()), &json!({"purpose": "tax.control"}));
    carrier.verify(&refused).await.problem(403, "purpose-not-permitted");
    let refused = checked(&carrier.report("?group_by=client").await);
    assert_eq!(refused["rows"][0]["match_rate"], Value::Null);
    assert_eq!(refused["total"]["received"], 1);
}

async fn days_are_vietnamese_and_both_ends_are_included(database: Database) {
    // 17:00 UTC is midnight in Viet Nam.
    let app = TestApp::builder().on(database).at("2026-11-20T16:59:58Z").start().await;
    let body = about_person(&app.person());
    let carrier = app.caller("carrier").await;
    carrier.verify(&body).await.ok();
    app.pass(1);
    carrier.verify(&body).await.ok();
    app.pass(1);
    carrier.verify(&body).await.ok();
    carrier.verify_text("{").await.problem(400, "invalid-json");
    app.pass(24 * 3_600 - 1);
    let carrier = app.caller("carrier").await;
    carrier.verify(&body).await.ok();
    app.pass(1);
    carrier.verify(&body).await.ok();
    let report = async |query: &str| checked(&carrier.report(query).await);
    let received = async |query: &str| figure(&report(query).await["total"], "received");
    assert_eq!(received("").await, 5);
    assert_eq!(received("?from=2026-11-20&to=2026-11-20").await, 2);
    assert_eq!(received("?from=2026-11-21&to=2026-11-21").await, 2);
    assert_eq!(received("?from=2026-11-22&to=2026-11-22").await, 1);
    assert_eq!(received("?from=2026-11-20&to=2026-11-21").await, 4);
    assert_eq!(received("?from=2026-11-21").await, 3);
    assert_eq!(received("?to=2026-11-20").await, 2);
    assert_eq!(received("?from=2026-11-23").await, 0);
    assert_eq!(received("?to=2025-12-31").await, 0);
    assert_eq!(report("?to=2026-11-20").await["total"]["malformed"], 0);
    assert_eq!(report("?from=2026-11-21&to=2026-11-21").await["total"]["malformed"], 1);
    let whole = report("").await;
    assert_eq!((&whole["from"], &whole["to"]), (&json!("2026-11-20"), &json!("2026-11-22")));
    let asked = report("?from=2026-11-01&to=2026-12-31").await;
    assert_eq!((&asked["from"], &asked["to"]), (&json!("2026-11-01"), &json!("2026-12-31")));
}

/// A report and the figures of its rows and total by name.
fn adding_up(answer: &Answer) -> Value {
    let report = answer.ok();
    for (name, total) in report["total"].as_object().unwrap() {
        let rows = report["rows"].as_array().unwrap();
        if name != "match_rate" {
            let sum: i64 = rows.iter().map(|row| figure(row, name)).sum();
            assert_eq!(Some(sum), total.as_i64(), "{name}");
        }
    }
    report
}

#[tokio::test]
async fn every_dimension_of_every_cube_can_be_grouped_by() {
    let app = TestApp::start().await;
    let carrier = app.caller("carrier").await;
    let hospital = app.caller("hospital").await;
    let operator = app.caller("operator").await;
    for person in app.people(3) {
        carrier.verify(&about_person(&person)).await.ok();
        let wrong = json!({"attributes": {"full_name": "Đặng Thử Nghiệm"}});
        carrier.verify(&merge(&about_person(&person), &wrong)).await.ok();
    }
    carrier.verify_text("{").await.problem(400, "invalid-json");
    let grouped = async |grouping: &str| {
        let report = adding_up(&operator.report(&format!("?group_by={grouping}")).await);
        report["rows"].as_array().unwrap().clone()
    };
    let groups = |rows: &[Value]| rows.iter().map(|row| row["group"].clone()).collect::<Vec<_>>();
    let rows = grouped("client,month").await;
    assert_eq!(groups(&rows), [json!({"client": "carrier", "month": "2026-11"})]);
    assert_eq!((figure(&rows[0], "received"), figure(&rows[0], "malformed")), (6, 1));
    assert_eq!(groups(&grouped("day").await), [json!({"day": "2026-11-20"})]);
    let rows = grouped("hour").await;
    assert_eq!(groups(&rows), [json!({"hour": "-"}), json!({"hour": "2026-11-20T09"})]);
    assert_eq!((figure(&rows[0], "received"), figure(&rows[0], "malformed")), (0, 1));
    let rows = grouped("outcome,status").await;
    let of = |outcome: &str| json!({"outcome": outcome, "status": "active"});
    let unknown = json!({"outcome": "-", "status": "-"});
    assert_eq!(groups(&rows), [unknown, of("matched"), of("not_matched")]);
    let rows = grouped("attribute").await;
    assert_eq!(rows[0]["group"], json!({"attribute": "date_of_birth"}));
    assert_eq!((figure(&rows[0], "asked"), figure(&rows[0], "match")), (6, 3));
    let rows = grouped("attribute,verdict,reason,kind").await;
    let name = json!({
        "attribute": "full_name", "verdict": "no_match", "reason": "different", "kind": "carrier",
    });
    let wrong_names = rows.iter().find(|row| row["group"] == name).unwrap();
    assert_eq!((figure(wrong_names, "asked"), figure(wrong_names, "no_match")), (3, 3));
    for row in grouped("province").await {
        let province = row["group"]["province"].as_str().unwrap();
        assert!(province == "-" || province.len() == 3, "{province}");
        assert_eq!(figure(&row, "malformed"), i64::from(province == "-"));
    }
    // Who sees the status of each person sees it in its figures too.
    adding_up(&hospital.report("?group_by=status").await);
    hospital.report("?group_by=province").await.problem(422, "grouping-not-available");
    assert_eq!(
        adding_up(&carrier.report("?group_by=attribute,reason").await)["total"]["asked"],
        12
    );
}

#[tokio::test]
async fn own_figures_do_not_tell_what_answers_keep_back() {
    let terse = TestClient { disclosure: Disclosure::Outcome, ..TestClient::carrier("terse") };
    let plain = TestClient { disclosure: Disclosure::Verdicts, ..TestClient::carrier("plain") };
    let app = TestApp::builder().clients([terse, plain]).start().await;
    let (terse, plain) = (app.caller("terse").await, app.caller("plain").await);
    for grouping in ["attribute", "verdict", "reason", "client,verdict", "dispute_reason"] {
        let answer = terse.report(&format!("?group_by={grouping}")).await;
        answer.problem(422, "grouping-not-available");
        assert_eq!(answer.field_errors(), [("/group_by".into(), "not-available".into())]);
    }
    plain.report("?group_by=attribute,verdict").await.ok();
    plain.report("?group_by=reason").await.problem(422, "grouping-not-available");
}

#[tokio::test]
async fn whether_a_person_is_dead_is_told_to_those_alone_who_are_told_the_status() {
    let app = TestApp::start().await;
    let is_plain = |it: &mock_population_db::Person| it.is_deceased() && it.old_id_number.is_some();
    let dead = app.nation.sample(10_000).find(is_plain).expect("some have died");
    let (carrier, hospital) = (app.caller("carrier").await, app.caller("hospital").await);
    let body = about_person(&dead);
    assert_eq!(carrier.verify(&body).await.ok()["outcome"], "matched");
    let by_hospital = merge(&body, &json!({"purpose": "health.insurance"}));
    assert_eq!(hospital.verify(&by_hospital).await.ok()["subject_status"], "deceased");
    for query in ["", "?group_by=client", "?group_by=outcome,day"] {
        let own = checked(&carrier.report(query).await);
        assert!(own["total"]["matched_deceased"].is_null(), "{own}");
        assert_eq!(own["total"]["matched"], 1);
        assert_eq!(checked(&hospital.report(query).await)["total"]["matched_deceased"], 1);
        let all = checked(&app.caller("operator").await.report(query).await);
        assert_eq!(all["total"]["matched_deceased"], 2);
    }
}

#[tokio::test]
async fn what_a_report_cannot_do_is_told_by_parameter() {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    for grouping in [
        "Client",
        "",
        "week",
        "client,client",
        "client, month",
        "attribute,purpose",
        "none,client",
        // Own figures do not tell whether a number exists.
        "province",
        "client,province",
        "status",
    ] {
        let answer = caller.report(&format!("?group_by={grouping}")).await;
        answer.problem(422, "grouping-not-available");
        assert_eq!(answer.field_errors(), [("/group_by".into(), "not-available".into())]);
    }
    let days =
        ["2026-02-30", "2026-2-3", "20261120", "20-11-2026", "today", "", "2026-11-20T00:00"];
    for day in days {
        let answer = caller.report(&format!("?from={day}&to={day}")).await;
        answer.problem(422, "invalid-value");
        let wrong = ["/from", "/to"].map(|name| (name.to_owned(), "malformed".to_owned()));
        assert_eq!(answer.field_errors(), wrong, "{day}");
    }
    let answer = caller.report("?from=2026-11-21&to=2026-11-20").await;
    answer.problem(422, "invalid-value");
    assert_eq!(answer.field_errors(), [("/to".into(), "before-from".into())]);
    let answer = caller.report("?from=2026-11-20&from=2026-11-20&until=2026-11-20").await;
    answer.problem(400, "invalid-request");
    let wrong = [("/from", "duplicate"), ("/until", "unknown")];
    assert_eq!(answer.field_errors(), wrong.map(|(p, c)| (p.to_owned(), c.to_owned())));
}

/// What one request of the mix must come to.
#[derive(Debug, Clone, Copy)]
enum Planned {
    Matched,
    NotMatched,
    Refused,
    Malformed,
}

async fn after_a_mix_in_parallel_report_answers_and_recount_are_equal(database: Database) {
    let purposes = [
        ("carrier", "telecom.cleanup"),
        ("hospital", "health.insurance"),
        ("ministry", "insurance.reconcile"),
    ];
    let app = TestApp::start_on(database).await;
    let mut asking = tokio::task::JoinSet::new();
    for (client, purpose) in purposes {
        let caller = app.caller(client).await;
        for (position, person) in app.people(140).into_iter().enumerate() {
            let caller = caller.clone();
            let plan = match position % 7 {
                0..=3 => Planned::Matched,
                4 => Planned::NotMatched,
                5 => Planned::Refused,
                _ => Planned::Malformed,
            };
            let body = merge(&about_person(&person), &json!({"purpose": purpose}));
            asking.spawn(async move { send(&caller, plan, &body).await });
        }
    }
    asking.join_all().await;
    let operator = app.caller("operator").await;
    for grouping in ["client", "kind", "operation", "purpose", "none"] {
        let report = checked(&operator.report(&format!("?group_by={grouping}")).await);
        let total = &report["total"];
        let counted = FIGURES.map(|name| figure(total, name));
        assert_eq!(counted, [360, 240, 60, 0, 60, 0, 0, 60], "{grouping}");
    }
    for (client, _) in purposes {
        let own = checked(&app.caller(client).await.report("").await);
        // Nobody was dead, whether that is told or not.
        let counted = FIGURES.map(|name| own["total"][name].as_i64().unwrap_or(0));
        assert_eq!(counted, [120, 80, 20, 0, 20, 0, 0, 20], "{client}");
    }
    let recount = app.recount().await;
    assert_eq!(recount.entries, 360);
    assert_eq!(entries(&app.app).await.len(), 360);
    let verified = app.verify_log().await.unwrap();
    assert_eq!((verified.entries, verified.tiles), (360, 1));
}

async fn send(caller: &Caller, plan: Planned, body: &Value) {
    let wrong_name = json!({"attributes": {"full_name": "Đặng Thử Nghiệm"}});
    match plan {
        Planned::Matched => assert_eq!(caller.verify(body).await.ok()["outcome"], "matched"),
        Planned::NotMatched => {
            let answer = caller.verify(&merge(body, &wrong_name)).await.ok();
            assert_eq!(answer["outcome"], "not_matched");
        }
        Planned::Refused => {
            let body = merge(body, &json!({"purpose": "tax.control"}));
            caller.verify(&body).await.problem(403, "purpose-not-permitted");
        }
        Planned::Malformed => {
            let body = merge(body, &json!({"attributes": {"sex": "x"}}));
            caller.verify(&body).await.problem(422, "invalid-value");
        }
    }
}

async fn own_figures_need_no_operation_and_stay_readable_when_the_log_is_closed(
    database: Database,
) {
    let clients = [TestClient { rate: 1, burst: 3, ..TestClient::carrier("slow") }];
    let app = TestApp::builder().on(database).clients(clients).start().await;
    let slow = app.caller("slow").await;
    slow.verify(&about("001090012345", "Đặng Thử Nghiệm", "1990")).await.ok();
    app.app.close().await;
    assert_eq!(checked(&slow.report("").await)["total"]["received"], 1);
    checked(&slow.report("").await);
    slow.report("").await.problem(429, "rate-limited");
}
