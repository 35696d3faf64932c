//! Where requests go: an address that was resolved once, and the host to name in each request.

use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};

use crate::failure::Failure;

/// Which machines may be put under load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// This machine only: a mistyped URL must not put somebody else's system under load.
    Loopback,
    /// Any machine; asked for by `--allow-remote`.
    Anywhere,
}

/// A system under load.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    authority: String,
    address: SocketAddr,
}

impl Endpoint {
    /// Reads `http://host:port` and resolves the host once.
    pub(crate) fn parse(url: &str, reach: Reach) -> Result<Self, Failure> {
        let Some(rest) = url.strip_prefix("http://") else {
            return Err(Failure::Usage(format!("{url}: only http:// URLs are spoken")));
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte);
        if authority.is_empty() || !authority.bytes().all(plain) {
            return Err(Failure::Usage(format!("{url}: expected http://host:port and no path")));
        }
        let address = resolve(authority)
            .ok_or_else(|| Failure::Usage(format!("{url}: the host has no address")))?;
        if reach == Reach::Loopback && !address.ip().is_loopback() {
            return Err(Failure::Usage(format!(
                "{url} is not this machine; say --allow-remote if it may be put under load"
            )));
        }
        Ok(Self { authority: authority.to_owned(), address })
    }

    /// A port of this machine.
    pub(crate) fn local(port: u16) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self { authority: address.to_string(), address }
    }

    /// What the `Host` header says.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// Where to connect.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

fn resolve(authority: &str) -> Option<SocketAddr> {
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let target = if has_port { authority.to_owned() } else { format!("{authority}:80") };
    target.to_socket_addrs().ok()?.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_urls_are_taken_with_and_without_a_slash() {
        for url in ["http://127.0.0.1:8080", "http://127.0.0.1:8080/", "http://[::1]:8080"] {
            let endpoint = Endpoint::parse(url, Reach::Loopback).unwrap();
            assert_eq!(endpoint.address().port(), 8080, "{url}");
        }
    }

    #[test]
    fn another_machine_needs_to_be_allowed() {
        let refused = Endpoint::parse("http://192.0.2.1:80", Reach::Loopback).unwrap_err();
        assert_eq!(refused.exit_code(), 2);
        assert!(Endpoint::parse("http://192.0.2.1:80", Reach::Anywhere).is_ok());
    }

    #[test]
    fn paths_tls_and_line_breaks_are_refused() {
        for url in ["https://127.0.0.1", "http://127.0.0.1/v1", "http://", "http://a\r\nb"] {
            assert!(Endpoint::parse(url, Reach::Loopback).is_err(), "{url}");
        }
    }
}
