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

-- Where a person is in the logs. `person` is the beginning of a pseudonym, so that whoever reads
-- it must compare the whole one in the entry.
create table person_entries (
    person integer not null,
    log text not null,
    entry_index integer not null,
    primary key (person, log, entry_index)
) without rowid;

-- Whom a client asked about in a Vietnamese month, such as 202611. Not by log: a person asked
-- about through two nodes is one person.
create table client_persons (
    person integer not null,
    client_id text not null,
    month integer not null,
    primary key (person, client_id, month)
) without rowid;

-- How many rows of client_persons the builder of a log put there first: their sum over the logs is
-- the number of persons.
create table distinct_persons (
    log text not null,
    client_id text not null,
    month integer not null,
    n integer not null,
    primary key (log, client_id, month)
) without rowid;
