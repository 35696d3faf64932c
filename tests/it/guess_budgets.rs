//! Guess budgets: whoever asks and asks is not told at last, and what counts is what the log says.

use gateway::audit::Decided;
use gateway::policy::{Disclosure, Refusal};
use gateway::projections::{ProjectionError, catch_up};
use serde_json::{Value, json};

use crate::support::{
    Answer, Caller, Database, FakeRegister, Reaction, TestApp, TestClient, about_person, entries,
    merge, on_both_databases, on_file, read_gauge, unissued_near,
};

on_both_databases! {
    the_sixth_wrong_claim_in_a_day_is_not_answered_and_a_repeat_is,
    of_many_at_once_as_many_fail_as_the_budget_has,
    what_has_failed_is_known_after_a_restart_with_the_snapshot_and_without,
    what_is_not_in_memory_any_more_is_read_from_the_log,
}

/// The same question with a birth date that is wrong, each time another.
fn wrong(body: &Value, guess: usize) -> Value {
    let date = format!("19{:02}-01-17", 10 + guess);
    merge(body, &json!({"attributes": {"date_of_birth": date}}))
}

async fn guess(caller: &Caller, body: &Value, guesses: std::ops::Range<usize>) {
    for it in guesses {
        assert_eq!(caller.verify(&wrong(body, it)).await.ok()["outcome"], "not_matched");
    }
}

fn guarded(answer: &Answer) -> u64 {
    answer.problem(429, "subject-guarded");
    answer.retry_after()
}

fn at_hospital(body: &Value) -> Value {
    merge(body, &json!({"purpose": "health.insurance"}))
}

async fn the_sixth_wrong_claim_in_a_day_is_not_answered_and_a_repeat_is(database: Database) {
    let app = TestApp::builder().on(database).start().await;
    let (carrier, hospital) = (app.caller("carrier").await, app.caller("hospital").await);
    let body = about_person(&app.person());
    guess(&carrier, &body, 0..5).await;
    assert_eq!(guarded(&carrier.verify(&wrong(&body, 5)).await), 86_400);
    // The right one as well: it would end a search.
    assert_eq!(guarded(&carrier.verify(&body).await), 86_400);
    guess(&carrier, &body, 2..3).await;
    assert_eq!(hospital.verify(&at_hospital(&body)).await.ok()["outcome"], "matched");
    // What was refused is not recorded, and takes nothing of the rate.
    let failed: Vec<_> = entries(&app.app).await;
    let digests: Vec<_> = failed
        .iter()
        .filter_map(|entry| match &entry.record {
            Decided::Answered { failed_guess, .. } => failed_guess.map(|guess| guess.claims),
            Decided::Refused { .. } | Decided::Disclosed { .. } => None,
        })
        .collect();
    assert_eq!((failed.len(), digests.len()), (7, 6));
    assert_eq!(digests[2], digests[5], "a repeat is known by its digest");
    let report = hospital.report("").await.ok();
    assert_eq!(report["total"]["throttled"], 0, "its own figures: {report}");
    let report = carrier.report("").await.ok();
    assert_eq!(report["total"]["throttled"], 2);
    assert_eq!(read_gauge(&app.metrics().await, "gateway_guess_refusals_total"), 2);
    app.pass(86_400);
    let carrier = app.caller("carrier").await;
    assert_eq!(carrier.verify(&body).await.ok()["outcome"], "matched");
    guess(&carrier, &body, 5..10).await;
    app.pass(86_400);
    let carrier = app.caller("carrier").await;
    assert_eq!(guarded(&carrier.verify(&body).await), 28 * 86_400, "ten in thirty days");
    app.recount().await;
}

