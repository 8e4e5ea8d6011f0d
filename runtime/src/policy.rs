//! A call's policy, resolved: everything that a call needs, worked out once.

mod guards;

use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::time::Duration;

use steadfast_options::{FallbackOn, Guards, Mode, Name, Patch, defaults};

use guards::acting;
pub(crate) use guards::{BreakerGuard, BulkheadGuard, LimitGuard, Limits};

use crate::answers::{Cache, LastGood};
use crate::breaker::{Nanos, nanos};
use crate::call::{Call, listen_for_spans};
use crate::catalog::Listed;
use crate::registry::Registry;
use crate::rejection::Rejection;
use crate::retry::{RetryPolicy, Retrying};
use crate::tally::{Ended, Guarding, Ledger, Rare, Tally};
use crate::telemetry::{Event, Lines, report, would_reject};

/// What holds for a call, from its first attempt to its last.
#[allow(clippy::struct_excessive_bools)] // each is a question that a call asks once
pub(crate) struct Resolved {
    pub(crate) name: Name,
    /// The named policies that it uses.
    guarding: Guarding,
    pub(crate) timeout: Option<Duration>,
    /// The timeout again, for bodies to see; [`Nanos::MAX`] where there is none.
    pub(crate) lasts: Nanos,
    pub(crate) deadline: Option<Duration>,
    /// Whether a pending body has a limit, be it one that only observes.
    pub(crate) watches_time: bool,
    /// Whether a guard or a limit only observes.
    pub(crate) observes: bool,
    /// The limits of a call that is observed: they cut nothing.
    pub(crate) observed: Option<Limits>,
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
    pub(crate) last_good: Option<LastGood>,
    pub(crate) cache: Option<Cache>,
    pub(crate) notify: Option<fn(&Retrying<'_>)>,
    pub(crate) patch: Patch,
    /// How its calls end, while they use these policies.
    pub(crate) tally: Tally,
    /// The same of every version of it.
    pub(crate) ledger: Arc<Ledger>,
    /// How much of it the log was told.
    pub(crate) lines: Arc<Lines>,
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
    /// Guards around the whole call, or some that only observe, or places that the fleet shares.
    Around,
}

impl Resolved {
    /// Of an annotated function.
    pub(crate) fn of_site(listed: &Listed, patch: &Patch, registry: &Registry) -> Self {
        Self::new(listed.name, patch, listed.site.notify, registry)
    }

    /// Whether calls would fare the same under both.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let opening = |policy: &Self| (policy.opening, policy.opens_by_the_clock);
        let modes = |policy: &Self| {
            let breaker = policy.breaker.as_ref().map(|guard| guard.mode);
            let limit = policy.rate_limit.as_ref();
            let bulkhead = policy.bulkhead.as_ref();
            (
                breaker,
                limit.map(|guard| (guard.mode, guard.is_shared)),
                bulkhead.map(|guard| (guard.mode, guard.is_shared)),
            )
        };
        self.patch == other.patch && opening(self) == opening(other) && modes(self) == modes(other)
    }

    /// This policy, in place of one before it: what that has counted stays.
    pub(crate) fn counting_on(mut self, before: &Self) -> Self {
        self.ledger = before.ledger.clone();
        if self.retry.is_some() {
            self.ledger.note_retry();
        }
        self.tally = self.ledger.page(self.guarding);
        self.lines = before.lines.clone();
        if let (Some(retry), Some(before)) = (&mut self.retry, &before.retry) {
            retry.count_on(before);
        }
        if let (Some(last_good), Some(before)) = (&mut self.last_good, &before.last_good) {
            last_good.go_on_from(before);
        }
        if let (Some(cache), Some(before)) = (&mut self.cache, &before.cache) {
            cache.go_on_from(before);
        }
        self
    }

