//! Connected systems, one row each, and the agencies they may act for. What the columns mean for a
//! call is for `auth`, how they may change for `access`.

use sqlx::{AssertSqlSafe, FromRow};

use super::access::BUMP_VERSION;
use super::acts::add_act;
use super::{ActRow, Store, StoreError};

/// Identifiers in one statement.
const IDS_AT_ONCE: usize = 100;

/// One connected system.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ClientRow {
    /// Identifier.
    pub client_id: String,
    /// Agency code (Decision 20/2020/QD-TTg).
    pub agency_code: String,
    /// Kind of client by name.
    pub kind: String,
    /// Name in Vietnamese.
    pub name_vi: String,
    /// Name in English.
    pub name_en: String,
    /// State by name.
    pub state: String,
    /// Why it is suspended or closed.
    pub state_reason: Option<String>,
    /// Since when it is in this state; 0 where that was not written down.
    pub state_us: i64,
    /// Name of the policy.
    pub policy_name: String,
    /// Version of the policy.
    pub policy_version: i64,
    /// First moment of the agreement; 0 together with the next for none.
    pub agreement_from_us: i64,
    /// First moment after the agreement.
    pub agreement_until_us: i64,
    /// Level of the security assessment, 1 to 5; 0 for none.
    pub assessment_level: i64,
    /// First moment of the day of the assessment; 0 where that was not written down.
    pub assessment_from_us: i64,
    /// First moment after the assessment's validity.
    pub assessment_until_us: i64,
    /// The first moment at which it was active; none before.
    pub connected_us: Option<i64>,
    /// When the row was made.
    pub created_us: i64,
}

/// A client to be added, with all that belongs to it.
#[derive(Debug, Clone)]
pub struct NewClientRow {
    /// The client.
    pub client: ClientRow,
    /// Agencies it may act for beside those below its own code.
    pub delegations: Vec<String>,
    /// Hash of its first secret, if it gets one now.
    pub secret_hash: Option<String>,
    /// The act of adding it.
    pub act: ActRow,
}

/// Which clients are listed.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClientFilter<'a> {
    /// In this state.
    pub state: Option<&'a str>,
    /// Of this kind.
    pub kind: Option<&'a str>,
    /// Not closed, and with an agreement or an assessment that ends before this moment.
    pub ending_before_us: Option<i64>,
    /// After the one with this identifier.
    pub after: Option<&'a str>,
}

/// A statement that begins with all columns of clients.
macro_rules! select_clients {
    ($rest:literal) => {
        concat!(
            "select client_id, agency_code, kind, name_vi, name_en, state, state_reason, state_us, \
             policy_name, policy_version, agreement_from_us, agreement_until_us, \
             assessment_level, assessment_from_us, assessment_until_us, connected_us, created_us \
             from clients ",
            $rest
        )
    };
}

/// Adds a client in a transaction, unless one has its identifier; how many rows that made. A macro,
/// because the two databases are two types.
macro_rules! insert_client {
    ($transaction:expr, $client:expr) => {{
        let client: &$crate::store::ClientRow = $client;
        sqlx::query(
            "insert into clients (client_id, agency_code, kind, name_vi, name_en, state, \
             state_reason, state_us, policy_name, policy_version, agreement_from_us, \
             agreement_until_us, assessment_level, assessment_from_us, assessment_until_us, \
             connected_us, created_us) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) \
             on conflict (client_id) do nothing",
        )
        .bind(&client.client_id)
        .bind(&client.agency_code)
        .bind(&client.kind)
        .bind(&client.name_vi)
        .bind(&client.name_en)
        .bind(&client.state)
        .bind(&client.state_reason)
        .bind(client.state_us)
        .bind(&client.policy_name)
        .bind(client.policy_version)
        .bind(client.agreement_from_us)
        .bind(client.agreement_until_us)
        .bind(client.assessment_level)
        .bind(client.assessment_from_us)
        .bind(client.assessment_until_us)
        .bind(client.connected_us)
        .bind(client.created_us)
        .execute(&mut *$transaction)
        .await?
        .rows_affected()
    }};
}

