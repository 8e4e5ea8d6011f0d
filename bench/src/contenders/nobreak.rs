//! nobreak: failures in a row, behind a lock.

use ::nobreak::{CircuitBreaker, CircuitError};

use super::RECOVERY;
use crate::body::{Answer, Down, ask, ask_later};
use crate::item::{Contender, Kind, Load, blocking, deferred};

fn heard(result: Result<u64, CircuitError<Down>>) -> Answer {
    match result {
        Ok(value) => Answer::Value(value),
        Err(CircuitError::Failed { .. }) => Answer::Failed,
        Err(CircuitError::Open) => Answer::Refused,
    }
}

fn breaker(failures: usize) -> CircuitBreaker {
    let builder = ::nobreak::builder().with_failure_threshold(failures);
    builder.with_open_duration(RECOVERY).build()
}

pub(crate) fn sync(load: impl Load, failures: usize) -> Contender {
    let breaker = breaker(failures);
    blocking(Kind::Peer, "nobreak", load, move |order| {
        heard(breaker.call(|| ask(order)))
    })
}

pub(crate) fn ready(load: impl Load, failures: usize) -> Contender {
    let breaker = breaker(failures);
    deferred(Kind::Peer, "nobreak", load, async move |order| {
        heard(breaker.call_async(|| ask_later(order)).await)
    })
}
