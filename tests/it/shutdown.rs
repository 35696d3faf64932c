//! A stop that loses nothing.

use tokio::net::TcpStream;

use crate::support::{
    Database, FakeRegister, Reaction, TestApp, about_person, entries, leaf_of, on_both_databases,
    on_file,
};

on_both_databases! {
    stopping_while_requests_run_loses_nothing_that_was_answered,
    a_request_that_waits_for_the_register_is_still_answered_after_a_stop,
}

async fn stopping_while_requests_run_loses_nothing_that_was_answered(database: Database) {
    let app = TestApp::start_on(database).await;
    let caller = app.caller("carrier").await;
    let mut asking = tokio::task::JoinSet::new();
    for person in app.people(300) {
        let caller = caller.clone();
        asking.spawn(async move { caller.try_verify(&about_person(&person)).await });
    }
    // As soon as the first answer is here, the others are everywhere on their way.
    let mut answers = vec![asking.join_next().await.unwrap().unwrap()];
    app.tell_to_stop();
    answers.extend(asking.join_all().await);
    let (kept, ended_well) = app.stopped().await;
    assert!(ended_well);
    let app = kept.again().start().await;
    let mut answered = 0;
    for answer in answers.into_iter().flatten() {
        if answer.status != 200 {
            answer.problem(503, "log-unavailable");
            continue;
        }
        answered += 1;
        let receipt = &answer.ok()["receipt"];
        let leaf = leaf_of(&app.app, receipt["index"].as_u64().unwrap()).await;
        assert_eq!(receipt["leaf"].as_str(), leaf.as_deref());
    }
    assert!(answered > 0);
    assert!(entries(&app.app).await.len() >= answered);
    app.verify_log().await.unwrap();
    app.recount().await;
}

async fn a_request_that_waits_for_the_register_is_still_answered_after_a_stop(database: Database) {
    let register = FakeRegister::start(Reaction::AnswerLate).await;
    let app = TestApp::builder().on(database).register(&register.url).start().await;
    let caller = app.caller("carrier").await;
    let waiting = tokio::spawn(async move { caller.verify(&on_file()).await.ok() });
    register.called(1).await;
    app.tell_to_stop();
    register.release();
    let answer = waiting.await.unwrap();
    assert_eq!(answer["outcome"], "matched");
    let address = app.api.strip_prefix("http://").unwrap().to_owned();
    let (kept, ended_well) = app.stopped().await;
    assert!(ended_well);
    assert!(TcpStream::connect(address).await.is_err(), "the door is shut");
    let app = kept.again().start().await;
    let leaf = leaf_of(&app.app, 0).await;
    assert_eq!(answer["receipt"]["leaf"].as_str(), leaf.as_deref());
}
