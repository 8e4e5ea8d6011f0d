//! A limit that a fleet shares.
//!
//! ```text
//! mod      the limit: what all its accounts have in common
//! lane     an account: one key's, or that of a limit without keys
//! ledger   what is asked and known of an account (pure)
//! pot      tokens at hand
//! alone    an account while the store is out of reach
//! wait     a caller who waits for an answer, or for a turn
//! key      what a key is called in the store (pure)
//! ```

mod alone;
mod key;
mod lane;
mod ledger;
mod pot;
mod wait;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use steadfast_options::{Name, RateLimitPatch, defaults};

pub(crate) use key::name_of;
pub(crate) use lane::SharedLane;
pub(crate) use wait::{ANSWER, AloneWait, SharedWait};

use super::rate::Rate;
use crate::breaker::{Nanos, nanos};
use crate::clock;
use crate::keys::{Full, Key, Keys};
use crate::quota::outage::Terms;
use crate::quota::{Account, Counting, Reach, Rejoins, lease};
use ledger::Rules;

/// A limit that a fleet shares.
pub(crate) struct SharedLimit {
    common: Arc<Common>,
    lane: Arc<SharedLane>,
    keys: Keys<Arc<SharedLane>>,
}

/// What all accounts of a limit have in common.
pub(super) struct Common {
    name: Name,
    /// Another one where another fleet is joined.
    reach: Mutex<Arc<Reach>>,
    said: Mutex<Said>,
    /// Whether the coarse clock will do for tokens at hand.
    coarse: AtomicBool,
}

/// What the definition says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// Without regard to a lease.
    counting: Counting,
    rules: Rules,
    terms: Terms,
    probe: Duration,
}

impl Said {
    fn new(patch: &RateLimitPatch) -> Self {
        let counting = match Rate::new(patch) {
            Rate::TokenBucket(quota) => Counting::Bucket {
                interval: quota.interval,
                tolerance: quota.tolerance,
                lease: None,
            },
            Rate::SlidingWindow(span) => Counting::Window {
                max: span.max as u32,
                per: span.per,
            },
        };
        let rules = Rules::new(counting, patch.lease.map(nanos));
        Self {
            counting,
            rules,
            terms: Terms::new(patch),
            probe: patch.probe.unwrap_or(defaults::rate_limit::probe),
        }
    }

    fn allows_coarse_time(&self) -> bool {
        self.rules.lease.is_some_and(lease::allows_coarse_time)
    }
}

impl Common {
    pub(super) fn reach(&self) -> Arc<Reach> {
        self.reach_mut().clone()
    }

    fn reach_mut(&self) -> MutexGuard<'_, Arc<Reach>> {
        self.reach.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn said(&self) -> Said {
        *self.said_mut()
    }

    fn said_mut(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedLimit {
    pub(crate) fn new(name: Name, patch: &RateLimitPatch, reach: &Arc<Reach>) -> Arc<Self> {
        let said = Said::new(patch);
        let common = Arc::new(Common {
            name,
            reach: Mutex::new(reach.clone()),
            said: Mutex::new(said),
            coarse: AtomicBool::new(said.allows_coarse_time()),
        });
        let whole = Account {
            limit: name,
            key: "".into(),
        };
        let limit = Arc::new(Self {
            lane: Arc::new(SharedLane::new(whole, &common)),
            keys: Keys::new(patch.max_keys.unwrap_or(defaults::rate_limit::max_keys)),
            common,
        });
        limit.add_to(reach);
        limit
    }

    fn add_to(self: &Arc<Self>, reach: &Reach) {
        let member: Arc<dyn Rejoins> = self.clone();
        reach.add(Arc::downgrade(&member));
    }

    /// Joins another fleet, unless it is of this one already.
    pub(crate) fn join(self: &Arc<Self>, reach: &Arc<Reach>) {
        let before = std::mem::replace(&mut *self.common.reach_mut(), reach.clone());
        if !Arc::ptr_eq(&before, reach) {
            self.add_to(reach);
            self.rejoin(clock::precise());
        }
    }

    /// Whether it is of no fleet any more.
    pub(crate) fn has_left(&self) -> bool {
        self.common.reach().has_ended()
    }

    /// Takes another definition over. What is used stays used: the store knows it.
    pub(crate) fn retuned(&self, patch: &RateLimitPatch) {
        let said = Said::new(patch);
        let before = std::mem::replace(&mut *self.common.said_mut(), said);
        self.common
            .coarse
            .store(said.allows_coarse_time(), Ordering::Relaxed);
        self.keys
            .set_most(patch.max_keys.unwrap_or(defaults::rate_limit::max_keys));
        if before != said {
            self.each(|lane| lane.retuned(said));
        }
    }

    /// The account of a limit without keys.
    pub(crate) fn lane(&self) -> &Arc<SharedLane> {
        &self.lane
    }

    /// The account of a key. One for which there is no room is as good as any other while the store is
    /// there, which keeps its count; it is forgotten with its last user.
    pub(crate) fn lane_of(
        &self,
        key: Key,
        now: Nanos,
        text: impl FnOnce() -> String,
    ) -> Result<Arc<SharedLane>, Full> {
        if let Some(known) = self.keys.get(key, Arc::clone) {
            return Ok(known);
        }
        let account = Account {
            limit: self.common.name,
            key: self.common.reach().store().name_of(&text()).into(),
        };
        let made = Arc::new(SharedLane::new(account, &self.common));
        let kept = self.keys.with(key, now, || made.clone(), Arc::clone);
        match kept {
            Err(_) if self.common.reach().lost_since().is_none() => Ok(made),
            kept => kept,
        }
    }

    /// The account of a key that is known here.
    pub(crate) fn known(&self, key: Key) -> Option<Arc<SharedLane>> {
        self.keys.get(key, Arc::clone)
    }

    pub(crate) fn keys(&self) -> usize {
        self.keys.len()
    }

    /// Whether each instance goes on by itself.
    pub(crate) fn is_degraded(&self) -> bool {
        self.common.reach().lost_since().is_some()
    }

    fn each(&self, act: impl Fn(&Arc<SharedLane>)) {
        // Outside the locks of the map: what is done may answer at once.
        let mut lanes = vec![self.lane.clone()];
        self.keys.each(|lane| lanes.push(lane.clone()));
        lanes.iter().for_each(act);
    }
}

impl Rejoins for SharedLimit {
    fn rejoin(&self, now: Nanos) {
        self.each(|lane| lane.rejoin(now));
    }

    fn probe_every(&self) -> Duration {
        self.common.said().probe
    }
}
