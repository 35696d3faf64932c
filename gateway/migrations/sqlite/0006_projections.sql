-- What is built from the log behind its writer, so that questions need not read the log from its
-- first byte: docs/projections.md. Everything here can be emptied and built again
-- (`gateway projections rebuild`); nothing here is proof of anything.

-- How far each projection of a log has come. Moves in the same transaction as the rows, so that a
-- builder that was killed goes on where its last transaction ended.
create table projection_progress (
    log text not null,
    name text not null,
    -- The first entry that the projection does not cover.
    next_index integer not null,
    primary key (log, name)
) without rowid;

-- Search: a closed range of 65,536 entries. Times are microseconds since 1970 UTC; `marks` holds
-- the earliest and latest time of every 256 entries.
create table search_segments (
    log text not null,
    segment integer not null,
    first_us integer not null,
    last_us integer not null,
    marks blob not null,
    primary key (log, segment)
);

-- Which entries of a segment hold a term such as `client=bhxh`: one compressed set of positions.
-- With a rowid, because a set has up to 8 KiB and would burst the pages of an index.
create table search_postings (
    log text not null,
    term text not null,
    segment integer not null,
    postings blob not null,
    primary key (log, term, segment)
);

-- Small numbers for logs, so that a row of person_entries is short.
create table projection_logs (
    log text not null primary key,
    -- At most 15 bits: see `place`.
    number integer not null unique check (number between 1 and 32767)
) without rowid;

-- Where a person is in the logs. `person` is the beginning of a pseudonym, so that whoever reads
-- it must compare the whole one in the entry. `client_month` is a hash of who asked and of the
-- Vietnamese month, or 0 where the register did not know the person: it tells whom a client asked
-- about in a month already, through whatever log. `place` is the log's number * 2^48 + the index.
create table person_entries (
    person integer not null,
    client_month integer not null,
    place integer not null,
    primary key (person, client_month, place)
) without rowid;

-- How many persons of a client and a Vietnamese month, such as 202611, the builder of a log met
-- first: their sum over the logs is the number of persons.
create table distinct_persons (
    log text not null,
    client_id text not null,
    month integer not null,
    n integer not null,
    primary key (log, client_id, month)
) without rowid;
