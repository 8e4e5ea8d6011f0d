//! Tokens in batches, spent without asking.

use std::time::Instant;

use steadfast::RateLimit;
use steadfast::options::RateLimitPatch;
use steadfast_tests::redis::Server;
use steadfast_tests::{ms, secs};

use super::{Instance, at_once, instances, pause, shows, takes};

shows!(
    "rate_limit.lease",
    rate_limit_lease_makes_many_tokens_cost_few_round_trips
);

/// 10,000 a second, 5,000 at once, in leases of 200 ms.
fn fast(limit: RateLimitPatch) -> RateLimitPatch {
    limit.max(100_000).per(secs(10)).burst(5_000).lease(ms(200))
}

#[tokio::test]
async fn rate_limit_lease_makes_many_tokens_cost_few_round_trips() {
    let server = Server::start();
    let instance = Instance::at(&server.url()).await;
    let limit = instance.limit("leases.batches", fast);
    assert!(takes(&limit).await);
    let monitor = server.monitor();
    assert_eq!(at_once(&limit, 2_000).await, 2_000);
    pause(ms(200)).await; // the monitor is told in its own time
    let scripts = monitor
        .seen()
        .iter()
        .filter(|seen| seen.name() == "EVALSHA")
        .count();
    assert!(
        (1..=40).contains(&scripts),
        "{scripts} round trips for 2,000 tokens"
    );
}

#[tokio::test]
async fn a_token_at_hand_is_taken_by_a_sync_caller_without_a_wait() {
    let server = Server::start();
    let instance = Instance::at(&server.url()).await;
    let limit = instance.limit("leases.sync", fast);
    let taken = tokio::task::spawn_blocking(move || {
        (0..500).filter(|_| limit.try_acquire().is_ok()).count()
    });
    assert_eq!(taken.await.unwrap(), 500);
}

/// Takes all it can get until then.
async fn hammer(limit: RateLimit, end: Instant) -> u32 {
    let mut taken = 0;
    while Instant::now() < end {
        if takes(&limit).await {
            taken += 1;
        } else {
            tokio::task::yield_now().await;
        }
    }
    taken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_that_hammer_never_get_more_than_the_limit_and_nearly_all_of_it() {
    let server = Server::start();
    let fleet = instances(&server, 3).await;
    let began = Instant::now();
    let end = began + secs(2);
    let hammers: tokio::task::JoinSet<u32> = fleet
        .iter()
        .map(|instance| {
            let limit = instance.limit("leases.hammer", |limit| {
                limit.max(1_000).per(secs(1)).burst(500).lease(ms(100))
            });
            hammer(limit, end)
        })
        .collect();
    let taken: u32 = hammers.join_all().await.iter().sum();
    let most = 500.0 + 1_000.0 * began.elapsed().as_secs_f64();
    assert!(f64::from(taken) <= most, "{taken} of {most}");
    // The lease keeps 100 of the burst back; the rest is a busy machine's.
    assert!(taken >= 2_000, "{taken}");
}

#[tokio::test]
async fn what_a_busy_bucket_leased_and_nobody_spent_comes_back() {
    let server = Server::start();
    let fleet = instances(&server, 2).await;
    // 100 a second, 1,000 at once.
    let limits: Vec<_> = fleet
        .iter()
        .map(|instance| {
            instance.limit("leases.back", |limit| {
                limit.max(1_000).per(secs(10)).lease(ms(600))
            })
        })
        .collect();
    // Busy for longer than a lease: the least that was out is not little.
    for _ in 0..3 {
        assert_eq!(at_once(&limits[0], 150).await, 150);
        pause(ms(500)).await;
    }
    assert_eq!(at_once(&limits[1], 10).await, 10);
    let returned = || {
        let text = server
            .command(&["GET", "{steadfast:rl:leases.back:}"])
            .text();
        let fields: Vec<f64> = text
            .split(' ')
            .map(|field| field.parse().unwrap())
            .collect();
        fields[1]
    };
    let came = steadfast_tests::redis::wait_for(secs(5), || returned() > 0.0);
    assert!(came, "nothing came back");
}

#[tokio::test]
async fn a_lease_that_ends_is_spent_no_more() {
    let server = Server::start();
    let instance = Instance::at(&server.url()).await;
    let limit = instance.limit("leases.end", |limit| {
        limit.max(100).per(secs(1)).burst(100).lease(ms(100))
    });
    assert_eq!(at_once(&limit, 5).await, 5);
    pause(ms(150)).await;
    let monitor = server.monitor();
    assert!(takes(&limit).await);
    let asked = || monitor.seen().iter().any(|seen| seen.name() == "EVALSHA");
    assert!(steadfast_tests::redis::wait_for(secs(5), asked));
}
