-- Days whose entries were dropped, or are about to be: their sums are in the log, their hashes in
-- its tiles.

-- Written before the day's totals are logged, and completed by where they stand; whoever finds a row
-- without that looks for the totals from `from_size` on before logging them a second time. `totals`
-- is that entry byte for byte: its hash stands in the tree when its own day has been dropped, too.
create table log_dropped (
    log text not null,
    -- Vietnamese day in days since 1970.
    day bigint not null,
    -- The day's bundles: first index, and the one after the last.
    first_index bigint not null,
    end_index bigint not null,
    -- Size of the log when the day was chosen.
    from_size bigint not null,
    totals_index bigint,
    totals bytea,
    primary key (log, day)
);
