//! The limit layer in front of a real axum server.

use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get as get_route;
use steadfast::http::client_ip;
use steadfast::tower::LimitLayer;
use steadfast::{Policy, RateLimit, Registry};
use steadfast_tests::secs;

use super::sockets::{Server, client};

/// A limit in a registry of its own, defined as by a policy made by hand.
fn limit(name: &str, max: u32, per: Duration) -> RateLimit {
    let registry = Registry::new();
    let policy = Policy::builder("inbound.defines").registry(&registry);
    policy
        .rate_limit(name, |limit| limit.max(max).per(per))
        .build()
        .unwrap();
    registry.rate_limit(name)
}

/// Status and headers of the answer to one who asks with these headers.
async fn ask(server: &Server, headers: &[(&str, &str)]) -> (u16, HeaderMap) {
    let mut request = client().get(server.url());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.headers().clone())
}

/// `RateLimit-Limit`, `-Remaining` and `-Reset`.
fn told(headers: &HeaderMap) -> [u64; 3] {
    ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"]
        .map(|name| headers[name].to_str().unwrap().parse().unwrap())
}

#[tokio::test]
async fn every_answer_says_what_is_left_and_one_too_many_is_429_with_retry_after() {
    let layer = LimitLayer::new(&limit("inbound.all", 2, secs(60)));
    let app = Router::new().route("/", get_route(|| async { "served" }));
    let server = Server::of(app.layer(layer)).await;
    let (status, headers) = ask(&server, &[]).await;
    assert_eq!((status, told(&headers)), (200, [2, 1, 30]));
    assert_eq!(headers.get("retry-after"), None);
    let (status, headers) = ask(&server, &[]).await;
    assert_eq!((status, told(&headers)), (200, [2, 0, 60]));
    let (status, headers) = ask(&server, &[]).await;
    assert_eq!((status, told(&headers)), (429, [2, 0, 60]));
    assert_eq!(headers["retry-after"], "30");
}

#[tokio::test]
async fn each_user_has_tokens_of_its_own_and_those_without_a_name_share_theirs() {
    let layer = LimitLayer::new(&limit("inbound.users", 1, secs(60)))
        .key(|request: &Request| request.headers().get("x-user").cloned());
    let app = Router::new().route("/", get_route(|| async {}));
    let server = Server::of(app.layer(layer)).await;
    for (user, status) in [("ann", 200), ("bob", 200), ("ann", 429), ("cleo", 200)] {
        assert_eq!(ask(&server, &[("x-user", user)]).await.0, status, "{user}");
    }
    assert_eq!(ask(&server, &[]).await.0, 200);
    assert_eq!(ask(&server, &[]).await.0, 429);
}

#[tokio::test]
async fn an_address_that_the_client_made_up_gives_it_no_further_tokens() {
    let peer: IpAddr = [127, 0, 0, 1].into();
    let layer = LimitLayer::new(&limit("inbound.addresses", 1, secs(60)))
        .key(move |request: &Request| client_ip(request.headers(), peer, 1));
    let app = Router::new().route("/", get_route(|| async {}));
    let server = Server::of(app.layer(layer)).await;
    let from = async |told: &str| ask(&server, &[("x-forwarded-for", told)]).await.0;
    assert_eq!(from("198.51.100.1, 203.0.113.7").await, 200);
    assert_eq!(from("198.51.100.2, 203.0.113.7").await, 429);
    assert_eq!(from("198.51.100.2, 203.0.113.8").await, 200);
}

#[tokio::test]
async fn of_two_limits_the_one_with_the_least_left_is_told() {
    let (tight, wide) = (
        limit("inbound.tight", 2, secs(60)),
        limit("inbound.wide", 10, secs(60)),
    );
    for (inner, outer) in [(&tight, &wide), (&wide, &tight)] {
        let app = Router::new().route("/", get_route(|| async {}));
        let app = app
            .layer(LimitLayer::new(inner))
            .layer(LimitLayer::new(outer));
        let server = Server::of(app).await;
        let (status, headers) = ask(&server, &[]).await;
        assert_eq!((status, told(&headers)[0]), (200, 2));
    }
    assert_eq!((tight.status().left, wide.status().left), (0, 8));
}

#[tokio::test]
async fn a_request_that_may_wait_has_its_turn_and_is_served() {
    let layer = LimitLayer::new(&limit("inbound.waits", 1, Duration::from_millis(200)));
    let app = Router::new().route("/", get_route(|| async { StatusCode::NO_CONTENT }));
    let server = Server::of(app.layer(layer.wait(secs(10)))).await;
    for _ in 0..3 {
        assert_eq!(ask(&server, &[]).await.0, 204);
    }
}

#[tokio::test]
async fn a_route_apart_from_the_limit_is_told_nothing() {
    let limited = Router::new()
        .route("/limited", get_route(|| async {}))
        .layer(LimitLayer::new(&limit("inbound.routes", 1, secs(60))));
    let app = limited.route("/", get_route(|| async {}));
    let server = Server::of(app).await;
    let (status, headers) = ask(&server, &[]).await;
    assert_eq!((status, headers.get("ratelimit-limit")), (200, None));
}
