//! Where a request comes from, behind proxies that are trusted: by their `Forwarded` field (RFC 7239).
//!
//! Each proxy writes its own peer to the end, so the field is read from its end, and only as far as
//! trusted proxies have written it: what is before that may have been made up.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::http::{HeaderMap, header};

use crate::config::Networks;

/// The address that a request comes from: the last hop that is not itself trusted. A hop that does not
/// say who its peer was, or not readably, counts itself.
pub(super) fn source(peer: IpAddr, headers: &HeaderMap, trusted: &Networks) -> IpAddr {
    let mut source = peer.to_canonical();
    let mut fields: Vec<_> = headers.get_all(header::FORWARDED).iter().collect();
    while trusted.contain(source)
        && let Some(field) = fields.pop()
    {
        // A letter beyond ASCII is in no field that is readable.
        let Ok(field) = field.to_str() else { return source };
        for element in from_the_end(field, b',').filter(|element| !element.is_empty()) {
            if !trusted.contain(source) {
                return source;
            }
            let Some(address) = peer_of(element) else { return source };
            source = address.to_canonical();
        }
    }
    source
}

/// The parts of a text between separators that are not in quotes, the last one first.
fn from_the_end(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (before, last) = split_last(text, separator);
        rest = before;
        Some(last.trim_matches([' ', '\t']))
    })
}

fn split_last(text: &str, separator: u8) -> (Option<&str>, &str) {
    let bytes = text.as_bytes();
    let mut is_quoted = false;
    for (at, byte) in bytes.iter().enumerate().rev() {
        if *byte == b'"' {
            let slashes = bytes[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
            is_quoted ^= slashes % 2 == 0;
        } else if *byte == separator && !is_quoted {
            return (Some(&text[..at]), &text[at + 1..]);
        }
    }
    (None, text)
}

/// The address in the one `for` of an element.
fn peer_of(element: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in from_the_end(element, b';').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        if name.eq_ignore_ascii_case("for") && found.replace(value).is_some() {
            return None;
        }
    }
    let value = found?;
    match value.strip_prefix('"') {
        Some(quoted) => read_node(quoted.strip_suffix('"')?, true),
        None => read_node(value, false),
    }
}

/// `192.0.2.7`, `192.0.2.7:4711`, `[2001:db8::7]`, `[2001:db8::7]:4711`; brackets and colons stand in
/// quotes alone (RFC 7239, section 4). Escapes are in no address.
fn read_node(node: &str, is_quoted: bool) -> Option<IpAddr> {
    if !is_quoted {
        return node.parse::<Ipv4Addr>().ok().map(IpAddr::V4);
    }
    if let Some(rest) = node.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let is_good = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return address.parse::<Ipv6Addr>().ok().filter(|_| is_good).map(IpAddr::V6);
    }
    let (address, port) = node.split_once(':').map_or((node, None), |(a, port)| (a, Some(port)));
    let is_good = port.is_none_or(is_port);
    address.parse::<Ipv4Addr>().ok().filter(|_| is_good).map(IpAddr::V4)
}

/// A port, or a name for one.
fn is_port(text: &str) -> bool {
    let digits = (1..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let is_of_name = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let name = text.strip_prefix('_').is_some_and(|rest| !rest.is_empty());
    digits || (name && text.bytes().all(is_of_name))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const PROXY: &str = "10.1.0.5";

    fn source_of(peer: &str, fields: &[&str]) -> String {
        let trusted = Networks::parse(["10.1.0.0/16", "2001:db8:a::/48"]).unwrap();
        let mut headers = HeaderMap::new();
        for field in fields {
            let value = HeaderValue::from_bytes(field.as_bytes()).unwrap();
            headers.append(header::FORWARDED, value);
        }
        source(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn a_trusted_proxy_is_believed_about_its_peer_and_nobody_about_more() {
        let table: &[(&[&str], &str)] = &[
            (&[], PROXY),
            (&["for=203.0.113.7"], "203.0.113.7"),
            (&["For=203.0.113.7;proto=https;by=10.1.0.5"], "203.0.113.7"),
            (&["proto=https; FOR=203.0.113.7"], "203.0.113.7"),
            (&[r#"for="203.0.113.7""#], "203.0.113.7"),
            (&[r#"for="203.0.113.7:4711""#], "203.0.113.7"),
            (&[r#"for="203.0.113.7:_port""#], "203.0.113.7"),
            (&[r#"for="[2001:db8::7]""#], "2001:db8::7"),
            (&[r#"for="[2001:DB8::7]:4711";proto=https"#], "2001:db8::7"),
            (&[r#"for="[::ffff:203.0.113.7]""#], "203.0.113.7"),
            // The last that is not trusted; what is before it was made up, or may be.
            (&["for=198.51.100.1, for=203.0.113.7"], "203.0.113.7"),
            (&["for=198.51.100.1", "for=203.0.113.7"], "203.0.113.7"),
            (&["for=198.51.100.1, for=203.0.113.7,for=10.1.9.9"], "203.0.113.7"),
            (&["for=203.0.113.7", r#"for="[2001:db8:a::1]""#, "for=10.1.9.9"], "203.0.113.7"),
            (&["for=10.1.9.9"], "10.1.9.9"),
            (&["for=10.1.9.9, for=10.1.9.8"], "10.1.9.9"),
            (&["for=203.0.113.7, , "], "203.0.113.7"),
            // Hidden or unreadable: the proxy that says so counts itself.
            (&["for=unknown"], PROXY),
            (&["for=_hidden"], PROXY),
            (&["for=203.0.113.7, for=_hidden, for=10.1.9.9"], "10.1.9.9"),
            (&["proto=https"], PROXY),
            (&["for=203.0.113.7;for=203.0.113.8"], PROXY),
            (&["for=2001:db8::7"], PROXY),
            (&["for=[2001:db8::7]"], PROXY),
            (&["for=203.0.113.7:4711"], PROXY),
            (&[r#"for="2001:db8::7""#], PROXY),
            (&[r#"for="[2001:db8::7]x""#], PROXY),
            (&[r#"for="[2001:db8::7]:123456""#], PROXY),
            (&[r#"for="203.0.113.7:""#], PROXY),
            (&["for=203.0.113.999"], PROXY),
            (&["for=\"203.0.113.7"], PROXY),
            (&["203.0.113.7"], PROXY),
            (&["for"], PROXY),
            (&["for=203.0.113.7, for=x"], PROXY),
            (&["for=203.0.113.7", "for=\u{e9}"], PROXY),
            // A caller's open quote swallows nothing of what the proxy has written.
            (&["for=\"198.51.100.1, for=203.0.113.7"], "203.0.113.7"),
            (&["for=\"198.51.100.1", "for=203.0.113.7"], "203.0.113.7"),
            (
                &[r#"for=198.51.100.1;x="a,b;c\"", for=203.0.113.7;x="a\",for=1.2.3.4""#],
                "203.0.113.7",
            ),
        ];
        for (fields, expected) in table {
            assert_eq!(source_of(PROXY, fields), *expected, "{fields:?}");
            assert_eq!(source_of("::ffff:10.1.0.5", fields), *expected, "{fields:?}");
            assert_eq!(source_of("203.0.113.1", fields), "203.0.113.1", "{fields:?}");
        }
    }
}
