//! Whoever writes into a file beside a log that commits without a pause has its turn.

use std::fs::File;
use std::time::Duration;

use gateway::store::{Append, LogWriter, Signed, Store};

use crate::support::{Bare, Database};

const LOG: &str = "n1";
const DAY: i64 = 20_000;
/// Far longer than it may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Begins the commit of one entry after so many.
async fn append(log: &mut LogWriter, size_before: i64) {
    let append = Append {
        log: LOG,
        size_before,
        entries_count: 1,
        day: DAY,
        entries: &[0, 1, 7],
        tiles: &[],
        counters: "{}",
        keys: &[],
        keys_after_us: 0,
        chunks: &[],
    };
    log.append(&append).await.unwrap();
}

/// Ends it.
async fn sign(log: &mut LogWriter, size_before: i64) {
    let size_after = size_before + 1;
    let signed = Signed { log: LOG, size_before, size_after, counted_size: 0, note: "a note" };
    log.sign(&signed).await.unwrap();
}

/// Waits until somebody has the turn, as the file's own lock does not tell.
async fn until_somebody_waits(bare: &Bare) {
    let config = bare.config();
    let folder = File::open(config.path.parent().unwrap()).unwrap();
    let waiting = async {
        while folder.try_lock().is_ok() {
            folder.unlock().unwrap();
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, waiting).await.expect("somebody waits in turn");
}

/// The log holds the file, an act waits for it, and the log's next commit begins as soon as this
/// one has ended: it does not begin before the act is done.
async fn the_act_comes_between_two_commits(bare: &Bare, log: &Store, beside: &Store) {
    let size = log.checkpoint(LOG).await.unwrap().map(|row| row.tree_size);
    let mut writer = log.log_writer().await.unwrap();
    if size.is_none() {
        writer.create(LOG, "a note").await.unwrap();
    }
    let size = size.unwrap_or(0);
    let before = beside.directory_version().await.unwrap();
    append(&mut writer, size).await;
    let act = beside.add_clients(&[], &[], 0);
    let commits = async {
        until_somebody_waits(bare).await;
        sign(&mut writer, size).await;
        append(&mut writer, size + 1).await;
        let version = log.directory_version().await.unwrap();
        sign(&mut writer, size + 1).await;
        version
    };
    let (acted, version) = tokio::join!(act, commits);
    acted.unwrap();
    assert_eq!(version, before + 1, "the log has overtaken the act");
}

#[tokio::test]
async fn an_act_comes_between_two_commits_that_follow_each_other_at_once() {
    let bare = Bare::on(Database::Sqlite).await;
    let log = bare.store().await;
    let command = Store::open_existing(&bare.config()).await.unwrap();
    for _ in 0..10 {
        the_act_comes_between_two_commits(&bare, &log, &log.clone()).await;
        the_act_comes_between_two_commits(&bare, &log, &command).await;
    }
}

#[tokio::test]
async fn a_command_that_stands_still_in_its_turn_does_not_stop_the_log() {
    let bare = Bare::on(Database::Sqlite).await;
    let store = bare.store().await;
    let mut writer = store.log_writer().await.unwrap();
    writer.create(LOG, "a note").await.unwrap();
    let config = bare.config();
    let folder = File::open(config.path.parent().unwrap()).unwrap();
    folder.lock().unwrap();
    let commit = async {
        append(&mut writer, 0).await;
        sign(&mut writer, 0).await;
    };
    tokio::time::timeout(LIMIT, commit).await.expect("it commits");
    // Once is enough: those that follow do not wait for it, until it goes on.
    let commits = async {
        for size in 1..40 {
            append(&mut writer, size).await;
            sign(&mut writer, size).await;
        }
    };
    tokio::time::timeout(LIMIT, commits).await.expect("a second each is too much");
    // Nor does it stop an act.
    let act = tokio::time::timeout(LIMIT, store.add_clients(&[], &[], 0));
    act.await.expect("it is done").unwrap();
    assert_eq!(store.checkpoint(LOG).await.unwrap().unwrap().tree_size, 40);
}
