//! Metrics for Prometheus (feature `prometheus`).
//!
//! A service that has no registry of its own serves [`text`]; one that has registers a
//! [`Collector`]. Values are read from the runtime's own cells when Prometheus asks: calls pay nothing
//! for it.
//!
//! ```
//! # use steadfast::resilient;
//! #[resilient(name = "prometheus.ask", breaker = "prometheus.es")]
//! fn ask() -> std::io::Result<()> { Ok(()) }
//!
//! ask()?;
//! let text = steadfast::prometheus::text();
//! assert!(text.contains(r#"circuit_breaker_successes_total{name="prometheus.es"} 1"#));
//! # Ok::<(), std::io::Error>(())
//! ```

use ::prometheus::TextEncoder;
use ::prometheus::core::Desc;
use ::prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric as One, MetricFamily, MetricType,
};

use crate::metrics::{self, Kind, METRICS, Metric, Sample, Value};
use crate::registry::Registry;
use crate::totals::Attempts;

/// The type of what [`text`] gives, for the header `Content-Type`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Every metric of the registry in force, in the text exposition format 0.0.4.
///
/// # Panics
///
/// Never: names of policies need no escape.
#[must_use]
pub fn text() -> String {
    text_of(&Registry::current())
}

pub(crate) fn text_of(registry: &Registry) -> String {
    let mut families = families(registry);
    families.retain(|family| !family.get_metric().is_empty());
    let text = TextEncoder::new().encode_to_string(&families);
    text.expect("every family has a name and values of one type")
}

/// A collector of the metrics of the registry in force, for a `prometheus::Registry` that a service
/// has already.
///
/// ```
/// let registry = prometheus::Registry::new();
/// registry.register(Box::new(steadfast::prometheus::collector()))?;
/// assert!(registry.gather().iter().any(|family| family.name() == "config_reloads_total"));
/// # Ok::<(), prometheus::Error>(())
/// ```
///
/// # Panics
///
/// Never: names and labels are constants that the crate `prometheus` takes.
#[must_use]
pub fn collector() -> Collector {
    let desc = |metric: &Metric| {
        let labels = metric.labels.iter().map(ToString::to_string).collect();
        let desc = Desc::new(metric.name.into(), metric.help.into(), labels, [].into());
        desc.expect("names and labels are those of metrics")
    };
    Collector {
        registry: Registry::current(),
        descs: METRICS.iter().map(desc).collect(),
    }
}

/// A collector for a `prometheus::Registry`, from [`collector`].
#[derive(Clone, Debug)]
pub struct Collector {
    registry: Registry,
    descs: Vec<Desc>,
}

impl ::prometheus::core::Collector for Collector {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        families(&self.registry)
    }
}

fn families(registry: &Registry) -> Vec<MetricFamily> {
    let read = metrics::read(registry).into_iter();
    read.map(|(metric, samples)| family(metric, &samples))
        .collect()
}

fn family(metric: &Metric, samples: &[Sample]) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(metric.name.into());
    family.set_help(metric.help.into());
    family.set_field_type(match metric.kind {
        Kind::Counter => MetricType::COUNTER,
        Kind::Gauge => MetricType::GAUGE,
        Kind::Histogram => MetricType::HISTOGRAM,
    });
    family.set_metric(samples.iter().map(|sample| one(metric, sample)).collect());
    family
}

fn one(metric: &Metric, sample: &Sample) -> One {
    let labels = metric.labels.iter().zip(sample.values());
    let mut one = One::from_label(labels.map(|(label, value)| pair(label, value)).collect());
    match (metric.kind, sample.value) {
        (Kind::Gauge, Value::Number(value)) => {
            let mut gauge = Gauge::default();
            gauge.set_value(value as f64);
            one.set_gauge(gauge);
        }
        (_, Value::Number(value)) => {
            let mut counter = Counter::default();
            counter.set_value(value as f64);
            one.set_counter(counter);
        }
        (_, Value::Attempts(attempts)) => one.set_histogram(histogram(&attempts)),
    }
    one
}

fn pair(label: &str, value: &str) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(label.into());
    pair.set_value(value.into());
    pair
}

fn histogram(attempts: &Attempts) -> Histogram {
    let mut histogram = Histogram::default();
    histogram.set_sample_count(attempts.calls);
    histogram.set_sample_sum(attempts.attempts as f64);
    let buckets = attempts.at_most.iter().map(|(most, calls)| {
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(f64::from(*most));
        bucket.set_cumulative_count(*calls);
        bucket
    });
    histogram.set_bucket(buckets.collect());
    histogram
}
