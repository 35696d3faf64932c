-- Sums of what the log holds before log_checkpoints.counted_size, moved on together with it. The key is a path
-- `cube|grain|period|...`; audit/counters.rs owns its grammar. Rows of one client and period lie
-- side by side, so that moving on touches few pages.
create table counters (
    log text not null,
    key text not null,
    n integer not null,
    primary key (log, key)
) without rowid;

-- What is counted in memory and flushed every ten seconds, outside the log: throttled and
-- malformed requests by client and Vietnamese day.
create table edge_counters (
    log text not null,
    key text not null,
    n integer not null,
    primary key (log, key)
) without rowid;
