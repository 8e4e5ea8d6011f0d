//! A call's policy, resolved: everything that a call needs, worked out once.

use std::sync::Arc;
use std::time::Duration;

use steadfast_options::{Classes, FallbackOn, Guards, Name, Patch, defaults};

use crate::breaker::{Breaker, Nanos, nanos};
use crate::bulkhead::Bulkhead;
use crate::call::Call;
use crate::catalog::Listed;
use crate::cells::Counters;
use crate::classify::Class;
use crate::rate_limit::RateLimit;
use crate::registry::Registry;
use crate::retry::{RetryPolicy, Retrying};

/// What holds for a call, from its first attempt to its last.
pub(crate) struct Resolved {
    pub(crate) name: Name,
    pub(crate) timeout: Option<Duration>,
    /// The timeout again, for bodies to see; [`Nanos::MAX`] where there is none.
    pub(crate) lasts: Nanos,
    pub(crate) deadline: Option<Duration>,
    pub(crate) rate_limit: Option<LimitGuard>,
    pub(crate) bulkhead: Option<BulkheadGuard>,
    pub(crate) breaker: Option<BreakerGuard>,
    /// What a first attempt comes to before its body.
    pub(crate) opening: Opening,
    /// Whether a first attempt begins a deadline, a budget's call or a timed body.
    pub(crate) opens_by_the_clock: bool,
    /// Where a call's guards begin.
    pub(crate) first_level: Guards,
    /// Whether a guard may make a call wait.
    pub(crate) has_queues: bool,
    pub(crate) retry: Option<RetryPolicy>,
    pub(crate) fallback_on: Option<FallbackOn>,
    pub(crate) notify: Option<fn(&Retrying<'_>)>,
    pub(crate) patch: Patch,
    counters: Counters<{ Ended::ALL }>,
    #[cfg(feature = "testing")]
    pub(crate) kit: Arc<crate::testing::Kit>,
}

/// What a first attempt comes to before its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// A breaker at the most, and no clock.
    Plain,
    /// Guards, all around each attempt.
    Guarded,
    /// Guards around the whole call.
    Around,
}

impl Opening {
    fn of(patch: &Patch, breaker: Option<&BreakerGuard>, first: Guards) -> Self {
        let queues = patch.rate_limit.is_some() || patch.bulkhead.is_some();
        let budget = patch.retry.is_some_and(|retry| retry.budget.is_some());
        let keyed = patch.breaker.is_some_and(|breaker| breaker.key.is_some());
        let timed = breaker.is_some_and(|guard| guard.breaker.times_calls());
        if first == Guards::Call {
            Self::Around
        } else if queues || budget || keyed || timed || patch.call.deadline.is_some() {
            Self::Guarded
        } else {
            Self::Plain
        }
    }
}

/// The breaker as one call uses it.
pub(crate) struct BreakerGuard {
    pub(crate) breaker: Breaker,
    pub(crate) guards: Guards,
    pub(crate) counts: Classes,
}

/// The rate limit as one call uses it.
pub(crate) struct LimitGuard {
    pub(crate) limit: RateLimit,
    pub(crate) guards: Guards,
    pub(crate) wait: Duration,
}

/// The bulkhead as one call uses it.
pub(crate) struct BulkheadGuard {
    pub(crate) bulkhead: Bulkhead,
    pub(crate) guards: Guards,
    pub(crate) wait: Duration,
}

impl Resolved {
    /// Of an annotated function.
    pub(crate) fn of_site(listed: &Listed, patch: &Patch, registry: &Registry) -> Self {
        Self::new(listed.name, patch, listed.site.notify, registry)
    }

