//! Connections break, tokens expire, the gateway is away, the command is killed: it goes on.

use std::fs;

use anyhow::ensure;

use super::fake::SECRET;
use super::{Desk, RESULTS, code};

/// More than one part of 16 MiB.
const LARGE: usize = (16 << 20) + 5;

#[tokio::test]
async fn whatever_breaks_on_the_way_the_file_and_the_results_arrive_whole() -> anyhow::Result<()> {
    let desk = Desk::new(|fake| {
        fake.broken_parts = 2;
        fake.broken_results = 2;
        fake.away = [("POST", 1), ("PUT", 1), ("GET", 2)].into();
        fake.expired = 3;
    })
    .await?;
    let ended = desk.run(&[]).await?;
    ensure!(code(&ended) == Some(0), "{}", ended.stderr);
    desk.check_out()?;
    let fake = desk.gateway.is();
    ensure!(fake.tokens == 4, "{} tokens", fake.tokens);
    let halves: Vec<u64> = fake.parts.iter().map(|(offset, ..)| *offset).collect();
    ensure!(halves.len() == 3 && halves[0] == 0 && halves.is_sorted(), "{halves:?}");
    ensure!(fake.ranges.iter().any(|range| range != "bytes=0-" && range != "bytes=30-"));
    Ok(())
}

#[tokio::test]
async fn a_large_file_goes_in_parts_and_the_last_says_so() -> anyhow::Result<()> {
    let desk = Desk::new(|_| ()).await?;
    let file: Vec<u8> = (0..LARGE).map(|at| b'a' + (at % 23) as u8).collect();
    fs::write(desk.path("rows.csv"), &file)?;
    let ended = desk.run(&[]).await?;
    ensure!(code(&ended) == Some(0), "{}", ended.stderr);
    desk.check_out()?;
    let parts = [(0, 16 << 20, "?0".to_owned()), (16 << 20, 5, "?1".to_owned())];
    ensure!(desk.gateway.is().parts == parts);
    Ok(())
}

#[tokio::test]
async fn a_killed_command_goes_on_with_its_job_when_it_is_started_again() -> anyhow::Result<()> {
    // Not all results come before it is killed.
    let desk = Desk::new(|fake| fake.reveals = vec![30]).await?;
    let mut killed = desk.start(&[])?;
    let part = desk.path("out.csv.part");
    let half = async || fs::metadata(&part).is_ok_and(|part| part.len() == 30);
    killed.wait_for("half of the results are there", half).await?;
    let second = desk.run(&[]).await?;
    ensure!(code(&second) == Some(1) && second.stderr.contains("another run"), "{}", second.stderr);
    killed.kill()?;
    let kept = fs::read_to_string(desk.path("out.csv.job"))?;
    ensure!(kept.contains(super::fake::JOB) && !kept.contains(SECRET), "{kept}");

    let other = desk.run(&["--mode", "reconcile"]).await?;
    ensure!(code(&other) == Some(2), "{}", other.stderr);
    desk.gateway.is().reveals = vec![RESULTS.len()];
    desk.gateway.is().ranges.clear();
    let ended = desk.run(&[]).await?;
    ensure!(code(&ended) == Some(0), "{}", ended.stderr);
    desk.check_out()?;
    let fake = desk.gateway.is();
    ensure!(fake.orders.len() == 1 && fake.ranges == ["bytes=30-"], "{:?}", fake.ranges);
    Ok(())
}

#[tokio::test]
async fn results_that_were_damaged_meanwhile_are_fetched_again() -> anyhow::Result<()> {
    let desk = Desk::new(|fake| fake.reveals = vec![30]).await?;
    let mut killed = desk.start(&[])?;
    let part = desk.path("out.csv.part");
    let half = async || fs::metadata(&part).is_ok_and(|part| part.len() == 30);
    killed.wait_for("half of the results are there", half).await?;
    killed.kill()?;
    fs::write(&part, [0; 40])?;
    desk.gateway.is().reveals = vec![RESULTS.len()];
    let ended = desk.run(&[]).await?;
    ensure!(code(&ended) == Some(0), "{}", ended.stderr);
    desk.check_out()
}

#[tokio::test]
async fn a_command_that_was_ended_behind_its_last_step_says_what_it_would_have_said()
-> anyhow::Result<()> {
    let desk = Desk::new(|fake| fake.reveals = vec![30]).await?;
    let mut killed = desk.start(&[])?;
    let (part, job) = (desk.path("out.csv.part"), desk.path("out.csv.job"));
    let half = async || fs::metadata(&part).is_ok_and(|part| part.len() == 30);
    killed.wait_for("half of the results are there", half).await?;
    killed.kill()?;
    fs::remove_file(&part)?;
    fs::write(desk.path("out.csv"), "of somebody else")?;
    desk.gateway.is().reveals = vec![RESULTS.len()];
    let refused = desk.run(&[]).await?;
    ensure!(code(&refused) == Some(2) && job.exists(), "{}", refused.stderr);
    ensure!(fs::read_to_string(desk.path("out.csv"))? == "of somebody else");
    fs::write(desk.path("out.csv"), RESULTS)?;
    let ended = desk.run(&[]).await?;
    ensure!(code(&ended) == Some(0) && ended.stdout.contains("3 rows"), "{}", ended.stderr);
    desk.check_out()
}

#[tokio::test]
async fn a_file_that_is_changed_while_it_is_sent_is_not_answered() -> anyhow::Result<()> {
    let desk = Desk::new(|fake| fake.away = [("PUT", u32::MAX)].into()).await?;
    let mut sending = desk.start(&[])?;
    let tried = async || desk.gateway.is().calls.iter().any(|call| call.starts_with("PUT"));
    sending.wait_for("it tries to send", tried).await?;
    fs::write(desk.path("rows.csv"), "something else")?;
    let ended = sending.ended().await?;
    ensure!(code(&ended) == Some(1) && ended.stderr.contains("was changed"), "{}", ended.stderr);
    ensure!(desk.gateway.is().calls == ["DELETE cancelled"]);
    ensure!(desk.files()? == ["rows.csv", "secret"], "{:?}", desk.files()?);
    Ok(())
}
