//! The cache of one call: what it serves, and the lease of who makes the call for all.

use std::sync::Arc;

#[cfg(feature = "redis")]
use steadfast_options::Store;
use steadfast_options::{CachePatch, Mode, Name, defaults};

use super::find::Found;
use super::flight::{Flights, Landed, Pilot};
#[cfg(feature = "redis")]
use super::shared::{Afar, Kind, Shelf};
use super::{Answer, Answerable, Answers, Sharing};
use crate::breaker::{Nanos, nanos};
use crate::call::Call;
use crate::cells::Counters;
use crate::keys::Key;
use crate::telemetry::{Event, Served, report};

/// The cache of one call, as its policy has it.
pub(crate) struct Cache {
    pub(super) call: Name,
    pub(super) mode: Mode,
    pub(super) fresh: Nanos,
    /// How old an answer may be at most.
    pub(super) oldest: Nanos,
    /// Whether instances share its answers.
    #[cfg(feature = "redis")]
    pub(super) shares: bool,
    pub(super) store: Arc<CacheStore>,
}

/// What is kept of it from one version of the configuration to the next.
pub(super) struct CacheStore {
    pub(super) answers: Answers,
    pub(super) flights: Arc<Flights>,
    #[cfg(feature = "redis")]
    pub(super) shelf: Arc<Shelf>,
    counts: Counters<{ Count::ALL }>,
}

/// What is counted of a cache.
#[derive(Clone, Copy)]
pub(super) enum Count {
    Hit,
    Stale,
    Joined,
    Miss,
    Refresh,
    RefreshFailed,
}

impl Count {
    const ALL: usize = 6;
}

/// What the cache of one function did, from [`SiteInfo::cache`](crate::SiteInfo::cache).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub struct CacheCounts {
    /// Calls answered by an answer younger than `fresh`.
    pub hits: u64,
    /// Calls answered by an older one, while a refresh ran.
    pub stale: u64,
    /// Calls answered by that of another caller, which was under way.
    pub joined: u64,
    /// Calls that had to be made.
    pub misses: u64,
    /// Refreshes that brought a new answer.
    pub refreshes: u64,
    /// Refreshes that failed: the old answer stayed.
    pub failed_refreshes: u64,
    /// With `store = "redis"`, answers found there that memory did not have.
    pub fetched: u64,
    /// With `store = "redis"`, answers that Redis did not give or was not told, most often since it was
    /// away.
    pub unshared: u64,
    /// Answers kept in memory now, those too old to be served among them until they make room.
    pub kept: u64,
}

impl Cache {
    pub(crate) fn new(call: Name, patch: &CachePatch, mode: Mode) -> Self {
        let fresh = nanos(patch.fresh.unwrap_or(defaults::cache::fresh));
        Self {
            call,
            mode,
            fresh,
            oldest: fresh.saturating_add(patch.stale.map_or(0, nanos)),
            #[cfg(feature = "redis")]
            shares: patch.store == Some(Store::Redis) && mode != Mode::Off,
            store: Arc::new(CacheStore {
                answers: Answers::new(patch.max.unwrap_or(defaults::cache::max)),
                flights: Arc::default(),
                #[cfg(feature = "redis")]
                shelf: Shelf::new(call, Kind::Cache),
                counts: Counters::new(),
            }),
        }
    }

    /// Goes on with what the one before has kept and counted.
    pub(crate) fn go_on_from(&mut self, before: &Self) {
        let (own, known) = (&self.store.answers, &before.store);
        self.store = if own.max == known.answers.max {
            known.clone()
        } else {
            Arc::new(CacheStore {
                answers: known.answers.within(own.max),
                flights: known.flights.clone(),
                #[cfg(feature = "redis")]
                shelf: known.shelf.clone(),
                counts: known.counts.clone(),
            })
        };
    }

    pub(crate) fn counts(&self) -> CacheCounts {
        let sum = |count: Count| self.store.counts.sum(count as usize);
        #[cfg(feature = "redis")]
        let (fetched, unshared) = (self.store.shelf.fetched(), self.store.shelf.failed());
        #[cfg(not(feature = "redis"))]
        let (fetched, unshared) = (0, 0);
        CacheCounts {
            hits: sum(Count::Hit),
            stale: sum(Count::Stale),
            joined: sum(Count::Joined),
            misses: sum(Count::Miss),
            refreshes: sum(Count::Refresh),
            failed_refreshes: sum(Count::RefreshFailed),
            fetched,
            unshared,
            kept: self.store.answers.len(),
        }
    }

    #[inline]
    pub(super) fn count(&self, count: Count) {
        self.store.counts.bump(count as usize);
    }

    pub(super) fn served(&self, served: Served) {
        self.count(match served {
            Served::Fresh => Count::Hit,
            Served::Stale => Count::Stale,
            Served::Joined => Count::Joined,
        });
        report(&Event::Served {
            call: self.call,
            served,
        });
    }

    /// Leave to make a call whose answer is kept, whatever others do.
    pub(super) fn alone(&self, key: Key) -> Lease {
        self.count(Count::Miss);
        self.lease(key, None)
    }

