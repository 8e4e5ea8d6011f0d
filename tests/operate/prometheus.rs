//! Metrics as Prometheus reads them.

use std::collections::BTreeMap;

use steadfast::{Policy, registry, resilient};
use steadfast_tests::{Dependency, Failure, apart, secs};
use tokio::time::advance;

use super::tools::{run, said, tool};

#[resilient(
    name = "prom.charge",
    breaker(
        name = "prom.stripe",
        failures = 3,
        recovery = "30s",
        close_after = 1,
        slow_call = "2s"
    ),
    retry(max = 2, base = "1s", jitter = "none"),
    rate_limit(name = "prom.limit", max = 8, per = "1h"),
    bulkhead(name = "prom.places", max = 4),
    timeout = "5s",
    fallback(kind = "default")
)]
async fn charge(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

/// A little of everything.
async fn outage() {
    let play = async |script: &str| charge(&Dependency::playing(script)).await;
    let _ = play("S").await;
    let _ = charge(&Dependency::playing("S").taking(secs(3))).await; // slow
    let _ = play("FS").await;
    let _ = play("FF").await;
    let _ = play("HS").await; // cut: the third failure opens it, and its retry is refused
    let _ = play("S").await; // refused
    advance(secs(30)).await;
    let _ = play("E").await; // a probe, and a proper answer
    let _ = play("").await; // nine attempts: no token is left
    let places: Vec<_> = (0..4)
        .map(|_| registry().bulkhead("prom.places").try_enter())
        .collect();
    assert!(places.iter().all(Result::is_ok));
    registry().bulkhead("prom.places").try_enter().unwrap_err();
}

/// The lines of a text, by series.
fn series(text: &str) -> BTreeMap<&str, &str> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').expect("a value"))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn every_metric_has_the_name_of_the_contract_and_counts_an_outage() {
    let text = apart(async {
        outage().await;
        steadfast::prometheus::text()
    })
    .await;
    let series = series(&text);
    let expected = [
        (r#"circuit_breaker_state{name="prom.stripe"}"#, "0"),
        (r#"circuit_breaker_failures_total{name="prom.stripe"}"#, "4"),
        (
            r#"circuit_breaker_successes_total{name="prom.stripe"}"#,
            "4",
        ),
        (
            r#"circuit_breaker_rejections_total{name="prom.stripe"}"#,
            "2",
        ),
        (
            r#"circuit_breaker_slow_calls_total{name="prom.stripe"}"#,
            "2",
        ),
        (
            r#"circuit_breaker_state_changes_total{name="prom.stripe",state="open"}"#,
            "1",
        ),
        (
            r#"circuit_breaker_state_changes_total{name="prom.stripe",state="half_open"}"#,
            "1",
        ),
        (
            r#"circuit_breaker_state_changes_total{name="prom.stripe",state="closed"}"#,
            "1",
        ),
        (
            r#"circuit_breaker_state_changes_total{name="prom.stripe",state="forced_open"}"#,
            "0",
        ),
        (
            r#"circuit_breaker_state_changes_total{name="prom.stripe",state="disabled"}"#,
            "0",
        ),
        (r#"calls_total{call="prom.charge",result="ok"}"#, "3"),
        (r#"calls_total{call="prom.charge",result="transient"}"#, "1"),
        (r#"calls_total{call="prom.charge",result="expected"}"#, "1"),
        (r#"calls_total{call="prom.charge",result="rejected"}"#, "3"),
        (r#"calls_total{call="prom.charge",result="timeout"}"#, "0"),
        (
            r#"calls_total{call="prom.charge",result="rate_limited"}"#,
            "0",
        ),
        (r#"calls_total{call="prom.charge",result="permanent"}"#, "0"),
        (r#"calls_total{call="prom.charge",result="ignored"}"#, "0"),
        (r#"calls_would_reject_total{call="prom.charge"}"#, "0"),
        (r#"retry_attempts_bucket{call="prom.charge",le="1"}"#, "5"),
        (r#"retry_attempts_bucket{call="prom.charge",le="2"}"#, "8"),
        (
            r#"retry_attempts_bucket{call="prom.charge",le="+Inf"}"#,
            "8",
        ),
        (r#"retry_attempts_count{call="prom.charge"}"#, "8"),
        (r#"retry_attempts_sum{call="prom.charge"}"#, "11"),
        (
            r#"retry_attempts_total{call="prom.charge",result="ok"}"#,
            "1",
        ),
        (
            r#"retry_attempts_total{call="prom.charge",result="transient"}"#,
            "1",
        ),
        (
            r#"retry_attempts_total{call="prom.charge",result="rejected"}"#,
            "1",
        ),
        (r#"timeouts_total{call="prom.charge"}"#, "1"),
        (r#"fallbacks_total{call="prom.charge"}"#, "4"),
        (r#"rate_limit_rejected_total{name="prom.limit"}"#, "1"),
        (r#"rate_limit_fallback_active{name="prom.limit"}"#, "0"),
        (r#"bulkhead_active{name="prom.places"}"#, "0"),
        (r#"bulkhead_waiting{name="prom.places"}"#, "0"),
        (r#"bulkhead_max{name="prom.places"}"#, "4"),
        (r#"bulkhead_rejected_total{name="prom.places"}"#, "1"),
        (r#"config_reloads_total{result="ok"}"#, "0"),
        (r#"config_reloads_total{result="error"}"#, "0"),
    ];
    let wrong: Vec<_> = expected
        .into_iter()
        .filter(|(name, value)| series.get(name) != Some(value))
        .map(|(name, value)| (name, value, series.get(name)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}\n{text}");
}

#[tokio::test(start_paused = true)]
async fn promtool_finds_nothing_to_say_of_the_text() {
    let Some(promtool) = tool("promtool") else {
        return;
    };
    let text = apart(async {
        outage().await;
        let _ = registry()
            .breaker("prom.tenants")
            .for_key("a")
            .unwrap()
            .admit();
        steadfast::prometheus::text()
    })
    .await;
    assert!(text.contains("circuit_breaker_keys_open"), "{text}");
    let checked = run(&promtool, &["check", "metrics"], &text);
    assert!(checked.status.success(), "{}", said(&checked));
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_is_there_already_takes_the_collector() {
    let theirs = prometheus::Registry::new();
    apart(async {
        let collector = steadfast::prometheus::collector();
        theirs.register(Box::new(collector.clone())).unwrap();
        theirs.register(Box::new(collector)).unwrap_err(); // once is enough
        outage().await;
    })
    .await;
    let families = theirs.gather();
    let text = prometheus::TextEncoder::new()
        .encode_to_string(&families)
        .unwrap();
    assert!(
        text.contains(r#"circuit_breaker_failures_total{name="prom.stripe"} 4"#),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_policy_made_by_hand_is_in_the_metrics_too() {
    let text = apart(async {
        let policy = Policy::builder("prom.made")
            .timeout(secs(1))
            .build()
            .unwrap();
        policy
            .call_blocking(|| Ok::<_, steadfast::Error<std::io::Error>>(1))
            .unwrap();
        steadfast::prometheus::text()
    })
    .await;
    assert!(
        text.contains(r#"calls_total{call="prom.made",result="ok"} 1"#),
        "{text}"
    );
}
