-- What clients say is wrong, one row per disputed answer. A state is written here first, then as an
-- entry of the log, then marked as settled: whoever finds a row that is not settled goes on with it.
create table disputes (
    id text collate "C" not null primary key,
    log text not null,
    entry_index bigint not null,
    client_id text not null,
    operation text not null,
    purpose text not null,
    note text not null,
    -- Names of reasons, the one it is counted under first, separated by commas.
    reasons text not null,
    opened_us bigint not null,
    state text not null,
    settled bigint not null,
    decided_us bigint,
    decided_by text,
    decision_reason text,
    unique (log, entry_index)
);

create index disputes_of_client on disputes (client_id, id);
create index disputes_not_settled on disputes (id) where settled = 0;

-- Sums over thirds of months and over years, which counters did not have before: a report over any
-- period reads few of them.
insert into counters (log, key, n)
    select log,
        substr(key, 1, 2) || 't|' || substr(key, 5, 6)
            || case when substr(key, 11, 2) <= '10' then '1'
                    when substr(key, 11, 2) <= '20' then '2' else '3' end
            || substr(key, 13),
        sum(n)
    from counters where substr(key, 3, 2) = 'd|' group by 1, 2;
insert into counters (log, key, n)
    select log, substr(key, 1, 2) || 'y|' || substr(key, 5, 4) || substr(key, 11), sum(n)
    from counters where substr(key, 3, 2) = 'm|' group by 1, 2;

-- The same for what is counted outside the log, whose keys told days alone: `20261121|...`.
insert into edge_counters (log, key, n)
    select log, 'd|' || key, n from edge_counters where substr(key, 2, 1) <> '|';
insert into edge_counters (log, key, n)
    select log,
        't|' || substr(key, 1, 6)
            || case when substr(key, 7, 2) <= '10' then '1'
                    when substr(key, 7, 2) <= '20' then '2' else '3' end
            || substr(key, 9),
        sum(n)
    from edge_counters where substr(key, 2, 1) <> '|' group by 1, 2;
insert into edge_counters (log, key, n)
    select log, 'm|' || substr(key, 1, 6) || substr(key, 9), sum(n)
    from edge_counters where substr(key, 2, 1) <> '|' group by 1, 2;
insert into edge_counters (log, key, n)
    select log, 'y|' || substr(key, 1, 4) || substr(key, 9), sum(n)
    from edge_counters where substr(key, 2, 1) <> '|' group by 1, 2;
delete from edge_counters where substr(key, 2, 1) <> '|';
