-- Who may ask: what is kept of a client beside its row of migration 1, credentials that are no
-- secrets, tokens that were taken back, and the acts of administrators on their way into the log.

alter table clients add column assessment_from_us integer not null default 0;
-- The first moment at which it was `active`; null before. An agency code that was closed is good
-- for a client that was connected before the closure.
alter table clients add column connected_us integer;
-- Why it is `suspended` or `closed`.
alter table clients add column state_reason text;
alter table clients add column state_us integer not null default 0;
update clients set connected_us = agreement_from_us where state in ('active', 'suspended', 'closed');

-- Agencies a client may act for beside those below its own code.
create table client_delegations (
    client_id text not null references clients (client_id),
    agency_code text not null,
    primary key (client_id, agency_code)
);

-- When a secret was last good for a token, by the minute; null if never.
alter table client_secrets add column last_used_us integer;

-- Public keys for `private_key_jwt` (RFC 7523), as JWK.
create table client_keys (
    client_id text not null references clients (client_id),
    kid text not null,
    jwk text not null,
    created_us integer not null,
    last_used_us integer,
    primary key (client_id, kid)
);

-- Assertions that were good for a token: each is good once. Digest of the `jti`.
create table assertions_used (
    client_id text not null,
    jti_digest blob not null,
    expires_us integer not null,
    primary key (client_id, jti_digest)
) without rowid;
create index assertions_used_by_end on assertions_used (expires_us);

-- Access tokens that were taken back before they expired (RFC 7009). Of a client that takes back very
-- many, `*` stands for all that were issued until `revoked_us`. Nodes read what is new by `revoked_us`.
create table revoked_tokens (
    client_id text not null,
    jti text not null,
    expires_us integer not null,
    revoked_us integer not null,
    primary key (client_id, jti)
) without rowid;
create index revoked_tokens_by_time on revoked_tokens (revoked_us, client_id, jti);
create index revoked_tokens_by_end on revoked_tokens (expires_us);

-- Keys that sign access tokens: `next` is published and signs nothing yet, `active` signs,
-- `retiring` verifies until what it has signed has expired. The key itself is in the key folder.
create table token_keys (
    kid text not null primary key,
    state text not null check (state in ('next', 'active', 'retiring', 'retired')),
    state_us integer not null
);
create unique index token_keys_one_active on token_keys (state) where state = 'active';
create unique index token_keys_one_next on token_keys (state) where state = 'next';

-- Officials of a client by keyed digests of what the client calls them.
create table officials (
    client_id text not null references clients (client_id),
    official blob not null,
    primary key (client_id, official)
) without rowid;

-- Acts of administrators, each written in the transaction of what it did, until the log has it. A
-- command beside a running gateway cannot write the log; the log's own node does, within seconds.
create table acts (
    id text not null primary key,
    at_us integer not null,
    made_by text not null,
    act text not null,
    target text not null,
    detail text
);