#[tokio::test]
async fn what_is_not_told_is_not_told_by_what_it_costs() {
    let outcome = TestClient {
        disclosure: Disclosure::Outcome,
        required: &["full_name"],
        ..TestClient::carrier("carrier")
    };
    let app = TestApp::builder().clients([outcome]).start().await;
    let caller = app.caller("carrier").await;
    let person = app.people(50).into_iter().find(|person| person.card.is_some()).unwrap();
    let issued = person.card.unwrap().issued.to_string();
    for year in [issued[..4].to_owned(), "1999".to_owned()] {
        let card = json!({"attributes": {"card_issue_date": year}});
        let told = caller.verify(&merge(&about_person(&person), &card)).await.ok();
        assert_eq!(told["outcome"], "matched");
    }
    let failed = entries(&app.app)
        .await
        .into_iter()
        .filter(|entry| matches!(entry.record, Decided::Answered { failed_guess: Some(_), .. }));
    assert_eq!(failed.count(), 0, "the right year costs no more than the wrong one");
}

#[tokio::test]
async fn a_part_of_a_date_that_is_right_counts_and_what_the_number_spells_does_not() {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    let person = app.person();
    let claim = |date: &str| {
        let attributes = json!({"attributes": {"date_of_birth": date}});
        merge(&about_person(&person), &attributes)
    };
    let born = person.date_of_birth.to_string();
    let told = caller.verify(&claim(&born[..4])).await.ok();
    assert_eq!(told["attributes"]["date_of_birth"]["reason"], "year_only");
    let told = caller.verify(&claim(&born[..7])).await.ok();
    assert_eq!(
        (&told["outcome"], &told["attributes"]["date_of_birth"]["reason"]),
        (&json!("matched"), &json!("year_only"))
    );
    caller.verify(&claim(&born)).await.ok();
    let failed: Vec<bool> = entries(&app.app)
        .await
        .iter()
        .map(|entry| matches!(&entry.record, Decided::Answered { failed_guess: Some(_), .. }))
        .collect();
    assert_eq!(failed, [false, true, false]);
    // The card's year is nowhere in the number.
    let card = |date: &str| merge(&claim(&born), &json!({"attributes": {"card_issue_date": date}}));
    let issued = person.card.expect("a card").issued.to_string();
    let told = caller.verify(&card(&issued[..4])).await.ok();
    assert_eq!(told["attributes"]["card_issue_date"]["reason"], "year_only");
    let entries = entries(&app.app).await;
    let last = &entries.last().expect("an entry").record;
    assert!(matches!(last, Decided::Answered { failed_guess: Some(_), .. }));
    guess(&caller, &about_person(&person), 0..3).await;
    guarded(&caller.verify(&claim(&born)).await);
}

async fn of_many_at_once_as_many_fail_as_the_budget_has(database: Database) {
    let builder = TestApp::builder().on(database);
    let app = builder.config(|config| config.lanes.deadline_ms = 30_000).start().await;
    let caller = app.caller("carrier").await;
    let body = about_person(&app.person());
    let mut asking = tokio::task::JoinSet::new();
    for it in 0..60 {
        let (caller, body) = (caller.clone(), wrong(&body, it));
        asking.spawn(async move { caller.verify(&body).await });
    }
    let answers = asking.join_all().await;
    let refused = answers.iter().filter(|answer| answer.status != 200);
    let refused = refused.map(guarded).count();
    assert_eq!((answers.len() - refused, refused), (5, 55));
    // The same at once is one guess.
    let again = about_person(&app.people(2)[1]);
    guess(&caller, &again, 0..4).await;
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (caller, body) = (caller.clone(), again.clone());
        asking.spawn(async move { caller.verify(&body).await.ok()["outcome"].clone() });
    }
    assert!(asking.join_all().await.iter().all(|outcome| outcome == "matched"));
}

async fn what_has_failed_is_known_after_a_restart_with_the_snapshot_and_without(
    database: Database,
) {
    let app = TestApp::builder().on(database).start().await;
    let caller = app.caller("carrier").await;
    let body = about_person(&app.person());
    guess(&caller, &body, 0..5).await;
    let (kept, ended_well) = app.stop().await;
    assert!(ended_well);
    let snapshot = kept.keys().join("guesses-n1.snapshot");
    assert!(snapshot.exists());
    for damage in ["none", "cut off", "removed"] {
        match damage {
            "cut off" => std::fs::write(&snapshot, &std::fs::read(&snapshot).unwrap()[..99]),
            "removed" => std::fs::remove_file(&snapshot),
            _ => Ok(()),
        }
        .unwrap();
        let app = kept.again().start().await;
        let caller = app.caller("carrier").await;
        guarded(&caller.verify(&wrong(&body, 5)).await);
        guess(&caller, &body, 4..5).await;
        let (_, ended_well) = app.stop().await;
        assert!(ended_well, "{damage}");
    }
}

