//! What administrators do: clients, their credentials, their policies. One function for each act;
//! the commands and the admin listener call the same.
//!
//! Every act is an entry of the log with who did it, once. What if we die? The act's row is written
//! in the transaction of what it did. The node that writes the log turns rows into entries, each
//! committed together with a key that no second entry of this act can have, and forgets the row.
//! So a command works beside a running gateway, which alone may write the log, and beside none.

mod acts;
mod client_document;
mod clients;
pub mod credentials;
mod detail;
mod officials;
mod policies;
mod policy_trial;
mod reason;
mod sealed;
mod slowing;
pub mod token_keys;
mod warnings;

pub use acts::{Administrator, log_acts};
pub use client_document::{Assessment, ClientChange, Fault, NewClient};
pub use clients::{
    ClientError, KnownClient, Run, addition, create_client, find_client, is_step, judge_new,
    set_client_state, takes_reason, update_client,
};
pub use officials::{
    ListTurn, ListTurns, ListedOfficials, OFFICIALS_MAX, OfficialDigests, OfficialsError,
    put_officials,
};
pub use policies::{
    KnownPolicy, NewVersion, PolicyActError, PutMode, diff_policies, find_policy, list_policies,
    put_policy,
};
pub use policy_trial::{Trial, TrialCount, TrialEffect, TrialError, TrialKey, try_policy};
pub use reason::parse_reason;
pub use sealed::{Credential, SealError, generate_passphrase, seal, unseal};
pub use slowing::{SlowedClients, Slowing, slow_client, unslow_client};
pub use warnings::{NOTICE_SECONDS, Paper, Warned, Warning, warnings, warnings_about};
