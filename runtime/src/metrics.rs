//! The metrics, whatever exports them: names, help texts, and values read at the moment.

use steadfast_options::Name;

use crate::breaker::State;
use crate::policy::CallCounts;
use crate::registry::Registry;
use crate::totals::{Attempts, Totals};

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    /// Calls by the number of their attempts.
    Histogram,
}

/// A metric with its labels.
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) kind: Kind,
    pub(crate) labels: &'static [&'static str],
    read: fn(&Totals, &mut Samples),
}

/// One value, with the values of its labels.
pub(crate) struct Sample {
    pub(crate) name: Option<Name>,
    pub(crate) second: Option<&'static str>,
    pub(crate) value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    Number(u64),
    Attempts(Attempts),
}

/// The values of one metric.
#[derive(Default)]
pub(crate) struct Samples(Vec<Sample>);

impl Samples {
    fn of(&mut self, name: Name, value: u64) {
        self.push(Some(name), None, Value::Number(value));
    }

    fn by(&mut self, name: Name, second: &'static str, value: u64) {
        self.push(Some(name), Some(second), Value::Number(value));
    }

    fn push(&mut self, name: Option<Name>, second: Option<&'static str>, value: Value) {
        self.0.push(Sample {
            name,
            second,
            value,
        });
    }
}

impl Metric {
    pub(crate) fn samples(&self, totals: &Totals) -> Vec<Sample> {
        let mut samples = Samples::default();
        (self.read)(totals, &mut samples);
        samples.0
    }
}

impl Sample {
    /// The values of its labels, in the order of the metric's.
    pub(crate) fn values(&self) -> impl Iterator<Item = &str> {
        self.name.as_deref().into_iter().chain(self.second)
    }
}

/// The number of a state, as `circuit_breaker_state` has it.
fn number(state: State) -> u64 {
    match state {
        State::Closed => 0,
        State::Open => 1,
        State::HalfOpen => 2,
        State::ForcedOpen => 3,
        State::Disabled => 4,
    }
}

