//! Where values come from, and files that say what is in force.

use std::path::Path;

use steadfast::{Policy, example_config, explain, registry, resilient, sites};
use steadfast_options::schema;
use steadfast_tests::{Dependency, Failure, secs, site};

use super::Apart;

#[resilient(
    name = "config.explain.full",
    breaker(name = "config.explain", failure_rate = "25%", min_calls = 7, counts(transient, timeout), guards = "call"),
    rate_limit(name = "config.explain.limit", max = 7, per = "90s", algorithm = "sliding_window", key = dependency.runs()),
    bulkhead(name = "config.explain.places", max = 3, wait = "0s"),
    retry(max = 4, jitter = 0.25, on(transient, rejected), factor = 1.5, budget = "20%"),
    fallback(with = answer, on = "rejected"),
    timeout = "5s",
    deadline = "25s"
)]
async fn full(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "a fallback returns what its call returns"
)]
fn answer(_: &Dependency, _: Failure) -> Result<usize, Failure> {
    Ok(0)
}

#[resilient(name = "config.explain.bare")]
async fn bare() -> Result<(), Failure> {
    Ok(())
}

#[resilient(name = "config.explain.own", breaker(window_calls = 9))]
async fn own() -> Result<(), Failure> {
    Ok(())
}

const FILE: &str = "
[defaults]
retry.base = '2s'
breaker.close_after = 5
[call.'config.explain.full']
timeout = '2s'
retry.jitter = '200ms'
[call.'config.explain.bare']
timeout = '1s'
bulkhead = {}
[breaker.'config.explain']
window = 'none'
";

const VARIABLES: [(&str, &str); 2] = [
    ("STEADFAST_BREAKER__CONFIG_EXPLAIN__FAILURE_RATE", "0.75"),
    ("STEADFAST_BREAKER__CONFIG_EXPLAIN__MIN_CALLS", "8"),
];

