//! Metrics as OpenTelemetry exports them.

use std::collections::BTreeMap;

use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, MetricData, ResourceMetrics, ScopeMetrics,
};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use steadfast::{registry, resilient};
use steadfast_tests::{Dependency, Failure, apart};

#[resilient(
    name = "otel.charge",
    breaker(name = "otel.stripe", failures = 3),
    retry(max = 3, base = "1s", jitter = "none")
)]
async fn charge(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

/// The last values, by metric and attributes.
fn values(exported: &[ResourceMetrics]) -> BTreeMap<String, u64> {
    let mut values = BTreeMap::new();
    let scopes = exported.iter().flat_map(ResourceMetrics::scope_metrics);
    for metric in scopes.flat_map(ScopeMetrics::metrics) {
        let AggregatedMetrics::U64(data) = metric.data() else {
            panic!("{} is no whole number", metric.name());
        };
        let mut note = |attributes: Vec<String>, value| {
            values.insert(format!("{} {}", metric.name(), attributes.join(" ")), value);
        };
        let text = |it: &opentelemetry::KeyValue| format!("{}={}", it.key, it.value);
        match data {
            MetricData::Gauge(gauge) => gauge
                .data_points()
                .for_each(|point| note(point.attributes().map(text).collect(), point.value())),
            MetricData::Sum(sum) => sum
                .data_points()
                .for_each(|point| note(point.attributes().map(text).collect(), point.value())),
            _ => panic!("{} is neither a gauge nor a counter", metric.name()),
        }
    }
    values
}

#[test]
fn every_metric_is_an_observable_instrument_and_the_histogram_three_counters() {
    let exporter = InMemoryMetricExporter::default();
    let provider = SdkMeterProvider::builder()
        .with_reader(PeriodicReader::builder(exporter.clone()).build())
        .build();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(apart(async {
        // The SDK keeps 2,000 sets of attributes of an instrument, and this binary has hundreds of calls.
        registry().know_only("otel.");
        steadfast::otel::observe(&provider.meter("steadfast"));
        let _ = charge(&Dependency::playing("S")).await;
        let _ = charge(&Dependency::playing("FS")).await;
        registry().breaker("otel.stripe").force_open();
        let _ = charge(&Dependency::playing("")).await;
    }));
    provider.force_flush().unwrap();
    let values = values(&exporter.get_finished_metrics().unwrap());
    let expected = [
        ("circuit_breaker_state name=otel.stripe", 3),
        ("circuit_breaker_failures name=otel.stripe", 1),
        ("circuit_breaker_successes name=otel.stripe", 2),
        ("circuit_breaker_rejections name=otel.stripe", 1),
        ("retry_attempts_bucket call=otel.charge le=1", 2),
        ("retry_attempts_bucket call=otel.charge le=2", 3),
        ("retry_attempts_bucket call=otel.charge le=+Inf", 3),
        ("retry_attempts_count call=otel.charge", 3),
        ("retry_attempts_sum call=otel.charge", 4),
    ];
    let wrong: Vec<_> = expected
        .into_iter()
        .filter(|(name, value)| values.get(*name) != Some(value))
        .map(|(name, value)| (name, value, values.get(name)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}\n{values:#?}");
    let by_result = ["call=otel.charge result=ok", "result=ok call=otel.charge"];
    let ok = |metric: &str| {
        by_result
            .iter()
            .find_map(|it| values.get(&format!("{metric} {it}")))
    };
    assert_eq!((ok("calls"), ok("retry_attempts")), (Some(&2), Some(&1)));
    provider.shutdown().unwrap();
}
