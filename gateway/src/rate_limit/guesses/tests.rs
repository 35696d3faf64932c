use proptest::prelude::*;

use super::*;
use crate::clock::ManualClock;
use crate::config::LimitsConfig;

const DAY: i64 = 86_400;

struct World {
    budgets: Arc<GuessBudgets>,
    clock: ManualClock,
    now: Clock,
}

impl World {
    fn new() -> Self {
        Self::of_nodes(1)
    }

    fn of_nodes(nodes: u32) -> Self {
        let start = Micros::parse_rfc3339("2026-11-22T08:00:00+07:00").unwrap();
        let (now, clock) = Clock::manual(start);
        let metrics = Arc::new(Metrics::new());
        let (limits, nodes) = (LimitsConfig::default(), NonZeroU32::new(nodes).unwrap());
        let limits = ClientLimits::start(&limits, "n1", now.clone(), &metrics).unwrap();
        let config = GuessBudgetsConfig::default();
        let budgets = GuessBudgets::new(config, &limits, nodes, now.clone(), metrics);
        Self { budgets, clock, now }
    }

    fn pass(&self, seconds: i64) {
        self.clock.advance(seconds * 1_000_000);
    }

    async fn reserve(
        &self,
        client: &str,
        subject: u64,
        claims: u64,
    ) -> Result<Reservation, SubjectGuarded> {
        let client = ClientId::parse(client).unwrap();
        let guess = Guess { client: &client, claims, subject: of(subject) };
        self.budgets.reserve(guess).await
    }

    /// Guesses wrong.
    async fn fail(&self, client: &str, subject: u64, claims: u64) -> Result<(), SubjectGuarded> {
        let mut reservation = self.reserve(client, subject, claims).await?;
        reservation.fails(vec![subject], self.now.now());
        reservation.settle("n1", 0);
        Ok(())
    }
}

fn of(subject: u64) -> GuessSubject {
    GuessSubject { now: subject, before: None, shared: 0 }
}

#[tokio::test]
async fn the_sixth_different_guess_of_a_day_is_not_made_and_a_repeat_is() {
    let world = World::new();
    for claims in 0..5 {
        world.fail("carrier", 1, claims).await.unwrap();
        world.fail("carrier", 1, claims).await.unwrap();
    }
    let guarded = world.fail("carrier", 1, 5).await.unwrap_err();
    assert_eq!(guarded.retry_after, Duration::from_secs(DAY as u64));
    world.fail("carrier", 1, 3).await.unwrap();
    world.fail("carrier", 2, 5).await.unwrap();
    world.fail("hospital", 1, 5).await.unwrap();
    world.pass(DAY);
    for claims in 5..10 {
        world.fail("carrier", 1, claims).await.unwrap();
    }
    world.pass(DAY);
    let guarded = world.fail("carrier", 1, 10).await.unwrap_err();
    assert_eq!(guarded.retry_after, Duration::from_secs(28 * DAY as u64), "ten in thirty days");
    world.pass(28 * DAY);
    world.fail("carrier", 1, 10).await.unwrap();
}

#[tokio::test]
async fn what_is_on_its_way_has_its_room_until_it_is_known_how_it_ends() {
    let world = World::new();
    let mut held = Vec::new();
    for claims in 0..5 {
        held.push(world.reserve("carrier", 1, claims).await.unwrap());
    }
    let again = world.reserve("carrier", 1, 4).await.unwrap();
    let guarded = world.reserve("carrier", 1, 5).await.unwrap_err();
    assert_eq!(guarded.retry_after, Duration::from_secs(1));
    // The same claims share their room: it is there until the last of them ends.
    drop(held.pop());
    assert!(world.reserve("carrier", 1, 5).await.is_err());
    again.settle("n1", 7);
    drop(world.reserve("carrier", 1, 5).await.unwrap());
    drop(held);
    assert!(world.budgets.state().in_flight.is_empty());
    assert_eq!(world.budgets.held(), 0, "nothing was wrong");
}

