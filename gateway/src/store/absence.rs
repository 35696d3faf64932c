//! Why a database or a file is not there for us, told apart from one that is wrong.

use std::error::Error;
use std::io;

/// Low byte of `SQLite`'s result codes (<https://www.sqlite.org/rescode.html>): no permission, no
/// right to write, cannot be opened, not authorised.
const FILE_DENIED: [u32; 4] = [3, 8, 14, 23];
/// Likewise: busy, locked, disk full.
const FILE_UNAVAILABLE: [u32; 3] = [5, 6, 13];

/// Why something is not there for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// We may not use it.
    Denied,
    /// It does not answer; trying again may help.
    Unavailable,
}

/// Whether an error, or one of its causes, is that something was not there for us.
pub fn find_absence(error: &(dyn Error + 'static)) -> Option<Absence> {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.into_iter().find_map(|cause| {
        if let Some(error) = cause.downcast_ref::<sqlx::Error>() {
            return of_database(error);
        }
        cause.downcast_ref::<io::Error>().and_then(of_file)
    })
}

fn of_file(error: &io::Error) -> Option<Absence> {
    (error.kind() == io::ErrorKind::PermissionDenied).then_some(Absence::Denied)
}

fn of_database(error: &sqlx::Error) -> Option<Absence> {
    use sqlx::Error::{Io, PoolClosed, PoolTimedOut, Protocol, Tls};
    match error {
        Io(error) => Some(of_file(error).unwrap_or(Absence::Unavailable)),
        PoolClosed | PoolTimedOut | Protocol(_) | Tls(_) => Some(Absence::Unavailable),
        sqlx::Error::Database(error) => error.code().and_then(|code| of_code(&code)),
        // That list of others may grow.
        _ => None,
    }
}

/// By the code of either database: a server's has five characters
/// (<https://www.postgresql.org/docs/15/errcodes-appendix.html>), a file's is a number.
fn of_code(code: &str) -> Option<Absence> {
    match code {
        // Shut down, starting up, full, or somebody holds a lock.
        "57P01" | "57P02" | "57P03" | "53300" | "55P03" => return Some(Absence::Unavailable),
        "42501" => return Some(Absence::Denied),
        _ if code.len() == 5 && code.starts_with("08") => return Some(Absence::Unavailable),
        _ if code.len() == 5 && code.starts_with("28") => return Some(Absence::Denied),
        _ => {}
    }
    let low = code.parse::<u32>().ok()? & 0xff;
    let is_denied = FILE_DENIED.contains(&low).then_some(Absence::Denied);
    is_denied.or_else(|| FILE_UNAVAILABLE.contains(&low).then_some(Absence::Unavailable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_databases_tell_whether_it_is_there() {
        for (code, absence) in [
            ("08006", Some(Absence::Unavailable)),
            ("57P03", Some(Absence::Unavailable)),
            ("55P03", Some(Absence::Unavailable)),
            ("28P01", Some(Absence::Denied)),
            ("42501", Some(Absence::Denied)),
            ("5", Some(Absence::Unavailable)),
            ("517", Some(Absence::Unavailable)),
            ("14", Some(Absence::Denied)),
            ("26", None),
            ("11", None),
            ("3D000", None),
            ("23505", None),
        ] {
            assert_eq!(of_code(code), absence, "{code}");
        }
    }

    #[test]
    fn the_cause_of_a_cause_is_found() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let store = crate::store::StoreError::Database(sqlx::Error::Io(denied));
        assert_eq!(find_absence(&store), Some(Absence::Denied));
        let silent = crate::store::StoreError::Database(sqlx::Error::PoolTimedOut);
        assert_eq!(find_absence(&silent), Some(Absence::Unavailable));
        assert_eq!(find_absence(&crate::store::StoreError::Held), None);
    }
}
