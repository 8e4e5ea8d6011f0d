//! What Redis holds of the drills' breakers, read past all faults.

use std::time::Duration;

use steadfast_rig::{Reply, Server, wait_for};

use crate::node::{BREAKER, COUNTER};

/// The key of the state.
#[must_use]
pub fn state_key(prefix: &str) -> String {
    format!("{{{prefix}:cb:{BREAKER}}}:s")
}

fn window_key(prefix: &str, name: &str) -> String {
    format!("{{{prefix}:cb:{name}}}:w")
}

/// A field of the state: `st`, `ep`, `ou`; zero where it is not there.
///
/// # Panics
///
/// Where Redis does not answer.
#[must_use]
pub fn field(server: &Server, name: &str) -> i64 {
    let reply = server.command(&["HGET", &state_key("drill"), name]);
    reply.int().unwrap_or(0)
}

/// The state by its name, a state set by hand before any other.
///
/// # Panics
///
/// Where Redis does not answer.
#[must_use]
pub fn shown(server: &Server) -> &'static str {
    let reply = server.command(&["HMGET", &state_key("drill"), "st", "lock"]);
    let [state, lock] = [0, 1].map(|field| reply.items().get(field).map(Reply::text));
    match (lock.as_deref(), state.as_deref()) {
        (Some("forced_open"), _) => "forced_open",
        (Some("disabled"), _) => "disabled",
        (_, Some("1")) => "open",
        (_, Some("2")) => "half_open",
        _ => "closed",
    }
}

/// The failures that Redis has counted in the window.
///
/// # Panics
///
/// Where Redis does not answer.
#[must_use]
pub fn failures(server: &Server) -> i64 {
    failures_of(server, BREAKER)
}

/// The failures of the breaker that only counts.
///
/// # Panics
///
/// Where Redis does not answer.
#[must_use]
pub fn counted(server: &Server) -> i64 {
    failures_of(server, COUNTER)
}

fn failures_of(server: &Server, name: &str) -> i64 {
    let ring = server.command(&["HVALS", &window_key("drill", name)]);
    // `time:calls:failed:slow`
    let failed = |bucket: &str| bucket.split(':').nth(2)?.parse::<i64>().ok();
    let buckets = ring.items().iter();
    buckets.filter_map(|bucket| failed(&bucket.text())).sum()
}

/// Waits until Redis has counted so many failures.
#[must_use]
pub fn has_counted(server: &Server, failed: i64) -> bool {
    wait_for(Duration::from_secs(5), || failures(server) == failed)
}
