//! execution-policy: one object that holds all policies.

use std::time::Duration;

use ::execution_policy::core::DefaultCore;
use ::execution_policy::{
    CircuitBreaker, ExecutionError, ExecutionPolicy, ExecutionPolicyBuilder, Jitter, Retry,
};

use super::{LIMIT, PAUSE, RECOVERY};
use crate::body::{Answer, Down, ask_later, ask_twice};
use crate::item::{Contender, Kind, Load, deferred};

const NAME: &str = "execution-policy";

type Builder = ExecutionPolicyBuilder<u64, Down>;
type Policy = ExecutionPolicy<DefaultCore, u64, Down>;

fn heard(result: Result<u64, ExecutionError<Down>>) -> Answer {
    match result {
        Ok(value) => Answer::Value(value),
        Err(ExecutionError::Operation { .. }) => Answer::Failed,
        Err(_) => Answer::Refused,
    }
}

pub(crate) fn in_a_row(failures: u32) -> Policy {
    let breaker = CircuitBreaker::consecutive_failures(failures).open_for(RECOVERY);
    Builder::new().circuit_breaker(breaker).build()
}

pub(crate) fn rate(window: Duration) -> Policy {
    let breaker = CircuitBreaker::failure_ratio().ratio(0.5);
    let breaker = breaker.minimum_throughput(5).sampling_window(window);
    let breaker = breaker.open_for(RECOVERY);
    Builder::new().circuit_breaker(breaker).build()
}

fn three_attempts() -> Retry<u64, Down> {
    let retry = Retry::exponential().max_attempts(3).base_delay(PAUSE);
    retry.jitter(Jitter::None)
}

pub(crate) fn retry() -> Policy {
    Builder::new().retry(three_attempts()).build()
}

pub(crate) fn timeout() -> Policy {
    Builder::new().attempt_timeout(LIMIT).build()
}

/// The breaker is around the retry; nothing else is offered.
pub(crate) fn all() -> Policy {
    let breaker = CircuitBreaker::consecutive_failures(5).open_for(RECOVERY);
    let builder = Builder::new().retry(three_attempts());
    builder
        .attempt_timeout(LIMIT)
        .circuit_breaker(breaker)
        .build()
}

pub(crate) fn ready(load: impl Load, policy: Policy) -> Contender {
    deferred(Kind::Peer, NAME, load, async move |order| {
        heard(policy.run(async || ask_later(order).await).await)
    })
}

pub(crate) fn pending(load: impl Load, policy: Policy) -> Contender {
    deferred(Kind::Peer, NAME, load, async move |order| {
        heard(policy.run(async || ask_twice(order).await).await)
    })
}
