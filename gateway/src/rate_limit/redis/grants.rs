//! Parts of quotas, as `grant.lua` gives them to nodes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::breaker::Advice;
use super::{CALL, Part, Redis};
use crate::request::ClientId;

/// What is asked for one unit of one period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rate_limit) struct Need {
    /// `None` where there is no end to it.
    pub(in crate::rate_limit) quota: Option<u64>,
    /// What this node's own use may come to.
    pub(in crate::rate_limit) mine: u64,
    /// What it needs.
    pub(in crate::rate_limit) least: u64,
    /// What the others have used, as far as they were read.
    pub(in crate::rate_limit) others: u64,
}

/// What is asked for one period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rate_limit) struct Wish {
    /// Name of the day or month.
    pub(in crate::rate_limit) label: String,
    /// Seconds since 1970 to which it is kept.
    pub(in crate::rate_limit) until: i64,
    /// Whether more is wanted than is needed.
    pub(in crate::rate_limit) ahead: bool,
    /// Whether anybody has used anything in it.
    pub(in crate::rate_limit) is_used: bool,
    /// Requests and attributes.
    pub(in crate::rate_limit) needs: [Need; 2],
}

/// What was granted in one period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rate_limit) struct Given {
    /// What this node's own use may come to, in requests and attributes.
    pub(in crate::rate_limit) may: [u64; 2],
    /// Whether somebody did not get what it needed.
    pub(in crate::rate_limit) is_short: bool,
}

impl Redis {
    /// Since when the server knows anything; 0 where that is not known.
    pub(in crate::rate_limit) fn since(&self) -> i64 {
        self.since.load(Ordering::Relaxed)
    }

    /// Runs `grant.lua`; nothing where there was no answer in time, or this call was overtaken.
    /// `number` is greater than that of any call of this node for the client before, also of another
    /// process.
    pub(in crate::rate_limit) async fn grant(
        self: &Arc<Self>,
        client: &ClientId,
        number: i64,
        wishes: &[Wish],
    ) -> Option<Vec<Given>> {
        let keys: Vec<String> = wishes
            .iter()
            .map(|wish| format!("gateway:quota:{{{client}}}:{}", wish.label))
            .collect();
        let part = Part::of(keys.first()?);
        if self.advice(part) == Advice::DoWithout {
            return None;
        }
        let lost = i64::from(self.has_lost.load(Ordering::Relaxed));
        let mut arguments = vec![
            self.name.clone(),
            number.to_string(),
            self.told_nodes.to_string(),
            lost.to_string(),
        ];
        for wish in wishes {
            let figures = [wish.until, i64::from(wish.ahead), i64::from(wish.is_used)];
            arguments.extend(figures.map(|figure| figure.to_string()));
            for Need { quota, mine, least, others } in wish.needs {
                arguments.push(quota.map_or_else(|| "-1".to_owned(), |quota| quota.to_string()));
                arguments.extend([mine, least, others].map(|figure| figure.to_string()));
            }
        }
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let arguments: Vec<&[u8]> = arguments.iter().map(String::as_bytes).collect();
        let called = async {
            let mut connection = self.link.connection()?;
            Some(self.scripts.grant.run(&mut connection, &keys, &arguments).await)
        };
        let answered = match tokio::time::timeout(CALL, called).await.ok().flatten() {
            Some(Ok(answered)) => Some(answered),
            Some(Err(error)) => {
                self.troubles.tell("granting a quota", &error);
                None
            }
            None => None,
        };
        self.note(part, answered.is_some());
        let answered: Vec<(i64, i64, i64)> = answered?;
        let given = answered.into_iter().map(|(requests, attributes, short)| {
            let may = [u64::try_from(requests).ok()?, u64::try_from(attributes).ok()?];
            Some(Given { may, is_short: short == 1 })
        });
        given.collect()
    }
}
