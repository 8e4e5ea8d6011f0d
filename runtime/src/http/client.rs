//! Whose request it is.

use std::net::{IpAddr, Ipv6Addr};

use http::HeaderMap;

/// The address that a request comes from, by `X-Forwarded-For` as far as it can be trusted.
///
/// Each proxy adds the address that it was asked from to the end of the header, and whatever stands
/// before what *your* proxies added may be made up. `proxies` says how many of yours stand in front
/// of this server: with 0 the header is not read, and with 1 the last address in it counts. `peer` is
/// the other end of the connection, and counts where the header holds fewer addresses than it
/// should, or something else than an address at that place.
///
/// ```
/// use std::net::IpAddr;
/// use steadfast::http::client_ip;
///
/// let ip = |text: &str| text.parse::<IpAddr>().unwrap();
/// let mut headers = http::HeaderMap::new();
/// headers.insert("x-forwarded-for", "6.6.6.6, 203.0.113.7".parse()?);
/// let proxy = ip("10.0.0.1");
/// assert_eq!(client_ip(&headers, proxy, 1), ip("203.0.113.7")); // 6.6.6.6 is what the client claims
/// assert_eq!(client_ip(&headers, proxy, 0), proxy);
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
#[must_use]
pub fn client_ip(headers: &HeaderMap, peer: IpAddr, proxies: usize) -> IpAddr {
    let told = || {
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        let mut addresses = lines.flat_map(|line| line.to_str().unwrap_or("").rsplit(','));
        address(addresses.nth(proxies.checked_sub(1)?)?.trim())
    };
    told().unwrap_or(peer)
}

/// An address, with a port or without, as proxies write it.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let with_port = || text.parse::<std::net::SocketAddr>().ok();
    bare.parse()
        .ok()
        .or_else(|| with_port().map(|told| told.ip()))
}

/// The network that one client has to itself: of an IPv6 address its /64, since a client may use any
/// of the addresses in it; an IPv4 address as it is, also where it is written as an IPv6 one.
///
/// ```
/// use std::net::IpAddr;
/// use steadfast::http::network_of;
///
/// let ip = |text: &str| text.parse::<IpAddr>().unwrap();
/// assert_eq!(network_of(ip("2001:db8:1:2:3:4:5:6")), ip("2001:db8:1:2::"));
/// assert_eq!(network_of(ip("::ffff:203.0.113.7")), ip("203.0.113.7"));
/// ```
#[must_use]
pub fn network_of(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        ip @ IpAddr::V4(_) => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn asked(lines: &[&str], proxies: usize) -> IpAddr {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        client_ip(&headers, ip("10.0.0.1"), proxies)
    }

    #[test]
    fn what_a_client_makes_up_is_not_believed() {
        assert_eq!(asked(&["1.1.1.1, 2.2.2.2, 3.3.3.3"], 1), ip("3.3.3.3"));
        assert_eq!(asked(&["1.1.1.1, 2.2.2.2, 3.3.3.3"], 2), ip("2.2.2.2"));
        assert_eq!(asked(&["1.1.1.1", "2.2.2.2, 3.3.3.3"], 3), ip("1.1.1.1"));
    }

    #[test]
    fn the_peer_counts_where_the_header_is_short_or_no_address() {
        let peer = ip("10.0.0.1");
        assert_eq!(asked(&[], 1), peer);
        assert_eq!(asked(&["1.1.1.1"], 2), peer);
        assert_eq!(asked(&["1.1.1.1, unknown"], 1), peer);
        assert_eq!(asked(&["1.1.1.1"], 0), peer);
    }

    #[test]
    fn addresses_are_read_with_a_port_and_in_brackets() {
        assert_eq!(asked(&["203.0.113.7:1234"], 1), ip("203.0.113.7"));
        assert_eq!(asked(&["[2001:db8::1]:443"], 1), ip("2001:db8::1"));
        assert_eq!(asked(&["[2001:db8::1]"], 1), ip("2001:db8::1"));
    }
}
