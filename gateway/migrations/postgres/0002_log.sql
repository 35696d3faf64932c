-- The audit log. Every key begins with the log's name: a node writes its own log and no other,
-- and a distributed PostgreSQL can place a log's rows together.

-- One row per log: how far it reaches. The writer replaces it by compare-and-swap on tree_size,
-- so that a second writer of the same log loses instead of forking the tree.
create table log_checkpoints (
    log text not null primary key,
    tree_size bigint not null,
    -- The counters cover the entries before this index, which is the border of a bundle; those
    -- after it are few and are counted from their bundles when a report is read.
    counted_size bigint not null,
    note text not null
) with (fillfactor = 10);

-- Entries as they were committed, one row per commit: length-prefixed (big-endian uint16), the
-- form of C2SP tlog-tiles entry bundles. The stored bytes are what the tree hashes. `day` is the
-- Vietnamese day of the latest entry in days since 1970; it never falls from one bundle to the
-- next. One partition a day, so that a day can be dropped at once.
create table log_bundles (
    log text not null,
    first_index bigint not null,
    entries_count bigint not null,
    day bigint not null,
    entries bytea not null,
    primary key (log, first_index, day)
) partition by range (day);
-- Digests and hashes do not compress; trying would cost the writer more than the disk.
alter table log_bundles alter column entries set storage external;

-- Full hash tiles of 256 hashes (C2SP tlog-tiles), level 0 above the entries.
create table log_tiles (
    log text not null,
    level bigint not null,
    tile_index bigint not null,
    hashes bytea not null,
    primary key (log, level, tile_index)
);
alter table log_tiles alter column hashes set storage external;

-- Makes the partition of a day. A table of its own is attached, because making it as a partition
-- at once would lock out every reader of the log.
create function log_ensure_day(wanted_day bigint) returns void language plpgsql as $$
declare
    partition_name text := 'log_bundles_' || wanted_day;
begin
    if to_regclass(partition_name) is not null then
        return;
    end if;
    -- Another node may be making it now.
    perform pg_advisory_xact_lock(hashtextextended('gateway log_ensure_day', 0));
    if to_regclass(partition_name) is not null then
        return;
    end if;
    execute format('create table %I (like log_bundles including defaults including storage)',
        partition_name);
    execute format('alter table log_bundles attach partition %I for values from (%s) to (%s)',
        partition_name, wanted_day, wanted_day + 1);
end
$$;
