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

use std::fmt::{Display, Write as _};

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
#[must_use]
pub fn text() -> String {
    text_of(&Registry::current())
}

/// Written straight from the values: the crate's encoder wants each label of each value as a string of
/// its own first, and takes three times as long.
pub(crate) fn text_of(registry: &Registry) -> String {
    let mut text = String::new();
    for (metric, samples) in metrics::read(registry) {
        if samples.is_empty() {
            continue;
        }
        let (name, help) = (metric.name, metric.help);
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for sample in &samples {
            match sample.value {
                Value::Number(value) => line(&mut text, metric, "", sample, None, value),
                Value::Attempts(attempts) => lines(&mut text, metric, sample, &attempts),
            }
        }
    }
    text
}

/// The lines of a histogram.
fn lines(text: &mut String, metric: &Metric, sample: &Sample, attempts: &Attempts) {
    for (most, calls) in attempts.at_most {
        line(text, metric, "_bucket", sample, Some(&most), calls);
    }
    line(
        text,
        metric,
        "_bucket",
        sample,
        Some(&"+Inf"),
        attempts.calls,
    );
    line(text, metric, "_sum", sample, None, attempts.attempts);
    line(text, metric, "_count", sample, None, attempts.calls);
}

/// Names of calls and policies, and words of ours, hold nothing that had to be escaped.
fn line(
    text: &mut String,
    metric: &Metric,
    part: &str,
    sample: &Sample,
    most: Option<&dyn Display>,
    value: u64,
) {
    text.push_str(metric.name);
    text.push_str(part);
    let mut before = '{';
    for (label, value) in metric.labels.iter().zip(sample.values()) {
        text.push(before);
        text.push_str(label);
        text.push_str("=\"");
        text.push_str(value);
        text.push('"');
        before = ',';
    }
    if let Some(most) = most {
        let _ = write!(text, "{before}le=\"{most}\"");
        before = ',';
    }
    text.push_str(if before == ',' { "} " } else { " " });
    let _ = writeln!(text, "{value}");
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

#[cfg(test)]
mod tests {
    use ::prometheus::TextEncoder;

    use super::*;
    use crate::builder::Policy;
    use crate::error::Error;

    #[test]
    fn the_text_is_what_the_crates_encoder_writes_of_the_collector() {
        let registry = Registry::new();
        registry.scope_blocking(|| {
            let policy =
                Policy::builder("text.call").breaker("text.es", |breaker| breaker.failures(1));
            let policy = policy
                .retry(|retry| retry.max(2))
                .bulkhead("text.db", |it| it);
            let policy = policy.build().unwrap();
            for result in [
                Ok(1),
                Err(Error::Failed {
                    source: std::io::Error::other("no"),
                    attempts: 1,
                }),
                Ok(1),
            ] {
                let mut results = Some(result).into_iter();
                let _ = policy.call_blocking(|| results.next().unwrap_or(Ok(0)));
            }
        });
        let text = text_of(&registry);
        let mut families = families(&registry);
        families.retain(|family| !family.get_metric().is_empty());
        assert_eq!(
            text,
            TextEncoder::new().encode_to_string(&families).unwrap()
        );
        assert!(
            text.contains("\nretry_attempts_bucket{call=\"text.call\",le=\"+Inf\"} 3\n"),
            "{text}"
        );
    }
}
