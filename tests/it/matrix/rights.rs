//! What each route asks of its caller: the one table from which every expectation follows.

use reqwest::Method;

/// What is asked of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    /// Nothing.
    Public,
    /// A client's credentials, and that it may call now.
    Secret,
    /// A client's credentials.
    SecretOfAnyState,
    /// A good token: it is about the caller's own affairs, or nobody's.
    Own,
    /// A good token, and a policy that discloses the status of a person, or one of these operations.
    OwnWithStatus(&'static [&'static str]),
    /// A good token and one of these operations, in scope and policy.
    Operation(&'static [&'static str]),
}

/// A row of the table.
#[derive(Debug)]
pub(super) struct Row {
    method: &'static str,
    /// A path; ending in `/`, all below it that have no row of their own.
    path: &'static str,
    pub(super) right: Right,
    /// Any of these shows what belongs to all clients.
    pub(super) sees_all: &'static [&'static str],
}

const fn row(
    method: &'static str,
    path: &'static str,
    right: Right,
    sees_all: &'static [&'static str],
) -> Row {
    Row { method, path, right, sees_all }
}

/// The table.
pub(super) static RIGHTS: [Row; 31] = [
    row("GET", "/livez", Right::Public, &[]),
    row("GET", "/readyz", Right::Public, &[]),
    row("GET", "/.well-known/oauth-authorization-server", Right::Public, &[]),
    row("GET", "/.well-known/jwks.json", Right::Public, &[]),
    row("POST", "/oauth2/token", Right::Secret, &[]),
    row("POST", "/oauth2/revoke", Right::SecretOfAnyState, &[]),
    row("POST", "/oauth2/introspect", Right::Secret, &["audit", "admin"]),
    row("POST", "/v1/verifications", Right::Operation(&["verify"]), &[]),
    row("POST", "/v1/verifications/batch", Right::Operation(&["verify"]), &[]),
    row("*", "/v1/jobs/", Right::Operation(&["verify"]), &[]),
    row("GET", "/v1/jobs", Right::Operation(&["verify"]), &[]),
    row("POST", "/v1/jobs", Right::Operation(&["verify"]), &[]),
    row("POST", "/v1/subjects/history", Right::Operation(&["history"]), &["history"]),
    row("GET", "/v1/reports/match-rates", Right::Own, &["report"]),
    row("GET", "/v1/reports/distinct-persons", Right::OwnWithStatus(&["report"]), &["report"]),
    row("GET", "/v1/usage", Right::Own, &["report"]),
    row("POST", "/v1/disputes", Right::Own, &[]),
    row("GET", "/v1/disputes", Right::Own, &["report"]),
    row("GET", "/v1/logs", Right::Own, &[]),
    row("GET", "/v1/logs/{log}/checkpoint", Right::Own, &[]),
    row("GET", "/v1/logs/{log}/tile/{level}/{index}", Right::Own, &[]),
    row("GET", "/v1/logs/{log}/tile/entries/{index}", Right::Operation(&["audit"]), &["audit"]),
    row("GET", "/v1/logs/{log}/entries/{index}", Right::Own, &["audit"]),
    row("GET", "/v1/logs/{log}/proof/inclusion", Right::Own, &[]),
    row("GET", "/v1/logs/{log}/proof/consistency", Right::Own, &[]),
    row("POST", "/v1/normalize", Right::Own, &[]),
    row("GET", "/v1/whoami", Right::Own, &[]),
    row("GET", "/v1/officials", Right::Own, &[]),
    row("PUT", "/v1/officials", Right::Own, &[]),
    row("GET", "/admin/v1/log/entries", Right::Operation(&["audit", "admin"]), &["audit", "admin"]),
    row("*", "/admin/v1/", Right::Operation(&["admin"]), &["admin"]),
];

/// The row of a route: its own, or that of everything below a path.
pub(super) fn find(method: &Method, path: &str) -> Option<&'static Row> {
    let of_method = |row: &&Row| row.method == method.as_str() || row.method == "*";
    let below = |row: &&Row| row.path.ends_with('/') && path.starts_with(row.path);
    let own = RIGHTS.iter().filter(of_method).find(|row| row.path == path);
    own.or_else(|| RIGHTS.iter().filter(of_method).find(below))
}
