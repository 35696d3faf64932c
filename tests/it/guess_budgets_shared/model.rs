//! The scripts beside a plain list: random steps in a real Redis, whose clock is given to it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use gateway::clock::Random;

use crate::support::Redis;

const RESERVE: &str = include_str!("../../../gateway/src/rate_limit/redis/reserve_guess.lua");
const SETTLE: &str = include_str!("../../../gateway/src/rate_limit/redis/settle_guess.lua");
const CLOCK: &str = "redis.call('TIME')";
/// `client_day`, `client_month`, `subject_hour`, `subject_day`.
const BUDGETS: [usize; 4] = [3, 5, 6, 12];
const LIFE: u64 = 120;
const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
const MONTH: u64 = 30 * DAY;
const STEPS: usize = 20_000;

/// Client and claims.
type Guess = (u8, u8);

/// What has failed and when; what is on its way, how often and until when.
#[derive(Debug, Default)]
struct Plain {
    failed: BTreeMap<Guess, u64>,
    flying: BTreeMap<Guess, (u32, u64)>,
}

impl Plain {
    /// 1 reserved, 2 the same has failed before, 0 no room; and seconds until there may be.
    fn reserve(&mut self, guess: Guess, told: &[(Guess, u64)], now: u64) -> (i64, u64) {
        for (guess, at) in told {
            self.failed.entry(*guess).or_insert(*at);
        }
        self.failed.retain(|_, at| *at + MONTH > now);
        self.flying.retain(|_, (_, ends)| *ends > now);
        if self.failed.contains_key(&guess) {
            return (2, 0);
        }
        let flying = self.flying.get(&guess).map_or(0, |(guesses, _)| *guesses);
        let wait = self.wait(guess, now);
        if flying == 0 && wait > 0 {
            return (0, wait);
        }
        self.flying.insert(guess, (flying + 1, now + LIFE));
        (1, 0)
    }

    fn wait(&self, guess: Guess, now: u64) -> u64 {
        let wait = |is_meant: fn(Guess, Guess) -> bool, budget: usize, window: u64| {
            let flying = self.flying.keys().filter(|it| is_meant(**it, guess)).count();
            let failed = self.failed.iter().filter(|(it, _)| is_meant(**it, guess));
            let mut within: Vec<u64> =
                failed.map(|(_, at)| *at).filter(|at| at + window > now).collect();
            within.sort_unstable();
            let over = (within.len() + flying + 1).saturating_sub(budget);
            match over.checked_sub(1) {
                None => 0,
                Some(at) => within.get(at).map_or(1, |at| (at + window - now).max(1)),
            }
        };
        let own = |it: Guess, guess: Guess| it.0 == guess.0;
        let all = |_: Guess, _: Guess| true;
        let [client_day, client_month, subject_hour, subject_day] = BUDGETS;
        let own_wait = wait(own, client_day, DAY).max(wait(own, client_month, MONTH));
        let has_tried = self.failed.keys().chain(self.flying.keys()).any(|it| it.0 == guess.0);
        if !has_tried {
            return own_wait;
        }
        own_wait.max(wait(all, subject_hour, HOUR)).max(wait(all, subject_day, DAY))
    }

    fn settle(&mut self, guess: Guess, has_failed: bool, now: u64) {
        if let Some((guesses, _)) = self.flying.get_mut(&guess) {
            *guesses -= 1;
            if *guesses == 0 {
                self.flying.remove(&guess);
            }
        }
        if has_failed {
            self.failed.entry(guess).or_insert(now);
        }
    }
}

struct Chance(Random);

impl Chance {
    fn below(&self, limit: u64) -> u64 {
        u64::from_be_bytes(self.0.bytes()) % limit
    }
}

/// The scripts over one connection, by the serialization protocol of Redis (RESP 2).
struct Scripts {
    to: TcpStream,
    from: BufReader<TcpStream>,
}

