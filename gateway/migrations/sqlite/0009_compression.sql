-- PostgreSQL compresses large commits from here on; SQLite has no compression, and the number is kept.
select 1;
