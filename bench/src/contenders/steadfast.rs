//! Steadfast, through the attribute; each item has functions, and so breakers, of its own.

use ::steadfast::{Rejection, registry, resilient};

use crate::body::{Answer, Asking, Down, ask};
use crate::item::{Contender, Kind, Load, blocking, deferred};

/// An error as a user writes it.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Down(#[from] Down),
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

impl From<Result<u64, Problem>> for Answer {
    #[inline]
    fn from(result: Result<u64, Problem>) -> Self {
        match result {
            Ok(value) => Self::Value(value),
            Err(Problem::Down(_)) => Self::Failed,
            Err(Problem::Rejected(_)) => Self::Refused,
        }
    }
}

/// Guarded functions, each wrapped as a contender.
macro_rules! guarded {
    ($($name:ident: $body:ident, #[resilient($($policy:tt)*)];)+) => {$(
        pub(crate) fn $name(load: impl Load) -> Contender {
            guarded!(@ $body load [$($policy)*])
        }
    )+};
    (@ ask $load:ident [$($policy:tt)*]) => {{
        #[resilient($($policy)*)]
        fn guarded(order: u64) -> Result<u64, Problem> {
            Ok(ask(order)?)
        }
        blocking(Kind::Steadfast, "steadfast (sync)", $load, |order| {
            Answer::from(guarded(order))
        })
    }};
    (@ $body:ident $load:ident [$($policy:tt)*]) => {{
        #[resilient($($policy)*)]
        async fn guarded(order: u64) -> Result<u64, Problem> {
            Ok(Asking::$body(order).await?)
        }
        deferred(Kind::Steadfast, "steadfast", $load, async |order| {
            Answer::from(guarded(order).await)
        })
    }};
}

guarded! {
    closed_sync: ask, #[resilient(breaker(name = "closed_sync", failures = 5, recovery = "1h"))];
    closed: ready, #[resilient(breaker(name = "closed", failures = 5, recovery = "1h"))];
    closed_shared: ready,
        #[resilient(breaker(name = "closed_shared", failures = 5, recovery = "1h"))];
    rate: ready,
        #[resilient(breaker(name = "rate", failure_rate = 0.5, recovery = "1h"))];
    rate_shared: ready,
        #[resilient(breaker(name = "rate_shared", failure_rate = 0.5, recovery = "1h"))];
    last_100: ready,
        #[resilient(breaker(name = "last_100", failure_rate = 0.5, window_calls = 100,
            recovery = "1h"))];
    last_50_000: ready,
        #[resilient(breaker(name = "last_50_000", failure_rate = 0.5, window_calls = 50_000,
            recovery = "1h"))];
    refusing_sync: ask,
        #[resilient(breaker(name = "refusing_sync", failures = 5, recovery = "1h"))];
    refusing: ready, #[resilient(breaker(name = "refusing", failures = 5, recovery = "1h"))];
    failing_sync: ask,
        #[resilient(breaker(name = "failing_sync", failures = 1000, recovery = "1h"))];
    failing: ready,
        #[resilient(breaker(name = "failing", failures = 1000, recovery = "1h"))];
    retry: ready, #[resilient(retry(max = 3, base = "1ms"))];
    timeout: ready, #[resilient(timeout = "300ms")];
    timeout_pending: pending_once, #[resilient(timeout = "300ms")];
    all: ready,
        #[resilient(breaker(name = "all", recovery = "1h"), retry(max = 3, base = "1ms"),
            timeout = "300ms")];
}

/// The handle, for code that no attribute fits.
pub(crate) fn permit(load: impl Load) -> Contender {
    let breaker = registry().breaker("permit");
    blocking(Kind::Steadfast, "steadfast (permit)", load, move |order| {
        let Ok(permit) = breaker.admit() else {
            return Answer::Refused;
        };
        let result = ask(order);
        match result {
            Ok(_) => permit.success(),
            Err(_) => permit.failure(),
        }
        Answer::from(result)
    })
}
