//! circuitbreaker-rs: failures in a row and a rate over the breaker's whole life.

use ::circuitbreaker_rs::{BreakerError, CircuitBreaker, DefaultPolicy};

use super::RECOVERY;
use crate::body::{Answer, Down, ask};
use crate::item::{Contender, Kind, Load, blocking};

pub(crate) fn sync(load: impl Load, failures: u64, rate: f64) -> Contender {
    let builder = CircuitBreaker::<DefaultPolicy, Down>::builder().cooldown(RECOVERY);
    let builder = builder.consecutive_failures(failures).min_throughput(5);
    let breaker = builder.failure_threshold(rate).build();
    blocking(
        Kind::Peer,
        "circuitbreaker-rs",
        load,
        move |order| match breaker.call(|| ask(order)) {
            Ok(value) => Answer::Value(value),
            Err(BreakerError::Operation(_)) => Answer::Failed,
            Err(_) => Answer::Refused,
        },
    )
}