#[tokio::test]
async fn a_subject_that_is_guarded_lets_those_pass_who_never_failed_on_it_once() {
    let world = World::new();
    for claims in 0..5 {
        world.fail("one", 1, claims).await.unwrap();
        world.fail("two", 1, claims).await.unwrap();
    }
    world.fail("three", 1, 0).await.unwrap();
    let guarded = world.fail("three", 1, 1).await.unwrap_err();
    assert_eq!(guarded.retry_after, Duration::from_hours(1));
    world.pass(3_600);
    world.fail("three", 1, 1).await.unwrap();
    drop(world.reserve("four", 1, 1).await.unwrap());
}

#[tokio::test]
async fn a_person_is_charged_by_whatever_key() {
    let world = World::new();
    let client = ClientId::parse("carrier").unwrap();
    let (number, old_number) = (1, 2);
    for claims in 0..5 {
        let guess = Guess { client: &client, claims, subject: of(old_number) };
        let mut reservation = world.budgets.reserve(guess).await.unwrap();
        reservation.also(of(number)).await.unwrap();
        reservation.fails(vec![number, old_number], world.now.now());
        reservation.settle("n1", claims);
    }
    assert!(world.reserve("carrier", number, 9).await.is_err());
    assert!(world.reserve("carrier", old_number, 9).await.is_err(), "the key as well");
    let mut reservation = world.reserve("carrier", 3, 9).await.unwrap();
    assert!(reservation.also(of(number)).await.is_err());
    drop(reservation);
    assert!(world.budgets.state().in_flight.is_empty());
}

#[tokio::test]
async fn a_quarter_that_turns_forgets_nothing() {
    let world = World::new();
    for claims in 0..5 {
        world.fail("carrier", 1, claims).await.unwrap();
    }
    let client = ClientId::parse("carrier").unwrap();
    let subject = GuessSubject { now: 2, before: Some(1), shared: 0 };
    let guess = |claims| Guess { client: &client, claims, subject };
    assert!(world.budgets.reserve(guess(9)).await.is_err());
    world.budgets.reserve(guess(4)).await.unwrap();
    // Nor what is on its way.
    let before: Vec<_> =
        futures_util::future::join_all((0..5).map(|claims| world.reserve("hospital", 1, claims)))
            .await;
    assert!(before.iter().all(Result::is_ok));
    let hospital = ClientId::parse("hospital").unwrap();
    let guess = Guess { client: &hospital, claims: 9, subject };
    assert!(world.budgets.reserve(guess).await.is_err());
}

#[tokio::test]
async fn what_only_the_log_knows_counts_and_so_does_a_part_of_several_nodes() {
    let world = World::new();
    let client = ClientId::parse("carrier").unwrap();
    let past: Vec<_> = (0..5)
        .map(|claims| PastFailure {
            subject: 1,
            client: client.clone(),
            claims,
            at: world.now.now().plus_seconds(-60),
        })
        .collect();
    let guess = |claims| Guess { client: &client, claims, subject: of(1) };
    world.budgets.state().older.add(1, world.budgets.now());
    assert!(world.budgets.asks_log(guess(9)));
    for past in &past {
        world.budgets.note(past, false);
    }
    assert!(!world.budgets.asks_log(guess(9)), "what is known decides");
    assert!(!world.budgets.asks_log(guess(4)));
    assert!(world.budgets.reserve(guess(9)).await.is_err());
    world.budgets.reserve(guess(4)).await.unwrap();

    let of_three = World::of_nodes(3);
    of_three.fail("carrier", 1, 0).await.unwrap();
    assert!(of_three.fail("carrier", 1, 1).await.is_err(), "a third of five");
    for past in &past[1..] {
        of_three.budgets.note(past, false);
    }
    let fresh = of_three.fail("hospital", 1, 1).await;
    fresh.unwrap();
}

