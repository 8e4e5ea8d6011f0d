//! What a breaker's definition comes to.

use std::time::Duration;

use steadfast_options::{BreakerPatch, Counting, Scope, Window, defaults};

use super::window::Nanos;

/// The thresholds of a breaker, all defaults worked out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Thresholds {
    pub(crate) failures: Option<u32>,
    pub(crate) counting: Counting,
    pub(crate) failure_rate: Option<f64>,
    pub(crate) slow: Option<Slow>,
    pub(crate) min_calls: u64,
    pub(crate) window: WindowSize,
    pub(crate) recovery: Nanos,
    pub(crate) recovery_factor: f64,
    pub(crate) recovery_max: Nanos,
    pub(crate) half_open: usize,
    pub(crate) close_after: u32,
    pub(crate) probe_timeout: Nanos,
    pub(crate) scope: Scope,
    /// Instances of the fleet that must have seen failures.
    pub(crate) quorum: u32,
}

/// When a call is slow, and how many may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Slow {
    pub(crate) call: Nanos,
    pub(crate) rate: f64,
}

/// What a breaker's rules want to know of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LooksBack {
    Never,
    AtFailures,
    AtAllCalls,
}

/// What a breaker looks back on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WindowSize {
    Time(Nanos),
    Unbounded,
    Calls(u32),
}

const DEFAULT_MIN_CALLS: u32 = 5;
const DEFAULT_RECOVERY_MAX: Duration = Duration::from_secs(300);
const DEFAULT_PROBE_TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) fn nanos(duration: Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX)
}

/// The default of `probe_timeout`, where `guarded` is the longest limit of what the breaker guards.
pub(crate) fn probe_timeout(guarded: Option<Duration>) -> Duration {
    guarded.map_or(DEFAULT_PROBE_TIMEOUT, |limit| {
        limit.max(DEFAULT_PROBE_TIMEOUT)
    })
}

impl Thresholds {
    /// `guarded` is the longest limit of what the breaker guards, for the default of
    /// `probe_timeout`.
    pub(crate) fn new(patch: &BreakerPatch, guarded: Option<Duration>) -> Self {
        let failures = patch
            .failures
            .or_else(|| (!patch.has_rate_rule()).then_some(defaults::breaker::failures));
        let recovery = patch.recovery.unwrap_or(defaults::breaker::recovery);
        let recovery_max = patch
            .recovery_max
            .unwrap_or(recovery.max(DEFAULT_RECOVERY_MAX));
        let probe_timeout = patch.probe_timeout.unwrap_or(probe_timeout(guarded));
        let min_calls = patch.min_calls.unwrap_or_else(|| {
            patch
                .window_calls
                .map_or(DEFAULT_MIN_CALLS, |calls| calls.min(DEFAULT_MIN_CALLS))
        });
        Self {
            failures,
            counting: patch.counts_by(),
            failure_rate: patch.failure_rate.map(steadfast_options::Ratio::get),
            slow: patch.slow_call.map(|call| Slow {
                call: nanos(call),
                rate: patch
                    .slow_rate
                    .unwrap_or(defaults::breaker::slow_rate)
                    .get(),
            }),
            min_calls: min_calls.into(),
            window: WindowSize::new(patch),
            recovery: nanos(recovery),
            recovery_factor: patch
                .recovery_factor
                .unwrap_or(defaults::breaker::recovery_factor)
                .get(),
            recovery_max: nanos(recovery_max),
            half_open: patch.half_open.unwrap_or(defaults::breaker::half_open) as usize,
            close_after: patch.close_after.unwrap_or(defaults::breaker::close_after),
            probe_timeout: nanos(probe_timeout),
            scope: patch.scope.unwrap_or(defaults::breaker::scope),
            quorum: patch.quorum.unwrap_or(defaults::breaker::quorum),
        }
    }

    /// What must be remembered of past calls, beyond a run of failures.
    pub(crate) fn looks_back(&self) -> LooksBack {
        let counted = self.failures.is_some() && self.counting == Counting::Window;
        match (self.has_rate_rule(), counted) {
            (true, _) => LooksBack::AtAllCalls,
            (false, true) => LooksBack::AtFailures,
            (false, false) => LooksBack::Never,
        }
    }

    /// Whether any rule looks at rates.
    pub(crate) fn has_rate_rule(&self) -> bool {
        self.failure_rate.is_some() || self.slow.is_some()
    }

    /// How long the breaker stays open the `opens`th time in a row.
    pub(crate) fn open_time(&self, opens: u32) -> Nanos {
        let steps = i32::try_from(opens.saturating_sub(1)).unwrap_or(i32::MAX);
        let grown = self.recovery as f64 * self.recovery_factor.powi(steps);
        if steps == 0 || grown <= self.recovery as f64 {
            self.recovery
        } else if grown >= self.recovery_max as f64 {
            self.recovery_max
        } else {
            grown as Nanos
        }
    }
}

impl WindowSize {
    fn new(patch: &BreakerPatch) -> Self {
        match (
            patch.window_calls,
            patch.window.unwrap_or(defaults::breaker::window),
        ) {
            (Some(calls), _) => Self::Calls(calls),
            (None, Window::For(time)) => Self::Time(nanos(time)),
            (None, Window::Unbounded) => Self::Unbounded,
        }
    }

    /// How old a count may get; none where age does not matter.
    pub(crate) fn time(self) -> Option<Nanos> {
        match self {
            Self::Time(time) => Some(time),
            Self::Unbounded | Self::Calls(_) => None,
        }
    }
}
