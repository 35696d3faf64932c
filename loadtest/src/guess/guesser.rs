//! How a guesser goes on: what is claimed next, after what was told of the claims before.

use std::collections::HashSet;
use std::sync::Arc;

use gateway::matching::{Finding, compare_date, compare_name};
use gateway::policy::Reason;
use gateway::request::PartialDate;
use mock_population_db::Person;
use serde::Serialize;

use super::knowledge::{Knowledge, MonthDay, Names, Spelled};
use super::world::{Claim, Told};

/// What is known of a person, and how the rest is guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Plan {
    /// Number and name are known: birth days, the likeliest first.
    Days,
    /// The same, by what answers tell beside yes and no: a right month is accepted, which costs a guess
    /// like a wrong one, and a wrong day is told to differ by one digit.
    Parts,
    /// The number is known: names without marks, the likeliest first, born in the year that the number
    /// spells; carriers accept both.
    Names,
}

/// Somebody who guesses at one person.
#[derive(Debug)]
pub(super) struct Guesser {
    state: State,
    year: u16,
    full_name: String,
    found: bool,
    /// A claim that was not answered.
    open: Option<Claim>,
}

#[derive(Debug)]
enum State {
    Days(Days),
    Parts { months: Arc<Vec<u8>>, month: usize, left: Option<Vec<MonthDay>>, days: Days },
    Names { names: Arc<Names>, next: usize },
}

/// The year alone, then its days, and then those of the years before: the number may be wrong in it.
#[derive(Debug)]
struct Days {
    order: Arc<Vec<MonthDay>>,
    next: usize,
    asked: HashSet<PartialDate>,
}

impl Plan {
    pub(super) const ALL: [Self; 3] = [Self::Days, Self::Parts, Self::Names];

    /// What is known, and what is guessed.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Days => "number, name: the day",
            Self::Parts => "number, name: month, day",
            Self::Names => "number: the name",
        }
    }
}

impl Guesser {
    /// Begins with what is known of a person.
    pub(super) fn new(plan: Plan, knowledge: &Knowledge, person: &Person) -> Option<Self> {
        let spelled = Spelled::by(person.personal_id.as_str())?;
        let days = || Days { order: knowledge.days(), next: 0, asked: HashSet::new() };
        let state = match plan {
            Plan::Days => State::Days(days()),
            Plan::Parts => {
                State::Parts { months: knowledge.months(), month: 0, left: None, days: days() }
            }
            Plan::Names => State::Names { names: knowledge.names(spelled), next: 0 },
        };
        let full_name = match plan {
            Plan::Days | Plan::Parts => person.full_name.clone(),
            Plan::Names => String::new(),
        };
        Some(Self { state, year: spelled.year, full_name, found: false, open: None })
    }

    /// What is claimed next; none where nothing is left.
    pub(super) fn next(&mut self) -> Option<Claim> {
        if let Some(open) = self.open.take() {
            return Some(open);
        }
        let year = self.year;
        let (name, born) = match &mut self.state {
            State::Days(days) => (None, days.next(year)?),
            State::Parts { months, month, left, days } => {
                (None, days.next_part(year, months, *month, left.as_deref())?)
            }
            State::Names { names, next } => {
                let name = names.get(*next)?.to_owned();
                *next += 1;
                (Some(name), date(year, None)?)
            }
        };
        Some(Claim { full_name: name.unwrap_or_else(|| self.full_name.clone()), born })
    }

    /// A claim was not answered: it is the next one.
    pub(super) fn take_back(&mut self, claim: Claim) {
        self.open = Some(claim);
    }

    /// Takes note of what was told of it. True where it was what is looked for.
    pub(super) fn learn(&mut self, claim: &Claim, told: Told) -> bool {
        let is_found = match &mut self.state {
            State::Names { .. } => told.is_matched,
            State::Days(_) => told.born == Finding::MATCH,
            State::Parts { month, left, days, .. } => {
                learn_part(claim.born, told, (month, left, days));
                told.born == Finding::MATCH
            }
        };
        let is_first = is_found && !self.found;
        if is_first {
            self.found = true;
            self.go_astray();
        }
        is_first
    }

    /// There is nothing to be found any more; what is asked from now on is wrong, to see how often one
    /// may.
    fn go_astray(&mut self) {
        match &mut self.state {
            State::Days(days) => days.next = days.next.max(days.order.len() + 1),
            State::Parts { left, days, .. } => {
                *left = Some(Vec::new());
                days.next = days.next.max(days.order.len() + 1);
            }
            State::Names { .. } => {}
        }
    }

