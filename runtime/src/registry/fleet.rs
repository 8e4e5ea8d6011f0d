//! What a registry shares with those of other processes.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use steadfast_options::{Name, Patch};

use super::Registry;
use crate::breaker::Breaker;
use crate::bulkhead::Bulkhead;
use crate::config::Kind;
use crate::outbox::{Queue, QueueCounts};
use crate::quota::outage::Terms;
use crate::rate_limit::RateLimit;
use crate::shared::Fleet;

/// How the link to Redis is, from [`Registry::redis_status`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub struct RedisStatus {
    /// Whether it serves.
    pub connected: bool,
    /// Where Redis is, without user and password.
    pub server: String,
    /// Processes that share through it, this one among them; as many as were last heard of.
    pub instances: u32,
    /// Why it does not serve.
    pub error: Option<String>,
}

impl Registry {
    fn fleet_mut(&self) -> MutexGuard<'_, Option<Arc<Fleet>>> {
        self.0.fleet.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// With whom policies are shared, where a setup named a Redis.
    pub(crate) fn fleet(&self) -> Option<Arc<Fleet>> {
        self.fleet_mut().clone()
    }

    pub(crate) fn join_fleet(&self, fleet: Arc<Fleet>) {
        *self.fleet_mut() = Some(fleet);
    }

    /// The queue of this name, where a setup named a Redis.
    pub(crate) fn queue(&self, name: Name) -> Option<Arc<Queue>> {
        let fleet = self.fleet()?;
        let mut queues = self.queues_mut();
        let made = || Queue::new(name, fleet.prefix(), fleet.link());
        Some(queues.entry(name).or_insert_with(made).clone())
    }

    /// What queues have done here, by name.
    pub(crate) fn queue_counts(&self) -> Vec<(Name, QueueCounts)> {
        let queues = self.queues_mut();
        let counts = queues.iter().map(|(name, queue)| (*name, queue.counts()));
        counts.collect()
    }

    fn queues_mut(&self) -> MutexGuard<'_, BTreeMap<Name, Arc<Queue>>> {
        self.0.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn leave_fleet(&self) -> Option<Arc<Fleet>> {
        self.queues_mut().clear();
        self.fleet_mut().take()
    }

    /// How the link to Redis is; none where no setup named a Redis.
    ///
    /// ```
    /// assert_eq!(steadfast::registry().redis_status(), None);
    /// ```
    #[must_use]
    pub fn redis_status(&self) -> Option<RedisStatus> {
        self.fleet().map(|fleet| fleet.status())
    }

    /// Shares a breaker that is to be shared.
    pub(super) fn share(&self, breaker: &Breaker) {
        match self.fleet() {
            Some(fleet) => {
                breaker.finds_fleet();
                fleet.share(breaker);
            }
            None => breaker.stays_alone(),
        }
    }

    /// Shares a limit that is to be shared.
    pub(super) fn share_limit(&self, limit: &RateLimit) {
        match self.fleet() {
            Some(fleet) => {
                let patch = self.patch_of(Kind::RateLimit, limit.name());
                limit.share(&patch.rate_limit.unwrap_or_default(), fleet.reach());
            }
            None => limit.stays_alone(),
        }
    }

    /// Shares a bulkhead that is to be shared. Without Redis it goes on as the rate limit of its name
    /// does, if there is one.
    pub(super) fn share_bulkhead(&self, bulkhead: &Bulkhead) {
        match self.fleet() {
            Some(fleet) => {
                let patch = self.patch_of(Kind::Bulkhead, bulkhead.name());
                let limit = self.patch_of(Kind::RateLimit, bulkhead.name());
                let terms = Terms::new(&limit.rate_limit.unwrap_or_default());
                bulkhead.share(&patch.bulkhead.unwrap_or_default(), terms, fleet.reach());
            }
            None => bulkhead.stays_alone(),
        }
    }

    fn patch_of(&self, kind: Kind, name: Name) -> Patch {
        self.definition(kind, name).in_force.patch
    }

    /// Shares all limits and bulkheads that are to be shared and are not yet.
    pub(super) fn share_limits(&self) {
        let limits = self.rate_limits();
        let wanting = limits.iter().filter(|limit| limit.wants_store());
        wanting.for_each(|limit| self.share_limit(limit));
        let bulkheads = self.bulkheads();
        let wanting = bulkheads.iter().filter(|bulkhead| bulkhead.wants_store());
        wanting.for_each(|bulkhead| self.share_bulkhead(bulkhead));
    }

    /// Shares all that is to be shared and is not yet.
    pub(crate) fn share_all(&self) {
        let breakers = self.breakers();
        let wanting = breakers.iter().filter(|breaker| breaker.wants_fleet());
        wanting.for_each(|breaker| self.share(breaker));
    }
}
