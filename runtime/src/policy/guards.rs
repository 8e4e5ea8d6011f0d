//! The guards and limits of one call, as its mode leaves them.

use std::time::Duration;

use steadfast_options::{Classes, Guards, Mode, Name, Patch, defaults};

use crate::breaker::Breaker;
use crate::bulkhead::Bulkhead;
use crate::mode::lesser;
use crate::rate_limit::RateLimit;
use crate::registry::Registry;

/// What limits the time of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) timeout: Option<Duration>,
    pub(crate) deadline: Option<Duration>,
}

impl Limits {
    /// Those that cut, and those that only say what they would have cut.
    pub(super) fn of(patch: &Patch, mode: Mode) -> (Self, Option<Self>) {
        let limits = Self {
            timeout: patch.call.timeout,
            deadline: patch.call.deadline,
        };
        match mode {
            Mode::Observe => (
                Self::default(),
                Some(limits).filter(|it| *it != Self::default()),
            ),
            _ => (limits, None),
        }
    }
}

/// What acts, or says what it would have done, in a mode: nothing where it is off.
pub(super) fn acting(patch: &Patch, mode: Mode) -> Patch {
    match mode {
        Mode::Off => Patch::default(),
        _ => *patch,
    }
}

/// The breaker as one call uses it.
pub(crate) struct BreakerGuard {
    pub(crate) breaker: Breaker,
    pub(crate) mode: Mode,
    pub(crate) guards: Guards,
    pub(crate) counts: Classes,
}

/// The rate limit as one call uses it.
pub(crate) struct LimitGuard {
    pub(crate) limit: RateLimit,
    /// Whether its tokens are the fleet's.
    pub(crate) is_shared: bool,
    pub(crate) mode: Mode,
    pub(crate) guards: Guards,
    pub(crate) wait: Duration,
}

/// The bulkhead as one call uses it.
pub(crate) struct BulkheadGuard {
    pub(crate) bulkhead: Bulkhead,
    /// Whether its places are the fleet's.
    pub(crate) is_shared: bool,
    pub(crate) mode: Mode,
    pub(crate) guards: Guards,
    pub(crate) wait: Duration,
}

impl BreakerGuard {
    /// None where the call has none, or its mode is off.
    pub(super) fn of(patch: &Patch, call: Name, mode: Mode, registry: &Registry) -> Option<Self> {
        let patch = patch.breaker?;
        let breaker = registry.breaker_named(patch.name.unwrap_or(call));
        let guard = Self {
            mode: lesser(mode, breaker.mode()),
            breaker,
            guards: patch.guards.unwrap_or(defaults::breaker::guards),
            counts: patch.counts.unwrap_or(defaults::breaker::counts),
        };
        (guard.mode != Mode::Off).then_some(guard)
    }
}

impl LimitGuard {
    pub(super) fn of(patch: &Patch, call: Name, mode: Mode, registry: &Registry) -> Option<Self> {
        let patch = patch.rate_limit?;
        let limit = registry.rate_limit_named(patch.name.unwrap_or(call));
        let guard = Self {
            mode: lesser(mode, limit.mode()),
            is_shared: limit.shared().is_some(),
            limit,
            guards: patch.guards.unwrap_or(defaults::rate_limit::guards),
            wait: patch.wait.unwrap_or(defaults::rate_limit::wait),
        };
        (guard.mode != Mode::Off).then_some(guard)
    }
}

impl BulkheadGuard {
    pub(super) fn of(patch: &Patch, call: Name, mode: Mode, registry: &Registry) -> Option<Self> {
        let patch = patch.bulkhead?;
        let bulkhead = registry.bulkhead_named(patch.name.unwrap_or(call));
        let guard = Self {
            mode: lesser(mode, bulkhead.mode()),
            is_shared: bulkhead.0.shared().is_some(),
            bulkhead,
            guards: patch.guards.unwrap_or(defaults::bulkhead::guards),
            wait: patch.wait.unwrap_or(defaults::bulkhead::wait),
        };
        (guard.mode != Mode::Off).then_some(guard)
    }
}
