-- By what the database knows a key again that its nodes share: a digest of the key, never the key.
-- Written when a key is first used on this database, compared by every start. A key of a quarter that
-- was destroyed keeps its row, so that none is made in its place.
create table key_fingerprints (
    name text not null primary key,
    fingerprint text not null
);
