//! What lies around the gateway: room on its disks, and the way to the population database.

use std::path::Path;
use std::time::Duration;

use super::Check;
use crate::config::Config;

/// Below this a database that grows by some hundred bytes a request should be looked after.
const FREE_BYTES_LOW: u64 = 2 << 30;
/// Below this a commit may find no room today.
const FREE_BYTES_MIN: u64 = 64 << 20;
/// A connection that is not made in this time is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Room where the database and the keys are.
pub(super) fn disks(config: &Config) -> Vec<Check> {
    let file = config.store.url.is_none().then_some(("disk of the database", &config.store.path));
    let places = file.into_iter().chain([("disk of the keys", &config.keys.folder)]);
    places.map(|(check, path)| disk(check, path)).collect()
}

fn disk(check: &'static str, path: &Path) -> Check {
    let folder = path.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    let room = match rustix::fs::statvfs(folder) {
        Ok(room) => room,
        Err(error) => {
            let found = format!("{}: {error}", folder.display());
            return Check::failed(check, found, "mount the disk");
        }
    };
    let free = room.f_bavail * room.f_frsize;
    let found = format!("{} MiB free", free >> 20);
    let advice = "make room: without it the log takes nothing and every answer is 503";
    match free {
        0..FREE_BYTES_MIN => Check::failed(check, found, advice),
        FREE_BYTES_MIN..FREE_BYTES_LOW => Check::warning(check, found, advice),
        FREE_BYTES_LOW.. => Check::ok(check, found),
    }
}

/// Whether somebody listens where the population database should be. Nothing is asked.
pub(super) async fn population(config: &Config) -> Check {
    const CHECK: &str = "population database";
    let url = &config.population.url;
    let uri: Option<hyper::Uri> = url.parse().ok();
    let Some(authority) = uri.as_ref().and_then(hyper::Uri::authority) else {
        return Check::failed(CHECK, format!("{url} is no address"), "mend population.url");
    };
    let address = (authority.host(), authority.port_u16().unwrap_or(80));
    let connecting = tokio::net::TcpStream::connect(address);
    let advice = "start it, or mend population.url; until then every answer is inconclusive";
    match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(Ok(_)) => Check::ok(CHECK, format!("{authority} accepts connections")),
        Ok(Err(error)) => Check::failed(CHECK, format!("{authority}: {error}"), advice),
        Err(_) => Check::failed(CHECK, format!("{authority} does not answer"), advice),
    }
}
