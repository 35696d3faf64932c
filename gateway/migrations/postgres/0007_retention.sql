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

-- Gives the disk of a dropped day back: drops its partition where no log has a bundle in it any
-- more. Detaching needs a short lock on the whole table; if somebody reads for long, it waits for
-- the next time, because all others would wait behind it.
create function log_drop_day(dropped_day bigint) returns void language plpgsql as $$
declare
    partition_name text := 'log_bundles_' || dropped_day;
    is_used boolean;
begin
    if to_regclass(partition_name) is null then
        return;
    end if;
    execute format('select exists (select 1 from %I)', partition_name) into is_used;
    if is_used then
        return;
    end if;
    set local lock_timeout = '500ms';
    execute format('alter table log_bundles detach partition %I', partition_name);
    execute format('drop table %I', partition_name);
exception when lock_not_available then
    return;
end
$$;
