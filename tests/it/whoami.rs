//! What a newcomer's engineer asks first: who am I to you, what may I do, is my clock right.

use serde_json::{Value, json};

use crate::support::{Answer, Caller, TestApp, TestClient, about_person};

async fn whoami(caller: &Caller) -> Value {
    caller.get("/v1/whoami").await.ok()
}

/// Asks with these `Date` fields.
async fn with_dates(app: &TestApp, token: &str, dates: &[&str]) -> Value {
    let request = app.http.get(format!("{}/v1/whoami", app.api)).bearer_auth(token);
    let request = dates.iter().fold(request, |request, date| request.header("date", *date));
    Answer::read(request.send().await.unwrap()).await.ok()["clock"].clone()
}

async fn token(app: &TestApp, client: &str) -> String {
    app.ask_token_as(client).await.ok()["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_caller_is_told_what_the_gateway_knows_of_it() {
    let app = TestApp::start().await;
    let told = whoami(&app.caller("carrier").await).await;
    let purposes = json!([
        {
            "code": "telecom.subscriber", "vi": "Xác thực thông tin thuê bao",
            "en": "Verify a subscriber at registration",
        },
        {
            "code": "telecom.cleanup", "vi": "Chuẩn hóa thông tin thuê bao",
            "en": "Re-check the subscriber base",
        },
    ]);
    let attributes = json!([
        "full_name",
        "date_of_birth",
        "sex",
        "old_id_number",
        "card_issue_date",
        "place_of_origin",
        "permanent_address",
        "insurance_number",
    ]);
    let summary = told["policy"]["summary"].clone();
    assert_eq!(
        told,
        json!({
            "client_id": "carrier",
            "name": {"vi": "carrier", "en": "carrier"},
            "agency_code": "0100109106",
            "agency": {
                "code": "0100109106",
                "name_vi": "Tập đoàn Công nghiệp - Viễn thông Quân đội (Viettel)",
                "closed_on": null,
                "successor": null,
            },
            "kind": "carrier",
            "state": "active",
            "agreement": {
                "from": "1970-01-01T07:00:00.000+07:00",
                "until": "2100-01-01T07:00:00.000+07:00",
            },
            "assessment": {"level": 3, "until": "2100-01-01T07:00:00.000+07:00"},
            "policy": {
                "label": "carrier-policy@1",
                "summary": summary,
                "grants": [
                    {"operations": ["verify"], "purposes": purposes, "attributes": attributes},
                ],
                "required": ["full_name", "date_of_birth"],
                "accepted_reasons": ["marks_missing", "year_only", "merged_place"],
                "officials": "optional",
                "disclosure": "reasons",
                "discloses_status": false,
            },
            "token": {
                "issued_at": "2026-11-20T09:00:00.000+07:00",
                "expires_at": "2026-11-20T09:10:00.000+07:00",
                "scope": ["verify"],
            },
            "limits": {"rate": 100_000, "burst": 1_000_000, "remaining": 999_999},
            "clock": {
                "server_time": "2026-11-20T09:00:00.000+07:00",
                "client_time": null,
                "skew_ms": null,
            },
            "source_address": "127.0.0.1",
        })
    );
    for language in ["vi", "en"] {
        let sentences = summary[language].as_array().unwrap();
        assert_eq!(sentences.len(), 6, "{language}");
        assert!(sentences[0].as_str().unwrap().contains("telecom.subscriber"), "{language}");
    }
}

#[tokio::test]
async fn a_caller_with_a_code_that_was_closed_is_told_the_successor() {
    let app = TestApp::start().await;
    let told = whoami(&app.caller("hospital").await).await;
    assert_eq!(told["agency_code"], "G24.01929");
    let entry = json!({
        "code": "G24", "name_vi": "Bảo hiểm xã hội Việt Nam", "closed_on": "2025-03-01",
        "successor": "G12",
    });
    assert_eq!(told["agency"], entry);
}

#[tokio::test]
async fn any_valid_token_is_enough_and_the_scope_told_is_the_tokens() {
    let clients = [
        TestClient::operator("operator"),
        TestClient { purposes: &["own.code"], ..TestClient::hospital("hospital") },
    ];
    let app = TestApp::builder().clients(clients).start().await;
    let narrow = "grant_type=client_credentials&scope=audit";
    let narrow = app.ask_token_scoped("operator", narrow).await.ok();
    let narrow = whoami(&app.caller_with(narrow["access_token"].as_str().unwrap())).await;
    assert_eq!(narrow["token"]["scope"], json!(["audit"]));
    let operations = json!(["report", "history", "audit", "admin"]);
    assert_eq!(narrow["policy"]["grants"][0]["operations"], operations);
    let hospital = whoami(&app.caller("hospital").await).await;
    assert_eq!(hospital["kind"], "health_facility");
    assert_eq!(hospital["policy"]["discloses_status"], true);
    // A code that the table of names does not hold.
    let unnamed = json!([{"code": "own.code", "vi": null, "en": null}]);
    assert_eq!(hospital["policy"]["grants"][0]["purposes"], unnamed);
    app.caller_with("x").get("/v1/whoami").await.problem(401, "invalid-token");
}

#[tokio::test]
async fn the_callers_clock_is_compared_with_ours() {
    let app = TestApp::start().await;
    let token = token(&app, "carrier").await;
    app.hand.advance(250_000);
    for (date, time, skew_ms) in [
        ("Fri, 20 Nov 2026 02:00:00 GMT", "2026-11-20T09:00:00.000+07:00", -250),
        ("Fri, 20 Nov 2026 02:05:00 GMT", "2026-11-20T09:05:00.000+07:00", 299_750),
        ("Fri, 20 Nov 2026 01:00:00 GMT", "2026-11-20T08:00:00.000+07:00", -3_600_250),
    ] {
        let clock = with_dates(&app, &token, &[date]).await;
        assert_eq!(clock["server_time"], "2026-11-20T09:00:00.250+07:00");
        assert_eq!((&clock["client_time"], &clock["skew_ms"]), (&json!(time), &json!(skew_ms)));
    }
    let right = "Fri, 20 Nov 2026 02:00:00 GMT";
    for dates in [&[][..], &["soon"], &["2026-11-20T02:00:00Z"], &[""], &[right, right]] {
        let clock = with_dates(&app, &token, dates).await;
        assert_eq!(clock["client_time"], Value::Null, "{dates:?}");
        assert_eq!(clock["skew_ms"], Value::Null, "{dates:?}");
    }
}

#[tokio::test]
async fn query_parameters_are_refused() {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    let answer = caller.get("/v1/whoami?verbose=1&client=viettel").await;
    answer.problem(400, "invalid-request");
    let unknown = |pointer: &str| (pointer.to_owned(), "unknown".to_owned());
    assert_eq!(answer.field_errors(), [unknown("/verbose"), unknown("/client")]);
}

#[tokio::test]
async fn it_counts_against_the_rate_and_leaves_no_entry() {
    let slow = TestClient { rate: 1, burst: 2, ..TestClient::carrier("slow") };
    let app = TestApp::builder().clients([slow]).start().await;
    let caller = app.caller("slow").await;
    assert_eq!(whoami(&caller).await["limits"], json!({"rate": 1, "burst": 2, "remaining": 1}));
    let last = caller.get("/v1/whoami").await;
    assert_eq!(last.ok()["limits"]["remaining"], 0);
    assert_eq!(last.header("ratelimit"), Some("\"client\";r=0;t=2"));
    let limited = caller.get("/v1/whoami").await;
    limited.problem(429, "rate-limited");
    assert_eq!(limited.retry_after(), 1);
    caller.verify(&about_person(&app.person())).await.problem(429, "rate-limited");
    app.pass(1);
    let total = caller.report("?group_by=operation").await.ok();
    assert_eq!(total["total"]["received"], 0);
    assert_eq!(total["total"]["throttled"], 2);
    // It is no operation, so it is counted under none.
    assert_eq!(total["rows"][0]["group"], json!({"operation": "-"}));
    assert_eq!(app.verify_log().await.unwrap().entries, 0);
}
