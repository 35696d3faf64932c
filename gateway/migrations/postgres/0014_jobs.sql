-- Bulk jobs. A job belongs to the node that has its file. `settings` is what was ordered and `problem` why
-- it stands still or has failed, as JSON documents without personal values; `digest` is the signed
-- digest of its results.
create table jobs (
    id text not null primary key,
    client_id text not null,
    node text not null,
    state text not null check
        (state in ('created', 'receiving', 'running', 'paused', 'done', 'failed', 'cancelled')),
    settings text not null,
    file_bytes bigint,
    problem text,
    digest text,
    created_us bigint not null,
    changed_us bigint not null,
    ended_us bigint
);
create index jobs_by_client on jobs (client_id, id);
create index jobs_by_node on jobs (node, state);

-- What is done of a job, chunk by chunk, each written in the commit of its entries: where they stand in
-- the log, how far the file is read behind it (`input_offset` is of the uncompressed text) and how long
-- the results are. `summary` counts all rows up to here.
create table job_chunks (
    log text not null,
    job_id text not null,
    number bigint not null,
    first_index bigint not null,
    entries bigint not null,
    first_line bigint not null,
    input_offset bigint not null,
    lines bigint not null,
    result_bytes bigint not null,
    summary text not null,
    at_us bigint not null,
    primary key (log, job_id, number)
);
