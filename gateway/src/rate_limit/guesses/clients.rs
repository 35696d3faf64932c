//! Numbers for clients: a failure has no room for a name.

use foldhash::HashMap;

use crate::request::ClientId;

/// The clients that have made guesses, by the numbers they were given.
#[derive(Debug, Default)]
pub(super) struct Clients {
    numbers: HashMap<ClientId, u32>,
    names: Vec<ClientId>,
}

impl Clients {
    /// The number of a client; a new one where it has none.
    pub(super) fn number(&mut self, client: &ClientId) -> u32 {
        if let Some(number) = self.numbers.get(client) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.names.push(client.clone());
        self.numbers.insert(client.clone(), number);
        number
    }

    /// Whose number it is.
    pub(super) fn name(&self, number: u32) -> Option<&ClientId> {
        self.names.get(number as usize)
    }

    /// All of them, in order of their numbers.
    pub(super) fn names(&self) -> &[ClientId] {
        &self.names
    }
}
