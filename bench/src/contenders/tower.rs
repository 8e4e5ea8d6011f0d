//! tower's own layers.

use std::time::Duration;

use ::tower::retry::Policy;
use ::tower::retry::backoff::{Backoff, ExponentialBackoff, ExponentialBackoffMaker, MakeBackoff};
use ::tower::timeout::error::Elapsed;
use ::tower::util::rng::HasherRng;
use ::tower::{BoxError, ServiceBuilder, service_fn};
use tokio::time::Sleep;

use super::{LIMIT, PAUSE};
use crate::body::{Answer, Down, ask_later, ask_twice};
use crate::item::{Contender, Load, service};

fn heard(result: Result<u64, BoxError>) -> Answer {
    match result {
        Ok(value) => Answer::Value(value),
        Err(error) if error.is::<Elapsed>() => Answer::Refused,
        Err(_) => Answer::Failed,
    }
}

/// Retries so many times, after pauses that grow.
#[derive(Clone)]
struct More {
    left: u32,
    pauses: ExponentialBackoff,
}

impl More {
    fn two() -> Self {
        let longest = Duration::from_secs(60);
        let maker = ExponentialBackoffMaker::new(PAUSE, longest, 0.0, HasherRng::default());
        Self {
            left: 2,
            pauses: maker.expect("a sound range").make_backoff(),
        }
    }
}

impl<E> Policy<u64, u64, E> for More {
    type Future = Sleep;

    fn retry(&mut self, _: &mut u64, result: &mut Result<u64, E>) -> Option<Sleep> {
        if result.is_ok() || self.left == 0 {
            return None;
        }
        self.left -= 1;
        Some(self.pauses.next_backoff())
    }

    fn clone_request(&mut self, order: &u64) -> Option<u64> {
        Some(*order)
    }
}

pub(crate) fn retry(load: impl Load) -> Contender {
    let builder = ServiceBuilder::new().retry(More::two());
    let answer = |result: Result<u64, Down>| Answer::from(result);
    service(
        "tower",
        load,
        builder.service(service_fn(ask_later)),
        answer,
    )
}

pub(crate) fn timeout(load: impl Load) -> Contender {
    let builder = ServiceBuilder::new().timeout(LIMIT);
    service("tower", load, builder.service(service_fn(ask_later)), heard)
}

pub(crate) fn timeout_pending(load: impl Load) -> Contender {
    let builder = ServiceBuilder::new().timeout(LIMIT);
    service("tower", load, builder.service(service_fn(ask_twice)), heard)
}

/// A limit on calls at a time stands where the others have a breaker.
pub(crate) fn all(load: impl Load) -> Contender {
    let builder = ServiceBuilder::new()
        .concurrency_limit(10)
        .retry(More::two());
    let built = builder.timeout(LIMIT).service(service_fn(ask_later));
    service("tower", load, built, heard)
}
