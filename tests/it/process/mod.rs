//! The programs as their users meet them: started as processes, asked over loopback, stopped,
//! killed, and short of what they need.
//!
//! Every test has a folder, ports and processes of its own and ends what it started on every
//! path. Tests wait for the thing they need (a file, a door, an exit), each wait with a limit.

mod accuracy;
mod api;
mod auditor;
mod credentials;
mod clients;
mod commands;
mod disk;
mod disk_postgres;
mod events;
mod failing_disk;
mod fsync;
mod hold;
mod imports;
mod jobs;
mod keeping;
mod kill;
mod kill_postgres;
mod load;
mod log;
mod log_measure;
mod merkle;
mod nodes;
mod personas;
mod office;
mod place;
mod policies;
mod programs;
mod prove;
mod quotas;
mod refusals;
mod registry;
mod rights;
mod samples;
mod sandbox;
mod served;
mod signing_keys;
mod small_disk;
mod stop;
mod truth;
mod verify_file;
