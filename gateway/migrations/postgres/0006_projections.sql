-- What is built from the log behind its writer, so that questions need not read the log from its
-- first byte: docs/projections.md. Everything here can be emptied and built again
-- (`gateway projections rebuild`); nothing here is proof of anything.

-- How far each projection of a log has come. Moves in the same transaction as the rows, so that a
-- builder that was killed goes on where its last transaction ended.
create table projection_progress (
    log text not null,
    name text not null,
    -- The first entry that the projection does not cover.
    next_index bigint not null,
    primary key (log, name)
);

-- Search: a closed range of 65,536 entries. Times are microseconds since 1970 UTC; `marks` holds
-- the earliest and latest time of every 256 entries.
create table search_segments (
    log text not null,
    segment bigint not null,
    first_us bigint not null,
    last_us bigint not null,
    marks bytea not null,
    primary key (log, segment)
);

-- Which entries of a segment hold a term such as `client=bhxh`: one compressed set of positions.
create table search_postings (
    log text not null,
    term text collate "C" not null,
    segment bigint not null,
    postings bytea not null,
    primary key (log, term, segment)
);

-- Small numbers for logs, so that a row of person_entries is short.
create table projection_logs (
    log text not null primary key,
    -- At most 15 bits: see `place`.
    number bigint not null unique check (number between 1 and 32767)
);

-- Where a person is in the logs. `person` is the beginning of a pseudonym, so that whoever reads
-- it must compare the whole one in the entry. `client_month` is a hash of who asked and of the
-- Vietnamese month, or 0 where the register did not know the person: it tells whom a client asked
-- about in a month already, through whatever log. `place` is the log's number * 2^48 + the index.
-- Without a unique key, which would double a row: nothing comes twice, because progress moves in the
-- same transaction.
create table person_entries (
    person bigint not null,
    place bigint not null,
    client_month integer not null
);
create index person_entries_by_person on person_entries (person);

-- How many persons of a client and a Vietnamese month, such as 202611, the builder of a log met
-- first: their sum over the logs is the number of persons.
create table distinct_persons (
    log text not null,
    client_id text not null,
    month bigint not null,
    n bigint not null,
    primary key (log, client_id, month)
);
