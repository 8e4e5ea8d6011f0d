//! An answer out of a cache: steadfast's, and a `get` of moka's, which keeps it.

use ::steadfast::resilient;
use moka::sync::Cache;

use super::problem::{Problem, heard};
use crate::body::{Answer, ask, ask_later};
use crate::item::{Contender, Kind, Load, blocking, deferred};

/// Answers that either keeps.
const MOST: u32 = 10_000;

/// A `get` of moka's, with the answer there from the start.
pub(crate) fn moka(load: impl Load) -> Contender {
    let kept: Cache<u64, u64> = Cache::new(MOST.into());
    let answer = move |order| {
        let known = kept.get(&order);
        known.map_or_else(
            || {
                let result = ask(order);
                if let Ok(value) = result {
                    kept.insert(order, value);
                }
                Answer::from(result)
            },
            Answer::Value,
        )
    };
    blocking(Kind::Peer, "moka's get", load, answer)
}

pub(crate) fn hit_sync(load: impl Load) -> Contender {
    #[resilient(cache(key = order, fresh = "1h", max = 10_000))]
    fn guarded(order: u64) -> Result<u64, Problem> {
        Ok(ask(order)?)
    }
    blocking(Kind::Steadfast, "steadfast (sync)", load, |order| {
        heard(guarded(order))
    })
}

pub(crate) fn hit(load: impl Load) -> Contender {
    #[resilient(cache(key = order, fresh = "1h", max = 10_000))]
    async fn guarded(order: u64) -> Result<u64, Problem> {
        Ok(ask_later(order).await?)
    }
    deferred(Kind::Steadfast, "steadfast", load, async |order| {
        heard(guarded(order).await)
    })
}

/// With a refresh behind: the call is then made of copies of the arguments.
pub(crate) fn hit_stale(load: impl Load) -> Contender {
    #[resilient(cache(key = order, fresh = "1h", stale = "1h", max = 10_000))]
    async fn guarded(order: u64) -> Result<u64, Problem> {
        Ok(ask_later(order).await?)
    }
    deferred(Kind::Steadfast, "steadfast (stale)", load, async |order| {
        heard(guarded(order).await)
    })
}
