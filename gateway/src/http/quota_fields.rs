//! What header fields tell of quotas: further members of `RateLimit-Policy` and `RateLimit` (IETF
//! draft-ietf-httpapi-ratelimit-headers), and `Quota-Warning`, a list of tokens (RFC 9651).

use std::fmt::Write as _;

use crate::rate_limit::{QuotaState, Unit};

/// The greatest integer of a structured field (RFC 9651, section 3.3.1).
const INTEGER_MAX: u64 = 999_999_999_999_999;

/// Appends a member for each quota: how much there is of it in the whole period, and what is left
/// of it until when.
pub(super) fn append(quotas: &[QuotaState], policy: &mut String, rate: &mut String) {
    for quota in quotas {
        let (name, of) = (quota.period.name(), quota.unit);
        let (name, unit) = match of {
            Unit::Requests => (name.to_owned(), String::new()),
            Unit::Attributes => (format!("{name}-{}", of.name()), format!(";qu=\"{}\"", of.name())),
        };
        let (most, left) = (quota.quota.min(INTEGER_MAX), quota.remaining.min(INTEGER_MAX));
        let (window, reset) = (quota.window_seconds, quota.seconds_left);
        let _infallible = write!(policy, ", \"{name}\";q={most}{unit};w={window}");
        let _infallible = write!(rate, ", \"{name}\";r={left};t={reset}");
    }
}

/// `Quota-Warning`: a member for each quota of which half or more is used; none where there is none.
pub(super) fn warning(quotas: &[QuotaState]) -> Option<String> {
    let members = quotas.iter().filter_map(|quota| {
        let (period, unit, percent) = (quota.period.name(), quota.unit.name(), quota.reached?);
        Some(format!("{period};unit={unit};percent={percent}"))
    });
    let members: Vec<String> = members.collect();
    (!members.is_empty()).then(|| members.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate_limit::Period;

    #[test]
    fn every_quota_is_a_member_and_those_half_used_are_warned_of() {
        let day = QuotaState {
            period: Period::Day,
            unit: Unit::Requests,
            quota: 100,
            remaining: 18,
            reached: Some(80),
            window_seconds: 86_400,
            seconds_left: 54_000,
        };
        let month = QuotaState {
            period: Period::Month,
            unit: Unit::Attributes,
            quota: u64::MAX,
            remaining: 7,
            reached: None,
            window_seconds: 2_592_000,
            seconds_left: 918_000,
        };
        let (mut policy, mut rate) = ("\"client\";q=9;w=3".to_owned(), "\"client\";r=9;t=0".into());
        append(&[day, month], &mut policy, &mut rate);
        assert_eq!(
            policy,
            "\"client\";q=9;w=3, \"day\";q=100;w=86400, \
             \"month-attributes\";q=999999999999999;qu=\"attributes\";w=2592000"
        );
        assert_eq!(
            rate,
            "\"client\";r=9;t=0, \"day\";r=18;t=54000, \"month-attributes\";r=7;t=918000"
        );
        assert_eq!(warning(&[day, month]).unwrap(), "day;unit=requests;percent=80");
        assert_eq!(warning(&[month]), None);
    }
}
