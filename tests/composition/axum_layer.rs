//! The tower layer as middleware of a real axum server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::error_handling::HandleErrorLayer;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get as get_route;
use axum::{BoxError, Router};
use steadfast::tower::PolicyLayer;
use steadfast::{Class, Policy, PolicyBuilder, Registry, Rejection};
use steadfast_tests::secs;
use tokio::sync::Semaphore;
use tower::ServiceBuilder;

use super::sockets::{Server, client, get, parts};

/// A policy in a registry of its own, which handlers on other tasks use too.
fn policy(name: &str, options: impl FnOnce(PolicyBuilder) -> PolicyBuilder) -> Policy {
    let builder = Policy::builder(name).registry(&Registry::new());
    options(builder).build().unwrap()
}

fn one_a_minute(name: &str) -> Policy {
    policy(name, |builder| {
        builder.rate_limit("quota", |limit| limit.max(1).per(secs(60)))
    })
}

#[tokio::test]
async fn a_router_answers_what_its_rate_limit_refuses_without_code_of_the_users() {
    let layer = PolicyLayer::new(one_a_minute("axum.limited")).answering();
    let app = Router::new()
        .route("/", get_route(|| async { "served" }))
        .layer(layer);
    let server = Server::of(app).await;
    assert_eq!(get(&server).await, (200, None, "served".into()));
    let (status, retry_after, text) = get(&server).await;
    assert_eq!((status, retry_after.as_deref()), (429, Some("60")));
    assert!(
        text.starts_with("rate limit quota is used up; retry in "),
        "{text}"
    );
}

#[tokio::test]
async fn each_client_has_a_limit_of_its_own() {
    let layer = PolicyLayer::new(one_a_minute("axum.clients"))
        .limit_key(|request: &Request| request.headers().get("x-client").cloned())
        .answering();
    let app = Router::new().route("/", get_route(|| async {}).layer(layer));
    let server = Server::of(app).await;
    let client = client();
    let ask = async |who: &str| {
        let request = client.get(server.url()).header("x-client", who);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!((ask("ann").await, ask("bob").await), (200, 200));
    assert_eq!((ask("ann").await, ask("bob").await), (429, 429));
    assert_eq!(ask("cleo").await, 200);
}

#[tokio::test]
async fn a_full_bulkhead_answers_503_and_serves_again_once_there_is_a_place() {
    let places = |builder: PolicyBuilder| {
        builder.bulkhead("places", |bulkhead| bulkhead.max(1).wait(secs(0)))
    };
    let layer = PolicyLayer::new(policy("axum.places", places)).answering();
    let (inside, go_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (entered, gate) = (inside.clone(), go_on.clone());
    let handler = move || async move {
        entered.add_permits(1);
        gate.acquire().await.unwrap().forget();
        "served"
    };
    let server = Server::of(Router::new().route("/", get_route(handler)).layer(layer)).await;
    let meanwhile = async {
        inside.acquire().await.unwrap().forget();
        let refused = get(&server).await;
        go_on.add_permits(2);
        refused
    };
    let (first, second) = tokio::join!(get(&server), meanwhile);
    assert_eq!(first, (200, None, "served".into()));
    assert_eq!(
        second,
        (503, None, "bulkhead places is full (1 at a time)".into())
    );
    assert_eq!(get(&server).await.0, 200);
}

/// A server whose handler always fails, behind a breaker that opens at two failures.
async fn failing(
    layered: impl FnOnce(Router, PolicyLayer<Request, Response>) -> Router,
) -> (Server, Arc<AtomicU32>) {
    let hits = Arc::new(AtomicU32::new(0));
    let counted = hits.clone();
    let handler = move || async move {
        counted.fetch_add(1, Ordering::Relaxed);
        (StatusCode::INTERNAL_SERVER_ERROR, "out of order")
    };
    let policy = policy("axum.failing", |builder| {
        builder.breaker("handler", |breaker| breaker.failures(2).recovery(secs(20)))
    });
    let layer = PolicyLayer::new(policy).classify_response(|answer: &Response| {
        let status = answer.status();
        (!status.is_success()).then(|| Class::from_http_status(status.as_u16()))
    });
    let app = Router::new().route("/", get_route(handler));
    (Server::of(layered(app, layer)).await, hits)
}

#[tokio::test]
async fn an_open_breaker_answers_503_and_says_when_to_come_back() {
    let (server, hits) = failing(|app, layer| app.layer(layer.answering())).await;
    for _ in 0..2 {
        assert_eq!(get(&server).await, (500, None, "out of order".into()));
    }
    let (status, retry_after, text) = get(&server).await;
    let seconds: u32 = retry_after.unwrap().parse().unwrap();
    assert_eq!(status, 503);
    assert!((10..=20).contains(&seconds), "{seconds}");
    assert!(
        text.starts_with("circuit handler is open; retry in "),
        "{text}"
    );
    assert_eq!(hits.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn the_bare_layer_works_with_axums_own_way_to_handle_errors() {
    async fn answer(error: BoxError) -> Response {
        match error.downcast::<Rejection>() {
            Ok(rejection) => (rejection.status(), "not now").into_response(),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }

    let (server, hits) = failing(|app, layer| {
        let errors = ServiceBuilder::new().layer(HandleErrorLayer::new(answer));
        app.layer(errors.layer(layer))
    })
    .await;
    for _ in 0..2 {
        assert_eq!(get(&server).await.0, 500);
    }
    assert_eq!(get(&server).await, (503, None, "not now".into()));
    assert_eq!(hits.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_hanging_handler_is_cut_and_answered_504() {
    let layer = PolicyLayer::new(policy("axum.hangs", |builder| {
        builder.timeout(std::time::Duration::from_millis(50))
    }));
    let app = Router::new().route("/", get_route(std::future::pending::<()>));
    let server = Server::of(app.layer(layer.answering())).await;
    let answer = client().get(server.url()).send().await.unwrap();
    assert_eq!(
        parts(answer).await,
        (504, None, "timed out after 50ms".into())
    );
}
