//! Usage as it is shown.

use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::Micros;
use crate::policy::Policy;
use crate::rate_limit::{Amount, Period, Quota, Quotas, Unit};
use crate::reports::{Usage, UsageFigures};
use crate::request::ClientId;

/// What the figures mean, in English.
const DEFINITION_EN: &str = "requests: answered entries of verify, lookup, insurance and push in \
    the log whose status is not not_asked. attributes: verdicts match, close, no_match and \
    not_on_file in them. refused by policy, and uncharged because the register did not say whom \
    they were about, are no part of either. Days and months are Vietnamese (UTC+7). Quotas are \
    those of the policy in force now, and null where there is none or the month is not the present \
    one.";

/// What the figures mean, in Vietnamese.
const DEFINITION_VI: &str = "requests: số bản ghi verify, lookup, insurance và push đã được trả lời \
    trong nhật ký mà trạng thái khác not_asked. attributes: số kết quả match, close, no_match và \
    not_on_file trong các bản ghi đó. refused (chính sách từ chối) và uncharged (cơ sở dữ liệu không \
    cho biết là ai) không được tính vào đó. Ngày và tháng theo giờ Việt Nam (UTC+7). Định mức theo \
    chính sách đang có hiệu lực; null khi không có định mức hoặc tháng không phải tháng này.";

/// What was used of quotas in a month.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UsageReply {
    /// What the figures mean.
    definition: UsageDefinitionReply,
    /// Whose.
    client: String,
    /// The Vietnamese month.
    #[schema(example = "2026-11")]
    month: String,
    /// The policy in force, `name@version`, that says the quotas; null where it cannot be read.
    policy: Option<String>,
    /// Of the whole month.
    total: MonthReply,
    /// Of today; null where the month is not the present one.
    today: Option<TodayReply>,
    /// By day, where that was asked for; days without figures are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    days: Option<Vec<DayReply>>,
}

/// What the figures mean.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UsageDefinitionReply {
    /// In Vietnamese.
    vi: &'static str,
    /// In English.
    en: &'static str,
}

/// Figures of a month.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MonthReply {
    /// Requests.
    requests: QuotaUseReply,
    /// Attributes.
    attributes: QuotaUseReply,
    /// Requests that the policy refused.
    refused: u64,
    /// Requests that were answered without the register.
    uncharged: u64,
}

/// Figures of today.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TodayReply {
    /// The Vietnamese day.
    #[schema(example = "2026-11-20")]
    day: String,
    /// Requests.
    requests: QuotaUseReply,
    /// Attributes.
    attributes: QuotaUseReply,
}

/// Use of one quota.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct QuotaUseReply {
    /// What the log holds.
    pub used: u64,
    /// How much there is; null where there is no end.
    pub quota: Option<u64>,
    /// What is left of it.
    pub remaining: Option<u64>,
}

/// Figures of one day.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DayReply {
    /// The Vietnamese day.
    #[schema(example = "2026-11-20")]
    day: String,
    /// Requests.
    requests: u64,
    /// Attributes.
    attributes: u64,
    /// Requests that the policy refused.
    refused: u64,
    /// Requests that were answered without the register.
    uncharged: u64,
}

impl UsageReply {
    /// The reply that shows what a client used in a month.
    pub fn new(
        client: &ClientId,
        policy: Option<&Policy>,
        month: i64,
        usage: &Usage,
        now: Micros,
    ) -> Self {
        let is_present = month == now.vietnamese_month();
        let quotas = policy.filter(|_| is_present).map(|policy| policy.terms().quotas);
        let Quotas { day, month: of_month } = quotas.unwrap_or_default();
        let total = usage.total();
        let today = Period::Day.label(now.vietnamese_day());
        let of_today = usage.days().get(today.as_str()).copied().unwrap_or_default();
        Self {
            definition: UsageDefinitionReply { vi: DEFINITION_VI, en: DEFINITION_EN },
            client: client.as_str().to_owned(),
            month: Period::Month.label(month),
            policy: policy.map(|policy| policy.label().to_string()),
            total: MonthReply {
                requests: QuotaUseReply::new(Unit::Requests, total.used, of_month),
                attributes: QuotaUseReply::new(Unit::Attributes, total.used, of_month),
                refused: total.refused,
                uncharged: total.uncharged,
            },
            today: is_present.then(|| TodayReply {
                day: today.clone(),
                requests: QuotaUseReply::new(Unit::Requests, of_today.used, day),
                attributes: QuotaUseReply::new(Unit::Attributes, of_today.used, day),
            }),
            days: None,
        }
    }

    /// The same with its days.
    #[must_use]
    pub fn with_days(mut self, usage: &Usage) -> Self {
        let days = usage.days().into_iter().map(|(day, figures)| {
            let UsageFigures { used, refused, uncharged } = figures;
            let Amount { requests, attributes } = used;
            DayReply { day: day.to_owned(), requests, attributes, refused, uncharged }
        });
        self.days = Some(days.collect());
        self
    }

    /// Whose.
    pub fn client(&self) -> &str {
        &self.client
    }

    /// Of the whole month: requests and attributes.
    pub fn month_use(&self) -> [QuotaUseReply; 2] {
        [self.total.requests, self.total.attributes]
    }
}

impl QuotaUseReply {
    fn new(unit: Unit, used: Amount, quota: Quota) -> Self {
        let (used, quota) = (used.of(unit), unit.most(quota));
        Self { used, quota, remaining: quota.map(|quota| quota.saturating_sub(used)) }
    }
}
