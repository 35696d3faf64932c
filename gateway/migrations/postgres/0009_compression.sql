-- Entries are compressed where they are large, by LZ4: a commit of thousands repeats the names of
-- its clients, purposes and policies, which are more than half of its bytes, and LZ4 costs the
-- server less time than it saves in pages and write-ahead log. A server that was built without LZ4
-- keeps them as they are. A commit of few entries stays in its row, uncompressed. The tiles are
-- hashes, which do not compress.
do $$
begin
    alter table log_bundles alter column entries set compression lz4;
    alter table log_bundles alter column entries set storage extended;
exception when feature_not_supported or invalid_parameter_value then
    null;
end
$$;

-- As in migration 2; the partition takes the compression, too. Whoever waited for another node may
-- still believe that the partition is not there: what was looked up before the lock is remembered.
create or replace function log_ensure_day(wanted_day bigint) returns void language plpgsql as $$
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
    execute format('create table %I (like log_bundles including defaults including storage '
        'including compression)', partition_name);
    execute format('alter table log_bundles attach partition %I for values from (%s) to (%s)',
        partition_name, wanted_day, wanted_day + 1);
exception when duplicate_table then
    null;
end
$$;
