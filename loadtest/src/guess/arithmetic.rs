//! What the budgets come to, however many collude: pure arithmetic.

use gateway::config::GuessBudgetsConfig;

/// Wrong guesses on one person that `clients` who collude can have answered within so many days, by
/// whatever plan; and there is a plan by which they have as many.
///
/// Let a client have `c` in 24 hours and `m` in 30 days, and the person `d` in 24 hours over all
/// clients, which bind only those who have failed on the person before.
///
/// - By its own budgets a client has `m` at most, and `c` a day.
/// - In 24 hours, up to the last guess of somebody who had failed before, no more than `d` are wrong
///   altogether. Whatever comes behind that one is somebody's first, and one each.
/// - Of those who were wrong among the `d`, nobody has a first one left; they are at least
///   `f = ceil(d / c)`, so that on the first day no more than `n - f` can come behind. On every other
///   day the same holds, of clients who have not failed in 30 days: everybody is first once.
///
/// So it is `n c` a day where `n < f`, and `d + n - f` otherwise: with the usual budgets 5, 50 and 100
/// clients 5, 74 and 124. In `t` days, `t d + n - f`, and never more than `n m`: 10, 500 and 994.
///
/// The plan: few clients use up what they have, as fast as the person's hour lets them; then all the
/// others have their first guess at once, which leaves the next days as much room as if they had not;
/// then everybody goes on, who has most left first. The person's hour costs no guess where the fill takes
/// less than half a day (`2 (ceil(d / h) - 1) < 24`); it is three hours.
pub(super) fn most(budgets: &GuessBudgetsConfig, clients: u32, days: u32) -> u32 {
    let &GuessBudgetsConfig { client_day, client_month, subject_day, .. } = budgets;
    let client_day = client_day.min(client_month);
    let fill = subject_day.div_ceil(client_day);
    let by_day = if clients < fill {
        days * clients * client_day
    } else {
        days * subject_day + clients - fill
    };
    by_day.min(clients * client_month)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn budgets(budgets: [u32; 4]) -> GuessBudgetsConfig {
        let [client_day, client_month, subject_hour, subject_day] = budgets;
        GuessBudgetsConfig {
            client_day,
            client_month,
            subject_hour,
            subject_day,
            ..GuessBudgetsConfig::default()
        }
    }

    #[test]
    fn the_usual_budgets_come_to_what_is_documented() {
        let usual = GuessBudgetsConfig::default();
        let day = |clients| most(&usual, clients, 1);
        assert_eq!([1, 5, 6, 7, 10, 100].map(day), [5, 25, 30, 31, 34, 124]);
        let month = |clients| most(&usual, clients, 30);
        assert_eq!([1, 10, 99, 100, 1_000].map(month), [10, 100, 990, 994, 1_894]);
    }

    /// Budgets on so few clients and so short days that every plan there is can be tried. An hour is
    /// a step, a day so many steps, and thirty days are so many of these.
    struct Small {
        budgets: GuessBudgetsConfig,
        clients: usize,
        day: u8,
        days: u8,
    }

    /// For each client, at which steps it was wrong.
    type Tried = Vec<Vec<u8>>;

    impl Small {
        /// The rule as it is documented, and nothing of how it is made.
        fn may(&self, tried: &Tried, client: usize, step: u8) -> bool {
            let within = |window: u8| move |at: &&u8| *at + window > step;
            let own = |window| tried[client].iter().filter(within(window)).count() as u32;
            let all = |window| tried.iter().flatten().filter(within(window)).count() as u32;
            let of = &self.budgets;
            let has_own =
                own(self.day) < of.client_day && own(self.day * self.days) < of.client_month;
            let is_first = own(self.day * self.days) == 0;
            has_own && (is_first || all(1) < of.subject_hour && all(self.day) < of.subject_day)
        }

        /// By every plan there is.
        fn exhaust(&self) -> u32 {
            let mut plans: HashSet<Tried> = HashSet::from([vec![Vec::new(); self.clients]]);
            let mut most = 0;
            for step in 0..self.day * self.days {
                let mut open: Vec<Tried> = plans.iter().cloned().collect();
                while let Some(tried) = open.pop() {
                    most = most.max(tried.iter().map(Vec::len).sum::<usize>() as u32);
                    for client in 0..self.clients {
                        if !self.may(&tried, client, step) {
                            continue;
                        }
                        let mut next = tried.clone();
                        next[client].push(step);
                        // Clients are alike: one order of them stands for all.
                        next.sort();
                        if plans.insert(next.clone()) {
                            open.push(next);
                        }
                    }
                }
            }
            most
        }
    }

    #[test]
    fn nobody_gets_more_by_any_plan_and_somebody_gets_as_much() {
        for ([client_day, client_month, subject_hour, subject_day], day, days, clients) in [
            ([2, 3, 3, 3], 2, 2, 4),
            ([2, 3, 4, 4], 2, 2, 4),
            ([1, 2, 2, 2], 2, 3, 5),
            ([2, 4, 2, 3], 3, 1, 4),
            ([3, 3, 2, 4], 4, 1, 4),
            ([2, 3, 2, 3], 3, 2, 3),
            ([2, 2, 2, 4], 4, 1, 5),
            ([1, 3, 1, 1], 1, 4, 4),
        ] {
            let budgets = budgets([client_day, client_month, subject_hour, subject_day]);
            for clients in 1..=clients {
                let small = Small { budgets, clients, day, days };
                let formula = most(&budgets, clients as u32, days.into());
                assert_eq!(small.exhaust(), formula, "{budgets:?}, {clients} of {days} days");
            }
        }
    }
}
