//! The programs of an installed PostgreSQL, the user they run as, and fresh data to run on.
//!
//! Making a cluster takes a second, copying one a twentieth of that: the first test that needs one
//! leaves a copy among the build's files.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian keeps the version that the gateway is made for.
const DEBIAN: &str = "/usr/lib/postgresql/15/bin";
/// As root, PostgreSQL refuses to run: these users are tried in this order. The first comes with
/// Debian's package, the second with every Linux.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// Users and groups by number.
#[derive(Debug, Clone, Copy)]
struct Owner {
    uid: u32,
    gid: u32,
}

/// Fresh data, and how to run a program on them.
#[derive(Debug)]
pub(super) struct Cluster {
    programs: PathBuf,
    /// None where we are a user that PostgreSQL accepts.
    owner: Option<Owner>,
    pub(super) data: PathBuf,
}

impl Cluster {
    /// Makes fresh data in `data`, which is not there yet. `folder` is for the socket.
    pub(super) fn make(folder: &Path, data: &Path) -> Self {
        let cluster =
            Self { programs: find_programs(), owner: find_owner(), data: data.to_owned() };
        cluster.give(folder).expect("the folder can be given away");
        let template = cluster.template();
        cluster.copy(&template, data).expect("the data can be copied");
        cluster
    }

    /// A program of PostgreSQL, run as the data's owner.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        if let Some(owner) = self.owner {
            command.uid(owner.uid).gid(owner.gid);
        }
        // Whatever the user has set for other clusters; and a folder that the owner may enter.
        command.env_clear().current_dir("/");
        command
    }

    /// The copy among the build's files, made where it is missing.
    fn template(&self) -> PathBuf {
        let version = self.command("postgres").arg("--version").output().expect("postgres runs");
        let version = String::from_utf8_lossy(&version.stdout);
        let version: String = version.chars().filter(char::is_ascii_alphanumeric).collect();
        let builds = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let template = builds.join(format!("cluster-{version}"));
        if !template.exists() {
            self.make_template(builds, &template);
        }
        template
    }

    /// Other processes may do the same: it appears whole, and the first one stays.
    fn make_template(&self, builds: &Path, template: &Path) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        self.give(folder.path()).expect("the folder can be given away");
        let made = folder.path().join("data");
        self.initdb(&made);
        fs::create_dir_all(builds).expect("the build's files are ours");
        let copied = tempfile::tempdir_in(builds).expect("the build's files are ours");
        let ours = Self { programs: self.programs.clone(), owner: None, data: made.clone() };
        ours.copy(&made, &copied.path().join("data")).expect("the data can be copied");
        let renamed = fs::rename(copied.path().join("data"), template);
        assert!(renamed.is_ok() || template.exists(), "{renamed:?}");
    }

    fn initdb(&self, data: &Path) {
        let mut command = self.command("initdb");
        command.arg("-D").arg(data).args(["--username=postgres", "--auth=trust", "--no-sync"]);
        command.args(["--encoding=UTF8", "--locale=C", "--wal-segsize=1", "--no-instructions"]);
        command.args(["--locale-provider=icu", "--icu-locale=vi"]);
        let made = command.output().expect("initdb runs");
        let errors = String::from_utf8_lossy(&made.stderr);
        assert!(
            made.status.success(),
            "initdb as {:?} (which must be able to enter {}): {errors}",
            self.owner,
            std::env::temp_dir().display(),
        );
    }

    /// Copies a folder and what is in it; PostgreSQL refuses data that others may enter.
    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::create_dir(to)?;
        fs::set_permissions(to, Permissions::from_mode(0o700))?;
        self.give(to)?;
        for entry in fs::read_dir(from)? {
            let (entry, to) = entry.map(|entry| (entry.path(), to.join(entry.file_name())))?;
            if entry.is_dir() {
                self.copy(&entry, &to)?;
                continue;
            }
            fs::copy(&entry, &to)?;
            self.give(&to)?;
        }
        Ok(())
    }

    fn give(&self, path: &Path) -> io::Result<()> {
        let Some(owner) = self.owner else { return Ok(()) };
        chown(path, Some(owner.uid), Some(owner.gid))
    }
}

/// The folder with the programs: Debian's, else one on the path, else any other of Debian's.
fn find_programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = vec![PathBuf::from(DEBIAN)];
    folders.extend(std::env::split_paths(&path));
    let others = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    folders.extend(others.map(|version| version.path().join("bin")));
    let has_all =
        |folder: &PathBuf| ["initdb", "postgres"].iter().all(|p| folder.join(p).is_file());
    folders.into_iter().find(has_all).expect(
        "PostgreSQL's `initdb` and `postgres` are installed; `tests/run --install-only` does that",
    )
}

/// Whom the data belong to; none where we are not root.
fn find_owner() -> Option<Owner> {
    if !rustix::process::getuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("the users are listed");
    let find = |name: &&str| users.lines().find_map(|line| parse_user(line, name));
    Some(USERS.iter().find_map(find).expect("`postgres` or `nobody` is a user"))
}

/// User and group of a line of `/etc/passwd`, if it is about this user.
fn parse_user(line: &str, name: &str) -> Option<Owner> {
    let mut fields = line.split(':');
    if fields.next()? != name {
        return None;
    }
    let (_password, uid, gid) = (fields.next()?, fields.next()?, fields.next()?);
    Some(Owner { uid: uid.parse().ok()?, gid: gid.parse().ok()? })
}
