//! What a breaker tells of itself.

use std::time::Duration;

use steadfast_options::{Name, Scope};

use super::KeysStatus;
use super::rules::{Rules, Shown};
use super::state::State;
use super::window::Nanos;

/// State, counts and thresholds of a breaker, from [`Breaker::status`](super::Breaker::status).
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub struct BreakerStatus {
    /// Its name.
    pub name: Name,
    /// Its state.
    pub state: State,
    /// Failures as its rules count them; the count that opened it stays until it closes.
    pub failures: u64,
    /// How many failures open it; none where only rates do.
    pub failure_threshold: Option<u32>,
    /// Calls in the window, where a rule over rates counts them; else zero.
    pub calls: u64,
    /// Share of failed calls in the window; none without such a rule or without calls.
    pub failure_rate: Option<f64>,
    /// Which share of failures opens it.
    pub failure_rate_threshold: Option<f64>,
    /// Share of slow calls in the window; none without such a rule or without calls.
    pub slow_rate: Option<f64>,
    /// How long ago it opened, while it is open or half-open.
    #[cfg_attr(
        feature = "serde",
        serde(
            rename = "openedAgoMs",
            serialize_with = "crate::serialize::maybe_millis"
        )
    )]
    pub opened_ago: Option<Duration>,
    /// When a probe may be tried, while it is open.
    #[cfg_attr(
        feature = "serde",
        serde(
            rename = "retryInMs",
            serialize_with = "crate::serialize::maybe_millis"
        )
    )]
    pub retry_in: Option<Duration>,
    /// Whether this process has it alone, or shares it with a fleet.
    pub scope: Scope,
    /// Whether it is to be shared but goes by this process's counts alone, since Redis is away or none
    /// is configured.
    pub degraded: bool,
    /// The breakers of its keys, where it is used by key.
    pub keys: KeysStatus,
}

impl BreakerStatus {
    pub(super) fn new(name: Name, state: State, rules: &Rules, shown: Shown, now: Nanos) -> Self {
        let Shown { failures, counts } = shown;
        let share = |part: u64| (counts.calls > 0).then(|| part as f64 / counts.calls as f64);
        let thresholds = &rules.thresholds;
        Self {
            name,
            state,
            failures,
            failure_threshold: thresholds.failures,
            calls: if thresholds.has_rate_rule() {
                counts.calls
            } else {
                0
            },
            failure_rate: thresholds.failure_rate.and_then(|_| share(counts.failed)),
            failure_rate_threshold: thresholds.failure_rate,
            slow_rate: thresholds.slow.and_then(|_| share(counts.slow)),
            opened_ago: rules
                .opened_at
                .filter(|_| matches!(state, State::Open | State::HalfOpen))
                .map(|at| Duration::from_nanos(now.saturating_sub(at))),
            retry_in: (state == State::Open)
                .then(|| Duration::from_nanos(rules.open_until.saturating_sub(now))),
            scope: thresholds.scope,
            degraded: thresholds.scope == Scope::Shared && !rules.is_led(),
            keys: KeysStatus::default(),
        }
    }
}
