//! The admin router against a running service.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use steadfast::{registry, resilient};
use steadfast_tests::{Dependency, Failure, apart};

use super::served::{Served, TOKEN};
use super::tools::{run, said, tool};
use crate::config::Apart;

#[resilient(
    name = "operate.charge",
    breaker(name = "operate.stripe", failures = 5, recovery = "1m"),
    rate_limit(name = "operate.limit", max = 100, per = "1h"),
    bulkhead(name = "operate.places", max = 7),
    timeout = "5s"
)]
async fn charge(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

#[resilient(
    name = "operate.search",
    breaker(
        name = "operate.es",
        failure_rate = 0.5,
        min_calls = 4,
        health = "ignore"
    )
)]
async fn search(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

async fn charged(script: &str) {
    for letter in script.chars() {
        let _ = charge(&Dependency::playing(&letter.to_string())).await;
    }
}

/// Whether it is a time as the contract writes it.
fn is_time(value: &Value) -> bool {
    let Some(text) = value.as_str() else {
        return false;
    };
    let shape: String = text
        .chars()
        .map(|it| if it.is_ascii_digit() { '0' } else { it })
        .collect();
    shape == "0000-00-00T00:00:00.000Z"
}

#[tokio::test]
async fn the_status_of_a_breaker_is_as_the_contract_writes_it() {
    apart(async {
        let served = Served::with_token().await;
        charged("FF").await;
        for letter in ["S", "S", "F", "E"] {
            let _ = search(&Dependency::playing(letter)).await;
        }
        let status = served.json("/api/circuit-breakers/status").await;
        assert_eq!(status["success"], json!(true));
        assert_eq!(
            status["circuitBreakers"]["operate.stripe"],
            json!({
                "name": "operate.stripe", "state": "CLOSED", "failures": 2, "failureThreshold": 5,
                "openedAt": null, "nextRetryAt": null, "failureRate": null,
                "failureRateThreshold": null, "calls": 0, "slowRate": null,
                "scope": "local", "degraded": false
            })
        );
        assert_eq!(
            status["circuitBreakers"]["operate.es"],
            json!({
                "name": "operate.es", "state": "CLOSED", "failures": 1, "failureThreshold": null,
                "openedAt": null, "nextRetryAt": null, "failureRate": 0.25,
                "failureRateThreshold": 0.5, "calls": 4, "slowRate": null,
                "scope": "local", "degraded": false
            })
        );
        charged("FFF").await;
        let status = served.json("/api/circuit-breakers/status").await;
        let stripe = &status["circuitBreakers"]["operate.stripe"];
        assert_eq!(
            (&stripe["state"], &stripe["failures"]),
            (&json!("OPEN"), &json!(5))
        );
        assert!(
            is_time(&stripe["openedAt"]) && is_time(&stripe["nextRetryAt"]),
            "{stripe}"
        );
        let again = served.json("/api/circuit-breakers/status").await;
        assert_eq!(
            again["circuitBreakers"]["operate.stripe"]["openedAt"],
            stripe["openedAt"]
        );
    })
    .await;
}

#[tokio::test]
async fn whoever_has_the_token_steers_a_breaker() {
    apart(async {
        let served = Served::with_token().await;
        let stripe = registry().breaker("operate.stripe");
        for (action, state) in [
            ("force-open", "FORCED_OPEN"),
            ("release", "CLOSED"),
            ("disable", "DISABLED"),
            ("reset", "CLOSED"),
        ] {
            let path = format!("/api/circuit-breakers/{action}/operate.stripe");
            let (status, answer) = served.post(&path, Some(TOKEN)).await;
            assert_eq!((status.as_u16(), &answer["success"]), (200, &json!(true)));
            let breaker = &answer["circuitBreaker"];
            assert_eq!(
                (&breaker["name"], &breaker["state"]),
                (&json!("operate.stripe"), &json!(state))
            );
            let word = stripe.state().as_str().to_uppercase();
            assert_eq!(word, state);
        }
        // Where calls have a breaker by key, theirs are steered with it.
        let tenant = registry()
            .breaker("operate.tenants")
            .for_key("acme")
            .unwrap();
        let path = "/api/circuit-breakers/force-open/operate.tenants";
        assert_eq!(served.post(path, Some(TOKEN)).await.0, 200);
        tenant.admit().unwrap_err();
    })
    .await;
}

#[tokio::test]
async fn nobody_changes_anything_without_the_token() {
    apart(async {
        let stripe = registry().breaker("operate.stripe");
        let paths = [
            "/api/circuit-breakers/force-open/operate.stripe",
            "/api/circuit-breakers/disable/unknown",
            "/api/circuit-breakers/no-such-action/operate.stripe",
            "/api/config/reload",
        ];
        let served = Served::with_token().await;
        for path in paths {
            for token in [None, Some("wrong"), Some("s3cre"), Some("s3cret2")] {
                let (status, answer) = served.post(path, token).await;
                assert_eq!(
                    (status.as_u16(), &answer["success"]),
                    (401, &json!(false)),
                    "{path}"
                );
            }
        }
        let head =
            b"POST /admin/api/config/reload HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let answer = served.raw(head).await.to_lowercase();
        assert!(
            answer.contains("www-authenticate: bearer realm=\"steadfast\""),
            "{answer}"
        );

        let unset = Served::start(steadfast::admin().token("").router()).await;
        for path in paths {
            assert_eq!(unset.post(path, Some("")).await.0, 403, "{path}");
        }
        assert_eq!(stripe.state(), steadfast::State::Closed);
        assert_eq!(stripe.history(), []);
    })
    .await;
}

#[tokio::test]
async fn odd_names_are_unknown_and_make_no_breaker() {
    apart(async {
        let served = Served::with_token().await;
        let known = served.json("/api/circuit-breakers/status").await;
        let long = "a".repeat(10_000);
        let names: [&[u8]; 11] = [
            b"unknown", b"..", b".", b"%2F", b"%2e%2e%2fetc", b"a%00b", b"%FF%FE", b"%", b"<script>",
            long.as_bytes(), b"operate.stripe%20",
        ];
        for action in ["reset", "force-open", "disable", "release"] {
            for name in names {
                let mut request = format!("POST /admin/api/circuit-breakers/{action}/").into_bytes();
                request.extend(name);
                request.extend(b" HTTP/1.1\r\nhost: x\r\nauthorization: Bearer s3cret\r\nconnection: close\r\n\r\n");
                let answer = served.raw(&request).await;
                let status = answer.get(9..12).unwrap_or_default();
                let name = String::from_utf8_lossy(name);
                assert!(["404", "400"].contains(&status), "{action} {name}: {answer}");
            }
        }
        // No byte that no URL has, and no path that leaves the router.
        for line in [&b"POST /admin/api/circuit-breakers/reset/\xff\xfe HTTP/1.1"[..], b"GET /admin/../etc HTTP/1.1"] {
            let answer = served.raw(&[line, b"\r\nhost: x\r\nconnection: close\r\n\r\n"].concat()).await;
            let status = answer.get(9..12).unwrap_or_default();
            assert!(["404", "400", "401"].contains(&status), "{answer}");
        }
        let (status, answer) = served.post("/api/circuit-breakers/reset/unknown", Some(TOKEN)).await;
        assert_eq!((status.as_u16(), &answer["success"]), (404, &json!(false)));
        assert_eq!(served.json("/api/circuit-breakers/status").await, known);
    })
    .await;
}

#[tokio::test]
async fn a_huge_body_is_not_read() {
    apart(async {
        let served = Served::with_token().await;
        for (token, expected) in [("wrong", "401"), (TOKEN, "404")] {
            let head = format!(
                "POST /admin/api/circuit-breakers/reset/unknown HTTP/1.1\r\nhost: x\r\n\
                 authorization: Bearer {token}\r\ncontent-length: 100000000000\r\n\r\n"
            );
            let mut request = head.into_bytes();
            request.resize(request.len() + 1_000_000, b'x');
            let answer = tokio::time::timeout(Duration::from_secs(10), served.raw(&request)).await;
            let answer = answer.expect("it is answered though its body never ends");
            assert_eq!(answer.get(9..12), Some(expected), "{answer}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_open_circuit_degrades_health_unless_it_is_to_be_ignored() {
    apart(async {
        let served = Served::with_token().await;
        let health = async || {
            let response = served.get("/health").await;
            (
                response.status().as_u16(),
                response.json::<Value>().await.unwrap(),
            )
        };
        let (status, answer) = health().await;
        assert_eq!((status, &answer["status"]), (200, &json!("healthy")));
        assert!(is_time(&answer["timestamp"]), "{answer}");
        assert_eq!(answer["services"]["operate.stripe"], json!("healthy"));

        registry().breaker("operate.es").force_open(); // health = "ignore"
        let (status, answer) = health().await;
        assert_eq!((status, &answer["status"]), (200, &json!("healthy")));
        assert_eq!(answer["services"]["operate.es"], json!("unavailable"));

        charged("FFFFF").await;
        let (status, answer) = health().await;
        assert_eq!((status, &answer["status"]), (503, &json!("degraded")));
        assert_eq!(answer["services"]["operate.stripe"], json!("unavailable"));
        let live = served.get("/health/live").await;
        assert_eq!(
            live.status(),
            200,
            "nobody is to be killed since a dependency is down"
        );

        registry().breaker("operate.stripe").disable();
        assert_eq!(health().await.0, 200);
    })
    .await;
}

// A check that hangs is cut after 5 s, which pass at once here.
#[tokio::test(start_paused = true)]
async fn checks_of_ones_own_that_fail_panic_or_hang_are_unhealthy() {
    use tower::ServiceExt as _;

    apart(async {
        let admin = steadfast::admin()
            .check("well", || async { Ok::<(), Failure>(()) })
            .check("failing", || async { Err::<(), _>("no") })
            .check("panicking", || async {
                if true {
                    panic!("on purpose")
                } else {
                    Ok::<(), Failure>(())
                }
            })
            .check("hanging", std::future::pending::<Result<(), Failure>>);
        let request = Request::get("/health").body(Body::empty());
        let response = admin.router().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), 503);
        let body = axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        let services =
            ["well", "failing", "panicking", "hanging"].map(|name| &answer["services"][name]);
        assert_eq!(
            services,
            ["healthy", "unhealthy", "unhealthy", "unhealthy"]
                .map(|it| json!(it))
                .each_ref()
        );
        assert_eq!(answer["status"], json!("degraded"));
    })
    .await;
}

#[tokio::test]
async fn the_history_names_the_error_behind_each_change() {
    apart(async {
        let served = Served::with_token().await;
        charged("FFFFF").await;
        registry().breaker("operate.stripe").reset();
        let answer = served
            .json("/api/circuit-breakers/history/operate.stripe")
            .await;
        let history = answer["history"].as_array().unwrap();
        assert_eq!(history.len(), 2);
        assert!(is_time(&history[0]["at"]));
        assert_eq!(
            (&history[0]["to"], &history[0]["cause"]),
            (&json!("CLOSED"), &json!("by_hand"))
        );
        let opened = &history[1];
        assert_eq!(
            (&opened["from"], &opened["to"]),
            (&json!("CLOSED"), &json!("OPEN"))
        );
        assert_eq!(
            (&opened["cause"], &opened["error"]),
            (&json!("failure"), &json!("a transient failure"))
        );
        assert_eq!(opened["openForMs"], json!(60_000));
        assert_eq!(
            served
                .get("/api/circuit-breakers/history/unknown")
                .await
                .status(),
            404
        );

        let events = served.json("/api/events").await;
        let mine = events["events"].as_array().unwrap().iter();
        let mine: Vec<_> = mine
            .filter(|event| event["name"] == "operate.stripe")
            .collect();
        assert_eq!(mine[0]["kind"], json!("state_changed"));
        assert_eq!(mine[1]["text"], json!("CLOSED → OPEN: a transient failure"));
    })
    .await;
}

#[tokio::test]
async fn calls_are_listed_with_where_each_value_comes_from() {
    let apart = Apart::of("operate.");
    apart
        .scope(async {
            let file = "[call.\"operate.charge\"]\ntimeout = \"2s\"\n";
            let steadfast = apart.start("a.toml", file).await.unwrap();
            let served = Served::with_token().await;
            charged("SF").await;
            let answer = served.json("/api/calls").await;
            let call = &answer["calls"]["operate.charge"];
            assert_eq!(
                (&call["results"]["ok"], &call["results"]["transient"]),
                (&json!(1), &json!(1))
            );
            assert!(call["at"].as_str().unwrap().contains("admin.rs:"), "{call}");
            assert_eq!(
                call["worstCase"],
                json!("7s (1 attempt × 2s + waits of 5s)"),
                "{call}"
            );
            let options = call["options"].as_array().unwrap();
            let option = |path: &str| options.iter().find(|it| it["option"] == path).unwrap();
            let timeout = option("timeout");
            assert_eq!(
                (&timeout["value"], &timeout["layer"]),
                (&json!("2s"), &json!("file"))
            );
            assert!(
                timeout["from"].as_str().unwrap().ends_with("a.toml:2:11"),
                "{timeout}"
            );
            assert_eq!(timeout["was"][0]["value"], json!("5s"));
            assert_eq!(option("breaker.failures")["layer"], json!("code"));
            assert_eq!(option("breaker.half_open")["layer"], json!("built_in"));

            let limits = served.json("/api/limits").await;
            let limit = &limits["limits"]["rateLimits"]["operate.limit"];
            assert_eq!((&limit["used"], &limit["left"]), (&json!(2), &json!(98)));
            let places = &limits["limits"]["bulkheads"]["operate.places"];
            assert_eq!(places, &json!({ "active": 0, "waiting": 0, "max": 7 }));
            steadfast.stop().await;
        })
        .await;
}

#[tokio::test]
async fn a_reload_puts_the_file_in_force_or_says_what_is_wrong_with_it() {
    let apart = Apart::of("operate.");
    apart
        .scope(async {
            let served = Served::with_token().await;
            let reload = async || served.post("/api/config/reload", Some(TOKEN)).await;
            assert_eq!(reload().await.0, 409, "nothing was set up");
            let file = "[breaker.\"operate.stripe\"]\nfailures = 9\n";
            let steadfast = apart.start("a.toml", file).await.unwrap();
            let stripe = registry().breaker("operate.stripe");

            apart.write("a.toml", file.replace('9', "7"));
            let (status, answer) = reload().await;
            assert_eq!(
                (status.as_u16(), &answer["config"]["loaded"]),
                (200, &json!(2))
            );
            assert_eq!(stripe.status().failure_threshold, Some(7));

            apart.write("a.toml", file.replace("failures", "faliures"));
            let (status, answer) = reload().await;
            assert_eq!((status.as_u16(), &answer["success"]), (422, &json!(false)));
            let fault = answer["faults"][0].as_str().unwrap();
            assert!(
                fault.ends_with(
                    "a.toml:2:1: unknown option \"faliures\"; did you mean \"failures\"?"
                ),
                "{fault}"
            );
            assert_eq!(stripe.status().failure_threshold, Some(7));

            let metrics = served.text("/metrics").await;
            assert!(
                metrics.contains(r#"config_reloads_total{result="ok"} 2"#),
                "{metrics}"
            );
            assert!(
                metrics.contains(r#"config_reloads_total{result="error"} 1"#),
                "{metrics}"
            );
            steadfast.stop().await;
            assert_eq!(reload().await.0, 409, "it was stopped");
        })
        .await;
}

#[tokio::test]
async fn metrics_are_served_as_prometheus_wants_them() {
    apart(async {
        let served = Served::with_token().await;
        charged("SFFFFFS").await;
        let response = served.get("/metrics").await;
        let kind = response.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
        let text = response.text().await.unwrap();
        for line in [
            r#"circuit_breaker_state{name="operate.stripe"} 1"#,
            r#"circuit_breaker_rejections_total{name="operate.stripe"} 1"#,
            r#"calls_total{call="operate.charge",result="rejected"} 1"#,
        ] {
            assert!(text.lines().any(|known| known == line), "{line}\n{text}");
        }
        if let Some(promtool) = tool("promtool") {
            let checked = run(&promtool, &["check", "metrics"], &text);
            assert!(checked.status.success(), "{}", said(&checked));
        }
    })
    .await;
}

#[tokio::test]
async fn every_path_of_the_openapi_document_is_served_and_no_other_is() {
    apart(async {
        let served = Served::with_token().await;
        let document = served.json("/api/openapi.json").await;
        let paths = document["paths"].as_object().unwrap();
        assert_eq!(paths.len(), 16);
        for (path, methods) in paths {
            // The router is nested: its root is the path that it is nested at, without a slash.
            let path = path
                .trim_end_matches('/')
                .replace("{name}", "operate.stripe");
            if methods.get("post").is_some() {
                assert_eq!(served.post(&path, None).await.0, 401, "{path}");
                assert_eq!(served.get(&path).await.status(), 405, "{path}");
            } else {
                assert_eq!(served.get(&path).await.status(), 200, "{path}");
            }
        }
        assert_eq!(served.get("/api/no-such-thing").await.status(), 404);
        // What the document says of a breaker is what a breaker has.
        let schema = &document["components"]["schemas"]["CircuitBreaker"]["properties"];
        let status = served.json("/api/circuit-breakers/status").await;
        let keys = |value: &Value| {
            value
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(
            keys(schema),
            keys(&status["circuitBreakers"]["operate.stripe"])
        );
    })
    .await;
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere_and_lets_only_its_own_script_run() {
    apart(async {
        let served = Served::with_token().await;
        let policy = async || {
            let response = served.get("").await;
            let policy = response.headers()["content-security-policy"]
                .to_str()
                .unwrap()
                .to_owned();
            (policy, response.text().await.unwrap())
        };
        let (first, page) = policy().await;
        let nonce = first
            .split("script-src 'nonce-")
            .nth(1)
            .unwrap()
            .split('\'')
            .next()
            .unwrap();
        assert_eq!(nonce.len(), 32);
        assert!(first.starts_with("default-src 'none';"), "{first}");
        assert!(!first.contains("unsafe"), "{first}");
        assert_eq!(page.matches(&format!("nonce=\"{nonce}\"")).count(), 2);
        for outside in [
            "http://",
            "https://",
            "innerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
        ] {
            let found = page
                .replace("http://www.w3.org/2000/svg", "")
                .contains(outside);
            assert!(!found, "the page has {outside}");
        }
        assert_ne!(policy().await.0, first, "a nonce is used once");
    })
    .await;
}
