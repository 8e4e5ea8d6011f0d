//! Redis is away: in-memory fallback, then what was said, then the shared limit again.

use std::time::Duration;

use steadfast::options::{Scope, Then};
use steadfast::{Policy, RateLimit, Rejection};
use steadfast_tests::redis::{Server, free_port, wait_for};
use steadfast_tests::{listen_to_limits, ms, said_of_limits, secs};

use super::{Instance, at_once, instances, know_each_other, pause, shows, takes};

shows!(
    "rate_limit.fail_open",
    rate_limit_fail_open_is_how_long_memory_serves_before_all_is_denied_until_redis_rules_again
);
shows!(
    "rate_limit.then",
    rate_limit_then_is_what_holds_after_fail_open
);
shows!(
    "rate_limit.probe",
    rate_limit_probe_is_how_often_redis_is_tried_by_a_write
);

/// Waits until it goes by itself, or no longer.
fn is_degraded(limit: &RateLimit, degraded: bool) -> bool {
    wait_for(secs(20), || limit.status().degraded == degraded)
}

fn lose(server: &mut Server, limits: &[RateLimit]) {
    server.kill();
    for limit in limits {
        assert!(is_degraded(limit, true));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rate_limit_fail_open_is_how_long_memory_serves_before_all_is_denied_until_redis_rules_again()
 {
    listen_to_limits();
    let mut server = Server::start();
    let fleet = instances(&server, 2).await;
    know_each_other(&fleet);
    let limits: Vec<_> = fleet
        .iter()
        .map(|instance| {
            instance.limit("outage.whole", |limit| {
                let limit = limit.max(100).per(secs(1000));
                limit.fail_open(secs(2)).probe(ms(200))
            })
        })
        .collect();
    assert_eq!(at_once(&limits[0], 10).await, 10);
    assert_eq!(at_once(&limits[1], 10).await, 10);
    lose(&mut server, &limits);
    // 90 and 80 were left when they were told: together no more than 100 in all.
    let alone = [
        at_once(&limits[0], 100).await,
        at_once(&limits[1], 100).await,
    ];
    assert!(
        alone.iter().all(|taken| (30..=50).contains(taken)),
        "{alone:?}"
    );
    assert!(20 + alone.iter().sum::<usize>() <= 105, "{alone:?}");
    let refused = limits[0].acquire_within(Duration::ZERO).await;
    assert!(
        matches!(refused, Err(Rejection::RateLimited { .. })),
        "{refused:?}"
    );
    pause(secs(2)).await;
    let refused = limits[0].acquire_within(Duration::ZERO).await;
    assert!(
        matches!(refused, Err(Rejection::LimiterUnavailable { .. })),
        "{refused:?}"
    );
    server.restart();
    for limit in &limits {
        assert!(is_degraded(limit, false));
    }
    // What was spent meanwhile is paid: no burst.
    assert!(wait_for(secs(5), || limits[0].status().used >= 30));
    pause(ms(100)).await;
    let after = at_once(&limits[0], 100).await + at_once(&limits[1], 100).await;
    assert!(
        after <= 100 - alone.iter().sum::<usize>() + 2,
        "{after} after {alone:?}"
    );
    let said: Vec<_> = said_of_limits(server.port())
        .into_iter()
        .map(|event| (event.level.to_string(), event.message))
        .collect();
    let count = |level: &str, text: &str| {
        let same = |said: &&(String, String)| said.0 == level && said.1 == text;
        said.iter().filter(same).count()
    };
    // Once for each of both instances.
    assert_eq!(
        count(
            "WARN",
            "redis rate limiter unavailable; using in-memory fallback"
        ),
        2,
        "{said:?}"
    );
    assert_eq!(
        count(
            "INFO",
            "redis rate limiter recovered; primary enforcement resumed"
        ),
        2,
        "{said:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn variables_say_for_all_limits_and_bulkheads_how_long_memory_serves_and_how_often_redis_is_tried()
 {
    let mut server = Server::start();
    let instance = Instance::with_variables(
        &[
            ("RATE_LIMIT_FAIL_OPEN_SECONDS", "1"),
            ("RATE_LIMIT_REDIS_PROBE_SECONDS", "0.2"),
        ],
        |setup| setup.redis(server.url()),
    )
    .await;
    // The variables beat what the code says.
    let limit = instance.limit("outage.variables", |limit| limit.fail_open(secs(3000)));
    Policy::builder("outage.variables.places")
        .registry(&instance.registry)
        .bulkhead("outage.places", |it| it.scope(Scope::Shared))
        .build()
        .unwrap();
    let places = instance.registry.bulkhead("outage.places");
    let value = |path: &str| {
        let values = limit.values().into_iter();
        let mut found = values.filter(|value| value.path == path);
        found.next().map(|value| value.value.to_string())
    };
    let said = ["rate_limit.fail_open", "rate_limit.probe"].map(value);
    assert_eq!(said, [Some("1s".to_owned()), Some("200ms".to_owned())]);
    lose(&mut server, std::slice::from_ref(&limit));
    assert!(takes(&limit).await, "memory serves");
    pause(secs(1) + ms(100)).await;
    for refused in [
        limit.acquire_within(Duration::ZERO).await.unwrap_err(),
        places.try_enter().map(drop).unwrap_err(),
    ] {
        assert!(
            matches!(refused, Rejection::LimiterUnavailable { .. }),
            "{refused}"
        );
    }
    server.restart();
    assert!(is_degraded(&limit, false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rate_limit_then_is_what_holds_after_fail_open() {
    let mut server = Server::start();
    let instance = Instance::at(&server.url()).await;
    let limit = |name: &str, then| {
        instance.limit(name, |limit| {
            let limit = limit.max(5).per(secs(1000)).fail_open(ms(1));
            limit.then(then)
        })
    };
    let limits = [
        limit("outage.deny", Then::Deny),
        limit("outage.local", Then::Local),
        limit("outage.allow", Then::Allow),
    ];
    lose(&mut server, &limits);
    pause(ms(10)).await;
    let mut taken = Vec::new();
    for limit in &limits {
        taken.push(at_once(limit, 20).await);
    }
    assert_eq!(taken, [0, 5, 20]);
}

/// How many probes' writes a server that only reads has refused.
fn refused_writes(server: &Server) -> i64 {
    let stats = server.command(&["INFO", "commandstats"]).text();
    let set = stats.lines().find(|line| line.starts_with("cmdstat_set:"));
    let refused = set.and_then(|line| line.split("rejected_calls=").nth(1));
    refused.map_or(0, |count| count.split(',').next().unwrap().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rate_limit_probe_is_how_often_redis_is_tried_by_a_write() {
    let servers = [Server::start(), Server::start()];
    let mut refused = Vec::new();
    for (server, probe) in servers.iter().zip([ms(100), secs(100)]) {
        let instance = Instance::at(&server.url()).await;
        let limit = instance.limit("outage.probes", |limit| limit.probe(probe));
        server.command(&["REPLICAOF", "127.0.0.1", "1"]);
        assert!(is_degraded(&limit, true) || takes(&limit).await);
        pause(secs(2)).await;
        refused.push(refused_writes(server));
    }
    // 20 ± 20 %, but for what a busy machine makes of it.
    assert!((5..=25).contains(&refused[0]), "{refused:?}");
    // At once, and then only in 100 s.
    assert_eq!(refused[1], 1);
}

#[tokio::test]
async fn where_redis_was_never_seen_the_expected_instances_share() {
    let port = free_port();
    let instance = Instance::with(|setup| {
        let setup = setup.redis(format!("redis://127.0.0.1:{port}"));
        setup.expected_instances(4)
    })
    .await;
    let limit = instance.limit("outage.never", |limit| limit.max(40).per(secs(1000)));
    assert_eq!(at_once(&limit, 50).await, 10);
    assert!(limit.status().degraded);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_is_waited_for_once_and_not_for_long() {
    let mut server = Server::start();
    let instance = Instance::at(&server.url()).await;
    let limit = instance.limit("outage.hangs", |limit| limit.max(10).per(secs(1000)));
    assert!(takes(&limit).await);
    server.pause();
    // Whoever asks first waits for the answer, then goes by memory; as do the others at once.
    assert_eq!(at_once(&limit, 20).await, 9);
    assert!(limit.status().degraded);
    server.resume();
    assert!(is_degraded(&limit, false));
    assert!(!takes(&limit).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_memory_a_new_key_too_many_is_refused() {
    let mut server = Server::start();
    let instance = Instance::at(&server.url()).await;
    let limit = instance.limit("outage.keys", |limit| {
        limit.max(2).per(secs(1000)).max_keys(3)
    });
    lose(&mut server, std::slice::from_ref(&limit));
    let mut taken = 0;
    for key in 0..10 {
        taken += usize::from(limit.acquire_within_for(&key, Duration::ZERO).await.is_ok());
    }
    assert_eq!((taken, limit.status().keys), (3, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_when_redis_comes_back_asks_there() {
    let mut server = Server::start();
    let instance = Instance::at(&server.url()).await;
    let limit = instance.limit("outage.waits", |limit| {
        limit.max(1).per(secs(5)).probe(ms(200))
    });
    assert!(takes(&limit).await);
    lose(&mut server, std::slice::from_ref(&limit));
    let waiting = {
        let limit = limit.clone();
        tokio::spawn(async move { limit.acquire_within(secs(30)).await })
    };
    pause(ms(100)).await;
    server.restart();
    assert!(is_degraded(&limit, false));
    waiting.await.unwrap().unwrap();
    assert!(!takes(&limit).await);
}

#[tokio::test]
async fn whoever_leaves_the_fleet_goes_on_by_itself() {
    let server = Server::start();
    let instance = Instance::at(&server.url()).await;
    let limit = instance.limit("outage.left", |limit| limit.max(10).per(secs(1000)));
    assert_eq!(at_once(&limit, 4).await, 4);
    instance.steadfast.stop().await;
    assert_eq!(at_once(&limit, 20).await, 6);
    assert!(limit.status().degraded);
}