async fn what_is_not_in_memory_any_more_is_read_from_the_log(database: Database) {
    let few = TestApp::builder().on(database).config(|config| config.guess_budgets.held_max = 16);
    let app = few.start().await;
    let caller = app.caller("carrier").await;
    let people = app.people(40);
    let body = about_person(&people[0]);
    guess(&caller, &body, 0..5).await;
    for person in &people[1..] {
        guess(&caller, &about_person(person), 0..1).await;
    }
    while let Err(error) = catch_up(&app.app.store, "n1").await {
        assert!(matches!(error, ProjectionError::Overtaken { .. }), "{error}");
        tokio::task::yield_now().await;
    }
    let reads = async || read_gauge(&app.metrics().await, "gateway_guess_log_reads_total");
    let before = reads().await;
    guarded(&caller.verify(&wrong(&body, 5)).await);
    guess(&caller, &body, 1..2).await;
    assert_eq!(reads().await, before + 1, "what it has told is known from then on");
    assert_eq!(app.app.guess_budgets.held(), 16);
    guess(&caller, &about_person(&people[39]), 1..5).await;
    guarded(&caller.verify(&wrong(&about_person(&people[39]), 5)).await);
}

#[tokio::test]
async fn all_keys_of_a_person_lead_to_one_budget_and_asking_the_register_leaves_a_trace() {
    let register = FakeRegister::start(Reaction::Answer).await;
    let app = TestApp::builder().register(&register.url).start().await;
    let caller = app.caller("carrier").await;
    let by = |subject: Value| {
        let mut body = on_file();
        body["subject"] = subject;
        body
    };
    let keys = [
        by(json!({"personal_id": "001090004711"})),
        by(json!({"old_id_number": "012345678"})),
        by(json!({"insurance_number": "0123456789"})),
    ];
    guess(&caller, &keys[0], 0..2).await;
    guess(&caller, &keys[1], 2..4).await;
    guess(&caller, &keys[2], 4..5).await;
    let written = entries(&app.app).await.len();
    for body in &keys {
        guarded(&caller.verify(&wrong(body, 7)).await);
        guess(&caller, body, 3..4).await;
    }
    // The number itself was refused at once; to whom the others lead, the register had to say.
    let entries = entries(&app.app).await;
    let refused = entries[written..].iter().filter(|entry| match entry.record {
        Decided::Refused { refusal, .. } => refusal == Refusal::SubjectGuarded,
        Decided::Answered { .. } | Decided::Disclosed { .. } => false,
    });
    let refused: Vec<_> = refused.collect();
    assert_eq!(refused.len(), 2);
    assert!(refused.iter().all(|it| it.subject.pseudonym == entries[0].subject.pseudonym));
    app.recount().await;
}

#[tokio::test]
async fn an_attribute_that_decides_nothing_cannot_be_guessed_either() {
    let register = FakeRegister::start(Reaction::Answer).await;
    let outcome_only = TestClient {
        disclosure: gateway::policy::Disclosure::Outcome,
        ..TestClient::carrier("outcome-only")
    };
    let clients = [TestClient::carrier("carrier"), outcome_only];
    let app = TestApp::builder().register(&register.url).clients(clients).start().await;
    let claiming = |day: usize| {
        let issued = format!("20{:02}-05-{day:02}", 3 + day);
        merge(&on_file(), &json!({"attributes": {"card_issue_date": issued}}))
    };
    let caller = app.caller("carrier").await;
    for day in 1..=5 {
        let answer = caller.verify(&claiming(day)).await.ok();
        assert_eq!(answer["outcome"], "matched");
        assert_eq!(answer["attributes"]["card_issue_date"]["verdict"], "no_match");
    }
    guarded(&caller.verify(&claiming(6)).await);
    // Who is shown the outcome alone learns nothing by it.
    let caller = app.caller("outcome-only").await;
    for day in 1..=9 {
        assert_eq!(caller.verify(&claiming(day)).await.ok()["outcome"], "matched");
    }
}

