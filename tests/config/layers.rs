//! Which layer wins: one test for each pair of neighbours, and what a default can't do.

use std::time::Duration;

use steadfast::{Policy, Registry, Rejection, registry, resilient};
use steadfast_tests::{Dependency, Failure, secs, site};

use super::{Apart, value};

#[resilient(
    name = "config.layers.bare",
    breaker = "config.layers",
    retry,
    rate_limit = "config.limit"
)]
async fn bare(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

#[resilient(
    name = "config.layers.full",
    breaker(name = "config.layers.own", failures = 3, recovery = "7s"),
    retry(max = 4),
    timeout = "5s"
)]
async fn full(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

const START: &str = "config.layers";

#[tokio::test(start_paused = true)]
async fn defaults_beat_what_is_built_in() {
    let apart = Apart::of(START);
    let file =
        "[defaults]\nbreaker.recovery = '9s'\nretry.max = 7\n[defaults.rate_limit]\nmax = 2\n";
    apart.start("a.toml", file).await.unwrap();
    apart
        .scope(async {
            let at = value("config.layers.bare", "retry.max").unwrap();
            assert_eq!(at, "7 — a.toml:3:13 [defaults]");
            let at = value("config.layers.bare", "breaker.recovery").unwrap();
            assert_eq!(at, "9s — a.toml:2:20 [defaults]");
            let limit = registry().rate_limit("config.limit").status();
            assert_eq!((limit.used, limit.left), (0, 2));
            // Also where no call declares it.
            let breaker = registry().breaker("config.unknown");
            (0..5).for_each(|_| breaker.admit().unwrap().failure());
            assert_eq!(breaker.status().retry_in, Some(secs(9)));
        })
        .await;
}

#[tokio::test]
async fn the_attribute_beats_defaults() {
    let apart = Apart::of(START);
    let file = "[defaults]\nretry = { max = 7 }\n[defaults.breaker]\nfailures = 9\nrecovery = '9s'";
    apart.start("a.toml", file).await.unwrap();
    apart
        .scope(async {
            for (path, ours) in [
                ("retry.max", "4"),
                ("breaker.failures", "3"),
                ("breaker.recovery", "7s"),
            ] {
                let at = value("config.layers.full", path).unwrap();
                assert!(
                    at.starts_with(&format!("{ours} — layers.rs:")),
                    "{path}: {at}"
                );
            }
        })
        .await;
}

#[tokio::test]
async fn a_default_adds_no_policy_and_no_limit() {
    let apart = Apart::of(START);
    let file = "[defaults]\ntimeout = '1s'\nbulkhead.wait = '1s'\nfallback.on = 'rejected'";
    let steadfast = apart.start("a.toml", file).await.unwrap();
    apart
        .scope(async {
            assert_eq!(value("config.layers.bare", "timeout"), None);
            assert_eq!(value("config.layers.bare", "bulkhead.wait"), None);
            assert_eq!(value("config.layers.bare", "fallback.on"), None);
            assert!(
                value("config.layers.full", "timeout")
                    .unwrap()
                    .starts_with("5s — layers.rs")
            );
            bare(&Dependency::playing("S")).await.unwrap();
        })
        .await;
    let warnings = steadfast.status().warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("a.toml:2:11: a default `timeout` changes nothing"),
        "{warnings:?}"
    );
}

#[tokio::test]
async fn a_name_in_a_file_beats_the_attribute_and_what_it_beat_is_known() {
    let apart = Apart::of(START);
    let file = "[breaker.'config.layers.own']\nfailures = 9\n[call.'config.layers.full']\ntimeout = '2s'\nretry.max = 2\n";
    apart.start("a.toml", file).await.unwrap();
    apart
        .scope(async {
            let call = "config.layers.full";
            assert_eq!(value(call, "breaker.failures").unwrap(), "9 — a.toml:2:12");
            assert_eq!(value(call, "timeout").unwrap(), "2s — a.toml:4:11");
            assert_eq!(value(call, "retry.max").unwrap(), "2 — a.toml:5:13");
            assert!(
                value(call, "breaker.recovery")
                    .unwrap()
                    .starts_with("7s — layers.rs:")
            );
            let timeout = site(call)
                .values()
                .into_iter()
                .find(|v| v.path == "timeout")
                .unwrap();
            let [(was, at)] = &timeout.was[..] else {
                panic!("{timeout:?}")
            };
            assert_eq!(was.to_string(), "5s");
            assert!(at.to_string().contains("config/layers.rs:"), "{at}");

            let slow = Dependency::playing("HH");
            tokio::time::pause();
            let cut = Rejection::Timeout { limit: secs(2) };
            assert_eq!(full(&slow).await, Err(cut.into()));
            assert_eq!(slow.runs(), 2);
            assert_eq!(registry().breaker("config.layers.own").status().failures, 2);
        })
        .await;
}

