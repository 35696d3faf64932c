use gateway::config::GuessBudgetsConfig;
use mock_population_db::{DEFAULT_SEED, Nation};

use super::guesser::{Guesser, Plan};
use super::knowledge::{Knowledge, Spelled};
use super::measure;
use crate::cli::GuessArgs;

fn few(clients: u32) -> GuessArgs {
    GuessArgs {
        clients: vec![clients],
        targets: 2,
        days: 2,
        strangers: 50,
        sample: 10_000,
        people: 100,
        seed: DEFAULT_SEED,
        json: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_answered_is_what_the_budgets_come_to() {
    let report = measure(&few(7), GuessBudgetsConfig::default()).await.unwrap();
    let said = report.to_string();
    report.judge().unwrap_or_else(|error| panic!("{error}: {said}"));
    let counts =
        |line: &str, cells: &str| line.contains("number: the name") && line.contains(cells);
    assert!(said.lines().any(|line| counts(line, "┆ 31           ┆ 31 ")), "{said}");
    assert!(said.lines().any(|line| counts(line, "┆ 61           ┆ 61 ")), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_answers_one_more_is_found_out() {
    let usual = GuessBudgetsConfig::default();
    let generous = GuessBudgetsConfig { client_day: usual.client_day + 1, ..usual };
    let error = measure(&few(1), generous).await.unwrap().judge().unwrap_err();
    assert_eq!(error.exit_code(), 6);
    assert!(error.to_string().contains("6 to 6 wrong guesses in 1 days and not 5"), "{error}");
}

#[test]
fn a_number_spells_year_and_sex() {
    let year = |number| Spelled::by(number).map(|spelled| spelled.year);
    assert_eq!(year("001090012345"), Some(1990));
    assert_eq!(year("079304012345"), Some(2004));
    assert_ne!(Spelled::by("001090012345"), Spelled::by("001190012345"));
    assert_eq!(Spelled::by("0010"), None);
}

#[test]
fn every_birth_day_is_found_and_by_parts_after_far_fewer_guesses() {
    let nation = Nation::new(DEFAULT_SEED);
    let mut sample = nation.sample_ordinals(30_000);
    let people: Vec<u64> = sample.by_ref().take(200).collect();
    let knowledge = Knowledge::of(&nation, sample);
    let wrong = |plan| {
        let people = people.iter().map(|ordinal| nation.person(*ordinal));
        let wrong = people.map(|person| {
            let guesser = Guesser::new(plan, &knowledge, &person).unwrap();
            guesser.wrong_before(&person, 4_026)
        });
        // Of some the number names a year that has not come yet, or another sex.
        wrong.flatten().collect::<Vec<u32>>()
    };
    let (days, parts) = (wrong(Plan::Days), wrong(Plan::Parts));
    assert!(days.len() >= 198 && parts.len() >= 198, "{} {}", days.len(), parts.len());
    let mean = |wrong: &[u32]| wrong.iter().sum::<u32>() as usize / wrong.len();
    assert!((150..220).contains(&mean(&days)), "{}", mean(&days));
    assert!((5..12).contains(&mean(&parts)), "{}", mean(&parts));
    let names = wrong(Plan::Names);
    assert!(names.len() > 20, "frequent names are known: {}", names.len());
}
