-- PostgreSQL looks persons up by client and month, too, from here on; SQLite's key begins with these
-- columns, and the number is kept.
select 1;
