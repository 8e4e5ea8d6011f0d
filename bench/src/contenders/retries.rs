//! Crates that only retry.

use backon::{ExponentialBuilder, Retryable};
use tokio_retry2::strategy::ExponentialBackoff;
use tokio_retry2::{Retry, RetryError};

use super::PAUSE;
use crate::body::{Answer, ask_later};
use crate::item::{Contender, Kind, Load, deferred};

pub(super) fn two_more() -> ExponentialBuilder {
    let builder = ExponentialBuilder::default().with_min_delay(PAUSE);
    builder.with_max_times(2)
}

pub(crate) fn backon(load: impl Load) -> Contender {
    let builder = two_more();
    deferred(Kind::Peer, "backon", load, async move |order| {
        let result = (|| ask_later(order)).retry(builder).await;
        Answer::from(result)
    })
}

pub(crate) fn tokio_retry2(load: impl Load) -> Contender {
    deferred(Kind::Peer, "tokio-retry2", load, async |order| {
        let pauses = ExponentialBackoff::from_millis(2).take(2);
        let action = || async move { ask_later(order).await.map_err(RetryError::transient) };
        Answer::from(Retry::spawn(pauses, action).await)
    })
}
