//! Policies of every kind that the rules between options allow.

use proptest::option;
use proptest::prelude::*;
use steadfast_options::{Counting, Scope};

use super::super::policy::{Slow, Thresholds, WindowSize};
use super::super::window::Nanos;

/// A policy whose rates are whole percents, so that the model can compare whole numbers.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) failures: Option<u32>,
    pub(super) counting: Counting,
    pub(super) failure_percent: Option<u64>,
    pub(super) slow_percent: Option<u64>,
    pub(super) min_calls: u64,
    pub(super) window: WindowSize,
    pub(super) recovery: Nanos,
    pub(super) recovery_factor: f64,
    pub(super) recovery_max: Nanos,
    pub(super) half_open: usize,
    pub(super) close_after: u32,
    pub(super) probe_timeout: Nanos,
}

impl Policy {
    pub(super) fn has_rate_rule(&self) -> bool {
        self.failure_percent.is_some() || self.slow_percent.is_some()
    }

    /// Whether a rule looks at failures in a row.
    pub(super) fn counts_runs(&self) -> bool {
        self.failures.is_some() && self.counting == Counting::Consecutive
    }

    pub(super) fn thresholds(&self) -> Thresholds {
        let rate = |percent: u64| percent as f64 / 100.0;
        Thresholds {
            failures: self.failures,
            counting: self.counting,
            failure_rate: self.failure_percent.map(rate),
            slow: self.slow_percent.map(|percent| Slow {
                call: 1,
                rate: rate(percent),
            }),
            min_calls: self.min_calls,
            window: self.window,
            recovery: self.recovery,
            recovery_factor: self.recovery_factor,
            recovery_max: self.recovery_max,
            half_open: self.half_open,
            close_after: self.close_after,
            probe_timeout: self.probe_timeout,
            quorum: 1,
            scope: Scope::Local,
        }
    }
}

#[derive(Clone, Debug)]
struct Trips {
    failures: Option<u32>,
    failure_percent: Option<u64>,
    slow_percent: Option<u64>,
    min_calls: u64,
}

fn trips() -> impl Strategy<Value = Trips> {
    let percent = || prop_oneof![1_u64..=100, Just(50), Just(100)];
    (
        option::of(1_u32..=5),
        option::of(percent()),
        option::of(percent()),
        1_u64..=8,
    )
        .prop_map(
            |(failures, failure_percent, slow_percent, min_calls)| Trips {
                // Some rule there always is.
                failures: failures
                    .or((failure_percent.is_none() && slow_percent.is_none()).then_some(3)),
                failure_percent,
                slow_percent,
                min_calls,
            },
        )
}

fn window() -> impl Strategy<Value = WindowSize> {
    prop_oneof![
        4 => (1_u64..=20).prop_map(|tenth| WindowSize::Time(10 * tenth)),
        1 => Just(WindowSize::Unbounded),
        3 => (1_u32..=12).prop_map(WindowSize::Calls),
    ]
}

#[derive(Clone, Debug)]
struct Recovery {
    time: Nanos,
    factor: f64,
    most: Nanos,
    half_open: usize,
    close_after: u32,
    probe_timeout: Nanos,
}

fn recovery() -> impl Strategy<Value = Recovery> {
    let factor = prop_oneof![Just(1.0), Just(1.5), Just(2.0)];
    (
        1_u64..=40,
        factor,
        1_u64..=6,
        1_usize..=3,
        1_u32..=4,
        1_u64..=60,
    )
        .prop_map(
            |(time, factor, times, half_open, close_after, probe_timeout)| Recovery {
                // Even, so that half as much again is whole.
                time: 64 * time,
                factor,
                most: 64 * time * times,
                half_open,
                close_after,
                probe_timeout,
            },
        )
}

pub(super) fn policies() -> impl Strategy<Value = Policy> {
    let counting = prop_oneof![Just(Counting::Consecutive), Just(Counting::Window)];
    (trips(), counting, window(), recovery()).prop_map(|(trips, counting, window, recovery)| {
        let calls = match window {
            WindowSize::Calls(calls) => calls,
            _ => u32::MAX,
        };
        Policy {
            failures: trips.failures.map(|failures| failures.min(calls)),
            counting,
            failure_percent: trips.failure_percent,
            slow_percent: trips.slow_percent,
            min_calls: trips.min_calls.min(calls.into()),
            window,
            recovery: recovery.time,
            recovery_factor: recovery.factor,
            recovery_max: recovery.most,
            half_open: recovery.half_open,
            close_after: recovery.close_after,
            probe_timeout: recovery.probe_timeout,
        }
    })
}
