-- Sums of what the log holds before log_checkpoints.counted_size, moved on together with it. The
-- key is a path `cube|grain|period|...`; audit/counters.rs owns its grammar. Keys are compared by
-- their bytes, so that a range of periods is a range of keys.
create table counters (
    log text not null,
    key text collate "C" not null,
    n bigint not null,
    primary key (log, key)
    -- Room on the page for the row's next version, so that the index stays as it is.
) with (fillfactor = 50);

-- What is counted in memory and flushed every ten seconds, outside the log: throttled and
-- malformed requests by client and Vietnamese day.
create table edge_counters (
    log text not null,
    key text collate "C" not null,
    n bigint not null,
    primary key (log, key)
);
