//! How many requests of one client are on their way at once, on this node.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use foldhash::HashMap;

use crate::request::ClientId;

/// As many requests of the client are on their way as its policy allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("as many requests of the client are on their way as it may have")]
pub struct ConcurrencyLimited;

/// One request on its way, until it is dropped.
#[derive(Debug)]
pub struct InFlight(Arc<Client>);

#[derive(Debug)]
struct Client {
    at_most: AtomicU32,
    in_flight: AtomicU32,
}

/// The requests of all clients that are on their way.
#[derive(Debug, Default)]
pub struct Concurrency {
    clients: RwLock<HashMap<ClientId, Arc<Client>>>,
}

impl Concurrency {
    /// Replaces what clients may have; what is on its way stays counted.
    pub fn replace(&self, limits: impl IntoIterator<Item = (ClientId, NonZeroU32)>) {
        let mut clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *clients);
        clients.extend(limits.into_iter().map(|(client_id, at_most)| {
            let client = before.remove(&client_id).unwrap_or_else(|| {
                Arc::new(Client { at_most: AtomicU32::new(0), in_flight: AtomicU32::new(0) })
            });
            client.at_most.store(at_most.get(), Ordering::Relaxed);
            (client_id, client)
        }));
        // Who is not known any more may have nothing on its way, and what it has stays counted.
        before.retain(|_, client| client.in_flight.load(Ordering::Relaxed) > 0);
        for client in before.values() {
            client.at_most.store(0, Ordering::Relaxed);
        }
        clients.extend(before);
    }

    /// Counts one more of the client's.
    ///
    /// # Errors
    /// [`ConcurrencyLimited`] if it has as many as it may have, and where nobody knows how many
    /// that are: its limits follow in a moment.
    pub fn enter(&self, client_id: &ClientId) -> Result<InFlight, ConcurrencyLimited> {
        let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner);
        let client = clients.get(client_id).ok_or(ConcurrencyLimited)?;
        let at_most = client.at_most.load(Ordering::Relaxed);
        let one_more = |in_flight| (in_flight < at_most).then_some(in_flight + 1);
        let entered = client.in_flight.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        entered.map(|_| InFlight(Arc::clone(client))).map_err(|_| ConcurrencyLimited)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(at_most: u32) -> [(ClientId, NonZeroU32); 1] {
        [(ClientId::parse("desk").unwrap(), NonZeroU32::new(at_most).unwrap())]
    }

    #[test]
    fn what_is_on_its_way_stays_counted_when_the_limit_changes() {
        let (desk, concurrency) = (ClientId::parse("desk").unwrap(), Concurrency::default());
        assert_eq!(concurrency.enter(&desk).unwrap_err(), ConcurrencyLimited);
        concurrency.replace(limits(3));
        let mut entered: Vec<InFlight> =
            (0..3).map(|_| concurrency.enter(&desk).unwrap()).collect();
        assert!(concurrency.enter(&desk).is_err());
        concurrency.replace(limits(2));
        entered.pop();
        assert!(concurrency.enter(&desk).is_err(), "two are two");
        entered.pop();
        entered.push(concurrency.enter(&desk).unwrap());
        concurrency.replace(limits(4));
        entered.extend([concurrency.enter(&desk).unwrap(), concurrency.enter(&desk).unwrap()]);
        assert!(concurrency.enter(&desk).is_err());
        drop(entered);
        assert_eq!(
            (0..9).map_while(|_| concurrency.enter(&desk).ok()).collect::<Vec<_>>().len(),
            4
        );
    }

    #[test]
    fn who_leaves_and_comes_back_has_on_its_way_what_it_had() {
        let (desk, concurrency) = (ClientId::parse("desk").unwrap(), Concurrency::default());
        concurrency.replace(limits(2));
        let entered = [concurrency.enter(&desk).unwrap(), concurrency.enter(&desk).unwrap()];
        concurrency.replace([]);
        assert!(concurrency.enter(&desk).is_err());
        concurrency.replace(limits(2));
        assert!(concurrency.enter(&desk).is_err(), "both are still on their way");
        drop(entered);
        concurrency.enter(&desk).unwrap();
        concurrency.replace([]);
        assert!(concurrency.enter(&desk).is_err());
        assert_eq!(concurrency.clients.read().unwrap().len(), 0);
    }

    #[test]
    fn threads_together_never_have_more_than_the_limit() {
        let (desk, concurrency) = (ClientId::parse("desk").unwrap(), Concurrency::default());
        concurrency.replace(limits(5));
        let (now, most) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        let Ok(_entered) = concurrency.enter(&desk) else { continue };
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::yield_now();
                        now.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        let most = most.load(Ordering::SeqCst);
        assert!((1..=5).contains(&most), "{most}");
    }
}