    /// Leave to make the one call of this key.
    pub(super) fn lease(&self, key: Key, pilot: Option<Pilot>) -> Lease {
        Lease(Some(Held {
            call: self.call,
            store: self.store.clone(),
            key,
            purpose: Purpose::Answer,
            pilot,
            #[cfg(feature = "redis")]
            afar: None,
        }))
    }

    /// The call is to be made by who has this lease: behind an old answer, where there is one.
    pub(super) fn lead<T: Answerable, E>(
        &self,
        lease: Lease,
        old: Option<Arc<Answer>>,
    ) -> Found<T, E> {
        let Some(value) = old.and_then(|old| old.value()) else {
            self.count(Count::Miss);
            return Found::Call(lease, None);
        };
        self.served(Served::Stale);
        Found::Call(lease.refreshing(), Some(value))
    }
}

/// What a call is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// Its caller waits for it.
    Answer,
    /// The caller has an old answer.
    Refresh,
}

/// Leave to make a call, whose answer is then kept and goes to all who wait for it.
///
/// Dropped, it wakes those, and one of them gets the next.
pub struct Lease(Option<Held>);

struct Held {
    call: Name,
    store: Arc<CacheStore>,
    key: Key,
    purpose: Purpose,
    /// None where others make calls of this key too.
    pilot: Option<Pilot>,
    /// Where instances share the answer.
    #[cfg(feature = "redis")]
    afar: Option<Box<Afar>>,
}

impl Lease {
    /// Where there is no cache, nothing is kept.
    pub(super) const NONE: Self = Self(None);

    /// The same, for a call whose caller has an old answer.
    fn refreshing(mut self) -> Self {
        if let Some(held) = &mut self.0 {
            held.purpose = Purpose::Refresh;
        }
        self
    }

    /// The same, for a call whose answer instances share.
    #[cfg(feature = "redis")]
    pub(super) fn kept_at(mut self, afar: Afar) -> Self {
        if let Some(held) = &mut self.0 {
            held.afar = Some(Box::new(afar));
        }
        self
    }

    /// Keeps an answer that another instance has fetched.
    #[cfg(feature = "redis")]
    pub(super) fn keep(&self, answer: &Arc<Answer>) {
        if let Some(held) = &self.0 {
            held.store.answers.put(held.key, answer.clone());
        }
    }

    /// Ends it without a call: who waits gets this answer.
    #[cfg(feature = "redis")]
    pub(super) fn hand_over(mut self, answer: &Arc<Answer>) {
        if let Some(held) = self.0.take()
            && let Some(pilot) = &held.pilot
            && held.store.flights.end(held.key, pilot)
        {
            pilot.send_replace(Some(Landed::Answer(answer.clone())));
        }
    }

    /// Whether a caller waits for the answer, be it a fallback's.
    #[must_use]
    pub fn has_a_caller(&self) -> bool {
        let purpose = self.0.as_ref().map(|held| held.purpose);
        purpose != Some(Purpose::Refresh)
    }

    /// Hands the call's result to those who wait for it, and keeps its answer. What a fallback
    /// answered is not kept.
    #[allow(clippy::missing_errors_doc)] // it is the result given
    pub fn land<T: Answerable, E>(
        mut self,
        call: &Call<'_>,
        result: Result<T, E>,
        sharing: Sharing<E>,
        weigh: impl FnOnce(&T) -> u32,
    ) -> Result<T, E> {
        #[cfg_attr(not(feature = "redis"), allow(unused_mut))]
        let Some(mut held) = self.0.take() else {
            return result;
        };
        let genuine = call.has_succeeded();
        if held.purpose == Purpose::Refresh {
            held.report_refresh(genuine);
        }
        let kept = match &result {
            Ok(value) if genuine => {
                let answer = Answer::new(value, weigh(value));
                held.store.answers.put(held.key, answer.clone());
                #[cfg(feature = "redis")]
                if let Some(afar) = held.afar.take() {
                    afar.put(answer.clone());
                }
                Some(answer)
            }
            _ => None,
        };
        if let Some(pilot) = &held.pilot
            && held.store.flights.end(held.key, pilot)
            // Who waits for a refresh that fails makes a call of their own, with its fallback.
            && (genuine || held.purpose == Purpose::Answer)
        {
            let landed = match (&result, kept) {
                (_, Some(answer)) => Landed::Answer(answer),
                (Ok(value), None) => Landed::Answer(Answer::new(value, 0)),
                (Err(error), None) => sharing.landed(error),
            };
            pilot.send_replace(Some(landed));
        }
        result
    }
}

impl Held {
    fn report_refresh(&self, succeeded: bool) {
        let count = if succeeded {
            Count::Refresh
        } else {
            Count::RefreshFailed
        };
        self.store.counts.bump(count as usize);
        report(&Event::Refreshed {
            call: self.call,
            succeeded,
        });
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(held) = &self.0
            && let Some(pilot) = &held.pilot
        {
            held.store.flights.end(held.key, pilot);
        }
    }
}
