//! How often and how much: what one policy gives more than another and what less, in words.

use std::num::NonZeroU64;

use super::diff::{Effect, PolicyChange, change, in_language};
use super::words::Language;
use crate::rate_limit::{Lane, Limits, Quota, Terms};

/// What differs, the rate first.
pub(super) fn changes(old: &Terms, new: &Terms) -> Vec<PolicyChange> {
    let numbers = [
        number("rate", old.limits.rate.get(), new.limits.rate.get(), |language, is, was| {
            in_language(
                language,
                format!("{is} yêu cầu mỗi giây thay cho {was}."),
                format!("{is} requests a second in place of {was}."),
            )
        }),
        number("burst", old.limits.burst.get(), new.limits.burst.get(), |language, is, was| {
            in_language(
                language,
                format!("{is} yêu cầu cùng lúc thay cho {was}."),
                format!("{is} requests at once in place of {was}."),
            )
        }),
        number("concurrency", old.concurrency.get(), new.concurrency.get(), |language, is, was| {
            in_language(
                language,
                format!("{is} yêu cầu đang xử lý cùng lúc thay cho {was}."),
                format!("{is} requests on their way at once in place of {was}."),
            )
        }),
    ];
    let mut changes: Vec<PolicyChange> = numbers.into_iter().flatten().collect();
    changes.extend(of_officials(old.official_limits, new.official_limits));
    changes.extend(of_period(Period::Day, old.quotas.day, new.quotas.day));
    changes.extend(of_period(Period::Month, old.quotas.month, new.quotas.month));
    changes.extend(lane(old.lane, new.lane));
    changes
}

fn effect(is_more: bool) -> Effect {
    if is_more { Effect::More } else { Effect::Less }
}

fn number(
    about: &'static str,
    was: u32,
    is: u32,
    tell: impl Fn(Language, u32, u32) -> String,
) -> Option<PolicyChange> {
    (is != was).then(|| change(effect(is > was), about, |language| tell(language, is, was)))
}

fn of_officials(old: Option<Limits>, new: Option<Limits>) -> Option<PolicyChange> {
    let is_more = match (old, new) {
        (old, new) if old == new => return None,
        (Some(_), None) => true,
        (None, _) => false,
        (Some(old), Some(new)) => new.rate >= old.rate && new.burst >= old.burst,
    };
    Some(change(effect(is_more), "official_limits", |language| match new {
        None => in_language(
            language,
            "Mỗi cán bộ không còn giới hạn riêng.".to_owned(),
            "Officials have no limit of their own any more.".to_owned(),
        ),
        Some(Limits { rate, burst }) => in_language(
            language,
            format!("Mỗi cán bộ: {rate} yêu cầu mỗi giây, {burst} cùng lúc."),
            format!("Each official: {rate} requests a second, {burst} at once."),
        ),
    }))
}

#[derive(Debug, Clone, Copy)]
enum Period {
    Day,
    Month,
}

fn of_period(period: Period, old: Quota, new: Quota) -> impl Iterator<Item = PolicyChange> {
    let requests = ("yêu cầu", "requests", old.requests, new.requests);
    let attributes = ("thuộc tính", "attributes", old.attributes, new.attributes);
    [requests, attributes].into_iter().filter_map(move |(vi, en, was, is)| {
        // No end is more than any number.
        let order = |most: Option<NonZeroU64>| most.map_or(u64::MAX, NonZeroU64::get);
        let (period_vi, period_en) = match period {
            Period::Day => ("ngày", "day"),
            Period::Month => ("tháng", "month"),
        };
        (is != was).then(|| {
            change(effect(order(is) > order(was)), "quotas", |language| match is {
                None => in_language(
                    language,
                    format!("Số {vi} mỗi {period_vi} không còn giới hạn."),
                    format!("No quota of {en} a {period_en} any more."),
                ),
                Some(is) => in_language(
                    language,
                    format!("Nhiều nhất {is} {vi} mỗi {period_vi}."),
                    format!("At most {is} {en} a {period_en}."),
                ),
            })
        })
    })
}

fn lane(old: Lane, new: Lane) -> Option<PolicyChange> {
    (new != old).then(|| {
        change(effect(new > old), "lane", |language| {
            let (vi, en) = match new {
                Lane::Bulk => (
                    "Yêu cầu đi làn hàng loạt, sau mọi yêu cầu khác.",
                    "Requests travel on the bulk lane, behind all others.",
                ),
                Lane::Interactive => (
                    "Yêu cầu đi làn thông thường, nơi có người chờ câu trả lời.",
                    "Requests travel on the interactive lane, where somebody waits for the answer.",
                ),
                Lane::Emergency => (
                    "Yêu cầu đi làn khẩn cấp, trước mọi yêu cầu khác.",
                    "Requests travel on the emergency lane, before all others.",
                ),
            };
            in_language(language, vi.to_owned(), en.to_owned())
        })
    })
}
