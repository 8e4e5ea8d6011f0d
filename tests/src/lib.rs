//! What the behaviour tests share: a dependency that fails by a script, the events that policies
//! report, and registries of a test's own.

mod dependency;
mod events;

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use steadfast::{Registry, Rejection, SiteInfo};

/// Redis servers, sentinels and clusters, and a network with faults.
pub use steadfast_rig as redis;

pub use dependency::{Dependency, Failure, TRANSIENT};
pub use events::{
    Event, SpanSeen, listen, listen_for_spans, listen_to_limits, said_of_limits, spans_around,
};

/// Runs a test in a registry of its own.
pub async fn apart<T>(test: impl Future<Output = T>) -> T {
    Registry::new().scope(test).await
}

/// So many seconds.
#[must_use]
pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// So many milliseconds.
#[must_use]
pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Lets paused time pass, also from within a sync function.
///
/// # Panics
///
/// Where time is not paused.
pub fn pass(time: Duration) {
    let mut passing = Box::pin(tokio::time::advance(time));
    let mut context = Context::from_waker(Waker::noop());
    // The time is advanced at the first poll; what is left is to let others run.
    let _ = passing.as_mut().poll(&mut context);
}

/// What a future gives when polled once, with nobody to wake.
pub fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// The annotated function of this name, as the registry in force has it.
///
/// # Panics
///
/// Where there is none.
#[must_use]
pub fn site(name: &str) -> SiteInfo {
    steadfast::sites()
        .find(|site| *site.name() == *name)
        .unwrap_or_else(|| panic!("no function is named {name:?}"))
}

/// How many calls of this name the registry in force has seen answered by a fallback.
#[must_use]
pub fn fallbacks(name: &str) -> u64 {
    let totals = steadfast::registry().totals();
    let call = totals.calls.iter().find(|call| *call.name == *name);
    call.map_or(0, |call| call.fallbacks)
}

/// Whether a call was refused by an open circuit.
#[must_use]
pub fn is_open<T>(result: &Result<T, Failure>) -> bool {
    matches!(
        result,
        Err(Failure::Rejected(Rejection::CircuitOpen { .. }))
    )
}