fn results(counts: &CallCounts) -> [(&'static str, u64); 8] {
    [
        ("ok", counts.ok),
        ("transient", counts.transient),
        ("timeout", counts.timeout),
        ("rate_limited", counts.rate_limited),
        ("permanent", counts.permanent),
        ("expected", counts.expected),
        ("ignored", counts.ignored),
        ("rejected", counts.rejected),
    ]
}

macro_rules! of_breakers {
    ($field:ident) => {
        |totals, samples| {
            let breakers = totals.breakers.iter();
            breakers.for_each(|breaker| samples.of(breaker.name, breaker.$field))
        }
    };
}

macro_rules! of_calls {
    ($field:ident) => {
        |totals, samples| {
            let calls = totals.calls.iter();
            calls.for_each(|call| samples.of(call.name, call.$field))
        }
    };
}

macro_rules! of_caches {
    ($field:ident) => {
        |totals, samples| {
            let caches = totals.caches.iter();
            caches.for_each(|(call, cache)| samples.of(*call, cache.$field))
        }
    };
}

#[cfg(feature = "redis")]
macro_rules! of_queues {
    ($field:ident) => {
        |totals, samples| {
            let queues = totals.queues.iter();
            queues.for_each(|(name, queue)| samples.of(*name, queue.$field))
        }
    };
}

macro_rules! of_bulkheads {
    ($field:ident) => {
        |totals, samples| {
            let bulkheads = totals.bulkheads.iter();
            bulkheads.for_each(|bulkhead| samples.of(bulkhead.name, u64::from(bulkhead.$field)))
        }
    };
}

/// Every metric there is.
pub(crate) const METRICS: &[Metric] = &[
    Metric {
        name: "circuit_breaker_state",
        help: "State of the breaker: 0 closed, 1 open, 2 half-open, 3 forced open, 4 disabled.",
        kind: Kind::Gauge,
        labels: &["name"],
        read: |totals, samples| {
            let breakers = totals.breakers.iter();
            breakers.for_each(|breaker| samples.of(breaker.name, number(breaker.state)));
        },
    },
    Metric {
        name: "circuit_breaker_failures_total",
        help: "Outcomes that the breaker counted as failures.",
        kind: Kind::Counter,
        labels: &["name"],
        read: of_breakers!(failures),
    },
    Metric {
        name: "circuit_breaker_successes_total",
        help: "Outcomes that the breaker counted as successes.",
        kind: Kind::Counter,
        labels: &["name"],
        read: of_breakers!(successes),
    },
    Metric {
        name: "circuit_breaker_rejections_total",
        help: "Calls that the breaker refused.",
        kind: Kind::Counter,
        labels: &["name"],
        read: of_breakers!(rejections),
    },
    Metric {
        name: "circuit_breaker_slow_calls_total",
        help: "Outcomes, failed or not, that took longer than slow_call.",
        kind: Kind::Counter,
        labels: &["name"],
        read: of_breakers!(slow_calls),
    },
    Metric {
        name: "circuit_breaker_state_changes_total",
        help: "Changes of the breaker's state, by the state after.",
        kind: Kind::Counter,
        labels: &["name", "state"],
        read: |totals, samples| {
            for breaker in &totals.breakers {
                let changes = breaker.changes.iter();
                changes.for_each(|(to, count)| samples.by(breaker.name, to.as_str(), *count));
            }
        },
    },
    Metric {
        name: "circuit_breaker_keys",
        help: "Keys that a breaker by key has in memory.",
        kind: Kind::Gauge,
        labels: &["name"],
        read: |totals, samples| {
            let keyed = totals.breakers.iter();
            keyed
                .filter_map(|breaker| Some((breaker.name, breaker.keys?.0)))
                .for_each(|(name, held)| samples.of(name, held as u64));
        },
    },
    Metric {
        name: "circuit_breaker_keys_open",
        help: "Keys of a breaker by key whose circuit is not closed.",
        kind: Kind::Gauge,
        labels: &["name"],
        read: |totals, samples| {
            let keyed = totals.breakers.iter();
            keyed
                .filter_map(|breaker| Some((breaker.name, breaker.keys?.1)))
                .for_each(|(name, open)| samples.of(name, open as u64));
        },
    },
    Metric {
        name: "calls_total",
        help: "Calls, by how they ended: ok, the class of their error, or rejected by a guard.",
        kind: Kind::Counter,
        labels: &["call", "result"],
        read: |totals, samples| {
            for call in &totals.calls {
                for (result, count) in results(&call.ended) {
                    samples.by(call.name, result, count);
                }
            }
        },
    },
    Metric {
        name: "calls_would_reject_total",
        help: "Refusals and cuts there would have been, had not a mode been observe.",
        kind: Kind::Counter,
        labels: &["call"],
        read: |totals, samples| {
            let calls = totals.calls.iter();
            calls.for_each(|call| samples.of(call.name, call.ended.would_reject));
        },
    },
    Metric {
        name: "retry_attempts",
        help: "Attempts that a call with a retry took.",
        kind: Kind::Histogram,
        labels: &["call"],
        read: |totals, samples| {
            for call in &totals.calls {
                if let Some(attempts) = call.attempts {
                    samples.push(Some(call.name), None, Value::Attempts(attempts));
                }
            }
        },
    },
    Metric {
        name: "retry_attempts_total",
        help: "Attempts after a call's first, by how each ended.",
        kind: Kind::Counter,
        labels: &["call", "result"],
        read: |totals, samples| {
            let retried = totals.calls.iter().filter(|call| call.attempts.is_some());
            for call in retried {
                for (result, count) in results(&call.retries) {
                    samples.by(call.name, result, count);
                }
            }
        },
    },
    Metric {
        name: "timeouts_total",
        help: "Attempts and calls that a timeout or a deadline cut.",
        kind: Kind::Counter,
        labels: &["call"],
        read: of_calls!(timeouts),
    },
    Metric {
        name: "fallbacks_total",
        help: "Calls that a fallback answered.",
        kind: Kind::Counter,
        labels: &["call"],
        read: of_calls!(fallbacks),
    },
    Metric {
        name: "cache_hits_total",
        help: "Calls answered by a fresh answer of their cache.",
        kind: Kind::Counter,
        labels: &["call"],
        read: of_caches!(hits),
    },
    Metric {
        name: "cache_stale_total",
        help: "Calls answered by an old answer of their cache, a refresh behind it.",
        kind: Kind::Counter,
        labels: &["call"],
        read: of_caches!(stale),
    },
    Metric {
        name: "cache_joined_total",
        help: "Calls answered by another's call, which was under way.",
        kind: Kind::Counter,
        labels: &["call"],
        read: of_caches!(joined),
    },
    Metric {
        name: "cache_misses_total",
        help: "Calls that their cache had no answer for.",
        kind: Kind::Counter,
        labels: &["call"],
        read: of_caches!(misses),
    },
    Metric {
        name: "cache_refreshes_total",
        help: "Refreshes behind an old answer, by how each ended.",
        kind: Kind::Counter,
        labels: &["call", "result"],
        read: |totals, samples| {
            for (call, cache) in &totals.caches {
                samples.by(*call, "ok", cache.refreshes);
                samples.by(*call, "failed", cache.failed_refreshes);
            }
        },
    },
    #[cfg(feature = "redis")]
    Metric {
        name: "cache_fetched_total",
        help: "Answers that a cache found in Redis and did not have in memory.",
        kind: Kind::Counter,
        labels: &["call"],
        read: of_caches!(fetched),
    },
    #[cfg(feature = "redis")]
    Metric {
        name: "cache_unshared_total",
        help: "Answers that Redis did not give to a cache, or was not told.",
        kind: Kind::Counter,
        labels: &["call"],
        read: of_caches!(unshared),
    },
    #[cfg(feature = "redis")]
    Metric {
        name: "queue_queued_total",
        help: "Entries that the queue has taken in.",
        kind: Kind::Counter,
        labels: &["name"],
        read: of_queues!(queued),
    },
    #[cfg(feature = "redis")]
    Metric {
        name: "queue_spooled_total",
        help: "Entries that were spooled, since Redis was out.",
        kind: Kind::Counter,
        labels: &["name"],
        read: of_queues!(spooled),
    },
    #[cfg(feature = "redis")]
    Metric {
        name: "queue_delivered_total",
        help: "Entries that workers here have done.",
        kind: Kind::Counter,
        labels: &["name"],
        read: of_queues!(delivered),
    },
    #[cfg(feature = "redis")]
    Metric {
        name: "queue_retried_total",
        help: "Attempts after which an entry was put off.",
        kind: Kind::Counter,
        labels: &["name"],
        read: of_queues!(retried),
    },
    #[cfg(feature = "redis")]
    Metric {
        name: "queue_dead_total",
        help: "Entries that workers here have given up.",
        kind: Kind::Counter,
        labels: &["name"],
        read: of_queues!(dead),
    },
    #[cfg(feature = "redis")]
    Metric {
        name: "queue_claimed_total",
        help: "Entries taken over from workers that crashed.",
        kind: Kind::Counter,
        labels: &["name"],
        read: of_queues!(claimed),
    },
    Metric {
        name: "rate_limit_rejected_total",
        help: "Calls that the rate limit refused.",
        kind: Kind::Counter,
        labels: &["name"],
        read: |totals, samples| {
            let limits = totals.rate_limits.iter();
            limits.for_each(|limit| samples.of(limit.name, limit.rejected));
        },
    },
    Metric {
        name: "rate_limit_fallback_active",
        help: "Whether the rate limit is to be shared, and goes by this process alone: 1, or 0.",
        kind: Kind::Gauge,
        labels: &["name"],
        read: |totals, samples| {
            let limits = totals.rate_limits.iter();
            limits.for_each(|limit| samples.of(limit.name, limit.degraded.into()));
        },
    },
    Metric {
        name: "bulkhead_active",
        help: "Places of the bulkhead that are taken.",
        kind: Kind::Gauge,
        labels: &["name"],
        read: of_bulkheads!(active),
    },
    Metric {
        name: "bulkhead_waiting",
        help: "Calls that wait for a place in the bulkhead.",
        kind: Kind::Gauge,
        labels: &["name"],
        read: of_bulkheads!(waiting),
    },
    Metric {
        name: "bulkhead_max",
        help: "Places that the bulkhead has.",
        kind: Kind::Gauge,
        labels: &["name"],
        read: of_bulkheads!(max),
    },
    Metric {
        name: "bulkhead_rejected_total",
        help: "Calls that the bulkhead refused.",
        kind: Kind::Counter,
        labels: &["name"],
        read: of_bulkheads!(rejected),
    },
    Metric {
        name: "config_reloads_total",
        help: "Loads of the configuration, the first among them: ok, or error where nothing changed.",
        kind: Kind::Counter,
        labels: &["result"],
        read: |totals, samples| {
            samples.push(None, Some("ok"), Value::Number(totals.loads));
            samples.push(None, Some("error"), Value::Number(totals.failed_loads));
        },
    },
    Metric {
        name: "redis_connected",
        help: "Whether the Redis that shared policies live in serves: 1, or 0.",
        kind: Kind::Gauge,
        labels: &[],
        read: |totals, samples| {
            if let Some(connected) = totals.redis_connected {
                samples.push(None, None, Value::Number(connected.into()));
            }
        },
    },
];

/// Reads all of them.
pub(crate) fn read(registry: &Registry) -> Vec<(&'static Metric, Vec<Sample>)> {
    let totals = registry.totals();
    let metrics = METRICS.iter();
    metrics
        .map(|metric| (metric, metric.samples(&totals)))
        .collect()
}
