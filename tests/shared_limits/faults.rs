//! What goes wrong with Redis, and what each fault comes to: the limiter's column of the fault matrix.

use std::time::Duration;

use steadfast::RateLimit;
use steadfast_tests::redis::{Proxy, Server, wait_for};
use steadfast_tests::{listen_to_limits, ms, said_of_limits, secs};

use super::{Instance, at_once, pause, takes};

fn wide(instance: &Instance, name: &str) -> RateLimit {
    instance.limit(name, |limit| {
        limit.max(1_000).per(secs(1000)).probe(ms(200))
    })
}

fn is_degraded(limit: &RateLimit, degraded: bool) -> bool {
    wait_for(secs(20), || limit.status().degraded == degraded)
}

#[tokio::test]
async fn forgotten_scripts_are_no_error() {
    let server = Server::start();
    let instance = Instance::at(&server.url()).await;
    let limit = wide(&instance, "faults.scripts");
    for _ in 0..20 {
        server.command(&["SCRIPT", "FLUSH"]);
        assert_eq!(at_once(&limit, 5).await, 5);
    }
    assert!(!limit.status().degraded);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_can_not_write_counts_as_down_and_is_believed_when_it_can() {
    type Fault = fn(&Server);
    let faults: [(Fault, Fault); 2] = [
        (
            |server| drop(server.command(&["CONFIG", "SET", "maxmemory", "1"])),
            |server| drop(server.command(&["CONFIG", "SET", "maxmemory", "0"])),
        ),
        (
            |server| drop(server.command(&["REPLICAOF", "127.0.0.1", "1"])),
            |server| drop(server.command(&["REPLICAOF", "NO", "ONE"])),
        ),
    ];
    for (sicken, heal) in faults {
        let server = Server::start();
        let instance = Instance::at(&server.url()).await;
        let limit = wide(&instance, "faults.writes");
        assert!(takes(&limit).await);
        sicken(&server);
        assert!(takes(&limit).await, "memory serves");
        assert!(limit.status().degraded);
        pause(ms(700)).await;
        assert!(limit.status().degraded, "what can be read is not enough");
        heal(&server);
        assert!(is_degraded(&limit, false));
        assert!(takes(&limit).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_is_suddenly_asked_for_counts_as_down() {
    let server = Server::start();
    let instance = Instance::at(&server.url()).await;
    let limit = wide(&instance, "faults.password");
    assert!(takes(&limit).await);
    let mut client = server.client().unwrap(); // who is in stays in
    for command in [
        &["CONFIG", "SET", "requirepass", "hunter2"][..],
        &["CLIENT", "KILL", "SKIPME", "YES"],
    ] {
        let reply = client.command(command).unwrap();
        assert!(reply.error().is_none(), "{reply:?}");
    }
    assert!(is_degraded(&limit, true));
    assert!(takes(&limit).await, "memory serves");
}

#[tokio::test]
async fn a_key_that_holds_something_else_is_limited_in_memory_and_left_alone() {
    let server = Server::start();
    let instance = Instance::at(&server.url()).await;
    let limit = instance.limit("faults.other", |limit| {
        limit.max(3).per(secs(1000)).probe(ms(200))
    });
    let of = async |key: &str| limit.acquire_within_for(key, Duration::ZERO).await.is_ok();
    server.command(&["RPUSH", "{steadfast:rl:faults.other:ann}", "mine"]);
    let mut taken = 0;
    for _ in 0..6 {
        taken += usize::from(of("ann").await);
    }
    assert_eq!(taken, 3);
    assert!(of("bob").await);
    assert!(limit.status_for("ann").degraded);
    assert!(!limit.status_for("bob").degraded && !limit.status().degraded);
    let kept = server.command(&["LRANGE", "{steadfast:rl:faults.other:ann}", "0", "-1"]);
    assert_eq!(kept.items()[0].text(), "mine");
    // Once it is gone, and the limit asks again, Redis rules.
    server.command(&["DEL", "{steadfast:rl:faults.other:ann}"]);
    let end = std::time::Instant::now() + secs(20);
    while limit.status_for("ann").degraded {
        assert!(std::time::Instant::now() < end, "it is not asked again");
        of("ann").await;
        pause(ms(50)).await;
    }
    of("ann").await;
    let kind = server.command(&["TYPE", "{steadfast:rl:faults.other:ann}"]);
    assert_eq!(kind.text(), "string");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_whose_answers_are_lost_are_asked_for_once_and_never_given_twice() {
    let server = Server::start();
    let proxy = Proxy::to(server.addr());
    let instance = Instance::at(&server.url_at(proxy.addr())).await;
    let limit = instance.limit("faults.lost", |limit| {
        limit.max(20).per(secs(1000)).probe(ms(200))
    });
    assert_eq!(at_once(&limit, 4).await, 4);
    let monitor = server.monitor();
    proxy.drop_replies();
    // Redis takes the token out of the bucket, and its answer reaches nobody.
    assert!(takes(&limit).await, "memory serves");
    assert!(limit.status().degraded);
    let taken = 5 + at_once(&limit, 50).await;
    let asked = monitor
        .seen()
        .iter()
        .filter(|seen| seen.name() == "EVALSHA" && seen.text.contains("faults.lost"))
        .count();
    assert_eq!(asked, 1, "nothing is asked for twice");
    proxy.heal();
    assert!(is_degraded(&limit, false));
    let after = taken + at_once(&limit, 50).await;
    // One token went with the answer that was lost.
    assert!((15..=20).contains(&after), "{after}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_died_in_silence_is_replaced_and_the_store_rules_again() {
    listen_to_limits();
    let server = Server::start();
    let proxy = Proxy::to(server.addr());
    let instance = Instance::at(&server.url_at(proxy.addr())).await;
    let limit = instance.limit("faults.dead", |limit| {
        limit.max(100).per(secs(100_000)).probe(ms(200))
    });
    assert!(takes(&limit).await);
    proxy.black_hole(); // new connections work
    assert!(takes(&limit).await, "memory serves");
    assert!(is_degraded(&limit, false));
    assert!(takes(&limit).await);
    // The token of the outage was paid, too.
    let used = || limit.status().used;
    assert!(wait_for(secs(5), || used() >= 3), "{}", used());
    // It was one outage: nobody believed in the store before there was a connection that serves.
    let said: Vec<_> = said_of_limits(proxy.addr().port())
        .into_iter()
        .map(|event| event.message)
        .collect();
    assert_eq!(said.len(), 2, "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_spent_alone_is_owed_until_it_is_paid_however_often_redis_comes_and_goes() {
    let mut server = Server::start();
    let instance = Instance::at(&server.url()).await;
    let limit = instance.limit("faults.owed", |limit| {
        limit.max(20).per(secs(100_000)).probe(ms(200))
    });
    let mut taken = at_once(&limit, 4).await;
    for _ in 0..3 {
        server.kill();
        assert!(is_degraded(&limit, true));
        taken += at_once(&limit, 4).await;
        server.restart();
        assert!(is_degraded(&limit, false));
    }
    taken += at_once(&limit, 40).await;
    assert_eq!(taken, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_an_instance_that_dies_the_fleet_loses_one_batch_at_the_most() {
    let server = Server::start();
    let proxy = Proxy::to(server.addr());
    let dies = Instance::at(&server.url_at(proxy.addr())).await;
    let stays = Instance::at(&server.url()).await;
    // 100 a second, 1,000 at once; of those a lease keeps 60 back.
    let of = |instance: &Instance| {
        instance.limit("faults.dies", |limit| {
            limit.max(1_000).per(secs(10)).lease(ms(600))
        })
    };
    let (lost, limit) = (of(&dies), of(&stays));
    assert!(takes(&lost).await);
    // From now on nothing comes back from it: neither tokens nor word of them.
    proxy.hang();
    let began = std::time::Instant::now();
    let mut taken = 0;
    while taken < 850 && began.elapsed() < secs(20) {
        taken += u32::from(takes(&limit).await);
    }
    let flowed = began.elapsed().as_secs_f64() * 100.0;
    // All but what it held is there: 940 less a batch of it.
    assert!(taken >= 850, "{taken}");
    assert!(f64::from(taken) <= 1_000.0 + flowed, "{taken} of {flowed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_are_late_bring_no_tokens() {
    let server = Server::start();
    let proxy = Proxy::to(server.addr());
    let instance = Instance::at(&server.url_at(proxy.addr())).await;
    let limit = instance.limit("faults.late", |limit| {
        limit.max(20).per(secs(1000)).probe(secs(60))
    });
    assert_eq!(at_once(&limit, 4).await, 4);
    proxy.delay(Duration::ZERO, ms(500));
    // It was asked, and granted, and nobody waits that long.
    assert!(takes(&limit).await, "memory serves");
    assert!(limit.status().degraded);
    let more = at_once(&limit, 50).await;
    // 16 were left by its last word; one went with the late answer.
    assert!(more <= 15, "{more}");
    pause(ms(600)).await;
    assert!(!takes(&limit).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_one_late_answer_the_store_is_tried_at_once() {
    let server = Server::start();
    let instance = Instance::at(&server.url()).await;
    let limit = instance.limit("faults.once", |limit| {
        limit.max(1_000).per(secs(1000)).probe(secs(1000))
    });
    assert!(takes(&limit).await);
    while !limit.status().degraded {
        // The server stands still for longer than an answer may take, and goes on by itself.
        server.command(&["CLIENT", "PAUSE", "250", "ALL"]);
        assert!(takes(&limit).await, "memory serves");
    }
    assert!(wait_for(secs(20), || !limit.status().degraded));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_lets_one_burst_through_at_the_most_and_blocks_nobody_for_longer() {
    let server = match Server::options().movable_clock().try_start() {
        Ok(server) => server,
        Err(error) => return eprintln!("skipped: {error:?}"),
    };
    let instance = Instance::at(&server.url()).await;
    let limit = instance.limit("faults.clock", |limit| limit.max(5).per(ms(1500)));
    assert_eq!(at_once(&limit, 7).await, 5);
    server.shift_clock(3600);
    pause(ms(400)).await;
    let burst = at_once(&limit, 20).await;
    assert!(burst <= 6, "{burst}");
    server.shift_clock(0);
    pause(ms(100)).await;
    let refused = limit.acquire_within(Duration::ZERO).await;
    if let Err(refused) = refused {
        assert!(refused.retry_in().unwrap() <= ms(1600), "{refused}");
    }
    let waited = limit.acquire_within(secs(10)).await;
    assert!(waited.is_ok(), "{waited:?}");
}
