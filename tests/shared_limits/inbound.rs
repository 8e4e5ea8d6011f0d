//! The limit layer in front of two servers that share a limit.

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::routing::get;
use reqwest::Client;
use steadfast::RateLimit;
use steadfast::tower::LimitLayer;
use steadfast_tests::redis::{Server, wait_for};
use steadfast_tests::{ms, secs};

use super::{instances, pause};

/// Serves a greeting for each user by this limit, until the test ends.
async fn serve(limit: &RateLimit) -> String {
    let layer =
        LimitLayer::new(limit).key(|request: &Request| request.headers().get("x-user").cloned());
    let app = Router::new()
        .route("/", get(|| async { "hello" }))
        .layer(layer);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, app).await });
    url
}

async fn ask(url: &str, user: &str) -> (u16, HeaderMap) {
    let client = Client::builder().no_proxy().timeout(secs(20));
    let request = client.build().unwrap().get(url).header("x-user", user);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.headers().clone())
}

/// A number in a header.
fn number(headers: &HeaderMap, name: &str) -> u64 {
    headers[name].to_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_share_a_limit_refuse_a_user_together_and_go_by_their_parts_without_redis() {
    let mut redis = Server::start();
    let fleet = instances(&redis, 2).await;
    let limits: Vec<_> = fleet
        .iter()
        .map(|instance| {
            instance.limit("inbound.users", |limit| {
                limit.max(4).per(secs(3600)).fail_open(secs(3))
            })
        })
        .collect();
    let [here, there] = [serve(&limits[0]).await, serve(&limits[1]).await];
    for (url, left) in [(&here, 3), (&there, 2), (&here, 1), (&there, 0)] {
        let (status, headers) = ask(url, "ann").await;
        assert_eq!((status, number(&headers, "ratelimit-limit")), (200, 4));
        assert_eq!(number(&headers, "ratelimit-remaining"), left);
    }
    for url in [&here, &there] {
        let (status, headers) = ask(url, "ann").await;
        let times = ["ratelimit-reset", "retry-after"].map(|name| number(&headers, name));
        assert_eq!((status, number(&headers, "ratelimit-remaining")), (429, 0));
        assert!((3590..=3600).contains(&times[0]), "{times:?}");
        assert!((890..=900).contains(&times[1]), "{times:?}");
    }
    assert_eq!(ask(&there, "bob").await.0, 200);

    super::know_each_other(&fleet);
    redis.kill();
    assert!(wait_for(secs(20), || limits[0].status().degraded));
    // A user who is new has this server's half of four; one who had all of it, none.
    let mut served = Vec::new();
    for _ in 0..3 {
        served.push(ask(&here, "cleo").await.0);
    }
    assert_eq!(served, [200, 200, 429]);
    assert_eq!(ask(&here, "ann").await.0, 429);
    // After `fail_open` nobody is served, and it is not the user's doing.
    pause(secs(3) + ms(100)).await;
    assert_eq!(ask(&here, "dora").await.0, 503);
}
