//! The database: whether it opens, of which version it is, and whether it keeps what it promises.

use super::Check;
use crate::cli::{CliError, require_store, sentence};
use crate::config::Config;
use crate::store::{Store, StoreError};

const DATABASE: &str = "database";

/// Opens the database, or says why nothing further can be checked.
pub(super) async fn open(config: &Config) -> Result<(Store, Vec<Check>), Check> {
    require_store(config).map_err(|error| {
        let advice =
            "name it by --config; a first start makes one; restore a backup if it was lost";
        Check::failed(DATABASE, error.to_string(), advice)
    })?;
    let failed = |error: StoreError| {
        Check::failed(DATABASE, sentence(&CliError::Store(error)), "start it, or mend [store]")
    };
    let store = Store::inspect(&config.store).await.map_err(failed)?;
    let (version, newest) = (store.migration().await.map_err(failed)?, Store::newest_migration());
    let found = format!("opens, at migration {version} of {newest}");
    match version.cmp(&newest) {
        std::cmp::Ordering::Equal => Ok((store, vec![Check::ok(DATABASE, found)])),
        std::cmp::Ordering::Less => {
            let advice = "back it up; the next start brings it up to date, and then check again";
            Err(Check::warning(DATABASE, found, advice))
        }
        std::cmp::Ordering::Greater => {
            Err(Check::failed(DATABASE, found, "use the newer version of this program"))
        }
    }
}

pub(super) async fn durability(store: &Store) -> Check {
    const CHECK: &str = "durability";
    let settings = match store.durability().await {
        Ok(settings) => settings,
        Err(error) => {
            return Check::failed(CHECK, sentence(&CliError::Store(error)), "start the database");
        }
    };
    let shown: Vec<String> =
        settings.iter().map(|setting| format!("{}={}", setting.name, setting.value)).collect();
    let found = shown.join(" ");
    match settings.iter().find(|setting| !setting.is_safe) {
        None => Check::ok(CHECK, found),
        // Our own connections demand this one, whatever the server's default is.
        Some(setting) if matches!(setting.name, "synchronous_commit" | "journal_mode") => {
            let advice =
                format!("others' connections may lose commits: set {} right", setting.name);
            Check::warning(CHECK, found, advice)
        }
        Some(setting) => Check::failed(
            CHECK,
            found,
            format!("turn {} on: a crash would tear the log", setting.name),
        ),
    }
}
