//! Token bucket and sliding window, one round trip each.

use std::time::Duration;

use steadfast::options::Algorithm;
use steadfast::{Policy, Rejection};
use steadfast_tests::redis::Server;
use steadfast_tests::{ms, secs};

use super::{Instance, at_once, instances, pause, retry_in, shows, takes};

shows!(
    "rate_limit.scope",
    rate_limit_scope_shares_tokens_with_a_fleet_and_a_refusal_says_when_there_is_one
);

#[tokio::test]
async fn rate_limit_scope_shares_tokens_with_a_fleet_and_a_refusal_says_when_there_is_one() {
    let server = Server::start();
    let fleet = instances(&server, 2).await;
    let limits: Vec<_> = fleet
        .iter()
        .map(|instance| instance.limit("strict.fleet", |limit| limit.max(10).per(secs(100))))
        .collect();
    assert_eq!(at_once(&limits[0], 6).await, 6);
    assert_eq!(at_once(&limits[1], 6).await, 4);
    let refused = limits[0].acquire_within(Duration::ZERO).await.unwrap_err();
    assert!(matches!(refused, Rejection::RateLimited { .. }));
    assert!(
        (secs(8)..=secs(10)).contains(&retry_in(&refused)),
        "{refused}"
    );
    let status = limits[1].status();
    assert_eq!((status.used, status.left, status.degraded), (10, 0, false));
    assert!((secs(98)..=secs(100)).contains(&status.resets_in));
}

#[tokio::test]
async fn a_sliding_window_is_the_fleets_exact_log() {
    let server = Server::start();
    let fleet = instances(&server, 2).await;
    let limits: Vec<_> = fleet
        .iter()
        .map(|instance| {
            instance.limit("strict.window", |limit| {
                let limit = limit.max(4).per(ms(600));
                limit.algorithm(Algorithm::SlidingWindow)
            })
        })
        .collect();
    assert_eq!(at_once(&limits[0], 3).await, 3);
    assert_eq!(at_once(&limits[1], 3).await, 1);
    let refused = limits[1].acquire_within(Duration::ZERO).await.unwrap_err();
    pause(retry_in(&refused)).await;
    assert!(takes(&limits[1]).await);
}

#[tokio::test]
async fn each_key_has_tokens_of_its_own_under_a_name_that_operators_can_read() {
    let server = Server::start();
    let fleet = instances(&server, 2).await;
    let limits: Vec<_> = fleet
        .iter()
        .map(|instance| instance.limit("strict.keys", |limit| limit.max(1).per(secs(60))))
        .collect();
    let long = "x".repeat(5_000);
    for key in ["ann", "bob}:1", &long] {
        let own = |limit: &steadfast::RateLimit| {
            let limit = limit.clone();
            let key = key.to_owned();
            async move { limit.acquire_within_for(&key, Duration::ZERO).await.is_ok() }
        };
        assert!(own(&limits[0]).await, "{key}");
        assert!(!own(&limits[1]).await, "{key}");
    }
    let mut keys: Vec<String> = server
        .command(&["KEYS", "*:rl:*"])
        .items()
        .iter()
        .map(steadfast_tests::redis::Reply::text)
        .collect();
    keys.sort();
    assert_eq!(keys.len(), 3, "{keys:?}");
    assert!(keys[0].starts_with("{steadfast:rl:strict.keys:=") && keys[0].len() < 64);
    assert_eq!(
        keys[1..],
        [
            "{steadfast:rl:strict.keys:ann}",
            "{steadfast:rl:strict.keys:bob%7D%3A1}"
        ]
    );
    for key in &keys {
        let left = server.command(&["PTTL", key]).int().unwrap();
        assert!((1..=61_000).contains(&left), "{key}: {left}");
    }
}