#[tokio::test]
async fn a_later_file_beats_an_earlier_one() {
    let apart = Apart::of(START);
    let base = apart.write(
        "base.yaml",
        "breaker:\n  config.layers:\n    failures: 7\n    recovery: 9s\n",
    );
    let site = apart.write(
        "site.json",
        "{\"breaker\": {\"config.layers\": {\"failures\": 8}}}",
    );
    apart
        .scope(async {
            steadfast::setup()
                .config_file(&base)
                .config_file(&site)
                .start()
                .await
                .unwrap();
            assert_eq!(
                value("config.layers.bare", "breaker.failures").unwrap(),
                "8 — site.json:1:44"
            );
            assert_eq!(
                value("config.layers.bare", "breaker.recovery").unwrap(),
                "9s — base.yaml:4:15"
            );
        })
        .await;
}

#[tokio::test]
async fn a_variable_beats_a_name_in_a_file() {
    let variables = [
        ("STEADFAST_BREAKER__CONFIG_LAYERS__FAILURES", "6"),
        ("STEADFAST_CALL__CONFIG_LAYERS_FULL__TIMEOUT", "1s"),
        (
            "STEADFAST_CALL__CONFIG_LAYERS_FULL__RETRY__ON",
            "transient, rate_limited",
        ),
        ("PATH", "/bin"),
    ];
    let apart = Apart::with(START, &variables);
    let file = "[breaker.'config.layers']\nfailures = 9\nrecovery = '3s'\n[call.'config.layers.full']\ntimeout = '2s'\n";
    apart.start("a.toml", file).await.unwrap();
    apart
        .scope(async {
            let at = |path| value("config.layers.bare", path).unwrap();
            assert_eq!(
                at("breaker.failures"),
                "6 — STEADFAST_BREAKER__CONFIG_LAYERS__FAILURES"
            );
            assert_eq!(at("breaker.recovery"), "3s — a.toml:3:12");
            let at = |path| value("config.layers.full", path).unwrap();
            assert_eq!(
                at("timeout"),
                "1s — STEADFAST_CALL__CONFIG_LAYERS_FULL__TIMEOUT"
            );
            assert!(at("retry.on").starts_with("transient, rate_limited — STEADFAST_"));
        })
        .await;
}

#[tokio::test]
async fn the_general_form_of_a_variable_beats_that_of_operators() {
    let variables = [
        ("CONFIG_LAYERS_CIRCUIT_FAILURE_THRESHOLD", "8"),
        ("CONFIG_LAYERS_CIRCUIT_RECOVERY_SECONDS", "2.5"),
        ("CONFIG_LAYERS_CIRCUIT_WINDOW_SECONDS", "20"),
        ("CONFIG_LAYERS_CIRCUIT_HALF_OPEN_MAX_CALLS", "4"),
        ("STEADFAST_BREAKER__CONFIG_LAYERS__FAILURES", "6"),
    ];
    let apart = Apart::with(START, &variables);
    apart
        .start("a.toml", "breaker.'config.layers'.recovery = '9s'")
        .await
        .unwrap();
    apart
        .scope(async {
            let at = |path| value("config.layers.bare", path).unwrap();
            assert_eq!(
                at("breaker.failures"),
                "6 — STEADFAST_BREAKER__CONFIG_LAYERS__FAILURES"
            );
            assert_eq!(
                at("breaker.recovery"),
                "2500ms — CONFIG_LAYERS_CIRCUIT_RECOVERY_SECONDS"
            );
            assert_eq!(
                at("breaker.window"),
                "20s — CONFIG_LAYERS_CIRCUIT_WINDOW_SECONDS"
            );
            assert_eq!(
                at("breaker.half_open"),
                "4 — CONFIG_LAYERS_CIRCUIT_HALF_OPEN_MAX_CALLS"
            );
        })
        .await;
}

