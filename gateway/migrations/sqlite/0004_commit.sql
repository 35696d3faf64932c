-- A commit in two steps, so that what was written is read back before its root is signed: append
-- (bundle, full tiles, counters, idempotency keys), then the checkpoint. Both in one transaction.

-- The Vietnamese day of a bundle's latest entry, in days since 1970; it never falls from one bundle
-- to the next. Whole days are dropped by it.
alter table log_bundles add column day integer not null default 0;

-- The day of the bundles that are there, from the time of their first entry: bytes 5 to 12 after
-- its length, version and kind, eight hexadecimal digits each for high and low half.
update log_bundles set day = (
    with recursive digits(position, value) as (
        select 0, 0
        union all
        select position + 1,
            -- The place of a digit among these is its value, and a zero is at none.
            value * 16 + instr('123456789ABCDEF',
                substr(hex(substr(entries, 5, 8)), position + 1, 1))
        from digits where position < 16
    )
    select (value / 1000000 + 25200) / 86400 from digits where position = 16
);

-- One row per request that came with an idempotency key, written in the commit of its entry. The
-- key and the request's body are keyed digests. Rows older than a day are deleted.
create table idempotency_keys (
    client_id text not null,
    key_digest blob not null,
    log text not null,
    entry_index integer not null,
    body_digest blob not null,
    created_us integer not null,
    primary key (client_id, key_digest)
) without rowid;
create index idempotency_keys_by_age on idempotency_keys (created_us);

drop trigger log_commit;
drop view log_commits;

-- What a commit appends, as one statement: several would cost the writer as many exchanges with
-- the database's thread. `keys` is a JSON array of arrays: client, key digest, entry index, body
-- digest, time; a key that somebody holds since `keys_after` refuses the whole commit.
create view log_appends as select
    null as log, null as size_before, null as entries_count, null as day, null as entries,
    null as tile_places, null as tile_hashes, null as counters, null as keys, null as keys_after;

create trigger log_append instead of insert on log_appends begin
    select raise(abort, 'overtaken') where not exists (
        select 1 from log_checkpoints where log = new.log and tree_size = new.size_before
    );
    insert into log_bundles (log, first_index, entries_count, day, entries)
        values (new.log, new.size_before, new.entries_count, new.day, new.entries);
    insert into log_tiles (log, level, tile_index, hashes)
        select new.log, value ->> 0, value ->> 1, substr(new.tile_hashes, 1 + 8192 * key, 8192)
        from json_each(new.tile_places);
    insert into counters (log, key, n)
        select new.log, key, value from json_each(new.counters) where true
        on conflict (log, key) do update set n = n + excluded.n;
    delete from idempotency_keys where created_us < new.keys_after
        and (client_id, key_digest) in (
            select value ->> 0, unhex(value ->> 1) from json_each(new.keys)
        );
    select raise(abort, 'key taken') from json_each(new.keys) as new_key
        join idempotency_keys as held on held.client_id = new_key.value ->> 0
            and held.key_digest = unhex(new_key.value ->> 1);
    insert into idempotency_keys (client_id, key_digest, log, entry_index, body_digest, created_us)
        select value ->> 0, unhex(value ->> 1), new.log, value ->> 2, unhex(value ->> 3),
            value ->> 4
        from json_each(new.keys);
end;
