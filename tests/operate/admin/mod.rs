//! The admin router against a running service.

mod health;
mod strangers;
mod told;

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

#[tokio::test]
async fn operators_may_type_the_slash_at_the_end_or_leave_it_out() {
    apart(async {
        let admin = || steadfast::admin().token(TOKEN).router();
        let served = Served::of(axum::Router::new().nest_service("/admin", admin())).await;
        for path in ["", "/"] {
            let page = served.text(path).await;
            assert!(page.contains("<title>Steadfast</title>"), "{path}: {page}");
        }
        assert_eq!(served.get("/health/live").await.status(), 200);
        let (status, _) = served
            .post("/api/circuit-breakers/reset/operate.es", None)
            .await;
        assert_eq!(status, 401);
        assert_eq!(served.get("/no-such-thing").await.status(), 404);
        // Merged, it is at the root of everything.
        let app = axum::Router::new().route("/admin/mine", axum::routing::get(|| async { "mine" }));
        let served = Served::of(app.merge(admin())).await;
        assert_eq!(served.text("/mine").await, "mine");
        let root = served.raw(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        assert!(root.await.contains("<title>Steadfast</title>"));
    })
    .await;
}
