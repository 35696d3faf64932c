//! What `take.lua` and `give_back.lua` do, again: for the model, which cannot ask a Redis millions of
//! times. That both say the same is held by `sequence.csv`, which a test of the real ones reads too.

use super::super::script::Reply;

/// A server with one bucket. Times are its own, in microseconds.
#[derive(Default)]
pub(super) struct Twin {
    kept: Option<Bucket>,
}

#[derive(Clone, Copy)]
struct Bucket {
    owed: i64,
    at: i64,
    taken: i64,
    born: i64,
}

impl Twin {
    /// It is started again and knows nothing.
    pub(super) fn lose(&mut self) {
        self.kept = None;
    }

    /// `take.lua`. Lua counts in doubles: everything here is far below 2^53, where they are whole.
    pub(super) fn take(&mut self, now: i64, [unit, whole, wanted, known]: [i64; 4]) -> Reply {
        let (mut now, mut changed) = (now, false);
        let mut bucket = Bucket { owed: 0, at: now, taken: 0, born: now };
        if let Some(kept) = self.kept {
            bucket = kept;
            if now > kept.at {
                bucket.owed = (kept.owed - (now - kept.at) * 1_000).max(0);
            } else if kept.at - now <= 1_000_000 {
                now = kept.at;
            } else {
                changed = true;
            }
        }
        if known != 0 && known != bucket.born {
            bucket.owed = bucket.owed.max(whole);
            changed = true;
        }
        let given = wanted.min((whole - bucket.owed).div_euclid(unit)).max(0);
        if given > 0 || changed {
            bucket.owed += given * unit;
            bucket.taken += given;
            bucket.at = now;
            self.kept = Some(bucket);
        }
        Reply {
            given: given as u32,
            wait: (bucket.owed + unit - whole).max(0) as u64,
            owed: bucket.owed as u64,
            born: bucket.born,
            taken: bucket.taken,
        }
    }

    /// `give_back.lua`.
    pub(super) fn give_back(&mut self, [unit, units, serial, born]: [i64; 4]) -> bool {
        let Some(bucket) = self.kept.as_mut().filter(|bucket| bucket.born == born) else {
            return false;
        };
        let since = (bucket.taken - serial).max(0);
        bucket.owed = bucket.owed.min((bucket.owed - units * unit).max(since * unit));
        true
    }
}

/// A script, the time, its arguments, its answer.
type Call = (String, i64, i64, i64, i64, i64, String);

#[test]
fn the_twin_says_what_the_scripts_say() {
    let mut twin = Twin::default();
    let mut calls = csv::Reader::from_reader(include_str!("../sequence.csv").as_bytes());
    let mut calls_read = 0;
    for (line, call) in calls.deserialize().enumerate() {
        let (name, now, one, two, three, four, reply): Call = call.unwrap();
        let arguments = [one, two, three, four];
        let said = match name.as_str() {
            "take" => {
                let Reply { given, wait, owed, born, taken } = twin.take(now, arguments);
                format!("{given} {wait} {owed} {born} {taken}")
            }
            "give_back" => i32::from(twin.give_back(arguments)).to_string(),
            _ => {
                twin.lose();
                "1".to_owned()
            }
        };
        assert_eq!(said, reply, "line {}", line + 2);
        calls_read += 1;
    }
    assert!(calls_read > 100, "{calls_read} calls");
}
