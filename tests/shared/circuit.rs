//! One circuit for all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use steadfast::{Policy, State};
use steadfast_tests::redis::Server;
use steadfast_tests::{Dependency, is_open, ms};

use super::{Instance, call, start, sync};

#[tokio::test]
async fn failures_of_all_instances_count_together_and_all_see_the_state() {
    let server = Server::start();
    let (one, other) = (
        Instance::at(&server.url()).await,
        Instance::at(&server.url()).await,
    );
    one.play("FF").await;
    other.play("F").await;
    assert_eq!(
        (one.breaker().state(), other.breaker().state()),
        (State::Closed, State::Closed)
    );
    other.play("F").await;
    one.sees(State::Open).await;
    other.sees(State::Open).await;
    let status = one.breaker().status();
    assert_eq!((status.failures, status.degraded), (4, false));
    assert!(status.retry_in.unwrap() <= ms(500));
    let refused = one.registry.scope(call(&Dependency::playing("S"))).await;
    assert!(is_open(&refused), "{refused:?}");
}

#[tokio::test]
async fn probes_are_bounded_for_the_fleet_and_close_it_for_all() {
    let server = Server::start();
    let (one, other) = (
        Instance::at(&server.url()).await,
        Instance::at(&server.url()).await,
    );
    one.play("FFFF").await;
    other.sees(State::HalfOpen).await;
    // Three bodies that do not end: two get in, whoever sends them.
    let slow = Arc::new(Dependency::playing("HHH"));
    let calls = [&one, &other, &one].map(|instance| {
        let (registry, slow) = (instance.registry.clone(), slow.clone());
        tokio::spawn(async move { registry.scope(call(&slow)).await })
    });
    tokio::time::sleep(ms(150)).await;
    assert_eq!(slow.runs(), 2);
    calls.iter().for_each(tokio::task::JoinHandle::abort);
    // Their places are free again, at once.
    tokio::time::sleep(ms(100)).await;
    one.play("S").await;
    other.play("S").await;
    one.sees(State::Closed).await;
    other.sees(State::Closed).await;
}

#[tokio::test]
async fn a_failed_probe_opens_it_again_for_all() {
    let server = Server::start();
    let (one, other) = (
        Instance::at(&server.url()).await,
        Instance::at(&server.url()).await,
    );
    one.play("FFFF").await;
    other.sees(State::HalfOpen).await;
    other.play("F").await;
    one.sees(State::Open).await;
    let again = one.registry.scope(call(&Dependency::playing("S"))).await;
    assert!(is_open(&again), "{again:?}");
}

#[tokio::test]
async fn what_is_done_by_hand_is_done_everywhere() {
    let server = Server::start();
    let (one, other) = (
        Instance::at(&server.url()).await,
        Instance::at(&server.url()).await,
    );
    other.sees(State::Closed).await;
    for (act, state) in [
        (steadfast::Breaker::force_open as fn(&_), State::ForcedOpen),
        (steadfast::Breaker::disable, State::Disabled),
        (steadfast::Breaker::release, State::Closed),
    ] {
        act(&one.breaker());
        assert_eq!(one.breaker().state(), state, "at once here");
        other.sees(state).await;
    }
    other.play("FFFF").await;
    one.sees(State::Open).await;
    one.breaker().reset();
    other.sees(State::Closed).await;
    assert_eq!(other.breaker().status().failures, 0);
}

#[tokio::test]
async fn the_state_outlives_every_instance() {
    let server = Server::start();
    let first = Instance::at(&server.url()).await;
    first.breaker().force_open();
    first.sees(State::ForcedOpen).await;
    // Told, and not only done here.
    let shows = || {
        server
            .command(&["HGET", "{steadfast:cb:fleet.es}:s", "lock"])
            .text()
    };
    let end = Instant::now() + Duration::from_secs(5);
    while shows() != "forced_open" && Instant::now() < end {
        tokio::time::sleep(ms(1)).await;
    }
    first.steadfast.clone().stop().await;
    drop(first);
    let later = Instance::at(&server.url()).await;
    later.sees(State::ForcedOpen).await;
}

#[tokio::test]
async fn a_closed_breaker_makes_no_round_trip() {
    let server = Server::start();
    let one = Instance::at(&server.url()).await;
    one.sees(State::Closed).await;
    let monitor = server.monitor();
    let ended = tokio::spawn({
        let registry = one.registry.clone();
        async move {
            let dependency = Dependency::playing("S");
            for _ in 0..10_000 {
                dependency.then("S");
                registry.scope(call(&dependency)).await.unwrap();
            }
        }
    });
    ended.await.unwrap();
    // Polls, pings and heartbeats go on, at a few a second.
    let seen = monitor.seen();
    assert!(seen.len() < 200, "{} commands", seen.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_functions_share_too_and_wait_for_their_lease() {
    let server = Server::start();
    let (one, other) = (
        Instance::at(&server.url()).await,
        Instance::at(&server.url()).await,
    );
    let (there, here) = (one.registry.clone(), other.registry.clone());
    let work = move || {
        here.scope_blocking(|| here.breaker("fleet.sync"));
        there.scope_blocking(|| sync(false)).unwrap_err();
        let end = Instant::now() + Duration::from_secs(10);
        while here.breaker("fleet.sync").state() == State::Closed {
            assert!(Instant::now() < end, "it opened nowhere else");
            std::thread::yield_now();
        }
        while here.breaker("fleet.sync").state() != State::HalfOpen {
            assert!(Instant::now() < end, "its time was never over");
            std::thread::yield_now();
        }
        here.scope_blocking(|| sync(true)).unwrap();
    };
    tokio::task::spawn_blocking(work).await.unwrap();
}

#[tokio::test]
async fn a_permit_has_its_lease_at_the_second_try() {
    let server = Server::start();
    let one = Instance::at(&server.url()).await;
    one.play("FFFF").await;
    one.sees(State::HalfOpen).await;
    one.breaker().admit().unwrap_err();
    let end = Instant::now() + Duration::from_secs(5);
    let permit = loop {
        match one.breaker().admit() {
            Ok(permit) => break permit,
            Err(refused) => assert!(Instant::now() < end, "{refused}"),
        }
        tokio::time::sleep(ms(1)).await;
    };
    permit.failure();
    one.sees(State::Open).await;
}

#[tokio::test]
async fn a_quorum_wants_failures_of_different_instances() {
    let server = Server::start();
    let instance = async || {
        let instance = start(|setup| setup.redis(server.url()).declare(["fleet.quorum"])).await;
        let instance = instance.unwrap();
        let policy = instance.registry.scope(async {
            let scope = steadfast::options::Scope::Shared;
            Policy::builder("fleet.by_hand")
                .breaker("fleet.quorum", |it| it.scope(scope).failures(2).quorum(2))
                .build()
                .unwrap()
        });
        let _ = policy.await;
        instance
    };
    let (one, other) = (instance().await, instance().await);
    let fails = |instance: &Instance| {
        instance
            .registry
            .breaker("fleet.quorum")
            .admit()
            .unwrap()
            .failure();
    };
    (0..5).for_each(|_| fails(&one));
    tokio::time::sleep(ms(100)).await;
    assert_eq!(one.registry.breaker("fleet.quorum").state(), State::Closed);
    fails(&other);
    let end = Instant::now() + Duration::from_secs(5);
    while one.registry.breaker("fleet.quorum").state() != State::Open {
        assert!(
            Instant::now() < end,
            "the second instance's failure opened nothing"
        );
        tokio::time::sleep(ms(1)).await;
    }
}
