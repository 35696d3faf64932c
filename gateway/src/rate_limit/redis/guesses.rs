//! Guess budgets in Redis: one key for each person on whom guesses fail or are on their way.

use std::sync::Arc;
use std::time::Duration;

use ::redis::FromRedisValue;

use super::breaker::Advice;
use super::script::Lua;
use super::{CALL, Part, Redis, trouble};
use crate::config::GuessBudgetsConfig;

/// After so many seconds a guess whose node says nothing counts no more: longer than any request.
const FLIGHT_SECONDS: &str = "120";
/// How often it is tried to say how a guess ended; what Redis is not told, it is told with the next
/// guess on that person on this node.
const TELL_TRIES: u32 = 3;
/// Between two of these tries.
const TELL_AGAIN: Duration = Duration::from_millis(200);

/// A guess as Redis knows it.
#[derive(Debug, Clone)]
pub(in crate::rate_limit) struct GuessOf {
    key: String,
    client: String,
    claims: String,
}

/// What Redis says to a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rate_limit) enum GuessAnswer {
    /// It may be made.
    Reserved,
    /// It has failed before.
    Repeat,
    /// There is no room, perhaps in so many seconds.
    Guarded(u32),
}

impl GuessOf {
    pub(in crate::rate_limit) fn new(subject: u64, client: &str, claims: u64) -> Self {
        Self {
            key: format!("gateway:guesses:{{{subject:016x}}}"),
            client: client.to_owned(),
            claims: format!("{claims:016x}"),
        }
    }
}

impl Redis {
    /// Runs `reserve_guess.lua`; `known` are client, claims and time of failures. `None` where there is
    /// no answer in time.
    pub(in crate::rate_limit) async fn reserve_guess(
        self: &Arc<Self>,
        of: &GuessOf,
        budgets: &GuessBudgetsConfig,
        known: impl Iterator<Item = (&str, u64, u32)>,
    ) -> Option<GuessAnswer> {
        let GuessBudgetsConfig { client_day, client_month, subject_hour, subject_day, .. } =
            budgets;
        let mut arguments = vec![of.client.clone(), of.claims.clone()];
        arguments.extend([client_day, client_month, subject_hour, subject_day].map(u32::to_string));
        arguments.push(FLIGHT_SECONDS.to_owned());
        for (client, claims, at) in known {
            arguments.extend([client.to_owned(), format!("{claims:016x}"), at.to_string()]);
        }
        let (redis, key) = (Arc::clone(self), of.key.clone());
        let asking =
            async move { redis.ask_guess(&redis.scripts.reserve_guess, &key, &arguments).await };
        // On the thread of its own: those of requests may be busy.
        let (state, wait): (u8, u32) = self.calls.spawn(asking).await.ok()??;
        Some(match state {
            1 => GuessAnswer::Reserved,
            2 => GuessAnswer::Repeat,
            _ => GuessAnswer::Guarded(wait),
        })
    }

    /// Runs `settle_guess.lua`, without waiting for it.
    pub(in crate::rate_limit) fn settle_guess(self: &Arc<Self>, of: GuessOf, has_failed: bool) {
        let redis = Arc::clone(self);
        self.calls.spawn(async move {
            let failed = u8::from(has_failed).to_string();
            for attempt in 0..TELL_TRIES {
                // What was not answered may have been done: its place is given back once, or it would be
                // that of another guess with the same claims.
                let frees = u8::from(attempt == 0).to_string();
                let arguments = [of.client.clone(), of.claims.clone(), failed.clone(), frees];
                let script = &redis.scripts.settle_guess;
                if redis.ask_guess::<i64>(script, &of.key, &arguments).await.is_some() {
                    return;
                }
                if !has_failed {
                    return;
                }
                tokio::time::sleep(TELL_AGAIN).await;
            }
        });
    }

    async fn ask_guess<T: FromRedisValue>(
        &self,
        script: &Lua,
        key: &str,
        arguments: &[String],
    ) -> Option<T> {
        let part = Part::of(key);
        if self.advice(part) == Advice::DoWithout {
            return None;
        }
        let arguments: Vec<&[u8]> = arguments.iter().map(String::as_bytes).collect();
        let called = async {
            let mut connection = self.link.connection()?;
            Some(script.run(&mut connection, &[key], &arguments).await)
        };
        let (answer, has_answered) = match tokio::time::timeout(CALL, called).await.ok().flatten() {
            Some(Ok(answer)) => (Some(answer), true),
            Some(Err(error)) if trouble::is_of_key(&error) => {
                self.troubles.tell_of_key(key, &error);
                (None, true)
            }
            Some(Err(error)) => {
                self.troubles.tell("budgeting a guess", &error);
                (None, false)
            }
            None => (None, false),
        };
        self.note(part, has_answered);
        answer
    }
}
