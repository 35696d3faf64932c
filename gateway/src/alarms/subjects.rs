//! Who is asked about by many clients.
//!
//! Most people are asked about by one client in a window, so a table of fixed size remembers of each
//! who asks: 8 bytes of the keyed digest that the log has, and up to three clients. The one with the
//! fewest clients makes room. From the fourth client on a person has a list of its own.

use foldhash::HashMap;

/// People whom the table remembers: 8 MiB. With 1,000 new ones a second and node one is remembered for
/// some minutes, and longer once a second client asks.
const SETS: usize = 1 << 17;
const WAYS: usize = 4;
/// Clients of a person in the table.
const FEW: usize = 3;
/// People with a list of their own, and clients on it.
const LISTS_MAX: usize = 1_024;
pub(super) const CLIENTS_TOLD_MAX: usize = 64;
/// No client.
const NOBODY: u16 = u16::MAX;

#[derive(Debug, Clone, Copy)]
struct Asked {
    digest: u64,
    clients: [u16; FEW],
    /// Of which window it is.
    window: u16,
}

impl Asked {
    const NONE: Self = Self { digest: 0, clients: [NOBODY; FEW], window: 0 };

    fn count(&self, window: u16) -> usize {
        if self.window != window {
            return 0;
        }
        self.clients.iter().filter(|client| **client != NOBODY).count()
    }
}

/// People and who asks about them, in one window after the other.
#[derive(Debug)]
pub(super) struct Subjects {
    table: Box<[Asked]>,
    lists: HashMap<u64, Vec<u16>>,
    window: u16,
}

impl Default for Subjects {
    fn default() -> Self {
        let table = vec![Asked::NONE; SETS * WAYS].into_boxed_slice();
        Self { table, lists: HashMap::default(), window: 1 }
    }
}

impl Subjects {
    /// Notes that a client asks about somebody.
    pub(super) fn note(&mut self, client: u16, digest: u64) {
        if let Some(clients) = self.lists.get_mut(&digest) {
            if clients.len() < CLIENTS_TOLD_MAX && !clients.contains(&client) {
                clients.push(client);
            }
            return;
        }
        let (window, first) = (self.window, digest as usize % SETS * WAYS);
        let set = &mut self.table[first..first + WAYS];
        let known = set.iter_mut().find(|it| it.window == window && it.digest == digest);
        let Some(asked) = known else {
            if let Some(fewest) = set.iter_mut().min_by_key(|it| it.count(window)) {
                *fewest = Asked { digest, clients: [client, NOBODY, NOBODY], window };
            }
            // So that among those with as many clients the oldest makes room.
            set.rotate_left(1);
            return;
        };
        if asked.clients.contains(&client) {
            return;
        }
        if let Some(free) = asked.clients.iter_mut().find(|client| **client == NOBODY) {
            *free = client;
        } else if self.lists.len() < LISTS_MAX {
            let clients = asked.clients.into_iter().chain([client]).collect();
            self.lists.insert(digest, clients);
        }
    }

    /// Ends the window: people about whom at least so many clients have asked, by digest, with the
    /// clients.
    pub(super) fn end(&mut self, clients_min: usize) -> Vec<(u64, Vec<u16>)> {
        let lists = std::mem::take(&mut self.lists).into_iter();
        let mut by_many: Vec<_> = lists.filter(|(_, all)| all.len() >= clients_min).collect();
        by_many.sort_unstable();
        self.window = self.window.wrapping_add(1);
        if self.window == 0 {
            self.table.fill(Asked::NONE);
            self.window = 1;
        }
        by_many
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Random;

    #[test]
    fn whom_many_ask_about_is_found_among_many_whom_one_asks_about() {
        let (mut subjects, random) = (Subjects::default(), Random::seeded(3));
        let wanted = [u64::from_be_bytes(random.bytes()), u64::from_be_bytes(random.bytes())];
        for client in 0..12 {
            for _ in 0..20_000 {
                subjects.note(client, u64::from_be_bytes(random.bytes()));
            }
            subjects.note(client, wanted[0]);
            subjects.note(client % 9, wanted[1]);
        }
        let all: Vec<u16> = (0..12).collect();
        assert_eq!(subjects.end(10), [(wanted[0], all)]);
        // The next window knows nothing of it.
        for client in 12..21 {
            subjects.note(client, wanted[0]);
        }
        assert!(subjects.end(10).is_empty());
    }

    #[test]
    fn a_client_that_asks_again_and_again_is_one() {
        let mut subjects = Subjects::default();
        for _ in 0..1_000 {
            (0..9).for_each(|client| subjects.note(client, 7));
        }
        assert!(subjects.end(10).is_empty());
    }

    #[test]
    fn the_clients_that_are_told_are_bounded() {
        let mut subjects = Subjects::default();
        (0..1_000).for_each(|client| subjects.note(client, 7));
        assert_eq!(subjects.end(10)[0].1.len(), CLIENTS_TOLD_MAX);
    }
}
