//! The scripts that run in Redis, by its clock. Where there are several servers, each on one key.

use ::redis::{Cmd, ErrorKind, FromRedisValue, RedisError, Script, ServerErrorKind};

/// What `take.lua` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reply {
    /// Units given.
    pub(super) given: u32,
    /// Nanoseconds until one fits.
    pub(super) wait: u64,
    /// Nanoseconds until what was taken has run out.
    pub(super) owed: u64,
    /// When the bucket was made, in microseconds since 1970: which bucket it is.
    pub(super) born: i64,
    /// Units ever taken from it.
    pub(super) taken: i64,
}

impl FromRedisValue for Reply {
    fn from_redis_value(value: ::redis::Value) -> Result<Self, ::redis::ParsingError> {
        let (given, wait, owed, born, taken) = ::redis::from_redis_value(value)?;
        Ok(Self { given, wait, owed, born, taken })
    }
}

/// A script, sent by its hash once the server has it.
pub(super) struct Lua {
    code: &'static str,
    hash: String,
}

/// Everything that is asked of Redis.
pub(super) struct Scripts {
    pub(super) take: Lua,
    pub(super) give_back: Lua,
    pub(super) beat: Lua,
    pub(super) reserve_guess: Lua,
    pub(super) settle_guess: Lua,
    pub(super) grant: Lua,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            take: Lua::new(include_str!("take.lua")),
            give_back: Lua::new(include_str!("give_back.lua")),
            beat: Lua::new(include_str!("beat.lua")),
            reserve_guess: Lua::new(include_str!("reserve_guess.lua")),
            settle_guess: Lua::new(include_str!("settle_guess.lua")),
            grant: Lua::new(include_str!("grant.lua")),
        }
    }
}

impl Lua {
    fn new(code: &'static str) -> Self {
        Self { code, hash: Script::new(code).get_hash().to_owned() }
    }

    /// Runs the script. A server that does not know it yet is sent its text: in a cluster, each learns
    /// it when it first needs it.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        connection: &mut impl ::redis::aio::ConnectionLike,
        keys: &[&str],
        arguments: &[&[u8]],
    ) -> Result<T, RedisError> {
        match call("EVALSHA", &self.hash, keys, arguments).query_async(connection).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                call("EVAL", self.code, keys, arguments).query_async(connection).await
            }
            answered => answered,
        }
    }
}

fn call(name: &str, script: &str, keys: &[&str], arguments: &[&[u8]]) -> Cmd {
    let mut command = ::redis::cmd(name);
    command.arg(script).arg(keys.len()).arg(keys);
    for argument in arguments {
        command.arg(*argument);
    }
    command
}

impl std::fmt::Debug for Scripts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scripts")
    }
}
