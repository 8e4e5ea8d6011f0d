//! What one writes without steadfast: recloser in backon's retry, tokio's timeout in both.

use ::recloser::{AsyncRecloser, Error};
use backon::Retryable;
use tokio::time::timeout;

use super::LIMIT;
use super::recloser::breaker;
use super::retries::two_more;
use crate::body::{Answer, Down, ask_later};
use crate::item::{Contender, Kind, Load, deferred};

enum Attempt {
    Down,
    TimedOut,
}

impl From<Down> for Attempt {
    fn from(_: Down) -> Self {
        Self::Down
    }
}

async fn charge(breaker: &AsyncRecloser, order: u64) -> Result<u64, Error<Attempt>> {
    let attempt = || {
        breaker.call(async move {
            match timeout(LIMIT, ask_later(order)).await {
                Ok(result) => Ok(result?),
                Err(_) => Err(Attempt::TimedOut),
            }
        })
    };
    let failed = |error: &Error<Attempt>| matches!(error, Error::Inner(_));
    attempt.retry(two_more()).when(failed).await
}

pub(crate) fn ready(load: impl Load) -> Contender {
    let breaker = AsyncRecloser::from(breaker(100, 0.5));
    deferred(
        Kind::Peer,
        "hand-made",
        load,
        async move |order| match charge(&breaker, order).await {
            Ok(value) => Answer::Value(value),
            Err(Error::Inner(Attempt::Down)) => Answer::Failed,
            Err(Error::Inner(Attempt::TimedOut) | Error::Rejected) => Answer::Refused,
        },
    )
}
