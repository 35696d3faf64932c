//! Why Redis is not used: what goes wrong is told once, until all is well again.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ::redis::{ErrorKind, RedisError, ServerErrorKind};

/// Kinds of trouble that are told apart; more are not told.
const TOLD_MAX: usize = 32;
/// What is wrong with a server rather than with a key, also where a script tells it as its own error.
const OF_SERVER: [&str; 8] =
    ["READONLY", "NOPERM", "NOAUTH", "OOM", "MISCONF", "LOADING", "CLUSTERDOWN", "MASTERDOWN"];

/// What has been told.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    of_server: Told,
    of_keys: Told,
}

#[derive(Debug, Default)]
struct Told(Mutex<BTreeSet<String>>);

impl Troubles {
    /// Something does not work, and by its error why.
    pub(super) fn tell(&self, what: &str, error: &RedisError) {
        if self.of_server.is_new(format!("{what} {} {:?}", error.category(), error.code())) {
            let error = error as &dyn std::error::Error;
            tracing::warn!(what, error, "Redis cannot be used");
        }
    }

    /// What is kept under a key is not what we put there.
    pub(super) fn tell_of_key(&self, key: &str, error: &RedisError) {
        if self.of_keys.is_new(key.to_owned()) {
            let error = error as &dyn std::error::Error;
            tracing::warn!(key, error, "Redis has no limit under its key: not shared");
        }
    }

    /// All is well: what goes wrong from here on is news. What is under a key stays there.
    pub(super) fn forget(&self) {
        self.of_server.lock().clear();
    }
}

impl Told {
    fn is_new(&self, trouble: String) -> bool {
        let mut told = self.lock();
        told.len() < TOLD_MAX && told.insert(trouble)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an error says something about the key alone: another type of value, or one without the
/// fields that a limit has.
pub(super) fn is_of_key(error: &RedisError) -> bool {
    let text = error.to_string();
    if OF_SERVER.iter().any(|word| text.contains(word)) {
        return false;
    }
    match error.kind() {
        ErrorKind::UnexpectedReturnType | ErrorKind::Parse => true,
        ErrorKind::Server(ServerErrorKind::ResponseError) => text.contains("user_script"),
        _ => error.code() == Some("WRONGTYPE"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> RedisError {
        let value = format!("-{text}\r\n").into_bytes();
        let value = ::redis::parse_redis_value(&value);
        match value {
            Ok(::redis::Value::ServerError(error)) => error.into(),
            Ok(other) => panic!("{other:?}"),
            Err(error) => error,
        }
    }

    #[test]
    fn an_error_of_a_key_is_told_from_one_of_the_server() {
        for text in [
            "WRONGTYPE Operation against a key holding the wrong kind of value script: 1, on @user_script:30.",
            "ERR user_script:36: attempt to perform arithmetic on a nil value script: 1, on @user_script:36.",
            "ERR Error running script (call to f_1): @user_script:30: WRONGTYPE Operation against a key",
        ] {
            assert!(is_of_key(&error(text)), "{text}");
        }
        for text in [
            "READONLY You can't write against a read only replica. script: 1, on @user_script:50.",
            "ERR Error running script (call to f_1): @user_script:50: -OOM command not allowed",
            "NOPERM this user has no permissions to run the 'evalsha' command",
            "ERR unknown command 'EVALSHA'",
            "LOADING Redis is loading the dataset in memory",
        ] {
            assert!(!is_of_key(&error(text)), "{text}");
        }
    }

    #[test]
    fn a_trouble_is_news_once_until_all_is_well() {
        let troubles = Troubles::default();
        let news = |what: &str| troubles.of_server.is_new(what.to_owned());
        assert!(news("connecting") && !news("connecting") && news("taking"));
        troubles.forget();
        assert!(news("connecting"));
        for number in 0..TOLD_MAX {
            news(&number.to_string());
        }
        assert!(!news("one too many"));
    }
}