    /// How many wrong guesses it takes until the person is found, by the rules of comparison alone;
    /// none where `most` comparisons did not do it.
    pub(super) fn wrong_before(mut self, person: &Person, most: u32) -> Option<u32> {
        let record = PartialDate::parse(&person.date_of_birth.to_string()).ok()?;
        let mut wrong = 0;
        for _ in 0..most {
            wrong += self.pass_over(person);
            let claim = self.next()?;
            let name = compare_name(&claim.full_name, &person.full_name);
            let born = compare_date(claim.born, record);
            let is_matched = is_accepted(name) && is_accepted(born);
            if self.learn(&claim, Told { is_matched, born }) {
                return Some(wrong);
            }
            wrong += u32::from(claim.costs(is_matched));
        }
        None
    }

    /// Passes over the names that are seen at once to be others; how many.
    fn pass_over(&mut self, person: &Person) -> u32 {
        let State::Names { names, next } = &mut self.state else { return 0 };
        let from = std::mem::replace(next, names.next_alike(*next, person));
        (*next - from) as u32 // of a sample's names
    }
}

/// What a month or a day that was claimed leaves: the months before `month` are wrong, and of the right one
/// these days are `left`.
fn learn_part(
    asked: PartialDate,
    told: Told,
    (month, left, days): (&mut usize, &mut Option<Vec<MonthDay>>, &Days),
) {
    match (asked.month(), asked.day()) {
        (None, _) => {}
        (Some(asked), None) if told.is_matched => {
            let is_of = |day: &&MonthDay| day.0 == asked;
            *left = Some(days.order.iter().filter(is_of).copied().collect());
        }
        (Some(_), None) => *month += 1,
        (Some(_), Some(asked)) => {
            let differs_by_one = told.born == Finding::because(Reason::OneDigit);
            let Some(left) = left else { return };
            left.retain(|day| {
                day.1 != asked && has_one_other_digit(day.1, asked) == differs_by_one
            });
        }
    }
}

/// By the policy of carriers.
fn is_accepted(finding: Finding) -> bool {
    finding == Finding::MATCH
        || finding == Finding::because(Reason::MarksMissing)
        || finding == Finding::because(Reason::YearOnly)
}

impl Days {
    fn next(&mut self, year: u16) -> Option<PartialDate> {
        loop {
            let next = self.next;
            self.next += 1;
            let Some(day) = next.checked_sub(1) else { return date(year, None) };
            let year = year.checked_sub((day / self.order.len()) as u16)?;
            // Not every year has every day.
            let Some(day) = date(year, Some(self.order[day % self.order.len()])) else { continue };
            if self.asked.insert(day) {
                return Some(day);
            }
        }
    }

    fn next_part(
        &mut self,
        year: u16,
        months: &[u8],
        month: usize,
        left: Option<&[MonthDay]>,
    ) -> Option<PartialDate> {
        if self.next == 0 {
            return self.next(year);
        }
        let of_year = |day: &&MonthDay| date(year, Some(**day)).is_some();
        let left = match left {
            Some(left) => left.iter().filter(of_year).copied().collect::<Vec<_>>(),
            None => match months.get(month) {
                Some(month) => return PartialDate::parse(&format!("{year:04}-{month:02}")).ok(),
                None => Vec::new(),
            },
        };
        match halving(&left) {
            Some(day) => {
                let day = date(year, Some(day))?;
                self.asked.insert(day);
                Some(day)
            }
            None => self.next(year),
        }
    }
}

/// The day after which fewest are left at worst.
fn halving(left: &[MonthDay]) -> Option<MonthDay> {
    left.iter().copied().min_by_key(|asked| {
        let near = left.iter().filter(|day| has_one_other_digit(day.1, asked.1)).count();
        near.max(left.len() - 1 - near)
    })
}

fn has_one_other_digit(one: u8, other: u8) -> bool {
    (one / 10 == other / 10) != (one % 10 == other % 10)
}

fn date(year: u16, day: Option<MonthDay>) -> Option<PartialDate> {
    match day {
        None => PartialDate::parse(&format!("{year:04}")).ok(),
        Some((month, day)) => PartialDate::parse(&format!("{year:04}-{month:02}-{day:02}")).ok(),
    }
}