/// Writes down the agencies that a client may act for.
macro_rules! insert_delegations {
    ($transaction:expr, $client_id:expr, $codes:expr) => {{
        for code in $codes {
            sqlx::query("insert into client_delegations (client_id, agency_code) values ($1, $2)")
                .bind($client_id)
                .bind(code)
                .execute(&mut *$transaction)
                .await?;
        }
    }};
}

pub(super) use insert_client;

impl Store {
    /// All clients.
    pub async fn clients(&self) -> Result<Vec<ClientRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            sqlx::query_as(select_clients!("order by client_id")).fetch_all(pool).await
        })?;
        Ok(rows)
    }

    /// The client with this identifier.
    pub async fn client(&self, client_id: &str) -> Result<Option<ClientRow>, StoreError> {
        let row = on_pool!(self, (pool, _) => {
            sqlx::query_as(select_clients!("where client_id = $1"))
                .bind(client_id)
                .fetch_optional(pool)
                .await
        })?;
        Ok(row)
    }

    /// Clients by identifier, at most `limit`.
    pub async fn client_page(
        &self,
        filter: ClientFilter<'_>,
        limit: i64,
    ) -> Result<Vec<ClientRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            sqlx::query_as(select_clients!(
                "where client_id > $1 and ($2 = '' or state = $2) and ($3 = '' or kind = $3) \
                 and ($4 = 0 or (state <> 'closed' and (agreement_until_us between 1 and $4 \
                 or (assessment_level > 0 and assessment_until_us <= $4)))) \
                 order by client_id limit $5"
            ))
            .bind(filter.after.unwrap_or(""))
            .bind(filter.state.unwrap_or(""))
            .bind(filter.kind.unwrap_or(""))
            .bind(filter.ending_before_us.unwrap_or(0))
            .bind(limit)
            .fetch_all(pool)
            .await
        })?;
        Ok(rows)
    }

    /// Client and agency it may act for, in order: of the client with this identifier, or of all.
    pub async fn delegations(
        &self,
        client_id: Option<&str>,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            sqlx::query_as(
                "select client_id, agency_code from client_delegations \
                 where $1 = '' or client_id = $1 order by client_id, agency_code",
            )
            .bind(client_id.unwrap_or(""))
            .fetch_all(pool)
            .await
        })?;
        Ok(rows)
    }

    /// Client and agency it may act for, in order, of these clients.
    pub async fn delegations_of(
        &self,
        client_ids: &[&str],
    ) -> Result<Vec<(String, String)>, StoreError> {
        let mut all = Vec::new();
        for ids in client_ids.chunks(IDS_AT_ONCE) {
            let places: Vec<String> = (1..=ids.len()).map(|place| format!("${place}")).collect();
            let text = format!(
                "select client_id, agency_code from client_delegations where client_id in ({}) \
                 order by client_id, agency_code",
                places.join(", ")
            );
            let rows: Vec<(String, String)> = on_pool!(self, (pool, _) => {
                let mut query = sqlx::query_as(AssertSqlSafe(text));
                for id in ids {
                    query = query.bind(*id);
                }
                query.fetch_all(pool).await
            })?;
            all.extend(rows);
        }
        Ok(all)
    }

    /// Whether there is this version of this policy.
    pub async fn has_policy(&self, name: &str, version: i64) -> Result<bool, StoreError> {
        let count: i64 = on_pool!(self, (pool, _) => {
            sqlx::query_scalar("select count(*) from policies where name = $1 and version = $2")
                .bind(name)
                .bind(version)
                .fetch_one(pool)
                .await
        })?;
        Ok(count == 1)
    }

    /// Adds clients in one transaction, each with its act; for each, whether it is new. One that
    /// was there stays as it is, and nothing is written down about it.
    pub async fn add_new_clients(&self, new: &[NewClientRow]) -> Result<Vec<bool>, StoreError> {
        let mut added = Vec::with_capacity(new.len());
        on_writing_pool!(self, (pool, dialect) => {
            let mut transaction = begin_write!(self, pool, dialect);
            sqlx::query(BUMP_VERSION).execute(&mut *transaction).await?;
            for NewClientRow { client, delegations, secret_hash, act } in new {
                let is_new = insert_client!(transaction, client) == 1;
                added.push(is_new);
                if !is_new {
                    continue;
                }
                insert_delegations!(transaction, &client.client_id, delegations);
                if let Some(hash) = secret_hash {
                    sqlx::query(
                        "insert into client_secrets (client_id, slot, hash, created_us) \
                         values ($1, 1, $2, $3)",
                    )
                    .bind(&client.client_id)
                    .bind(hash)
                    .bind(client.created_us)
                    .execute(&mut *transaction)
                    .await?;
                }
                add_act!(transaction, act);
            }
            transaction.commit().await?;
        });
        Ok(added)
    }

    /// Changes a client from `old` to `new` with its act, and replaces its delegations where they
    /// are given. False, and nothing is done, where it is not as `old` any more: whoever judged
    /// the change did so by what is not true now.
    pub async fn change_client(
        &self,
        (old, new): (&ClientRow, &ClientRow),
        delegations: Option<&[String]>,
        act: &ActRow,
    ) -> Result<bool, StoreError> {
        let mut changed = false;
        on_writing_pool!(self, (pool, dialect) => {
            let mut transaction = begin_write!(self, pool, dialect);
            sqlx::query(BUMP_VERSION).execute(&mut *transaction).await?;
            let done = sqlx::query(
                "update clients set agency_code = $2, name_vi = $3, name_en = $4, state = $5, \
                 state_reason = $6, state_us = $7, policy_name = $8, policy_version = $9, \
                 agreement_from_us = $10, agreement_until_us = $11, assessment_level = $12, \
                 assessment_from_us = $13, assessment_until_us = $14, connected_us = $15 \
                 where client_id = $1 and agency_code = $16 and name_vi = $17 and name_en = $18 \
                 and state = $19 and state_us = $20 and policy_name = $21 \
                 and policy_version = $22 and agreement_from_us = $23 \
                 and agreement_until_us = $24 and assessment_level = $25 \
                 and assessment_from_us = $26 and assessment_until_us = $27",
            )
            .bind(&new.client_id)
            .bind(&new.agency_code)
            .bind(&new.name_vi)
            .bind(&new.name_en)
            .bind(&new.state)
            .bind(&new.state_reason)
            .bind(new.state_us)
            .bind(&new.policy_name)
            .bind(new.policy_version)
            .bind(new.agreement_from_us)
            .bind(new.agreement_until_us)
            .bind(new.assessment_level)
            .bind(new.assessment_from_us)
            .bind(new.assessment_until_us)
            .bind(new.connected_us)
            .bind(&old.agency_code)
            .bind(&old.name_vi)
            .bind(&old.name_en)
            .bind(&old.state)
            .bind(old.state_us)
            .bind(&old.policy_name)
            .bind(old.policy_version)
            .bind(old.agreement_from_us)
            .bind(old.agreement_until_us)
            .bind(old.assessment_level)
            .bind(old.assessment_from_us)
            .bind(old.assessment_until_us)
            .execute(&mut *transaction)
            .await?;
            if done.rows_affected() == 1 {
                if let Some(codes) = delegations {
                    sqlx::query("delete from client_delegations where client_id = $1")
                        .bind(&new.client_id)
                        .execute(&mut *transaction)
                        .await?;
                    insert_delegations!(transaction, &new.client_id, codes);
                }
                add_act!(transaction, act);
                transaction.commit().await?;
                changed = true;
            }
        });
        Ok(changed)
    }
}
