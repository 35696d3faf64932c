//! What a policy document says about how often and how much.

use std::num::{NonZeroU32, NonZeroU64};
use std::ops::RangeInclusive;

use utoipa::ToSchema;

use super::super::super::json::{Errors, Fields};
use crate::policy::{CONCURRENCY_USUAL, Officials, RateDocument};
use crate::rate_limit::{Lane, Quota, Quotas};
use crate::request::Malformed;

/// A number of requests.
const COUNTS: RangeInclusive<u64> = 1..=u32::MAX as u64;
/// A number of requests or attributes of a month; whole in JSON wherever it is read.
const AMOUNTS: RangeInclusive<u64> = 1..=1 << 53;

/// A rate.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct RateBody {
    /// Requests per second in the long run.
    rate: u32,
    /// Requests at once after a rest; a whole multiple of the rate.
    burst: u32,
}

/// How much may be answered by Vietnamese day and month.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct QuotasBody {
    /// Of a day.
    #[schema(nullable = false)]
    day: Option<QuotaBody>,
    /// Of a month.
    #[schema(nullable = false)]
    month: Option<QuotaBody>,
}

/// How much may be answered in one period; no end where a member is left out.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct QuotaBody {
    /// Requests that are answered.
    #[schema(nullable = false)]
    requests: Option<u64>,
    /// Attributes that are compared or released in them.
    #[schema(nullable = false)]
    attributes: Option<u64>,
}

/// What was read; without a rate where it is not there or wrong.
#[derive(Debug)]
pub(super) struct ReadTerms {
    pub(super) rate: Option<RateDocument>,
    pub(super) official_limits: Option<RateDocument>,
    pub(super) concurrency: NonZeroU32,
    pub(super) quotas: Quotas,
    pub(super) lane: Lane,
}

impl ReadTerms {
    pub(super) fn read(
        fields: &mut Fields<'_, '_>,
        officials: Officials,
        errors: &mut Errors,
    ) -> Self {
        let rate = read_rate(fields, errors);
        let official_limits = read_official_limits(fields, officials, errors);
        let concurrency = fields.number("concurrency", COUNTS, errors).and_then(count);
        let quotas = read_quotas(fields, errors).unwrap_or_default();
        let lane = fields.parsed("lane", errors, |name| {
            Lane::ALL.into_iter().find(|lane| lane.name() == name).ok_or(Malformed::Form)
        });
        Self {
            rate,
            official_limits,
            concurrency: concurrency.unwrap_or(CONCURRENCY_USUAL),
            quotas,
            lane: lane.unwrap_or_default(),
        }
    }
}

fn count(number: u64) -> Option<NonZeroU32> {
    NonZeroU32::new(u32::try_from(number).ok()?)
}

fn read_rate(fields: &mut Fields<'_, '_>, errors: &mut Errors) -> Option<RateDocument> {
    let rate = fields.number("rate", COUNTS, errors).and_then(count);
    let burst = fields.number("burst", COUNTS, errors).and_then(count);
    let (rate, burst) = (rate?.get(), burst?.get());
    if !burst.is_multiple_of(rate) {
        errors.value(fields.pointer("burst"), Malformed::Form);
    }
    Some(RateDocument { rate, burst })
}

fn read_official_limits(
    fields: &mut Fields<'_, '_>,
    officials: Officials,
    errors: &mut Errors,
) -> Option<RateDocument> {
    let pointer = fields.pointer("official_limits");
    let mut limits = fields.object("official_limits", errors)?;
    for name in ["rate", "burst"] {
        if !limits.has(name) {
            limits.missing(name, errors);
        }
    }
    let rate = read_rate(&mut limits, errors);
    limits.finish(errors);
    // A constant would share one rate with everybody.
    if officials < Officials::Known {
        errors.value(pointer, Malformed::Form);
    }
    rate
}

fn read_quotas(fields: &mut Fields<'_, '_>, errors: &mut Errors) -> Option<Quotas> {
    let mut periods = fields.object("quotas", errors)?;
    let mut quotas = Quotas::default();
    for (name, quota) in [("day", &mut quotas.day), ("month", &mut quotas.month)] {
        if let Some(mut amounts) = periods.object(name, errors) {
            *quota = Quota {
                requests: read_amount(&mut amounts, "requests", errors),
                attributes: read_amount(&mut amounts, "attributes", errors),
            };
            amounts.finish(errors);
        }
    }
    periods.finish(errors);
    Some(quotas)
}

fn read_amount(fields: &mut Fields<'_, '_>, name: &str, errors: &mut Errors) -> Option<NonZeroU64> {
    fields.number(name, AMOUNTS, errors).and_then(NonZeroU64::new)
}