impl Scripts {
    fn connect(redis: &Redis) -> Self {
        let to = TcpStream::connect((Ipv4Addr::LOCALHOST, redis.port())).unwrap();
        to.set_nodelay(true).unwrap();
        let from = BufReader::new(to.try_clone().unwrap());
        Self { to, from }
    }

    /// What a command answers: the numbers of it.
    fn ask(&mut self, command: &[&str]) -> Vec<i64> {
        let words = command.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
        let request: String =
            std::iter::once(format!("*{}\r\n", command.len())).chain(words).collect();
        self.to.write_all(request.as_bytes()).unwrap();
        match self.line().split_at(1) {
            (":", number) => vec![number.parse().unwrap()],
            ("*", count) => {
                let count: usize = count.parse().unwrap();
                (0..count).map(|_| self.line()[1..].parse().unwrap()).collect()
            }
            (kind, said) => panic!("{kind}{said}"),
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn run(&mut self, script: &str, now: u64, arguments: &[String]) -> Vec<i64> {
        assert_eq!(script.matches(CLOCK).count(), 1);
        let script = script.replace(CLOCK, &format!("({{'{now}'}})"));
        let mut command = vec!["eval", &script, "1", "person"];
        command.extend(arguments.iter().map(String::as_str));
        self.ask(&command)
    }

    fn reserve(&mut self, guess: Guess, told: &[(Guess, u64)], now: u64) -> Vec<i64> {
        let mut arguments = named(guess);
        arguments.extend(BUDGETS.map(|budget| budget.to_string()));
        arguments.push(LIFE.to_string());
        for (guess, at) in told {
            arguments.extend(named(*guess));
            arguments.push(at.to_string());
        }
        self.run(RESERVE, now, &arguments)
    }

    fn settle(&mut self, guess: Guess, has_failed: bool, now: u64) {
        let mut arguments = named(guess);
        arguments.push(u8::from(has_failed).to_string());
        assert_eq!(self.run(SETTLE, now, &arguments), [1]);
    }
}

fn named((client, claims): Guess) -> Vec<String> {
    vec![format!("client-{client}"), format!("{claims:016x}")]
}

#[tokio::test]
async fn the_scripts_answer_as_a_plain_list_would() {
    let redis = Redis::start().await;
    let mut scripts = Scripts::connect(&redis);
    let chance = Chance(Random::seeded(8));
    let (mut plain, mut now) = (Plain::default(), 1_800_000_000);
    let mut on_their_way: Vec<Guess> = Vec::new();
    let mut seen = BTreeMap::new();
    for step in 0..STEPS {
        // Mostly seconds, now and then days.
        now += if chance.below(100) == 0 { chance.below(12 * DAY) } else { chance.below(300) };
        let guess = (chance.below(9) as u8, chance.below(12) as u8);
        match chance.below(10) {
            0..5 => {
                let tells = if chance.below(20) == 0 { chance.below(4) } else { 0 };
                let told: Vec<_> = (0..tells)
                    .map(|_| {
                        (
                            (chance.below(9) as u8, 20 + chance.below(4) as u8),
                            now - chance.below(DAY),
                        )
                    })
                    .collect();
                let (state, wait) = plain.reserve(guess, &told, now);
                assert_eq!(scripts.reserve(guess, &told, now), [state, wait as i64], "{step}");
                *seen.entry(state).or_insert(0) += 1;
                if state == 1 {
                    on_their_way.push(guess);
                }
            }
            5..9 if !on_their_way.is_empty() => {
                let ended = chance.below(on_their_way.len() as u64) as usize;
                let (guess, has_failed) = (on_their_way.swap_remove(ended), chance.below(4) > 0);
                plain.settle(guess, has_failed, now);
                scripts.settle(guess, has_failed, now);
            }
            5..9 => {}
            // A node has died, or Redis was emptied.
            _ if chance.below(30) > 0 => drop(on_their_way.pop()),
            _ => {
                plain = Plain::default();
                scripts.ask(&["del", "person"]);
            }
        }
    }
    assert!((0..=2).all(|state| seen.get(&state).is_some_and(|count| *count > 500)), "{seen:?}");
}
