//! Windows, from answer to answer.

use super::*;

const SECOND: i64 = 1_000_000;

fn id(name: &str) -> ClientId {
    ClientId::parse(name).unwrap()
}

fn pseudonym(of: u64) -> Pseudonym {
    // Spread as a keyed digest is (splitmix64).
    let spread = of.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let spread = (spread ^ (spread >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let spread = (spread ^ (spread >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let spread = spread ^ (spread >> 31);
    let mut digest = [0; 16];
    digest[..8].copy_from_slice(&spread.to_be_bytes());
    Pseudonym { period: 1, digest }
}

fn number(digits: u64) -> PersonalId {
    PersonalId::from_register(&format!("{digits:012}")).unwrap()
}

struct Asking {
    watch: Watch,
    at: Micros,
}

impl Asking {
    fn new() -> Self {
        Self { watch: Watch::new(AlarmsConfig::default()), at: Micros(1) }
    }

    /// One answer, so much later than the one before.
    fn ask(&mut self, later_us: i64, client: &ClientId, lane: Lane, (n, outcome): (u64, Outcome)) {
        self.at = Micros(self.at.0 + later_us);
        self.watch.note(&Answered {
            client,
            lane,
            at: self.at,
            outcome,
            number: Some(number(1_090_000_000 + n)),
            subject: pseudonym(n),
        });
    }

    /// So many, every fifth not matched, about people far from each other.
    fn ask_many(&mut self, count: u64, later_us: i64, client: &ClientId, lane: Lane) {
        for n in 0..count {
            let outcome = if n % 5 == 0 { Outcome::NotMatched } else { Outcome::Matched };
            self.ask(later_us, client, lane, (n * 7 % 999_983, outcome));
        }
    }
}

#[test]
fn a_window_is_full_by_both_answers_and_minutes() {
    let (mut asking, client) = (Asking::new(), id("a"));
    // 1,000 answers in 100 seconds are not enough, nor are ten minutes.
    asking.ask_many(1_000, SECOND / 10, &client, Lane::Interactive);
    assert!(asking.watch.take().clients.is_empty());
    asking.ask(499 * SECOND, &client, Lane::Interactive, (5, Outcome::Matched));
    assert!(asking.watch.take().clients.is_empty());
    asking.ask(2 * SECOND, &client, Lane::Interactive, (5, Outcome::Matched));
    let full = asking.watch.take().clients;
    let [window] = full.as_slice() else { panic!("{full:?}") };
    assert_eq!((window.span.answers, window.matched, window.consecutive), (1_002, 802, 0));
    assert!((900.0..1_100.0).contains(&window.distinct), "{}", window.distinct);
    // And 999 within hours are not either.
    asking.ask_many(999, 60 * SECOND, &client, Lane::Interactive);
    assert!(asking.watch.take().clients.is_empty());
    asking.ask(0, &client, Lane::Interactive, (5, Outcome::Matched));
    assert_eq!(asking.watch.take().clients.len(), 1);
}

#[test]
fn other_lanes_and_what_was_not_decided_do_not_count() {
    let (mut asking, client) = (Asking::new(), id("a"));
    for lane in [Lane::Bulk, Lane::Emergency] {
        asking.ask_many(3_000, SECOND, &client, lane);
    }
    for n in 0..3_000 {
        asking.ask(SECOND, &client, Lane::Interactive, (n, Outcome::Inconclusive));
    }
    assert!(asking.watch.take().is_empty());
}

#[test]
fn number_after_number_is_counted_and_a_clinics_numbers_are_not() {
    let (mut asking, client) = (Asking::new(), id("a"));
    for n in 0..1_001 {
        asking.ask(SECOND, &client, Lane::Interactive, (n, Outcome::NotMatched));
    }
    let window = asking.watch.take().clients.remove(0);
    assert_eq!((window.span.answers, window.consecutive), (1_000, 999));
    // In any order, too.
    let (mut asking, client) = (Asking::new(), id("b"));
    for n in 0..1_001 {
        asking.ask(SECOND, &client, Lane::Interactive, (n * 389 % 1_009, Outcome::NotMatched));
    }
    let window = asking.watch.take().clients.remove(0);
    assert!(window.consecutive > 600, "{}", window.consecutive);
}

#[test]
fn a_person_whom_many_clients_ask_about_is_told_with_them_by_digest() {
    let mut asking = Asking::new();
    let clients: Vec<ClientId> = (0..12).map(|n| id(&format!("c{n:02}"))).collect();
    for (n, client) in (0..).zip(clients.iter().cycle().take(1_200)) {
        asking.ask(SECOND, client, Lane::Interactive, (1_000 + 3 * n, Outcome::Matched));
        if n % 100 < 12 {
            asking.ask(0, client, Lane::Interactive, (7, Outcome::NotMatched));
        }
    }
    let full = asking.watch.take();
    let by_many: Vec<&SubjectAsked> = full.subjects.iter().flat_map(|it| &it.by_many).collect();
    let [asked] = by_many.as_slice() else { panic!("{by_many:?}") };
    assert_eq!((asked.digest, &asked.clients), (pseudonym(7).short(), &clients));
    assert!(full.clients.is_empty(), "none has 1,000 of its own");
}

#[test]
fn what_could_not_be_judged_is_judged_by_the_next_turn() {
    let (mut asking, client) = (Asking::new(), id("a"));
    asking.ask_many(1_000, SECOND, &client, Lane::Interactive);
    let full = asking.watch.take();
    asking.ask_many(1_000, SECOND, &client, Lane::Interactive);
    asking.watch.give_back(full);
    let again = asking.watch.take();
    assert_eq!(again.clients.len(), 2);
    assert!(again.clients[0].span.to < again.clients[1].span.from);
}
