//! How the command ends where it does not end well: by which code, with which words, leaving what.

use std::fs;

use anyhow::ensure;
use axum::http::StatusCode;
use gateway::jobs::rows::FileCode;
use serde_json::json;

use super::{Desk, code};

const NOTHING: [&str; 2] = ["rows.csv", "secret"];

#[tokio::test]
async fn a_file_that_is_there_is_refused_before_anything_is_sent() -> anyhow::Result<()> {
    let desk = Desk::new(|_| ()).await?;
    fs::write(desk.path("out.csv"), "mine")?;
    let ended = desk.run(&[]).await?;
    ensure!(code(&ended) == Some(2), "{}", ended.stderr);
    ensure!(fs::read_to_string(desk.path("out.csv"))? == "mine");
    let fake = desk.gateway.is();
    ensure!(fake.tokens == 0 && fake.calls.is_empty());
    Ok(())
}

#[tokio::test]
async fn what_is_read_is_never_written_over() -> anyhow::Result<()> {
    let desk = Desk::new(|_| ()).await?;
    fs::rename(desk.path("secret"), desk.path("out.csv.part"))?;
    std::os::unix::fs::symlink("out.csv.part", desk.path("secret"))?;
    let ended = desk.run(&[]).await?;
    ensure!(code(&ended) == Some(2) && ended.stderr.contains("overwritten"), "{}", ended.stderr);
    ensure!(desk.files()? == ["out.csv.part", "rows.csv", "secret"]);
    Ok(())
}

#[tokio::test]
async fn arguments_that_cannot_be_meant_are_code_2() -> anyhow::Result<()> {
    let desk = Desk::new(|_| ()).await?;
    for more in [
        &["--columns", "name=X"][..],
        &["--columns", "sex=X", "sex=Y"],
        &["--error-threshold", "5"],
        &["--out", "again.csv"],
    ] {
        let ended = desk.run(more).await?;
        ensure!(code(&ended) == Some(2), "{more:?}: {}", ended.stderr);
    }
    fs::write(desk.path("rows.csv"), "")?;
    ensure!(code(&desk.run(&[]).await?) == Some(2), "an empty file");
    ensure!(desk.gateway.is().tokens == 0 && desk.files()? == NOTHING);
    let encrypted = Desk { url: desk.url.replace("http", "https"), ..desk };
    let ended = encrypted.run(&[]).await?;
    ensure!(code(&ended) == Some(2) && ended.stderr.contains("TLS proxy"), "{}", ended.stderr);
    Ok(())
}

#[tokio::test]
async fn an_order_that_the_gateway_cannot_read_is_code_2_with_its_words() -> anyhow::Result<()> {
    let refusal = json!({"code": "invalid-value", "detail": "A value is wrong.",
        "errors": [{"pointer": "/purpose", "code": "malformed"}]});
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let desk = Desk::new(|fake| fake.refusal = Some((status, refusal))).await?;
    let ended = desk.run(&[]).await?;
    ensure!(
        code(&ended) == Some(2) && ended.stderr.contains("/purpose malformed"),
        "{}",
        ended.stderr
    );
    ensure!(desk.files()? == NOTHING);
    Ok(())
}

#[tokio::test]
async fn who_is_not_let_in_is_told_so_by_code_4() -> anyhow::Result<()> {
    let refusal = json!({"code": "purpose-not-permitted", "detail": "Not yours."});
    let desk = Desk::new(|fake| fake.refusal = Some((StatusCode::FORBIDDEN, refusal))).await?;
    let ended = desk.run(&[]).await?;
    ensure!(code(&ended) == Some(4), "{}", ended.stderr);
    ensure!(ended.stderr.contains("403 purpose-not-permitted: Not yours."), "{}", ended.stderr);
    fs::write(desk.path("secret"), "wrong")?;
    let ended = desk.run(&[]).await?;
    ensure!(code(&ended) == Some(4) && ended.stderr.contains("401"), "{}", ended.stderr);
    ensure!(desk.files()? == NOTHING);
    Ok(())
}

#[tokio::test]
async fn a_gateway_that_is_not_there_is_code_5_and_leaves_nothing() -> anyhow::Result<()> {
    let desk = Desk::new(|_| ()).await?;
    let nobody = Desk { url: "http://127.0.0.1:1".to_owned(), ..desk };
    let ended = nobody.run(&["--give-up-after", "1"]).await?;
    ensure!(code(&ended) == Some(5), "{}", ended.stderr);
    ensure!(nobody.files()? == NOTHING);
    Ok(())
}

#[tokio::test]
async fn a_gateway_that_goes_away_for_long_is_code_5_and_the_job_goes_on_later()
-> anyhow::Result<()> {
    let desk = Desk::new(|fake| fake.away = [("PUT", u32::MAX)].into()).await?;
    let ended = desk.run(&["--give-up-after", "1"]).await?;
    ensure!(code(&ended) == Some(5), "{}", ended.stderr);
    ensure!(ended.stderr.contains("run the same command again"), "{}", ended.stderr);
    desk.gateway.is().away.clear();
    ensure!(code(&desk.run(&[]).await?) == Some(0));
    desk.check_out()?;
    ensure!(desk.gateway.is().orders.len() == 1);
    Ok(())
}

#[tokio::test]
async fn a_failed_job_is_code_1_with_its_line_and_sentence() -> anyhow::Result<()> {
    let problem = json!({"code": "gzip-broken", "line": 4711});
    let desk = Desk::new(|fake| fake.ends = Some(("failed", problem))).await?;
    let ended = desk.run(&[]).await?;
    ensure!(code(&ended) == Some(1), "{}", ended.stderr);
    let sentence = FileCode::GzipBroken.explained();
    for part in ["line 4711: gzip-broken", sentence.vi, sentence.en, "stays in out.csv.part"] {
        ensure!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    ensure!(desk.files()? == ["out.csv.part", "rows.csv", "secret"], "{:?}", desk.files()?);
    Ok(())
}

#[tokio::test]
async fn too_many_wrong_rows_are_code_6_and_resume_goes_on_all_the_same() -> anyhow::Result<()> {
    let problem =
        json!({"code": "too-many-row-problems", "vi": "Quá nhiều dòng lỗi.", "en": "Too many."});
    let desk = Desk::new(|fake| fake.ends = Some(("paused", problem))).await?;
    let ended = desk.run(&[]).await?;
    ensure!(code(&ended) == Some(6), "{}", ended.stderr);
    for part in ["Quá nhiều dòng lỗi.", "1 of 3 rows", "--resume", "out.csv.part"] {
        ensure!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    ensure!(desk.gateway.is().resumed == 0);
    let ended = desk.run(&["--resume"]).await?;
    ensure!(code(&ended) == Some(0), "{}", ended.stderr);
    desk.check_out()?;
    let fake = desk.gateway.is();
    ensure!(fake.resumed == 1 && fake.orders.len() == 1);
    Ok(())
}

#[tokio::test]
async fn a_job_that_waits_for_somebody_else_says_for_whom() -> anyhow::Result<()> {
    for (problem, expected) in [("quota-exceeded", 4), ("disk-full", 5), ("new-problem", 1)] {
        let problem = json!({"code": problem, "vi": "V", "en": "E"});
        let desk = Desk::new(|fake| fake.ends = Some(("paused", problem))).await?;
        let ended = desk.run(&[]).await?;
        ensure!(code(&ended) == Some(expected), "{}", ended.stderr);
        ensure!(ended.stderr.contains("--resume"), "{}", ended.stderr);
    }
    Ok(())
}
