-- The audit log. Every key begins with the log's name: a node writes its own log and no other,
-- and a distributed PostgreSQL can place a log's rows together.

-- One row per log: how far it reaches. The writer replaces it by compare-and-swap on tree_size,
-- so that a second writer of the same log loses instead of forking the tree.
create table log_checkpoints (
    log text not null primary key,
    tree_size integer not null,
    -- The counters cover the entries before this index, which is the border of a bundle; those
    -- after it are few and are counted from their bundles when a report is read.
    counted_size integer not null,
    note text not null
);

-- Entries as they were committed, one row per commit: length-prefixed (big-endian uint16), the
-- form of C2SP tlog-tiles entry bundles. The stored bytes are what the tree hashes.
create table log_bundles (
    log text not null,
    first_index integer not null,
    entries_count integer not null,
    entries blob not null,
    primary key (log, first_index)
);

-- Full hash tiles of 256 hashes (C2SP tlog-tiles), level 0 above the entries.
create table log_tiles (
    log text not null,
    level integer not null,
    tile_index integer not null,
    hashes blob not null,
    primary key (log, level, tile_index)
);
