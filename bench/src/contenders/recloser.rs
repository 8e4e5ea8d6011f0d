//! recloser: a ring of the last calls.

use ::recloser::{AsyncRecloser, Error, Recloser};

use super::RECOVERY;
use crate::body::{Answer, ask, ask_later};
use crate::item::{Contender, Kind, Load, blocking, deferred};

pub(super) fn heard<E>(result: Result<u64, Error<E>>) -> Answer {
    match result {
        Ok(value) => Answer::Value(value),
        Err(Error::Inner(_)) => Answer::Failed,
        Err(Error::Rejected) => Answer::Refused,
    }
}

/// Opens where this share of the last calls failed.
pub(crate) fn breaker(calls: usize, rate: f32) -> Recloser {
    let custom = Recloser::custom().error_rate(rate).closed_len(calls);
    custom.open_wait(RECOVERY).build()
}

pub(crate) fn sync(load: impl Load, breaker: Recloser) -> Contender {
    blocking(Kind::Peer, "recloser", load, move |order| {
        heard(breaker.call(|| ask(order)))
    })
}

pub(crate) fn ready(load: impl Load, breaker: Recloser) -> Contender {
    let breaker = AsyncRecloser::from(breaker);
    deferred(Kind::Peer, "recloser", load, async move |order| {
        heard(breaker.call(ask_later(order)).await)
    })
}
