//! The body alone.

use crate::body::{Answer, ask, ask_later, ask_twice};
use crate::item::{Contender, Kind, Load, blocking, deferred};

const NAME: &str = "bare call";

pub(crate) fn sync(load: impl Load) -> Contender {
    blocking(Kind::Bare, NAME, load, |order| Answer::from(ask(order)))
}

pub(crate) fn ready(load: impl Load) -> Contender {
    let call = async |order| Answer::from(ask_later(order).await);
    deferred(Kind::Bare, NAME, load, call)
}

pub(crate) fn pending(load: impl Load) -> Contender {
    let call = async |order| Answer::from(ask_twice(order).await);
    deferred(Kind::Bare, NAME, load, call)
}
