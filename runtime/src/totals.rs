//! What a registry has counted since it was made: what metrics, status pages and tests read.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use steadfast_options::Name;

use crate::answers::CacheCounts;
use crate::breaker::State;
use crate::policy::CallCounts;
use crate::registry::Registry;
use crate::tally::{ATTEMPTS, Ended, Rare, Sums};

/// Everything that a registry has counted, from [`Registry::totals`]. No count ever goes back.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub struct Totals {
    /// Of calls, by name.
    pub calls: Vec<CallTotals>,
    /// Of breakers, by name.
    pub breakers: Vec<BreakerTotals>,
    /// Of rate limits, by name.
    pub rate_limits: Vec<LimitTotals>,
    /// Of bulkheads, by name.
    pub bulkheads: Vec<BulkheadTotals>,
    /// Of caches, by the names of their calls.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serialize::map"))]
    pub caches: Vec<(Name, CacheCounts)>,
    /// Of queues, by name.
    #[cfg(feature = "redis")]
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serialize::map"))]
    pub queues: Vec<(Name, crate::outbox::QueueCounts)>,
    /// Loads of the configuration that were put in force, the first among them.
    pub loads: u64,
    /// Loads of the configuration that changed nothing, since something was wrong.
    pub failed_loads: u64,
    /// Whether Redis serves, where a setup named one.
    pub redis_connected: Option<bool>,
}

/// What the calls of one name came to.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub struct CallTotals {
    /// The call's name.
    pub name: Name,
    /// How they ended.
    pub ended: CallCounts,
    /// Attempts after the first, by how each ended: retries.
    pub retries: CallCounts,
    /// Calls by the number of their attempts, where the call has a retry.
    pub attempts: Option<Attempts>,
    /// Attempts and calls that a timeout or a deadline cut.
    pub timeouts: u64,
    /// Calls that a fallback answered.
    pub fallbacks: u64,
}

/// Calls by the number of their attempts, in [`CallTotals`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub struct Attempts {
    /// How many calls had at most so many attempts: `(1, …)`, `(2, …)`, … `(10, …)`.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serialize::map"))]
    pub at_most: [(u32, u64); ATTEMPTS.len()],
    /// All calls.
    pub calls: u64,
    /// All attempts.
    pub attempts: u64,
}

/// What a breaker has counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub struct BreakerTotals {
    /// The breaker's name.
    pub name: Name,
    /// Its state now.
    pub state: State,
    /// Outcomes that it counted as failures.
    pub failures: u64,
    /// Outcomes that it counted as successes.
    pub successes: u64,
    /// Calls that it refused.
    pub rejections: u64,
    /// Outcomes, failed or not, that took longer than `slow_call`.
    #[cfg_attr(feature = "serde", serde(rename = "slow"))]
    pub slow_calls: u64,
    /// Changes of state, by the state after: closed, open, half-open, forced open, disabled.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serialize::map"))]
    pub changes: [(State, u64); 5],
    /// Its keys in memory, and how many of them are not closed, where it is used by key.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::serialize::maybe_keys")
    )]
    pub keys: Option<(usize, usize)>,
}

/// What a rate limit has counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub struct LimitTotals {
    /// The limit's name.
    pub name: Name,
    /// Calls that it refused.
    pub rejected: u64,
    /// Whether it is to be shared and is not: Redis is out of reach, or no setup named one.
    pub degraded: bool,
}

/// What a bulkhead has counted, and how full it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub struct BulkheadTotals {
    /// The bulkhead's name.
    pub name: Name,
    /// Places taken.
    pub active: u32,
    /// Calls that wait for one.
    pub waiting: u32,
    /// Places in all.
    pub max: u32,
    /// Calls that it refused.
    pub rejected: u64,
}

/// Loads of a registry's configuration.
#[derive(Default)]
pub(crate) struct Loads {
    loaded: AtomicU64,
    failed: AtomicU64,
}

#[cfg(feature = "config")]
impl Loads {
    pub(crate) fn count<T, E>(&self, result: &Result<T, E>) {
        let cell = if result.is_ok() {
            &self.loaded
        } else {
            &self.failed
        };
        cell.fetch_add(1, Ordering::Relaxed);
    }
}

