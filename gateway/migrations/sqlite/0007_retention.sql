-- Days whose entries were dropped, or are about to be: their sums are in the log, their hashes in
-- its tiles.

-- Written before the day's totals are logged, and completed by where they stand; whoever finds a row
-- without that looks for the totals from `from_size` on before logging them a second time. `totals`
-- is that entry byte for byte: its hash stands in the tree when its own day has been dropped, too.
create table log_dropped (
    log text not null,
    -- Vietnamese day in days since 1970.
    day integer not null,
    -- The day's bundles: first index, and the one after the last.
    first_index integer not null,
    end_index integer not null,
    -- Size of the log when the day was chosen.
    from_size integer not null,
    totals_index integer,
    totals blob,
    primary key (log, day)
);
