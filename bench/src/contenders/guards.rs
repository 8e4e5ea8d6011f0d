//! Rate limits and bulkheads: steadfast's through the attribute and by handle, governor's, tokio's
//! semaphore, and the whole stack of policies against what one writes by hand.

use std::num::NonZeroU32;

use ::governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use ::recloser::{AsyncRecloser, Error as Circuit};
use ::steadfast::{registry, resilient};
use backon::Retryable;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::LIMIT;
use super::problem::{Problem, heard};
use super::recloser::breaker;
use super::retries::two_more;
use crate::body::{Answer, Down, ask_later};
use crate::item::{Contender, Kind, Load, deferred};

/// More a second than any run asks for.
const PLENTY: NonZeroU32 = NonZeroU32::new(1_000_000_000).expect("not zero");
/// Calls at a time.
const PLACES: usize = 10;

/// Guarded async functions, each wrapped as a contender; keys name the argument.
macro_rules! guarded {
    ($($name:ident($order:ident): #[resilient($($policy:tt)*)];)+) => {$(
        pub(crate) fn $name(load: impl Load) -> Contender {
            #[resilient($($policy)*)]
            async fn guarded($order: u64) -> Result<u64, Problem> {
                Ok(ask_later($order).await?)
            }
            deferred(Kind::Steadfast, "steadfast", load, async |order| {
                heard(guarded(order).await)
            })
        }
    )+};
}

guarded! {
    limit(order): #[resilient(rate_limit(name = "limit", max = 1_000_000_000, per = "1s"))];
    limit_shut(order): #[resilient(rate_limit(name = "limit_shut", max = 1, per = "1h"))];
    limit_by_key(order): #[resilient(rate_limit(name = "limit_by_key", max = 1_000_000_000, per = "1s",
        key = order))];
    bulkhead(order): #[resilient(bulkhead(name = "bulkhead", max = 10))];
    stack(order): #[resilient(breaker(name = "stack", recovery = "1h"), retry(max = 3, base = "1ms"),
        timeout = "300ms", bulkhead(name = "stack", max = 10))];
}

/// The handle, for code that no attribute fits.
fn limit_named(name: &str, load: impl Load) -> Contender {
    let limit = registry().rate_limit(name);
    deferred(
        Kind::Steadfast,
        "steadfast (handle)",
        load,
        async move |order| {
            if limit.try_acquire().is_err() {
                return Answer::Refused;
            }
            Answer::from(ask_later(order).await)
        },
    )
}

pub(crate) fn limit_handle(load: impl Load) -> Contender {
    limit_named("limit", load)
}

pub(crate) fn limit_shut_handle(load: impl Load) -> Contender {
    limit_named("limit_shut", load)
}

pub(crate) fn limit_by_key_handle(load: impl Load) -> Contender {
    let limit = registry().rate_limit("limit_by_key");
    deferred(
        Kind::Steadfast,
        "steadfast (handle)",
        load,
        async move |order| {
            if limit.try_acquire_for(&order).is_err() {
                return Answer::Refused;
            }
            Answer::from(ask_later(order).await)
        },
    )
}

/// The handle of a bulkhead.
pub(crate) fn bulkhead_handle(load: impl Load) -> Contender {
    let bulkhead = registry().bulkhead("bulkhead");
    deferred(
        Kind::Steadfast,
        "steadfast (handle)",
        load,
        async move |order| {
            let Ok(_place) = bulkhead.try_enter() else {
                return Answer::Refused;
            };
            Answer::from(ask_later(order).await)
        },
    )
}

fn governed(load: impl Load, quota: Quota) -> Contender {
    let limit: DefaultDirectRateLimiter = RateLimiter::direct(quota);
    deferred(Kind::Peer, "governor", load, async move |order| {
        if limit.check().is_err() {
            return Answer::Refused;
        }
        Answer::from(ask_later(order).await)
    })
}

pub(crate) fn governor(load: impl Load) -> Contender {
    governed(load, Quota::per_second(PLENTY))
}

pub(crate) fn governor_shut(load: impl Load) -> Contender {
    governed(load, Quota::per_hour(NonZeroU32::MIN))
}

pub(crate) fn governor_by_key(load: impl Load) -> Contender {
    let limit: DefaultKeyedRateLimiter<u64> = RateLimiter::keyed(Quota::per_second(PLENTY));
    deferred(Kind::Peer, "governor", load, async move |order| {
        if limit.check_key(&order).is_err() {
            return Answer::Refused;
        }
        Answer::from(ask_later(order).await)
    })
}

pub(crate) fn semaphore(load: impl Load) -> Contender {
    let places = Semaphore::new(PLACES);
    deferred(Kind::Peer, "tokio semaphore", load, async move |order| {
        let Ok(_place) = places.try_acquire() else {
            return Answer::Refused;
        };
        Answer::from(ask_later(order).await)
    })
}

enum Attempt {
    Down,
    TimedOut,
    Full,
}

impl From<Down> for Attempt {
    fn from(_: Down) -> Self {
        Self::Down
    }
}

/// Four crates: recloser and tokio's semaphore in backon's retry, tokio's timeout in all.
async fn charge(
    breaker: &AsyncRecloser,
    places: &Semaphore,
    order: u64,
) -> Result<u64, Circuit<Attempt>> {
    let attempt = || async move {
        let place = places.try_acquire();
        let _place = place.map_err(|_| Circuit::Inner(Attempt::Full))?;
        let limited = async {
            match timeout(LIMIT, ask_later(order)).await {
                Ok(result) => Ok(result?),
                Err(_) => Err(Attempt::TimedOut),
            }
        };
        breaker.call(limited).await
    };
    let failed = |error: &Circuit<Attempt>| {
        matches!(error, Circuit::Inner(Attempt::Down | Attempt::TimedOut))
    };
    attempt.retry(two_more()).when(failed).await
}

pub(crate) fn hand_made_stack(load: impl Load) -> Contender {
    let breaker = AsyncRecloser::from(breaker(100, 0.5));
    let places = Semaphore::new(PLACES);
    deferred(
        Kind::Peer,
        "hand-made",
        load,
        async move |order| match charge(&breaker, &places, order).await {
            Ok(value) => Answer::Value(value),
            Err(Circuit::Inner(Attempt::Down)) => Answer::Failed,
            Err(_) => Answer::Refused,
        },
    )
}