/// What the calls of all functions say of the policies that they use.
#[derive(Default)]
struct OfCalls {
    calls: BTreeMap<Name, Sums>,
    successes: BTreeMap<Name, u64>,
    /// By breakers, limits and bulkheads.
    refusals: [BTreeMap<Name, u64>; 3],
}

impl OfCalls {
    fn read(registry: &Registry) -> Self {
        let mut read = Self::default();
        for ((call, guarding), sums) in registry.sums() {
            read.calls.entry(call).or_default().add(&sums);
            if let Some(breaker) = guarding.breaker {
                *read.successes.entry(breaker).or_default() += sums.successes();
            }
            let by = [
                (guarding.breaker, Ended::CircuitOpen),
                (guarding.rate_limit, Ended::LimitUsedUp),
                (guarding.bulkhead, Ended::BulkheadFull),
            ];
            for (refusals, (name, ended)) in read.refusals.iter_mut().zip(by) {
                if let Some(name) = name {
                    *refusals.entry(name).or_default() += sums.refusals(ended);
                }
            }
        }
        read
    }

    fn refusals(&self, kind: usize, name: Name) -> u64 {
        self.refusals[kind].get(&name).copied().unwrap_or(0)
    }
}

impl Registry {
    /// What was counted since the registry was made, of all calls and policies that the code declares
    /// or that are in use. Reading it takes no lock that a call takes which goes well.
    ///
    /// ```
    /// use steadfast::{Registry, resilient};
    ///
    /// #[resilient(name = "totals.ask", breaker = "totals.es")]
    /// fn ask() -> std::io::Result<()> { Ok(()) }
    ///
    /// let registry = Registry::new();
    /// registry.scope_blocking(|| ask()).unwrap();
    /// let totals = registry.totals();
    /// let es = totals.breakers.iter().find(|breaker| breaker.name == "totals.es").unwrap();
    /// assert_eq!((es.successes, es.failures), (1, 0));
    /// ```
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.meet_declared();
        // Breakers' own cells first: what their calls count later is missing, and never too much.
        let of_calls = OfCalls::read(self);
        let breakers = self.breakers().into_iter().map(|breaker| {
            let name = breaker.name();
            let successes = of_calls.successes.get(&name).copied().unwrap_or(0);
            breaker.totals(successes, of_calls.refusals(0, name))
        });
        let rate_limits = self.rate_limits().into_iter().map(|limit| LimitTotals {
            name: limit.name(),
            rejected: of_calls.refusals(1, limit.name()) + limit.refused_by_hand(),
            degraded: limit.status().degraded,
        });
        let bulkheads = self.bulkheads().into_iter().map(|bulkhead| {
            let status = bulkhead.status();
            BulkheadTotals {
                name: bulkhead.name(),
                active: status.active,
                waiting: status.waiting,
                max: status.max,
                rejected: of_calls.refusals(2, bulkhead.name()) + bulkhead.refused_by_hand(),
            }
        });
        let loads = self.loads();
        Totals {
            breakers: breakers.collect(),
            rate_limits: rate_limits.collect(),
            bulkheads: bulkheads.collect(),
            caches: self.caches(),
            #[cfg(feature = "redis")]
            queues: self.queue_counts(),
            calls: of_calls.calls.iter().map(call_totals).collect(),
            loads: loads.loaded.load(Ordering::Relaxed),
            failed_loads: loads.failed.load(Ordering::Relaxed),
            redis_connected: self.redis_connected(),
        }
    }
}

impl Registry {
    #[cfg(feature = "redis")]
    fn redis_connected(&self) -> Option<bool> {
        self.redis_status().map(|redis| redis.connected)
    }

    #[cfg(not(feature = "redis"))]
    #[allow(clippy::unused_self)] // as with the feature
    fn redis_connected(&self) -> Option<bool> {
        None
    }
}

fn call_totals((name, sums): (&Name, &Sums)) -> CallTotals {
    let (classes, calls, attempts) = sums.attempts();
    let mut at_most = ATTEMPTS.map(|most| (most, 0));
    for (class, count) in at_most.iter_mut().zip(classes) {
        class.1 = count;
    }
    CallTotals {
        name: *name,
        ended: sums.ended(),
        retries: sums.retries(),
        attempts: sums.retries.then_some(Attempts {
            at_most,
            calls,
            attempts,
        }),
        timeouts: sums.rare(Rare::TimedOut),
        fallbacks: sums.rare(Rare::FellBack),
    }
}
