//! tower-resilience's layers.

use std::time::Duration;

use ::tower::{ServiceBuilder, service_fn};
use ::tower_resilience::circuitbreaker::{
    CircuitBreakerConfigBuilder, CircuitBreakerError, CircuitBreakerLayer, DefaultClassifier,
    SlidingWindowType,
};
use ::tower_resilience::retry::RetryLayer;
use ::tower_resilience::timelimiter::{TimeLimiterError, TimeLimiterLayer};

use super::{LIMIT, PAUSE, RECOVERY};
use crate::body::{Answer, Down, ask_later, ask_twice};
use crate::item::{Contender, Load, service};

const NAME: &str = "tower-resilience";

type Breaker = CircuitBreakerLayer<DefaultClassifier>;

fn built(builder: CircuitBreakerConfigBuilder<DefaultClassifier>) -> Breaker {
    let builder = builder.wait_duration_in_open(RECOVERY);
    builder.build().expect("a sound configuration")
}

pub(crate) fn in_a_row(failures: usize) -> Breaker {
    built(CircuitBreakerLayer::builder().consecutive_failures(failures))
}

pub(crate) fn rate(window: Duration) -> Breaker {
    let builder = CircuitBreakerLayer::builder().failure_rate_threshold(0.5);
    let builder = builder.sliding_window_type(SlidingWindowType::TimeBased);
    let builder = builder.minimum_number_of_calls(5);
    built(builder.sliding_window_duration(window))
}

pub(crate) fn last(calls: usize) -> Breaker {
    let builder = CircuitBreakerLayer::builder().failure_rate_threshold(0.5);
    let builder = builder.minimum_number_of_calls(5);
    built(builder.sliding_window_size(calls))
}

pub(crate) fn ready(load: impl Load, breaker: Breaker) -> Contender {
    let built = ServiceBuilder::new().layer(breaker);
    service(
        NAME,
        load,
        built.service(service_fn(ask_later)),
        |result| match result {
            Ok(value) => Answer::Value(value),
            Err(CircuitBreakerError::OpenCircuit) => Answer::Refused,
            Err(CircuitBreakerError::Inner(Down)) => Answer::Failed,
        },
    )
}

pub(crate) fn retry(load: impl Load) -> Contender {
    let layer = RetryLayer::<u64, u64, Down>::builder().max_attempts(3);
    let layer = layer.exponential_backoff(PAUSE).build();
    let built = ServiceBuilder::new().layer(layer);
    service(
        NAME,
        load,
        built.service(service_fn(ask_later)),
        Answer::from,
    )
}

fn limited(result: Result<u64, TimeLimiterError<Down>>) -> Answer {
    match result {
        Ok(value) => Answer::Value(value),
        Err(TimeLimiterError::Timeout) => Answer::Refused,
        Err(TimeLimiterError::Inner(Down)) => Answer::Failed,
    }
}

fn limiter() -> TimeLimiterLayer {
    TimeLimiterLayer::builder().timeout_duration(LIMIT).build()
}

pub(crate) fn timeout(load: impl Load) -> Contender {
    let built = ServiceBuilder::new().layer(limiter());
    service(NAME, load, built.service(service_fn(ask_later)), limited)
}

pub(crate) fn timeout_pending(load: impl Load) -> Contender {
    let built = ServiceBuilder::new().layer(limiter());
    service(NAME, load, built.service(service_fn(ask_twice)), limited)
}

type Failure = CircuitBreakerError<TimeLimiterError<Down>>;

pub(crate) fn all(load: impl Load) -> Contender {
    let retry = RetryLayer::<u64, u64, Failure>::builder().max_attempts(3);
    let retry = retry.exponential_backoff(PAUSE).build();
    let built = ServiceBuilder::new().layer(retry).layer(in_a_row(5));
    let built = built.layer(limiter()).service(service_fn(ask_later));
    service(NAME, load, built, |result| match result {
        Ok(value) => Answer::Value(value),
        Err(CircuitBreakerError::Inner(TimeLimiterError::Inner(Down))) => Answer::Failed,
        Err(_) => Answer::Refused,
    })
}
