//! A disk without room: no entry, no answer; and answers again as soon as there is room.

use std::fs;

use anyhow::{bail, ensure};

use super::api::{Api, can_be_asked, is_ready, request};
use super::load::Load;
use super::log;
use super::place::Place;
use super::programs::wait_for;
use super::small_disk::{SmallDisk, fill};

/// Enough for the sandbox's demonstration, small enough to fill.
const DISK_MIB: u32 = 48;
/// Refusals that must come while the disk is full.
const REFUSALS: usize = 100;
/// Requests until a full disk must have shown: what `SQLite` may still overwrite in its
/// write-ahead log is a few hundred commits.
const REQUESTS_MAX: usize = 5_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_gives_503_and_no_answer_until_there_is_room() -> anyhow::Result<()> {
    let place = Place::new()?;
    let Some(_mounted) = SmallDisk::mount(&place.work(), DISK_MIB) else {
        println!("skipped: this user may not mount a small disk");
        return Ok(());
    };
    let sandbox = place.fresh_sandbox().await?;
    let (api, people) = (place.api("ndxp").await?, place.people()?);
    let ballast = place.work().join("ballast");
    let mut acknowledged = Vec::new();
    for _ in 0..3 {
        fill(&ballast)?;
        acknowledged.extend(refused_for_want_of_room(&api, &people).await?);
        ensure!(!is_ready(place.port).await, "others should be asked now");
        let load = Load::start(&api, &people, "full")?;
        load.wait_for_refusals(REFUSALS).await?;
        let answers = load.stopped().await?;
        acknowledged.extend(answers.acknowledged);
        for (status, code) in answers.others.keys() {
            ensure!((*status, code.as_str()) == (503, "log-unavailable"), "{status} {code}");
        }

        fs::remove_file(&ballast)?;
        let person = people.iter().find(|person| can_be_asked(person)).unwrap_or(&people[0]);
        wait_for("it answers again", async || {
            let answer = api.verify(&request(person, "service.public")).await?;
            Ok(answer.acknowledged().map(|promise| acknowledged.push(promise)).is_ok())
        })
        .await?;
        ensure!(is_ready(place.port).await, "it answers and says that it is not ready");
        let load = Load::start(&api, &people, "room")?;
        load.wait_for_answers(100).await?;
        let answers = load.stopped().await?;
        ensure!(answers.others.is_empty(), "{:?}", answers.others);
        acknowledged.extend(answers.acknowledged);
        place.check_log().await?;
    }
    sandbox.stop("TERM").await?;
    place.check_log().await?;
    log::check_promises(&place.data(), &acknowledged).await
}

/// Sends requests until one is refused, and checks how it is; the promises made before.
pub(super) async fn refused_for_want_of_room(
    api: &Api,
    people: &[serde_json::Value],
) -> anyhow::Result<Vec<super::api::Acknowledged>> {
    let mut acknowledged = Vec::new();
    let people = people.iter().filter(|person| can_be_asked(person));
    for person in people.cycle().take(REQUESTS_MAX) {
        let answer = api.verify(&request(person, "service.public")).await?;
        if answer.status.as_u16() == 503 {
            ensure!(answer.body["code"] == "log-unavailable", "{}", answer.body);
            ensure!(answer.body["outcome"].is_null(), "the verdict stays inside");
            ensure!(answer.headers.contains_key("retry-after"), "{:?}", answer.headers);
            return Ok(acknowledged);
        }
        acknowledged.push(answer.acknowledged()?);
    }
    bail!("{REQUESTS_MAX} requests were answered on a full disk")
}
