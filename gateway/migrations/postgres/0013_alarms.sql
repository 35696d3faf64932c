-- What stands out in how clients ask, and what an administrator does about it at once.

-- Clients that are slowed: a cap on the rate of their policy, which stays as it is. `until_us` is the
-- first moment at which it is over, 0 for none. Changed in one transaction with the act that tells it.
create table slowed_clients (
    client_id text not null primary key,
    rate bigint not null,
    burst bigint not null,
    until_us bigint not null,
    reason text not null,
    at_us bigint not null
);

-- Alarms. `client_id` is empty where it is about no client; `about` is the digest of a subject or the
-- name of a node, or empty. `node` is whose log's node has seen it stand last, at `seen_us`; `figures`
-- is a JSON document without personal values. Changed in one transaction with the act that tells it.
create table alarms (
    id text not null primary key,
    kind text not null,
    client_id text not null,
    about text not null,
    state text not null check (state in ('open', 'acknowledged', 'cleared')),
    node text not null,
    raised_us bigint not null,
    seen_us bigint not null,
    from_us bigint not null,
    to_us bigint not null,
    answers bigint not null,
    figures text not null,
    acknowledged_us bigint,
    acknowledged_by text,
    note text,
    cleared_us bigint
);
-- One that stands is raised once, whichever node sees it and whoever dies in between.
create unique index alarms_standing on alarms (kind, client_id, about) where state <> 'cleared';
create index alarms_by_client on alarms (client_id, kind, raised_us);
