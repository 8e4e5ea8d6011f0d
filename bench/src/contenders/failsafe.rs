//! failsafe: failures in a row, or an average of the success rate.

use std::time::Duration;

use ::failsafe::backoff::{Constant, constant};
use ::failsafe::failure_policy::{ConsecutiveFailures, SuccessRateOverTimeWindow};
use ::failsafe::failure_policy::{
    FailurePolicy, consecutive_failures, success_rate_over_time_window,
};
use ::failsafe::{Config, Error};

use super::RECOVERY;
use crate::body::{Answer, Down, ask, ask_later};
use crate::item::{Contender, Kind, Load, blocking, deferred};

fn heard(result: Result<u64, Error<Down>>) -> Answer {
    match result {
        Ok(value) => Answer::Value(value),
        Err(Error::Inner(_)) => Answer::Failed,
        Err(Error::Rejected) => Answer::Refused,
    }
}

pub(crate) fn in_a_row(failures: u32) -> ConsecutiveFailures<Constant> {
    consecutive_failures(failures, constant(RECOVERY))
}

/// Half of the calls over the window, once there are five.
pub(crate) fn rate(window: Duration) -> SuccessRateOverTimeWindow<Constant> {
    success_rate_over_time_window(0.5, 5, window, constant(RECOVERY))
}

pub(crate) fn sync(
    load: impl Load,
    policy: impl FailurePolicy + Send + Sync + 'static,
) -> Contender {
    let breaker = Config::new().failure_policy(policy).build();
    blocking(Kind::Peer, "failsafe", load, move |order| {
        heard(::failsafe::CircuitBreaker::call(&breaker, || ask(order)))
    })
}

pub(crate) fn ready(
    load: impl Load,
    policy: impl FailurePolicy + Send + Sync + 'static,
) -> Contender {
    let breaker = Config::new().failure_policy(policy).build();
    deferred(Kind::Peer, "failsafe", load, async move |order| {
        heard(::failsafe::futures::CircuitBreaker::call(&breaker, ask_later(order)).await)
    })
}
