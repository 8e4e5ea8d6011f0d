//! What a registry shares with those of other processes.

use std::sync::{Arc, MutexGuard, PoisonError};

use super::Registry;
use crate::breaker::Breaker;
use crate::shared::Fleet;

/// How the link to Redis is, from [`Registry::redis_status`].
#[derive(Clone, Debug, PartialEq, Eq)]
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

    pub(crate) fn leave_fleet(&self) -> Option<Arc<Fleet>> {
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

    /// Shares all that is to be shared and is not yet.
    pub(crate) fn share_all(&self) {
        let breakers = self.breakers();
        let wanting = breakers.iter().filter(|breaker| breaker.wants_fleet());
        wanting.for_each(|breaker| self.share(breaker));
    }
}
