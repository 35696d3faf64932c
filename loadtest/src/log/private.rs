//! A PostgreSQL of our own for one measurement: fresh data in a temporary folder, a free port,
//! as durable as in production.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use sqlx::{Connection, PgConnection};

use crate::child::Child;
use crate::failure::Failure;

/// Where Debian keeps the version that the gateway is made for.
const DEBIAN: &str = "/usr/lib/postgresql/15/bin";
/// As root, PostgreSQL refuses to run: these users are tried in this order.
const USERS: [&str; 2] = ["postgres", "nobody"];
/// Beside the defaults, as an operator would set them: memory, and room for the write-ahead log, so
/// that no checkpoint is forced in the middle. Durability is left at its default, which is on.
const SETTINGS: [&str; 4] =
    ["listen_addresses=127.0.0.1", "shared_buffers=256MB", "max_wal_size=4GB", "jit=off"];
/// How long it may take to start, and how often we look.
const START_MAX: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// A running PostgreSQL; stopped when dropped.
#[derive(Debug)]
pub(super) struct Private {
    pub(super) url: String,
    // In this order: stopped, then removed.
    _child: Child,
    _folder: tempfile::TempDir,
}

impl Private {
    /// Makes the data and starts the server.
    pub(super) async fn start() -> Result<Self, Failure> {
        let programs = find_programs()?;
        let folder = tempfile::tempdir().context("a temporary folder")?;
        let owner = find_owner()?;
        if let Some((uid, gid)) = owner {
            chown(folder.path(), Some(uid), Some(gid)).context("giving the folder away")?;
        }
        let run = |program: &str| {
            let mut command = Command::new(programs.join(program));
            if let Some((uid, gid)) = owner {
                command.uid(uid).gid(gid);
            }
            command.env_clear().current_dir("/");
            command
        };
        let data = folder.path().join("data");
        init(run("initdb"), &data)?;
        let port = free_port()?;
        let mut command = run("postgres");
        command.arg("-D").arg(&data).arg("-k").arg(folder.path()).args(["-p", &port.to_string()]);
        command.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
        let mut child = Child::start("postgres", &mut command, folder.path())?;
        let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
        wait_until_ready(&mut child, &url).await?;
        Ok(Self { url, _child: child, _folder: folder })
    }
}

fn init(mut initdb: Command, data: &Path) -> anyhow::Result<()> {
    initdb.arg("-D").arg(data).args(["--username=postgres", "--auth=trust", "--encoding=UTF8"]);
    let made = initdb.args(["--locale=C", "--no-instructions"]).output().context("initdb")?;
    ensure!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
    Ok(())
}

async fn wait_until_ready(child: &mut Child, url: &str) -> Result<(), Failure> {
    let deadline = Instant::now() + START_MAX;
    while PgConnection::connect(url).await.is_err() {
        child.check_running()?;
        if Instant::now() > deadline {
            let words = child.last_words();
            return Err(Failure::Unavailable(format!("PostgreSQL is not ready:\n{words}")));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

fn find_programs() -> Result<PathBuf, Failure> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::iter::once(PathBuf::from(DEBIAN)).chain(std::env::split_paths(&path));
    let found =
        folders.find(|folder| ["initdb", "postgres"].iter().all(|p| folder.join(p).is_file()));
    found.ok_or_else(|| {
        let missing = "PostgreSQL's `initdb` and `postgres` are not installed";
        Failure::Unavailable(format!("{missing}: install them, or give --postgres URL"))
    })
}

/// User and group that PostgreSQL runs as; none where we are not root.
fn find_owner() -> anyhow::Result<Option<(u32, u32)>> {
    if !rustix::process::getuid().is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").context("the list of users")?;
    let find = |name: &&str| users.lines().find_map(|line| parse_user(line, name));
    let owner = USERS.iter().find_map(find);
    owner.map(Some).context("neither `postgres` nor `nobody` is a user")
}

fn parse_user(line: &str, name: &str) -> Option<(u32, u32)> {
    let fields: Vec<&str> = line.split(':').collect();
    match fields[..] {
        [user, _password, uid, gid, ..] if user == name => {
            Some((uid.parse().ok()?, gid.parse().ok()?))
        }
        _ => None,
    }
}

fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("a free port")?;
    Ok(listener.local_addr().context("its number")?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let line = "postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash";
        assert_eq!(parse_user(line, "postgres"), Some((101, 104)));
        assert_eq!(parse_user(line, "post"), None);
        assert_eq!(parse_user("", "postgres"), None);
    }
}
