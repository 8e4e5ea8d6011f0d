//! Metrics for OpenTelemetry (feature `otel`).
//!
//! All are observable instruments, which the SDK asks when it exports: calls pay nothing for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter};

use crate::metrics::{Kind, METRICS, Metric, Sample, Value};
use crate::registry::Registry;
use crate::totals::{Attempts, Totals};

/// Makes an instrument of each metric of the registry in force, with the names that Prometheus has
/// for them, less the ending `_total` of counters, which exporters to Prometheus add.
///
/// There is no observable histogram: `retry_attempts_bucket` (attribute `le`), `retry_attempts_sum`
/// and `retry_attempts_count` are counters. The meter's provider keeps the instruments as long as it
/// lives; to call this twice for one meter counts everything twice.
///
/// ```
/// let meter = opentelemetry::global::meter("steadfast");
/// steadfast::otel::observe(&meter);
/// ```
pub fn observe(meter: &Meter) {
    let reader = Arc::new(Reader {
        registry: Registry::current(),
        last: Mutex::new(None),
    });
    for metric in METRICS {
        match metric.kind {
            Kind::Counter => counter(meter, metric, &reader),
            Kind::Gauge => gauge(meter, metric, &reader),
            Kind::Histogram => attempts(meter, metric, &reader),
        }
    }
}

/// Reads all metrics at once, for instruments that are asked one after the other.
struct Reader {
    registry: Registry,
    last: Mutex<Option<(Instant, Arc<Totals>)>>,
}

/// All instruments are asked within this.
const ONE_EXPORT: Duration = Duration::from_millis(100);

impl Reader {
    fn totals(&self) -> Arc<Totals> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((at, totals)) if at.elapsed() < ONE_EXPORT => totals.clone(),
            _ => {
                let totals = Arc::new(self.registry.totals());
                *last = Some((Instant::now(), totals.clone()));
                totals
            }
        }
    }
}

fn attributes(metric: &Metric, sample: &Sample) -> Vec<KeyValue> {
    let labels = metric.labels.iter().zip(sample.values());
    labels
        .map(|(label, value)| KeyValue::new(*label, value.to_owned()))
        .collect()
}

/// What an instrument is told when it is asked.
fn each(
    metric: &'static Metric,
    reader: &Arc<Reader>,
) -> impl Fn(&dyn AsyncInstrument<u64>) + Send + Sync + 'static {
    let reader = reader.clone();
    move |instrument| {
        for sample in metric.samples(&reader.totals()) {
            if let Value::Number(value) = sample.value {
                instrument.observe(value, &attributes(metric, &sample));
            }
        }
    }
}

fn counter(meter: &Meter, metric: &'static Metric, reader: &Arc<Reader>) {
    let name = metric.name.strip_suffix("_total").unwrap_or(metric.name);
    meter
        .u64_observable_counter(name)
        .with_description(metric.help)
        .with_callback(each(metric, reader))
        .build();
}

fn gauge(meter: &Meter, metric: &'static Metric, reader: &Arc<Reader>) {
    meter
        .u64_observable_gauge(metric.name)
        .with_description(metric.help)
        .with_callback(each(metric, reader))
        .build();
}

/// The three counters that a histogram comes to.
fn attempts(meter: &Meter, metric: &'static Metric, reader: &Arc<Reader>) {
    let parts: [(&str, Part); 3] = [
        ("bucket", buckets),
        ("sum", |attempts, tell| tell(attempts.attempts, None)),
        ("count", |attempts, tell| tell(attempts.calls, None)),
    ];
    for (part, read) in parts {
        let reader = reader.clone();
        meter
            .u64_observable_counter(format!("{}_{part}", metric.name))
            .with_description(metric.help)
            .with_callback(move |instrument| {
                for sample in metric.samples(&reader.totals()) {
                    let Value::Attempts(attempts) = sample.value else {
                        continue;
                    };
                    let attributes = attributes(metric, &sample);
                    read(&attempts, &mut |value, bound| {
                        let bound = bound.map(|bound| KeyValue::new("le", bound));
                        let all: Vec<_> = attributes.iter().cloned().chain(bound).collect();
                        instrument.observe(value, &all);
                    });
                }
            })
            .build();
    }
}

/// Tells the values of a part, each with the upper bound of its bucket.
type Part = fn(&Attempts, &mut dyn FnMut(u64, Option<String>));

fn buckets(attempts: &Attempts, tell: &mut dyn FnMut(u64, Option<String>)) {
    for (most, calls) in attempts.at_most {
        tell(calls, Some(most.to_string()));
    }
    tell(attempts.calls, Some("+Inf".to_owned()));
}
