//! What operators see and steer of a fleet.

use serde_json::{Value, json};
use steadfast::{Cause, EventKind, Events, State};
use steadfast_tests::ms;
use steadfast_tests::redis::Server;

use super::Instance;
use crate::operate::served::{Served, TOKEN};

async fn served(instance: &Instance) -> Served {
    instance.registry.scope(Served::with_token()).await
}

async fn circuit(served: &Served) -> Value {
    let status = served.json("/api/circuit-breakers/status").await;
    status["circuitBreakers"]["fleet.es"].clone()
}

#[tokio::test]
async fn whoever_steers_one_instance_steers_the_fleet() {
    let server = Server::start();
    let (one, other) = (
        Instance::at(&server.url()).await,
        Instance::at(&server.url()).await,
    );
    let (here, there) = (served(&one).await, served(&other).await);
    one.connects().await;
    other.connects().await;
    for (action, state, shown) in [
        ("force-open", State::ForcedOpen, "FORCED_OPEN"),
        ("disable", State::Disabled, "DISABLED"),
        ("release", State::Closed, "CLOSED"),
    ] {
        let path = format!("/api/circuit-breakers/{action}/fleet.es");
        let (status, answer) = here.post(&path, Some(TOKEN)).await;
        assert_eq!(
            (status.as_u16(), &answer["circuitBreaker"]["state"]),
            (200, &json!(shown))
        );
        other.sees(state).await;
        let seen = circuit(&there).await;
        assert_eq!(
            (&seen["state"], &seen["scope"], &seen["degraded"]),
            (&json!(shown), &json!("shared"), &json!(false))
        );
    }
    // The fleet's answer to the release begins the state that failures count in from now on.
    tokio::time::sleep(ms(100)).await;
    one.play("FFFF").await;
    one.sees(State::Open).await;
    other.sees(State::Open).await;
    assert_eq!(
        there
            .post("/api/circuit-breakers/reset/fleet.es", Some(TOKEN))
            .await
            .0,
        200
    );
    one.sees(State::Closed).await;
    // Who saw the failures knows the error; the others know that it came from the fleet.
    let opened = |instance: &Instance| {
        let history = instance.breaker().history();
        history
            .into_iter()
            .rfind(|change| change.to == State::Open)
            .unwrap()
            .cause
    };
    assert_eq!(opened(&one), Cause::Failure("a transient failure".into()));
    assert_eq!(opened(&other), Cause::Fleet);
}

#[tokio::test]
async fn the_loss_of_redis_is_seen_in_status_health_metrics_and_events() {
    let mut events = Events::with_capacity(10_000);
    let mut redis = Server::start();
    let one = Instance::at(&redis.url()).await;
    let served = served(&one).await;
    one.connects().await;
    let health = async || {
        let response = served.get("/health").await;
        (
            response.status().as_u16(),
            response.json::<Value>().await.unwrap()["services"]["redis"].clone(),
        )
    };
    assert_eq!(health().await, (200, json!("healthy")));
    assert!(
        served
            .text("/metrics")
            .await
            .contains("\nredis_connected 1\n")
    );

    redis.kill();
    one.loses().await;
    assert_eq!(health().await, (503, json!("unavailable")));
    assert!(
        served
            .text("/metrics")
            .await
            .contains("\nredis_connected 0\n")
    );
    let seen = circuit(&served).await;
    assert_eq!(
        (&seen["scope"], &seen["degraded"]),
        (&json!("shared"), &json!(true))
    );

    redis.restart();
    one.connects().await;
    assert_eq!(health().await, (200, json!("healthy")));
    let url = redis.url();
    let address = url.trim_start_matches("redis://").trim_end_matches('/');
    let told = std::iter::from_fn(|| events.try_recv()).filter_map(|event| match &event.kind {
        EventKind::RedisLost { server, .. } if server.contains(address) => Some("lost"),
        EventKind::RedisBack { server } if server.contains(address) => Some("back"),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), ["back", "lost", "back"]);
}