#[tokio::test]
async fn who_may_wait_has_its_turn_in_the_order_of_arrival() {
    let server = Server::start();
    let instance = Instance::at(&server.url()).await;
    let limit = instance.limit("strict.turns", |limit| limit.max(1).per(ms(150)));
    assert!(takes(&limit).await);
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let began = tokio::time::Instant::now();
    for number in 0..4 {
        let (limit, told) = (limit.clone(), told.clone());
        tokio::spawn(async move {
            limit.acquire_within(secs(10)).await.unwrap();
            told.send(number).unwrap();
        });
        pause(ms(5)).await;
    }
    for number in 0..4 {
        assert_eq!(heard.recv().await, Some(number));
    }
    assert!(began.elapsed() >= ms(550), "{:?}", began.elapsed());
    // A wait that can't end in time is refused at once, and spends nothing.
    let refused = limit.acquire_within(ms(20)).await.unwrap_err();
    assert!(retry_in(&refused) > ms(20));
}

#[tokio::test]
async fn a_crowd_shares_round_trips() {
    let server = Server::start();
    let instance = Instance::at(&server.url()).await;
    let limit = instance.limit("strict.crowd", |limit| limit.max(500).per(secs(6000)));
    assert!(takes(&limit).await);
    let monitor = server.monitor();
    let calls: tokio::task::JoinSet<bool> = (0..300)
        .map(|_| {
            let limit = limit.clone();
            async move { takes(&limit).await }
        })
        .collect();
    let taken = calls
        .join_all()
        .await
        .into_iter()
        .filter(|taken| *taken)
        .count();
    assert_eq!(taken, 300);
    pause(ms(200)).await; // the monitor is told in its own time
    let scripts = monitor
        .seen()
        .iter()
        .filter(|seen| seen.name() == "EVALSHA")
        .count();
    assert!(
        (1..100).contains(&scripts),
        "{scripts} round trips for 300 tokens"
    );
    assert_eq!(limit.status().used, 301);
}

#[tokio::test]
async fn what_a_drained_bucket_owed_is_not_forgotten_with_the_server() {
    let server = Server::start();
    let fleet = instances(&server, 2).await;
    let limits: Vec<_> = fleet
        .iter()
        .map(|instance| instance.limit("strict.hint", |limit| limit.max(5).per(secs(100))))
        .collect();
    assert_eq!(at_once(&limits[0], 6).await, 5);
    server.command(&["FLUSHALL"]);
    pause(ms(50)).await;
    // One who was told of it knows, and so does the server from then on.
    let refused = limits[0].acquire_within(ms(1)).await;
    assert!(refused.is_err());
    // Past the time that the refusal named it asks the server again.
    assert!(!takes(&limits[0]).await);
}

#[tokio::test]
async fn a_sync_caller_waits_for_the_answer_and_no_longer() {
    let server = Server::start();
    let instance = Instance::at(&server.url()).await;
    let limit = instance.limit("strict.sync", |limit| limit.max(2).per(secs(60)));
    let taken = tokio::task::spawn_blocking(move || {
        std::iter::repeat_with(|| limit.try_acquire().is_ok())
            .take(3)
            .collect::<Vec<_>>()
    });
    assert_eq!(taken.await.unwrap(), [true, true, false]);
}

#[tokio::test]
async fn more_keys_than_are_kept_in_memory_are_limited_all_the_same() {
    let server = Server::start();
    let instance = Instance::at(&server.url()).await;
    let limit = instance.limit("strict.many", |limit| {
        limit.max(1).per(secs(60)).max_keys(10)
    });
    for key in 0..40 {
        limit
            .acquire_within_for(&key, Duration::ZERO)
            .await
            .unwrap();
    }
    for key in 0..40 {
        let again = limit.acquire_within_for(&key, Duration::ZERO).await;
        assert!(again.is_err(), "{key}");
    }
    assert!(limit.status().keys <= 10);
}

#[tokio::test]
async fn without_redis_a_shared_limit_is_local() {
    let registry = steadfast::Registry::new();
    Policy::builder("alone.defines")
        .registry(&registry)
        .rate_limit("alone", |limit| {
            limit.max(2).scope(steadfast::options::Scope::Shared)
        })
        .build()
        .unwrap();
    let limit = registry.rate_limit("alone");
    assert!(limit.try_acquire().is_ok() && limit.try_acquire().is_ok());
    assert!(limit.try_acquire().is_err());
    assert!(limit.status().degraded);
}
