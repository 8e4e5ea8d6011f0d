//! Ports that nobody listens on.

use std::net::{Ipv4Addr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Below the ports that systems give to outgoing connections: one of those could take the port of a
/// server that is down, and a client that dials such a port again and again may reach itself.
const FIRST: u32 = 12_000;
const COUNT: u32 = 20_000;

/// A port of the loopback interface that is free now.
///
/// # Panics
///
/// Where not one of 20,000 is free.
#[must_use]
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Processes that start together begin far from each other.
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = nanos.map_or(0, |since| since.subsec_nanos());
    let from = process::id()
        .wrapping_mul(2_654_435_761)
        .wrapping_add(nanos / 1024);
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_mul(7);
        let port = FIRST + from.wrapping_add(step) % COUNT;
        let port = u16::try_from(port).unwrap_or(u16::MAX);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no port from {FIRST} to {} is free", FIRST + COUNT);
}
