//! What serializes (feature `serde`): the JSON of each type, and that the admin router shows the same.

use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::{Value, json};
use steadfast::outbox::{Depth, QueueCounts};
use steadfast::{
    CacheCounts, CallCounts, Cause, Class, ConfigStatus, Name, Registry, Rejection, State,
    registry, resilient,
};
use steadfast_tests::redis::Server;
use steadfast_tests::{Dependency, Failure, apart, ms, secs, site};
use tokio::time::advance;

use crate::config::Apart;
use crate::operate::served::Served;

#[resilient(
    name = "serial.call",
    breaker(name = "serial.es", failures = 2, recovery = "30s"),
    rate_limit(name = "serial.limits", max = 60),
    bulkhead(name = "serial.limits", max = 7),
    cache(key = id, fresh = "1m"),
    retry(max = 2, base = "1s", jitter = "none"),
    timeout = "5s"
)]
async fn guarded(dependency: &Dependency, id: u32) -> Result<usize, Failure> {
    let _ = id;
    dependency.ask().await
}

async fn play(script: &str) {
    let _ = guarded(&Dependency::playing(script), 1).await;
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

fn shown(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_732_560_000_007)
}

#[test]
fn names_states_classes_and_causes_are_words() {
    assert_eq!(text(&name("stripe")), r#""stripe""#);
    let states = [
        State::Closed,
        State::Open,
        State::HalfOpen,
        State::ForcedOpen,
        State::Disabled,
    ];
    let words = r#"["CLOSED","OPEN","HALF_OPEN","FORCED_OPEN","DISABLED"]"#;
    assert_eq!(text(&states), words);
    let retry_after = Some(secs(1));
    let classes = [
        Class::Transient,
        Class::Timeout,
        Class::RateLimited { retry_after },
        Class::Permanent,
        Class::Expected,
        Class::Ignored,
    ];
    let words = r#"["transient","timeout","rate_limited","permanent","expected","ignored"]"#;
    assert_eq!(text(&classes), words);
    let causes = [Cause::Failure("reset".into()), Cause::ByHand];
    let words = r#"[{"cause":"failure","error":"reset"},{"cause":"by_hand","error":null}]"#;
    assert_eq!(text(&causes), words);
}

#[test]
fn a_rejection_names_its_kind() {
    let cases = [
        (
            Rejection::CircuitOpen {
                breaker: name("es"),
                retry_in: Some(ms(1500)),
            },
            r#"{"kind":"circuit_open","breaker":"es","retryInMs":1500}"#,
        ),
        (
            Rejection::Timeout { limit: secs(5) },
            r#"{"kind":"timeout","limitMs":5000}"#,
        ),
        (
            Rejection::DeadlineExceeded { limit: secs(9) },
            r#"{"kind":"deadline_exceeded","limitMs":9000}"#,
        ),
        (
            Rejection::RateLimited {
                limiter: name("llm"),
                retry_in: None,
            },
            r#"{"kind":"rate_limited","limiter":"llm","retryInMs":null}"#,
        ),
        (
            Rejection::LimiterUnavailable {
                limiter: name("llm"),
            },
            r#"{"kind":"limiter_unavailable","limiter":"llm"}"#,
        ),
        (
            Rejection::BulkheadFull {
                bulkhead: name("db"),
                max: 4,
            },
            r#"{"kind":"bulkhead_full","bulkhead":"db","max":4}"#,
        ),
        (
            Rejection::Queued { id: "1-0".into() },
            r#"{"kind":"queued","id":"1-0"}"#,
        ),
        (
            Rejection::Injected {
                class: Class::Permanent,
            },
            r#"{"kind":"injected","class":"permanent"}"#,
        ),
    ];
    for (rejection, json) in cases {
        assert_eq!(text(&rejection), json);
    }
}

#[test]
fn counts_are_numbers() {
    assert_eq!(
        text(&CallCounts::default()),
        r#"{"ok":0,"transient":0,"timeout":0,"rateLimited":0,"permanent":0,"expected":0,"ignored":0,"rejected":0,"wouldReject":0}"#
    );
    assert_eq!(
        text(&CacheCounts::default()),
        r#"{"hits":0,"stale":0,"joined":0,"misses":0,"refreshes":0,"failedRefreshes":0,"fetched":0,"unshared":0,"kept":0}"#
    );
    assert_eq!(
        text(&QueueCounts::default()),
        r#"{"queued":0,"spooled":0,"delivered":0,"retried":0,"dead":0,"claimed":0}"#
    );
    assert_eq!(
        text(&Depth::default()),
        r#"{"waiting":0,"delayed":0,"dead":0}"#
    );
}

#[tokio::test(start_paused = true)]
async fn a_breaker_shows_its_keys_and_when_it_may_be_tried() {
    apart(async {
        play("FF").await;
        let breaker = registry().breaker("serial.es");
        breaker.for_key("acme").unwrap().force_open();
        advance(ms(1500)).await;
        assert_eq!(
            text(&breaker.status()),
            r#"{"name":"serial.es","state":"OPEN","failures":2,"failureThreshold":2,"calls":0,"failureRate":null,"failureRateThreshold":null,"slowRate":null,"openedAgoMs":1500,"retryInMs":28500,"scope":"local","degraded":false,"keys":{"held":1,"open":1,"worst":[{"key":"acme","state":"FORCED_OPEN","failures":0}]}}"#
        );
        let mut changes = breaker.history();
        for change in &mut changes {
            change.at = noon();
        }
        assert_eq!(
            text(&changes[0]),
            r#"{"at":"2024-11-25T18:40:00.007Z","from":"CLOSED","to":"OPEN","cause":"failure","error":"a transient failure","key":null,"openForMs":30000}"#
        );
        assert_eq!(
            text(&changes[1]),
            r#"{"at":"2024-11-25T18:40:00.007Z","from":"CLOSED","to":"FORCED_OPEN","cause":"by_hand","error":null,"key":"acme","openForMs":null}"#
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn limits_show_what_is_used() {
    apart(async {
        play("S").await;
        assert_eq!(
            text(&registry().limits("serial.limits").unwrap().status()),
            r#"{"name":"serial.limits","rateLimit":{"used":1,"left":59,"resetsInMs":1000,"keys":0,"degraded":false},"bulkhead":{"active":0,"waiting":0,"max":7,"degraded":false}}"#
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn totals_are_maps_where_they_have_keys() {
    apart(async {
        play("FS").await;
        let mut totals = registry().totals();
        totals.calls.retain(|call| call.name == "serial.call");
        totals.breakers.retain(|of| of.name == "serial.es");
        totals.rate_limits.retain(|of| of.name == "serial.limits");
        totals.bulkheads.retain(|of| of.name == "serial.limits");
        totals.caches.retain(|(name, _)| *name == "serial.call");
        totals.queues = vec![(name("serial.mail"), QueueCounts::default())];
        let counts = |ok, transient| {
            json!({
                "ok": ok, "transient": transient, "timeout": 0, "rateLimited": 0, "permanent": 0,
                "expected": 0, "ignored": 0, "rejected": 0, "wouldReject": 0
            })
        };
        assert_eq!(
            shown(&totals),
            json!({
                "calls": [{
                    "name": "serial.call", "ended": counts(1, 0), "retries": counts(1, 0),
                    "attempts": {
                        "atMost": { "1": 0, "2": 1, "3": 1, "4": 1, "5": 1, "10": 1 },
                        "calls": 1, "attempts": 2
                    },
                    "timeouts": 0, "fallbacks": 0
                }],
                "breakers": [{
                    "name": "serial.es", "state": "CLOSED", "failures": 1, "successes": 1,
                    "rejections": 0, "slow": 0,
                    "changes": {
                        "CLOSED": 0, "OPEN": 0, "HALF_OPEN": 0, "FORCED_OPEN": 0, "DISABLED": 0
                    },
                    "keys": null
                }],
                "rateLimits": [{ "name": "serial.limits", "rejected": 0, "degraded": false }],
                "bulkheads": [{
                    "name": "serial.limits", "active": 0, "waiting": 0, "max": 7, "rejected": 0
                }],
                "caches": {
                    "serial.call": {
                        "hits": 0, "stale": 0, "joined": 0, "misses": 1, "refreshes": 0,
                        "failedRefreshes": 0, "fetched": 0, "unshared": 0, "kept": 1
                    }
                },
                "queues": {
                    "serial.mail": {
                        "queued": 0, "spooled": 0, "delivered": 0, "retried": 0, "dead": 0,
                        "claimed": 0
                    }
                },
                "loads": 0, "failedLoads": 0, "redisConnected": null
            })
        );
        let of = registry().breaker("serial.es");
        let _ = of.for_key("acme");
        let totals = registry().totals();
        let breaker = totals.breakers.iter().find(|of| of.name == "serial.es");
        assert_eq!(shown(&breaker)["keys"], json!({ "held": 1, "open": 0 }));
    })
    .await;
}

#[tokio::test]
async fn a_configuration_says_when_it_was_loaded_and_what_is_wrong() {
    assert_eq!(
        text(&ConfigStatus::default()),
        r#"{"loaded":0,"failed":0,"last":null,"error":null,"warnings":[]}"#
    );
    let apart = Apart::of("serial.");
    let error = apart.start("a.toml", "[mode]\n").await.unwrap_err();
    let mut status = ConfigStatus::default();
    status.failed = 1;
    status.last = Some(noon());
    status.warnings = vec!["odd".to_owned()];
    status.error = Some(error.clone());
    assert_eq!(
        shown(&status),
        json!({
            "loaded": 0, "failed": 1, "last": "2024-11-25T18:40:00.007Z",
            "error": error.to_string(), "warnings": ["odd"]
        })
    );
}

#[tokio::test]
async fn the_link_to_redis_says_where_it_leads() {
    let server = Server::start();
    let registry = Registry::new();
    registry.know_only("serial.");
    let start = async { steadfast::setup().redis(server.url()).start().await };
    let steadfast = registry.scope(start).await.unwrap();
    let mut status = registry.redis_status().unwrap();
    status.error = Some("gone".to_owned());
    assert_eq!(
        shown(&status),
        json!({
            "connected": status.connected, "server": status.server,
            "instances": status.instances, "error": "gone"
        })
    );
    steadfast.stop().await;
}

#[tokio::test]
async fn a_site_shows_its_values_with_their_layers_and_its_worst_case() {
    let apart = Apart::of("serial.");
    apart
        .scope(async {
            let file = "[call.\"serial.call\"]\ntimeout = \"2s\"\n";
            let steadfast = apart.start("a.toml", file).await.unwrap();
            play("S").await;
            let site = site("serial.call");
            let mut json = shown(&site);
            let options = json["options"].take();
            let option = |path: &str| {
                let options = options.as_array().unwrap();
                options.iter().find(|it| it["option"] == path).unwrap()
            };
            let at = format!("{}:{}", site.file(), site.line());
            let from = format!("{}:2:11", apart.path("a.toml").display());
            assert_eq!(
                option("timeout"),
                &json!({
                    "option": "timeout", "value": "2s", "layer": "file", "from": from,
                    "was": [{ "value": "5s", "layer": "code", "from": at }]
                })
            );
            assert_eq!(
                option("breaker.half_open"),
                &json!({
                    "option": "breaker.half_open", "value": "2", "layer": "built_in",
                    "from": null, "was": []
                })
            );
            assert_eq!(
                json,
                json!({
                    "name": "serial.call", "at": at, "isAsync": true,
                    "worstCase": site.policy().worst_case().to_string(), "options": null,
                    "results": site.calls(), "cache": site.cache()
                })
            );
            let policy = shown(&site.policy());
            assert_eq!(policy["worstCase"], json["worstCase"]);
            let timeout = json!({ "option": "timeout", "value": "2s" });
            assert!(policy["options"].as_array().unwrap().contains(&timeout));
            steadfast.stop().await;
        })
        .await;
}

#[tokio::test]
async fn the_admin_router_shows_the_same() {
    apart(async {
        let served = Served::with_token().await;
        play("FF").await;
        let mut mine = shown(&site("serial.call"));
        let calls = served.json("/api/calls").await;
        let theirs = &calls["calls"]["serial.call"];
        mine.as_object_mut()
            .unwrap()
            .retain(|key, _| key != "isAsync" && key != "cache");
        assert_eq!(&mine, theirs);

        let breaker = registry().breaker("serial.es");
        let path = "/api/circuit-breakers/history/serial.es";
        let history = served.json(path).await;
        assert_eq!(history["history"], json!(breaker.history()));
        let circuits = served.json("/api/circuit-breakers/status").await;
        let circuit = circuits["circuitBreakers"]["serial.es"].clone();
        let mine = shown(&breaker.status());
        for (key, theirs) in circuit.as_object().unwrap() {
            if key != "openedAt" && key != "nextRetryAt" {
                assert_eq!(&mine[key], theirs, "{key}");
            }
        }
        let limits = served.json("/api/limits").await;
        let bulkhead = registry().bulkhead("serial.limits").status();
        let theirs = &limits["limits"]["bulkheads"]["serial.limits"];
        assert_eq!(theirs, &shown(&bulkhead));
    })
    .await;
}
