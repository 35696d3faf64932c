-- Whether a client has asked about a person in a month already is asked for every entry that counts.
-- By person alone, that read all entries of one who is asked about very often; by client and month,
-- too, it is one look. What a person's history needs is found by the beginning of the same key.
create index person_entries_by_person_and_month on person_entries (person, client_month);
drop index person_entries_by_person;
