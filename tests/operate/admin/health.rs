//! Health, for load balancers and liveness probes.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use steadfast::registry;
use steadfast_tests::{Failure, apart};

use super::{charged, is_time};
use crate::operate::served::Served;

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
