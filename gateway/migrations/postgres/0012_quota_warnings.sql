-- Who has been told that how much of a quota is used: each once, whichever node sees it and whoever
-- dies in between. Written in the transaction of the act that tells it. `period` is a Vietnamese day
-- (`2026-11-20`) or month (`2026-11`).
create table quota_warnings (
    client_id text not null,
    period text not null,
    unit text not null,
    percent bigint not null,
    at_us bigint not null,
    primary key (client_id, period, unit, percent)
);
create index quota_warnings_by_time on quota_warnings (at_us);
