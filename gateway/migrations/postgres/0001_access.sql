-- Who may ask, and what. Policies are immutable once written: a change is a new version.
-- Times are microseconds since 1970 UTC.
create table policies (
    name text not null,
    version bigint not null,
    document text not null,
    created_us bigint not null,
    primary key (name, version)
);

create table clients (
    client_id text not null primary key,
    agency_code text not null,
    kind text not null,
    name_vi text not null,
    name_en text not null,
    state text not null,
    policy_name text not null,
    policy_version bigint not null,
    agreement_from_us bigint not null,
    agreement_until_us bigint not null,
    assessment_level bigint not null,
    assessment_until_us bigint not null,
    created_us bigint not null,
    foreign key (policy_name, policy_version) references policies (name, version)
);

-- Hashes only. Two at a time, so that a client can rotate without a failed request.
create table client_secrets (
    client_id text not null references clients (client_id),
    slot bigint not null check (slot in (1, 2)),
    hash text not null,
    created_us bigint not null,
    primary key (client_id, slot)
);

-- One row; every change of the tables above adds one, so that nodes see by a single read whether
-- they must load them again.
create table directory_version (
    only_row bigint not null primary key check (only_row = 1),
    version bigint not null
);
insert into directory_version (only_row, version) values (1, 0);
