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

-- One commit of the log as one statement, which is a transaction by itself: the writer inserts a
-- row here, and the trigger does the four writes. Several statements would cost the writer as many
-- exchanges with the database's thread.
create view log_commits as select
    null as log, null as size_before, null as size_after, null as counted_size, null as note,
    null as entries_count, null as entries, null as tile_places, null as tile_hashes,
    null as counters;

create trigger log_commit instead of insert on log_commits begin
    select raise(abort, 'overtaken') where not exists (
        select 1 from log_checkpoints where log = new.log and tree_size = new.size_before
    );
    update log_checkpoints
        set tree_size = new.size_after, counted_size = new.counted_size, note = new.note
        where log = new.log;
    insert into log_bundles (log, first_index, entries_count, entries)
        values (new.log, new.size_before, new.entries_count, new.entries);
    insert into log_tiles (log, level, tile_index, hashes)
        select new.log, value ->> 0, value ->> 1, substr(new.tile_hashes, 1 + 8192 * key, 8192)
        from json_each(new.tile_places);
    insert into counters (log, key, n)
        select new.log, key, value from json_each(new.counters) where true
        on conflict (log, key) do update set n = n + excluded.n;
end;