#[tokio::test]
async fn a_number_that_was_never_issued_is_guarded_like_any_other() {
    let app = TestApp::start().await;
    let (caller, person) = (app.caller("carrier").await, app.person());
    let nation = mock_population_db::Nation::new(mock_population_db::DEFAULT_SEED);
    let issued = about_person(&person);
    let subject = json!({"subject": {"personal_id": unissued_near(&nation, &person)}});
    let unissued = merge(&issued, &subject);
    for it in 0..8 {
        let stranger = json!({"attributes": {"full_name": "Người Không Tên"}});
        let ask = |body: &Value| wrong(&merge(body, &stranger), it);
        let (one, other) =
            (caller.verify(&ask(&issued)).await, caller.verify(&ask(&unissued)).await);
        assert_eq!(one.status, if it < 5 { 200 } else { 429 });
        assert_eq!(one.status, other.status);
        let told = |answer: &Answer| match it {
            0..5 => answer.json()["attributes"].to_string(),
            _ => answer.without_identity(),
        };
        assert_eq!(told(&one), told(&other));
    }
}

#[tokio::test]
async fn an_old_number_tells_nothing_by_the_budget_of_its_holder() {
    let register = FakeRegister::start(Reaction::Answer).await;
    let app = TestApp::builder().register(&register.url).start().await;
    let caller = app.caller("carrier").await;
    guess(&caller, &on_file(), 0..5).await;
    guarded(&caller.verify(&wrong(&on_file(), 5)).await);
    let under = |old: &str, it: usize| {
        let mut body = merge(&on_file(), &json!({"attributes": {"full_name": "Người Không Tên"}}));
        body["subject"] = json!({"old_id_number": old});
        wrong(&body, it)
    };
    // Of the person whose budget is used up, and of nobody.
    for it in 0..8 {
        let own = caller.verify(&under("012345678", it)).await;
        let of_nobody = caller.verify(&under("098765432", it)).await;
        assert_eq!(own.status, if it < 5 { 200 } else { 429 }, "{}", own.text);
        assert_eq!(own.status, of_nobody.status);
        let told = |answer: &Answer| match it {
            0..5 => answer.json()["attributes"].to_string(),
            _ => answer.without_identity(),
        };
        assert_eq!(told(&own), told(&of_nobody));
    }
    let report = caller.report("").await.ok();
    assert_eq!(report["total"]["throttled"], 7, "none of them has asked the register: {report}");
    assert_eq!(report["total"]["refused"], 0);
    // What is charged to a key stays so when the log is all that is left.
    let (kept, _) = app.stop().await;
    std::fs::remove_file(kept.keys().join("guesses-n1.snapshot")).unwrap();
    let app = kept.again().register(&register.url).start().await;
    let caller = app.caller("carrier").await;
    for old in ["012345678", "098765432"] {
        guarded(&caller.verify(&under(old, 8)).await);
        guess(&caller, &under(old, 4), 4..5).await;
    }
}

#[tokio::test]
async fn where_the_register_says_nothing_no_guess_has_failed() {
    let register = FakeRegister::start(Reaction::Status(500)).await;
    let app = TestApp::builder().register(&register.url).start().await;
    let caller = app.caller("carrier").await;
    for it in 0..8 {
        let answer = caller.verify(&wrong(&on_file(), it)).await.ok();
        assert_eq!(answer["outcome"], "inconclusive");
    }
    register.behave(Reaction::Answer);
    guess(&caller, &on_file(), 0..5).await;
    guarded(&caller.verify(&wrong(&on_file(), 5)).await);
}
