//! Networks, as a configuration names them: `10.1.0.0/16`, `2001:db8::/32`, or one address.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{self, Deserializer};

/// Addresses with a common beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    first: IpAddr,
    bits: u32,
}

/// Some networks; none where nothing is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

/// A text that names no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no network: name one address, or the first address of a network, a slash and 1 to 32 \
     bits (IPv6: 128)"
)]
pub struct NotANetwork(String);

impl Networks {
    /// Whether an address is in one of them; one of IPv4 in the clothes of IPv6 is one of IPv4.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(address))
    }

    /// Reads networks.
    ///
    /// # Errors
    /// [`NotANetwork`] for the first text that is none.
    pub fn parse<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, NotANetwork> {
        texts.into_iter().map(|text| text.trim().parse()).collect::<Result<_, _>>().map(Self)
    }
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                (first.to_bits() ^ address.to_bits()).leading_zeros() >= self.bits
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                (first.to_bits() ^ address.to_bits()).leading_zeros() >= self.bits
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    /// No bits beyond those of the network: whoever writes `10.1.2.3/8` may mean either. Nor a network
    /// of all addresses: that would be to believe everybody.
    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let refuse = || NotANetwork(text.to_owned());
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| refuse())?;
        if first != first.to_canonical() {
            return Err(refuse());
        }
        let whole = if first.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(whole), |bits| bits.parse().map_err(|_| refuse()))?;
        let set_bits = match first {
            IpAddr::V4(first) => 32 - first.to_bits().trailing_zeros(),
            IpAddr::V6(first) => 128 - first.to_bits().trailing_zeros(),
        };
        if !(1..=whole).contains(&bits) || set_bits > bits {
            return Err(refuse());
        }
        Ok(Self { first, bits })
    }
}

impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

/// A list in a file; in a variable of the environment, separated by commas.
struct Reader;

impl<'de> de::Visitor<'de> for Reader {
    type Value = Networks;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of addresses and networks")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Networks, E> {
        let texts = text.split(',').filter(|text| !text.trim().is_empty());
        Networks::parse(texts).map_err(E::custom)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Networks, A::Error> {
        let mut texts: Vec<String> = Vec::new();
        while let Some(text) = list.next_element()? {
            texts.push(text);
        }
        Networks::parse(texts.iter().map(String::as_str)).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        let networks =
            Networks::parse(["10.1.0.0/16", "192.0.2.7", "2001:db8:5::/48", "::1"]).unwrap();
        for (address, is_in) in [
            ("10.1.0.0", true),
            ("10.1.255.255", true),
            ("::ffff:10.1.2.3", true),
            ("10.2.0.0", false),
            ("10.0.255.255", false),
            ("192.0.2.7", true),
            ("192.0.2.6", false),
            ("2001:db8:5:ffff::1", true),
            ("2001:db8:6::", false),
            ("::1", true),
            ("::2", false),
            ("0.0.0.1", false),
        ] {
            assert_eq!(networks.contain(address.parse().unwrap()), is_in, "{address}");
        }
        assert!(!Networks::default().contain("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn what_names_no_network_is_refused() {
        let bad =
            ["10.1.2.3/8", "10.0.0.0/33", "10.0.0.0/0", "::/0", "0.0.0.0/0", "x", "", "10.0.0.0/"];
        for text in bad.into_iter().chain(["2001:db8::1/64", "::ffff:10.0.0.1", "10.0.0.0/-1"]) {
            assert_eq!(Networks::parse([text]), Err(NotANetwork(text.into())), "{text}");
        }
    }
}
