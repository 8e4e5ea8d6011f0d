//! tokio's own timeout.

use super::LIMIT;
use crate::body::{Answer, Down, ask_later, ask_twice};
use crate::item::{Contender, Kind, Load, deferred};

use tokio::time::error::Elapsed;
use tokio::time::timeout;

fn heard(result: Result<Result<u64, Down>, Elapsed>) -> Answer {
    result.map_or(Answer::Refused, Answer::from)
}

pub(crate) fn ready(load: impl Load) -> Contender {
    deferred(Kind::Peer, "tokio", load, async |order| {
        heard(timeout(LIMIT, ask_later(order)).await)
    })
}

pub(crate) fn pending(load: impl Load) -> Contender {
    deferred(Kind::Peer, "tokio", load, async |order| {
        heard(timeout(LIMIT, ask_twice(order)).await)
    })
}
