-- A commit in two steps, so that what was written is read back before its root is signed: append
-- (bundle, full tiles, counters, idempotency keys), then the checkpoint. Both in one transaction.

-- One row per request that came with an idempotency key, written in the commit of its entry. The
-- key and the request's body are keyed digests. Rows older than a day are deleted.
create table idempotency_keys (
    client_id text not null,
    key_digest bytea not null,
    log text not null,
    entry_index bigint not null,
    body_digest bytea not null,
    created_us bigint not null,
    primary key (client_id, key_digest)
);
create index idempotency_keys_by_age on idempotency_keys (created_us);

-- What a commit appends, as one statement; answers with what it has then read back: the bundle
-- under level -1, and the tiles. `tile_places` is a JSON array of level and index, `added` a JSON
-- object of key and number, `keys` a JSON array of arrays: client, key digest, entry index, body
-- digest, time; a key that somebody holds since `keys_after` refuses the whole commit.
create function log_append(
    of_log text, size_before bigint, entries_count bigint, of_day bigint, of_entries bytea,
    tile_places text, tile_hashes bytea, added text, keys text, keys_after bigint
) returns table (level bigint, place bigint, bytes bytea) language plpgsql as $$
#variable_conflict use_column
begin
    -- Held until the transaction ends: whoever looks where a lost commit has led waits here.
    perform 1 from log_checkpoints as c
        where c.log = of_log and c.tree_size = log_append.size_before for update;
    if not found then
        raise exception 'overtaken' using errcode = 'GW001';
    end if;
    insert into log_bundles (log, first_index, entries_count, day, entries)
        values (of_log, log_append.size_before, log_append.entries_count, of_day, of_entries);
    insert into log_tiles (log, level, tile_index, hashes)
        select of_log, (p.value ->> 0)::bigint, (p.value ->> 1)::bigint,
            substr(tile_hashes, (1 + 8192 * (p.ordinality - 1))::integer, 8192)
        from json_array_elements(tile_places::json) with ordinality as p;
    insert into counters (log, key, n)
        select of_log, a.key, a.value::bigint from json_each_text(added::json) as a
        on conflict (log, key) do update set n = counters.n + excluded.n;
    if keys <> '[]' then
        delete from idempotency_keys as held using json_array_elements(log_append.keys::json) as k
            where held.client_id = k ->> 0 and held.key_digest = decode(k ->> 1, 'hex')
                and held.created_us < keys_after;
        begin
            insert into idempotency_keys
                (client_id, key_digest, log, entry_index, body_digest, created_us)
                select k ->> 0, decode(k ->> 1, 'hex'), of_log, (k ->> 2)::bigint,
                    decode(k ->> 3, 'hex'), (k ->> 4)::bigint
                from json_array_elements(log_append.keys::json) as k order by 1, 2;
        exception when unique_violation then
            raise exception 'key taken' using errcode = 'GW002';
        end;
    end if;
    return query
        select -1::bigint, b.first_index, b.entries from log_bundles as b
            where b.log = of_log and b.first_index = log_append.size_before and b.day = of_day
        union all
        select t.level, t.tile_index, t.hashes from log_tiles as t
            join json_array_elements(tile_places::json) as p
            on t.level = (p ->> 0)::bigint and t.tile_index = (p ->> 1)::bigint
            where t.log = of_log;
end
$$;