#[tokio::test]
async fn explain_says_which_layer_set_each_value_and_what_it_beat() {
    let apart = Apart::with("config.explain", &VARIABLES);
    apart.start("steadfast.toml", FILE).await.unwrap();
    let text = apart.told_text(&apart.scope(async { explain() }).await);
    let code = format!(
        "config/explain.rs:{}",
        apart
            .scope(async { site("config.explain.full").line() })
            .await
    );
    let lines = [
        format!("call config.explain.full in tests/{code}"),
        format!("  timeout 2s — steadfast.toml:6:11, was 5s in tests/{code}"),
        format!("  breaker.guards call — in tests/{code}"),
        format!(
            "  breaker.failure_rate 0.75 — STEADFAST_BREAKER__CONFIG_EXPLAIN__FAILURE_RATE, was 0.25 in tests/{code}"
        ),
        "  breaker.close_after 5 — steadfast.toml:4:23 [defaults]".into(),
        "  breaker.window none — steadfast.toml:12:10".into(),
        "  worst case 18100ms (4 attempts × 2s + pauses of 10100ms)".into(),
        "breaker config.explain".into(),
        "rate_limit config.explain.limit".into(),
        "  built in: rate_limit.scope local, rate_limit.mode enforce, rate_limit.max_keys 10000, rate_limit.fail_open 5m, rate_limit.probe 5s, rate_limit.then deny".into(),
        "bulkhead config.explain.bare".into(),
        "  built in: bulkhead.scope local, bulkhead.mode enforce, bulkhead.max 10".into(),
    ];
    for line in lines {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn handles_and_sites_give_every_value_with_its_layer() {
    let apart = Apart::with("config.explain", &VARIABLES);
    apart.start("steadfast.toml", FILE).await.unwrap();
    apart
        .scope(async {
            full(&Dependency::playing("S")).await.unwrap();
            bare().await.unwrap();
            own().await.unwrap();
            let shown = |values: Vec<steadfast::SetValue>, path: &str| {
                let found = values.iter().find(|value| value.path == path);
                found
                    .map(|found| format!("{} — {}", found.value, found.origin))
                    .unwrap()
            };
            let breaker = registry().breaker("config.explain");
            assert_eq!(
                shown(breaker.values(), "breaker.recovery"),
                "30s — built in"
            );
            assert_eq!(
                shown(breaker.values(), "breaker.probe_timeout"),
                "30s — built in"
            );
            let at = shown(breaker.values(), "breaker.min_calls");
            assert_eq!(at, "8 — STEADFAST_BREAKER__CONFIG_EXPLAIN__MIN_CALLS");
            let limit = registry().rate_limit("config.explain.limit");
            assert_eq!(
                shown(limit.values(), "rate_limit.per"),
                format!("90s — {}", place("full"))
            );
            let places = registry().bulkhead("config.explain.places");
            assert_eq!(
                shown(places.values(), "bulkhead.max"),
                format!("3 — {}", place("full"))
            );
            let values = site("config.explain.full").values();
            assert_eq!(shown(values.clone(), "breaker.recovery"), "30s — built in");
            assert_eq!(shown(values, "retry.cap"), "1m — built in");
        })
        .await;
}

fn place(call: &str) -> String {
    let site = site(&format!("config.explain.{call}"));
    format!("{}:{}", site.file(), site.line())
}

/// Every value in force, by call and by name, without its layer.
fn in_force() -> Vec<String> {
    let sites = sites().flat_map(|site| {
        let values = site.values().into_iter();
        values.map(move |value| format!("{} {} {}", site.name(), value.path, value.value))
    });
    sites.collect()
}

#[tokio::test]
async fn the_example_loads_back_to_exactly_the_values_in_force() {
    let apart = Apart::with("config.explain", &VARIABLES);
    apart.start("steadfast.toml", FILE).await.unwrap();
    let (example, values) = apart.scope(async { (example_config(), in_force()) }).await;
    // In a registry that knows neither the file nor the variables.
    let fresh = Apart::of("config.explain");
    let steadfast = fresh.start("example.toml", &example).await.unwrap();
    assert_eq!(fresh.scope(async { in_force() }).await, values, "{example}");
    assert_eq!(steadfast.status().warnings, [""; 0]);
    // And once more, of what it wrote itself.
    let again = fresh.scope(async { example_config() }).await;
    let third = Apart::of("config.explain");
    third.start("example.toml", &again).await.unwrap();
    assert_eq!(third.scope(async { in_force() }).await, values, "{again}");
}

#[tokio::test]
async fn the_examples_comments_are_options_that_may_be_set() {
    let apart = Apart::of("config.explain");
    let example = apart.scope(async { example_config() }).await;
    let head = example.lines().take_while(|line| !line.is_empty()).count();
    let set = |line: &str| match line.strip_prefix("# ") {
        Some(option) if option.contains(" = ") => option.to_owned(),
        _ => line.to_owned(),
    };
    let all: Vec<String> = example.lines().skip(head).map(set).collect();
    let (all, values) = (all.join("\n"), apart.scope(async { in_force() }).await);
    apart.start("all.toml", &all).await.unwrap();
    assert_eq!(apart.scope(async { in_force() }).await, values, "{all}");
}

#[tokio::test]
async fn the_example_holds_policies_made_by_hand_where_they_were_announced() {
    let apart = Apart::of("config.nothing");
    apart
        .scope(async {
            steadfast::setup()
                .declare(["config.hand"])
                .start()
                .await
                .unwrap();
            let build = |name: &str| {
                let policy = Policy::builder(name)
                    .timeout(secs(3))
                    .bulkhead(name, |b| b.max(2));
                policy.build().unwrap()
            };
            let _policies = (build("config.hand"), build("config.other"));
            let example = example_config();
            for part in [
                "[call.\"config.hand\"]",
                "timeout = \"3s\"",
                "[bulkhead.\"config.hand\"]",
                "\nmax = 2",
            ] {
                assert!(example.contains(part), "{part}\n{example}");
            }
            assert!(!example.contains("config.other"), "{example}");
        })
        .await;
}

#[test]
fn the_schema_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../steadfast.schema.json");
    let file = std::fs::read_to_string(path).expect("steadfast.schema.json stands at the root");
    assert!(
        file == schema(),
        "steadfast.schema.json is not what the table says; write it anew with `cargo xtask schema`"
    );
}