#[tokio::test]
async fn a_snapshot_holds_everything_and_a_damaged_one_nothing() {
    let world = World::new();
    for claims in 0..5 {
        world.fail("carrier", 1, claims).await.unwrap();
    }
    world.fail("hospital", 1, 8).await.unwrap();
    world.budgets.state().older.add(77, world.budgets.now());
    world.budgets.note_read("n2", 5);
    let folder = tempfile::tempdir().unwrap();
    let (path, temporary) = (folder.path().join("it"), folder.path().join("temporary"));
    assert!(!world.budgets.load(&path).unwrap());
    world.budgets.save(&path, &temporary).unwrap();
    assert!(!temporary.exists());

    let restarted = World::new();
    assert!(restarted.budgets.load(&path).unwrap());
    assert!(restarted.fail("carrier", 1, 5).await.is_err());
    restarted.fail("carrier", 1, 4).await.unwrap();
    restarted.fail("hospital", 1, 9).await.unwrap();
    let client = ClientId::parse("carrier").unwrap();
    let asks = |subject| Guess { client: &client, claims: 0, subject: of(subject) };
    assert!(restarted.budgets.asks_log(asks(77)));
    assert!(!restarted.budgets.asks_log(asks(78)));
    assert_eq!(restarted.budgets.read_until("n1"), Some(1));
    assert_eq!(restarted.budgets.read_until("n2"), Some(5));

    let good = std::fs::read(&path).unwrap();
    let (head, rest) = (0..64, (64..good.len()).step_by(good.len() / 16));
    for damage in head.chain(rest) {
        let mut bytes = good.clone();
        bytes[damage] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let fresh = World::new();
        assert!(matches!(fresh.budgets.load(&path), Err(SnapshotError::Form)), "{damage}");
        assert_eq!(fresh.budgets.held(), 0);
    }
    std::fs::write(&path, &good[..good.len() / 2]).unwrap();
    assert!(World::new().budgets.load(&path).is_err());
}

/// What a list of everything that ever failed would say: no filter, no ring, no numbers.
#[derive(Default)]
struct Plain(Vec<(u8, u8, u64, i64)>);

impl Plain {
    fn may(&self, client: u8, subject: u8, claims: u64, now: i64) -> bool {
        let within =
            |window: i64| self.0.iter().filter(move |it| it.1 == subject && it.3 + window > now);
        let own = |window| within(window).filter(|it| it.0 == client).count();
        if within(30 * DAY).any(|it| it.0 == client && it.2 == claims) {
            return true;
        }
        let is_fresh = own(30 * DAY) == 0;
        let all_have_room = within(3_600).count() < 10 && within(DAY).count() < 30;
        own(DAY) < 5 && own(30 * DAY) < 10 && (is_fresh || all_have_room)
    }

    fn fail(&mut self, client: u8, subject: u8, claims: u64, now: i64) {
        let is_repeat = self
            .0
            .iter()
            .any(|it| (it.0, it.1, it.2) == (client, subject, claims) && it.3 + 30 * DAY > now);
        if !is_repeat {
            self.0.push((client, subject, claims, now));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn it_admits_what_a_plain_list_would(
        steps in prop::collection::vec((0_u8..8, 0_u8..2, 0_u64..40, 0_i64..9_000), 1..400)
    ) {
        let world = World::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut plain = Plain::default();
        for (client, subject, claims, seconds) in steps {
            // Mostly minutes, now and then days.
            world.pass(if seconds > 8_900 { (seconds - 8_900) * DAY / 3 } else { seconds / 10 });
            let now = world.now.now().seconds();
            let name = format!("client-{client}");
            let admitted = runtime.block_on(world.fail(&name, subject.into(), claims)).is_ok();
            prop_assert_eq!(admitted, plain.may(client, subject, claims, now));
            if admitted {
                plain.fail(client, subject, claims, now);
            }
        }
    }
}
