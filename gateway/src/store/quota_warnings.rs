//! Percentages of quotas that somebody was told of.

use super::acts::add_act;
use super::{ActRow, Store, StoreError};

/// A percentage of a quota that was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaWarningRow {
    /// Whose quota.
    pub client_id: String,
    /// Of which Vietnamese day or month, `2026-11-20` or `2026-11`.
    pub period: String,
    /// Of what.
    pub unit: &'static str,
    /// How much of it, in percent.
    pub percent: i64,
}

impl Store {
    /// Notes warnings, and with each that is new the act that tells it, in one transaction; which of
    /// them were new. If we die before its end, the next look finds them again; after it, the row
    /// keeps every node from telling twice.
    pub async fn add_quota_warnings(
        &self,
        warnings: &[(QuotaWarningRow, ActRow)],
    ) -> Result<Vec<bool>, StoreError> {
        let mut are_new = Vec::with_capacity(warnings.len());
        on_writing_pool!(self, (pool, dialect) => {
            let mut transaction = begin_write!(self, pool, dialect);
            for (warning, act) in warnings {
                let added = sqlx::query(
                    "insert into quota_warnings (client_id, period, unit, percent, at_us) \
                     values ($1, $2, $3, $4, $5) \
                     on conflict (client_id, period, unit, percent) do nothing",
                )
                .bind(&warning.client_id)
                .bind(&warning.period)
                .bind(warning.unit)
                .bind(warning.percent)
                .bind(act.at_us)
                .execute(&mut *transaction)
                .await?;
                let is_new = added.rows_affected() == 1;
                if is_new {
                    add_act!(transaction, act);
                }
                are_new.push(is_new);
            }
            transaction.commit().await?;
        });
        Ok(are_new)
    }

    /// Forgets warnings from before a moment, of periods that are over for good.
    pub async fn forget_quota_warnings(&self, before_us: i64) -> Result<(), StoreError> {
        on_pool!(self, (pool, _) => {
            sqlx::query("delete from quota_warnings where at_us < $1")
                .bind(before_us)
                .execute(pool)
                .await
                .map(drop)
        })?;
        Ok(())
    }
}
