//! `gateway log prove`, `consistency` and `key`, beside a gateway that runs.

use anyhow::ensure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway::audit::{Checkpoint, Hash, TreeHead, verify_consistency, verify_inclusion};
use serde_json::Value;

use super::place::Place;
use super::programs::Ended;
use crate::support::{TestApp, about_person};

/// A gateway with some answers, and the program beside it.
struct Proving {
    app: TestApp,
    answers: Vec<Value>,
    config: String,
    place: Place,
}

impl Proving {
    async fn start(answers: usize) -> anyhow::Result<Self> {
        let app = TestApp::start().await;
        let caller = app.caller("carrier").await;
        let mut given = Vec::new();
        for person in app.people(answers) {
            given.push(caller.verify(&about_person(&person)).await.ok());
        }
        let config = app.config.keys.folder.with_file_name("gateway.toml");
        let config = config.to_string_lossy().into_owned();
        Ok(Self { app, answers: given, config, place: Place::new()? })
    }

    async fn log(&self, args: &[&str]) -> anyhow::Result<Ended> {
        self.place.gateway(&[&["--config", &self.config, "log"], args].concat()).await
    }

    async fn log_json(&self, args: &[&str]) -> anyhow::Result<Value> {
        let ended = self.log(&[args, &["-o", "json"]].concat()).await?;
        ensure!(ended.status.success(), "{args:?}: {}", ended.stderr);
        Ok(serde_json::from_str(&ended.stdout)?)
    }
}

fn hash(value: &Value) -> Hash {
    STANDARD.decode(value.as_str().unwrap()).unwrap().try_into().unwrap()
}

fn hashes(value: &Value) -> Vec<Hash> {
    value.as_array().unwrap().iter().map(hash).collect()
}

#[tokio::test]
async fn an_answer_is_proven_by_its_id_or_by_its_place() -> anyhow::Result<()> {
    let proving = Proving::start(12).await?;
    let logs = proving.app.caller("hospital").await.get("/v1/logs").await.ok();
    for answer in &proving.answers {
        let id = answer["id"].as_str().unwrap();
        let proven = proving.log_json(&["prove", id]).await?;
        let receipt = &answer["receipt"];
        for same in ["log", "index", "leaf"] {
            ensure!(proven[same] == receipt[same], "{proven} {receipt}");
        }
        ensure!(format!("ver_{}", proven["request_id"].as_str().unwrap()) == id, "{proven}");
        let head = Checkpoint::read_unverified(proven["checkpoint"].as_str().unwrap()).unwrap();
        ensure!(proven["proof"]["tree_size"] == 12 && head.size == 12, "{proven}");
        let (leaf, index) = (hash(&proven["leaf"]), proven["index"].as_u64().unwrap());
        let path = hashes(&proven["proof"]["hashes"]);
        ensure!(verify_inclusion(&leaf, index, 12, &path, &head.root), "{proven}");
        ensure!(proven["verifier_key"] == logs["logs"][0]["verifier_key"], "{proven}");
        if index < 3 {
            for place in [format!("n1/{index}"), index.to_string(), id[4..].to_owned()] {
                ensure!(proving.log_json(&["prove", &place]).await? == proven, "{place}");
            }
        }
    }
    let text = proving.log(&["prove", "0"]).await?.stdout;
    let leaf = proving.answers[0]["receipt"]["leaf"].as_str().unwrap();
    for part in ["entry 0 of log n1: decision", leaf, "verified", "gateway.invalid/log/n1"] {
        ensure!(text.contains(part), "{part}: {text}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_not_there_is_told_in_a_sentence() -> anyhow::Result<()> {
    let proving = Proving::start(2).await?;
    let strange = format!("{}0", &proving.answers[0]["id"].as_str().unwrap()[..35]);
    let cases: [(&[&str], i32, &str); 7] = [
        (&["prove", &strange], 1, "holds an entry of request"),
        (&["prove", "n1/2"], 1, "log n1 has 2 entries and no entry 2"),
        (&["prove", "n2/0"], 1, "holds no log n2"),
        (&["prove", "ver_1"], 2, "neither an answer's id"),
        (&["consistency", "3"], 2, "log n1 has 2 entries"),
        (&["consistency", "2", "1"], 2, "FROM lies before TO"),
        (&["consistency", "1", "--log", "n2"], 1, "holds no log n2"),
    ];
    for (args, code, sentence) in cases {
        let ended = proving.log(args).await?;
        ensure!(ended.status.code() == Some(code), "{args:?}: {} {}", ended.status, ended.stderr);
        ensure!(ended.stderr.contains(sentence), "{args:?}: {}", ended.stderr);
        ensure!(ended.stdout.is_empty(), "{args:?}: {}", ended.stdout);
    }
    Ok(())
}

#[tokio::test]
async fn growth_is_proven_and_the_key_is_told() -> anyhow::Result<()> {
    let proving = Proving::start(11).await?;
    for from in [0, 1, 6, 8, 11] {
        let proof = proving.log_json(&["consistency", &from.to_string()]).await?;
        let head = |end: &Value| TreeHead {
            size: end["tree_size"].as_u64().unwrap(),
            root: hash(&end["root"]),
        };
        let (earlier, later) = (head(&proof["from"]), head(&proof["to"]));
        ensure!((earlier.size, later.size) == (from, 11), "{proof}");
        ensure!(verify_consistency(&earlier, &later, &hashes(&proof["hashes"])), "{proof}");
    }
    let key = proving.log(&["key"]).await?;
    ensure!(key.stdout.starts_with("gateway.invalid/log/n1+"), "{} {}", key.stdout, key.stderr);
    let folder = &proving.app.config.keys.folder;
    std::fs::rename(folder.join("log-n1.key"), folder.join("away"))?;
    let key = proving.log(&["key"]).await?;
    ensure!(key.status.code() == Some(1) && key.stdout.is_empty(), "{}", key.stdout);
    let proven = proving.log_json(&["prove", "3"]).await?;
    ensure!(proven["verifier_key"].is_null(), "the signature was not verified: {proven}");
    Ok(())
}