    pub(crate) fn new(
        name: Name,
        patch: &Patch,
        notify: Option<fn(&Retrying<'_>)>,
        registry: &Registry,
    ) -> Self {
        listen_for_spans();
        let mode = patch.call.mode.unwrap_or(defaults::call::mode);
        let acting = acting(patch, mode);
        let breaker = BreakerGuard::of(&acting, name, mode, registry);
        let rate_limit = LimitGuard::of(&acting, name, mode, registry);
        let bulkhead = BulkheadGuard::of(&acting, name, mode, registry);
        let guards = [
            breaker.as_ref().map(|guard| (guard.guards, guard.mode)),
            rate_limit.as_ref().map(|guard| (guard.guards, guard.mode)),
            bulkhead.as_ref().map(|guard| (guard.guards, guard.mode)),
        ];
        let any = |is: fn((Guards, Mode)) -> bool| guards.into_iter().flatten().any(is);
        let (limits, only_observed) = Limits::of(&acting, mode);
        let Limits { timeout, deadline } = limits;
        let is_timed = |guard: &BreakerGuard| guard.breaker.times_calls();
        let opens_by_the_clock = deadline.is_some()
            || acting.retry.is_some_and(|retry| retry.budget.is_some())
            || breaker.as_ref().is_some_and(is_timed);
        let has_queues = rate_limit.is_some() || bulkhead.is_some();
        let is_keyed = acting.breaker.is_some_and(|breaker| breaker.key.is_some());
        let is_around = any(|(guards, _)| guards == Guards::Call);
        let observes = only_observed.is_some() || any(|(_, mode)| mode == Mode::Observe);
        let asks_the_store = bulkhead.as_ref().is_some_and(|guard| guard.is_shared);
        let opening = if is_around || observes || asks_the_store {
            Opening::Around
        } else if has_queues || is_keyed || opens_by_the_clock {
            Opening::Guarded
        } else {
            Opening::Plain
        };
        let guarding = Guarding {
            breaker: breaker.as_ref().map(|guard| guard.breaker.name()),
            rate_limit: rate_limit.as_ref().map(|guard| guard.limit.name()),
            bulkhead: bulkhead.as_ref().map(|guard| guard.bulkhead.name()),
        };
        let ledger = Ledger::new(name);
        let tally = ledger.page(guarding);
        if acting.retry.is_some() {
            ledger.note_retry();
        }
        Self {
            name,
            guarding,
            timeout,
            lasts: timeout.map_or(Nanos::MAX, nanos),
            deadline,
            watches_time: timeout.is_some() || only_observed.is_some(),
            observes,
            observed: only_observed,
            first_level: if is_around {
                Guards::Call
            } else {
                Guards::Attempt
            },
            opening,
            opens_by_the_clock,
            has_queues,
            rate_limit,
            bulkhead,
            breaker,
            retry: acting.retry.as_ref().map(RetryPolicy::new),
            fallback_on: patch
                .fallback
                .map(|patch| patch.on.unwrap_or(defaults::fallback::on)),
            last_good: patch
                .fallback
                .as_ref()
                .and_then(|patch| LastGood::new(name, patch)),
            cache: patch
                .cache
                .as_ref()
                .map(|patch| Cache::new(name, patch, mode)),
            notify,
            patch: *patch,
            tally,
            ledger,
            lines: Arc::default(),
            #[cfg(feature = "testing")]
            kit: registry.kit(),
        }
    }

    #[inline]
    pub(crate) fn count(&self, ended: Ended) {
        self.tally.ended(ended);
    }

    /// Counts and reports what a policy that only observes would have refused or cut.
    #[cold]
    #[inline(never)]
    pub(crate) fn would_reject(&self, rejection: &Rejection) {
        self.tally.rare(Rare::WouldReject);
        would_reject(Some((self.name, &self.lines)), rejection);
    }

    /// Counts and reports an answer of the fallback.
    #[cold]
    pub(crate) fn report_fallback(&self) {
        self.tally.rare(Rare::FellBack);
        report(&Event::Fallback {
            call: self.name,
            lines: &self.lines,
        });
    }

    pub(crate) fn counts(&self) -> CallCounts {
        self.ledger.counts()
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

/// How the calls of one function or [`Policy`](crate::Policy) ended, from
/// [`SiteInfo::calls`](crate::SiteInfo::calls) and [`Policy::calls`](crate::Policy::calls). Calls
/// dropped by their callers are in none of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
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
    /// Refusals and cuts there would have been, had not a `mode` been `observe`. The calls themselves
    /// are counted above, as they ended.
    pub would_reject: u64,
}

/// The policy of a call that is yet to begin, or of what outlives one.
#[doc(hidden)]
pub struct PolicyRef(ManuallyDrop<Held>);

enum Held {
    /// In the global registry, for ever.
    Global(&'static Resolved),
    /// In a registry made apart, or about to be in the global one.
    Apart(Option<Arc<Resolved>>),
}

impl PolicyRef {
    #[inline]
    pub(crate) fn global(policy: &'static Resolved) -> Self {
        Self(ManuallyDrop::new(Held::Global(policy)))
    }

    pub(crate) fn apart(policy: Arc<Resolved>) -> Self {
        Self(ManuallyDrop::new(Held::Apart(Some(policy))))
    }

    #[inline]
    pub(crate) fn resolved(&self) -> &Resolved {
        match &*self.0 {
            Held::Global(policy) => policy,
            Held::Apart(Some(policy)) => policy,
            Held::Apart(None) => unreachable!("only a drop lets go"),
        }
    }

    /// Begins a call.
    #[inline]
    #[must_use]
    pub fn call(self) -> Call<'static> {
        Call::with(self)
    }

    /// The policy that is there for ever, or this reference to one that is not.
    pub(crate) fn into_parts(mut self) -> Result<&'static Resolved, Arc<Resolved>> {
        match &mut *self.0 {
            Held::Global(policy) => Ok(policy),
            Held::Apart(policy) => Err(policy.take().expect("only a drop lets go")),
        }
    }

    #[inline]
    pub(crate) fn cache(&self) -> Option<&Cache> {
        self.resolved().cache.as_ref()
    }

    /// Called, so that the policy is dropped by code of this crate, not by a copy in each that
    /// annotates a function.
    #[cold]
    #[inline(never)]
    fn let_go(&mut self) {
        *self.0 = Held::Apart(None);
    }
}

impl Drop for PolicyRef {
    #[inline]
    fn drop(&mut self) {
        if let Held::Apart(_) = &*self.0 {
            self.let_go();
        }
    }
}