#[tokio::test]
async fn what_is_done_by_hand_beats_all_layers_until_it_ends() {
    let apart = Apart::of(START);
    let steadfast = apart
        .start("a.toml", "breaker.'config.layers'.failures = 1")
        .await
        .unwrap();
    apart
        .scope(async {
            let breaker = registry().breaker("config.layers");
            breaker.disable();
            steadfast.reload().unwrap();
            (0..9).for_each(|_| breaker.admit().unwrap().failure());
            breaker.release();
            breaker.admit().unwrap().failure();
            assert!(breaker.admit().is_err());
        })
        .await;
}

#[tokio::test]
async fn a_rule_of_a_higher_layer_replaces_the_rules_below() {
    let apart = Apart::of(START);
    let file = "[breaker.'config.layers.own']\nfailure_rate = '50%'\nmin_calls = 2\n";
    apart.start("a.toml", file).await.unwrap();
    apart
        .scope(async {
            let status = registry().breaker("config.layers.own").status();
            assert_eq!(
                (status.failure_threshold, status.failure_rate_threshold),
                (None, Some(0.5))
            );
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn breakers_limits_bulkheads_and_time_limits_can_be_added_to_a_call() {
    #[resilient(name = "config.added")]
    async fn plain(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    let apart = Apart::of("config.added");
    let file = "
        [call.'config.added']
        timeout = '1s'
        deadline = '9s'
        breaker = 'config.added.breaker'
        rate_limit.wait = '1s'
        [call.'config.added'.bulkhead]
        [breaker.'config.added.breaker']
        failures = 1
        [rate_limit.'config.added']
        max = 2
        per = '1h'
        [bulkhead.'config.added']
        max = 1
    ";
    apart.start("a.toml", file).await.unwrap();
    apart
        .scope(async {
            let hung = Dependency::playing("H");
            let cut = Rejection::Timeout { limit: secs(1) };
            assert_eq!(plain(&hung).await, Err(cut.into()));
            assert!(registry().breaker("config.added.breaker").admit().is_err());
            registry().breaker("config.added.breaker").reset();
            let place = registry().bulkhead("config.added").try_enter().unwrap();
            let full = plain(&Dependency::playing("S")).await;
            assert!(
                matches!(full, Err(Failure::Rejected(Rejection::BulkheadFull { .. }))),
                "{full:?}"
            );
            drop(place);
            plain(&Dependency::playing("S")).await.unwrap();
            let spent = plain(&Dependency::playing("S")).await;
            assert!(
                matches!(spent, Err(Failure::Rejected(Rejection::RateLimited { .. }))),
                "{spent:?}"
            );
        })
        .await;
}

#[tokio::test]
async fn a_policy_made_by_hand_is_tuned_by_its_name_and_by_those_it_uses() {
    let apart = Apart::of("config.nothing");
    let file = "[call.'config.search']\ntimeout = '2s'\n[breaker.'config.es']\nfailures = 9\n";
    let path = apart.write("a.toml", file);
    apart
        .scope(async {
            let names = ["config.search", "config.es"];
            steadfast::setup()
                .config_file(&path)
                .declare(names)
                .start()
                .await
                .unwrap();
            let policy = Policy::builder("config.search")
                .breaker("config.es", |breaker| breaker.failures(3))
                .timeout(Duration::from_secs(5))
                .build()
                .unwrap();
            let values = policy.values();
            let timeout = values.iter().find(|value| value.path == "timeout").unwrap();
            assert_eq!(timeout.value.to_string(), "2s");
            assert!(
                timeout.was[0].1.to_string().contains("config/layers.rs:"),
                "{timeout:?}"
            );
            assert_eq!(
                policy.info().worst_case().to_string(),
                "2s (1 attempt × 2s)"
            );
            assert_eq!(
                registry().breaker("config.es").status().failure_threshold,
                Some(9)
            );
            // What the builder says is compared with what the code says, not with the file.
            let again = Policy::builder("config.search").breaker("config.es", |b| b.failures(3));
            again.build().unwrap();
        })
        .await;
}

#[tokio::test]
async fn a_registry_is_set_up_once_at_a_time() {
    let apart = Apart::of(START);
    let first = apart
        .start("a.toml", "breaker.'config.layers'.failures = 9")
        .await
        .unwrap();
    let again = apart
        .start("a.toml", "breaker.'config.layers'.failures = 8")
        .await;
    let error = again.unwrap_err().to_string();
    assert!(
        error.starts_with("this registry is set up already"),
        "{error}"
    );
    first.stop().await;
    apart
        .start("a.toml", "breaker.'config.layers'.failures = 8")
        .await
        .unwrap();
    let other = Registry::new();
    let status = other.breaker("config.layers").status();
    assert_eq!(status.failure_threshold, Some(5));
}