    /// Whether calls would fare the same under both.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let opening = |policy: &Self| (policy.opening, policy.opens_by_the_clock);
        self.patch == other.patch && opening(self) == opening(other)
    }

    /// This policy, in place of one before it: what that has counted stays.
    pub(crate) fn counting_on(mut self, before: &Self) -> Self {
        self.counters = before.counters.clone();
        if let (Some(retry), Some(before)) = (&mut self.retry, &before.retry) {
            retry.count_on(before);
        }
        self
    }

    pub(crate) fn new(
        name: Name,
        patch: &Patch,
        notify: Option<fn(&Retrying<'_>)>,
        registry: &Registry,
    ) -> Self {
        let breaker = patch.breaker.map(|patch| BreakerGuard {
            breaker: registry.breaker_named(patch.name.unwrap_or(name)),
            guards: patch.guards.unwrap_or(defaults::breaker::guards),
            counts: patch.counts.unwrap_or(defaults::breaker::counts),
        });
        let rate_limit = patch.rate_limit.map(|patch| LimitGuard {
            limit: registry.rate_limit_named(patch.name.unwrap_or(name)),
            guards: patch.guards.unwrap_or(defaults::rate_limit::guards),
            wait: patch.wait.unwrap_or(defaults::rate_limit::wait),
        });
        let bulkhead = patch.bulkhead.map(|patch| BulkheadGuard {
            bulkhead: registry.bulkhead_named(patch.name.unwrap_or(name)),
            guards: patch.guards.unwrap_or(defaults::bulkhead::guards),
            wait: patch.wait.unwrap_or(defaults::bulkhead::wait),
        });
        let levels = [
            breaker.as_ref().map(|guard| guard.guards),
            rate_limit.as_ref().map(|guard| guard.guards),
            bulkhead.as_ref().map(|guard| guard.guards),
        ];
        let first_level = if levels.contains(&Some(Guards::Call)) {
            Guards::Call
        } else {
            Guards::Attempt
        };
        Self {
            name,
            timeout: patch.call.timeout,
            lasts: patch.call.timeout.map_or(Nanos::MAX, nanos),
            deadline: patch.call.deadline,
            first_level,
            opening: Opening::of(patch, breaker.as_ref(), first_level),
            opens_by_the_clock: patch.call.deadline.is_some()
                || patch.retry.is_some_and(|retry| retry.budget.is_some())
                || breaker
                    .as_ref()
                    .is_some_and(|guard| guard.breaker.times_calls()),
            has_queues: rate_limit.is_some() || bulkhead.is_some(),
            rate_limit,
            bulkhead,
            breaker,
            retry: patch.retry.as_ref().map(RetryPolicy::new),
            fallback_on: patch
                .fallback
                .map(|patch| patch.on.unwrap_or(defaults::fallback::on)),
            notify,
            patch: *patch,
            counters: Counters::new(),
            #[cfg(feature = "testing")]
            kit: registry.kit(),
        }
    }

    #[inline]
    pub(crate) fn count(&self, ended: Ended) {
        self.counters.bump(ended as usize);
    }

    pub(crate) fn counts(&self) -> CallCounts {
        let sum = |ended: Ended| self.counters.sum(ended as usize);
        CallCounts {
            ok: sum(Ended::Ok),
            transient: sum(Ended::Transient),
            timeout: sum(Ended::Timeout),
            rate_limited: sum(Ended::RateLimited),
            permanent: sum(Ended::Permanent),
            expected: sum(Ended::Expected),
            ignored: sum(Ended::Ignored),
            rejected: sum(Ended::Rejected),
        }
    }

    /// Whether a test has a fault in store for this call.
    #[inline]
    #[cfg_attr(not(feature = "testing"), allow(clippy::unused_self))]
    pub(crate) fn has_planned_fault(&self) -> bool {
        #[cfg(feature = "testing")]
        return self.kit.has_fault(&self.name);
        #[cfg(not(feature = "testing"))]
        false
    }

    /// Random numbers for jitter.
    #[cfg_attr(not(feature = "testing"), allow(clippy::unused_self))] // the kit's may be seeded
    pub(crate) fn random<R>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> R) -> R {
        #[cfg(feature = "testing")]
        return self.kit.random(draw);
        #[cfg(not(feature = "testing"))]
        draw(&mut fastrand::Rng::new())
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Ok,
    Transient,
    Timeout,
    RateLimited,
    Permanent,
    Expected,
    Ignored,
    /// A guard refused it.
    Rejected,
}

impl Ended {
    pub(crate) const ALL: usize = 8;
}

impl From<Class> for Ended {
    fn from(class: Class) -> Self {
        match class {
            Class::Transient => Self::Transient,
            Class::Timeout => Self::Timeout,
            Class::RateLimited { .. } => Self::RateLimited,
            Class::Permanent => Self::Permanent,
            Class::Expected => Self::Expected,
            Class::Ignored => Self::Ignored,
        }
    }
}

/// How the calls of one function or [`Policy`](crate::Policy) ended, from
/// [`SiteInfo::calls`](crate::SiteInfo::calls) and [`Policy::calls`](crate::Policy::calls). Calls
/// dropped by their callers are in none of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallCounts {
    /// With a value.
    pub ok: u64,
    /// With an error of class `Transient`.
    pub transient: u64,
    /// With an error of class `Timeout`, ours or the function's.
    pub timeout: u64,
    /// With an error of class `RateLimited`.
    pub rate_limited: u64,
    /// With an error of class `Permanent`.
    pub permanent: u64,
    /// With an error of class `Expected`.
    pub expected: u64,
    /// With an error of class `Ignored`.
    pub ignored: u64,
    /// Refused by a guard.
    pub rejected: u64,
}

/// The policy of a call, for as long as the call lasts.
#[doc(hidden)]
pub struct PolicyRef(Held);

enum Held {
    /// In the global registry, for ever.
    Global(&'static Resolved),
    /// In a registry made apart, or about to be in the global one.
    Apart(Arc<Resolved>),
}

impl PolicyRef {
    #[inline]
    pub(crate) fn global(policy: &'static Resolved) -> Self {
        Self(Held::Global(policy))
    }

    pub(crate) fn apart(policy: Arc<Resolved>) -> Self {
        Self(Held::Apart(policy))
    }

    /// Begins a call.
    #[inline]
    #[must_use]
    pub fn call(&self) -> Call<'_> {
        Call::new(match &self.0 {
            Held::Global(policy) => policy,
            Held::Apart(policy) => policy,
        })
    }
}
