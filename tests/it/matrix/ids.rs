//! Whose things the paths and parameters of routes name.

/// What a name in a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Id {
    Client,
    Slot,
    Kid,
    Dispute,
    Alarm,
    Job,
    Policy,
    Entry,
    /// A bundle of entries.
    Bundle,
    Log,
    Level,
    Tile,
}

/// What comes of a parameter in the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// A good request does without it, and it names nothing that anybody has.
    LeftOut,
    /// A good request has this value, and it names nothing that anybody has.
    Value(&'static str),
    /// A good request does without it, and with this value it shows other things, none of which is
    /// that of a client which has nothing to do with the caller.
    Shows(&'static str),
    /// It names a client.
    Client,
    /// It names a request.
    Request,
    /// It names a client, as the cursor of a list.
    ClientCursor,
    /// It names a dispute, as the cursor of a list.
    DisputeCursor,
}

/// Fields of the head that routes describe, and whether they name a request of the client's own.
const HEADERS: [(&str, bool); 6] = [
    ("Idempotency-Key", true),
    ("Request-Deadline-Ms", false),
    ("Upload-Offset", false),
    ("Upload-Complete", false),
    ("Range", false),
    ("date", false),
];

/// What the name after this part of a path stands for.
const PATHS: [(&str, Id); 12] = [
    ("/v1/jobs/", Id::Job),
    ("/admin/v1/clients/", Id::Client),
    ("/admin/v1/clients/{id}/secrets/", Id::Slot),
    ("/admin/v1/clients/{id}/keys/", Id::Kid),
    ("/admin/v1/disputes/", Id::Dispute),
    ("/admin/v1/alarms/", Id::Alarm),
    ("/admin/v1/policies/", Id::Policy),
    ("/v1/logs/", Id::Log),
    ("/v1/logs/{log}/entries/", Id::Entry),
    ("/v1/logs/{log}/tile/entries/", Id::Bundle),
    ("/v1/logs/{log}/tile/", Id::Level),
    ("/v1/logs/{log}/tile/{level}/", Id::Tile),
];

/// Parameters by path, where it matters, and name.
const QUERY: [(&str, &str, Asked); 39] = [
    ("/v1/jobs", "before", Asked::LeftOut),
    ("/v1/jobs/{id}/receipts", "after", Asked::LeftOut),
    ("/admin/v1/policies/{name}/diff", "from", Asked::Value("1")),
    ("/admin/v1/policies/{name}/diff", "to", Asked::Value("1")),
    ("/v1/logs/{log}/proof/inclusion", "index", Asked::Value("0")),
    ("/v1/logs/{log}/proof/consistency", "from", Asked::Value("1")),
    ("/v1/reports/match-rates", "group_by", Asked::Value("client")),
    ("/v1/reports/match-rates", "view", Asked::Shows("acted_for")),
    ("/v1/usage", "group_by", Asked::Value("day")),
    ("/v1/usage", "month", Asked::LeftOut),
    ("/v1/usage", "format", Asked::LeftOut),
    ("/v1/disputes", "after", Asked::DisputeCursor),
    ("/admin/v1/disputes", "after", Asked::DisputeCursor),
    ("/admin/v1/clients", "after", Asked::ClientCursor),
    ("/admin/v1/log/entries", "after", Asked::LeftOut),
    ("/admin/v1/policies", "after", Asked::LeftOut),
    ("/admin/v1/alarms", "after", Asked::LeftOut),
    ("", "client", Asked::Client),
    ("", "request_id", Asked::Request),
    ("", "force", Asked::Value("true")),
    ("", "compromised", Asked::LeftOut),
    ("", "empty", Asked::LeftOut),
    ("", "dry_run", Asked::LeftOut),
    ("", "move_clients", Asked::LeftOut),
    ("", "version", Asked::LeftOut),
    ("", "warnings", Asked::LeftOut),
    ("", "state", Asked::LeftOut),
    ("", "kind", Asked::LeftOut),
    ("", "limit", Asked::LeftOut),
    ("", "outcome", Asked::LeftOut),
    ("", "reason", Asked::LeftOut),
    ("", "purpose", Asked::LeftOut),
    ("", "operation", Asked::LeftOut),
    ("", "lane", Asked::LeftOut),
    ("", "from", Asked::LeftOut),
    ("", "to", Asked::LeftOut),
    ("", "size", Asked::LeftOut),
    ("", "from_month", Asked::LeftOut),
    ("", "to_month", Asked::LeftOut),
];

/// The names in a path, each behind what stands before it.
pub(super) fn names_in(path: &str) -> Vec<(String, String)> {
    let starts = path.match_indices('{').map(|(at, _)| at);
    starts
        .map(|at| {
            let name = path[at + 1..].split('}').next().unwrap();
            (path[..at].to_owned(), name.to_owned())
        })
        .collect()
}

/// What the name behind this part of a path stands for.
pub(super) fn of_path(before: &str) -> Option<Id> {
    PATHS.iter().find(|(known, _)| *known == before).map(|(_, id)| *id)
}

/// What comes of a parameter.
pub(super) fn asked(path: &str, name: &str) -> Option<Asked> {
    let find = |at: &str| QUERY.iter().find(|(path, known, _)| *path == at && *known == name);
    find(path).or_else(|| find("")).map(|(_, _, asked)| *asked)
}

/// Whether a field of the head names a request of the client's own.
pub(super) fn names_a_request(header: &str) -> Option<bool> {
    HEADERS.iter().find(|(known, _)| *known == header).map(|(_, names)| *names)
}
