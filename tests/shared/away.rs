//! Redis is away, comes back, or has lost what it knew.

use std::sync::Arc;

use steadfast::State;
use steadfast_tests::redis::{Server, free_port};
use steadfast_tests::{Dependency, is_open, ms};

use super::{Instance, call};

#[tokio::test]
async fn without_redis_it_starts_works_locally_and_joins_when_redis_comes() {
    let port = free_port();
    let one = Instance::at(&format!("redis://127.0.0.1:{port}")).await;
    assert!(!one.is_connected());
    one.loses().await;
    one.play("FFFF").await;
    assert_eq!(one.breaker().state(), State::Open);
    let refused = one.registry.scope(call(&Dependency::playing("S"))).await;
    assert!(is_open(&refused), "{refused:?}");
    let server = Server::options().port(port).start();
    one.connects().await;
    // What was counted before follows, and opens it for all.
    one.sees(State::Open).await;
    let other = Instance::at(&server.url()).await;
    other.sees(State::Open).await;
}

#[tokio::test]
async fn while_redis_is_away_the_last_state_holds_and_one_probe_goes_out() {
    let mut server = Server::start();
    let one = Instance::at(&server.url()).await;
    one.play("FFFF").await;
    one.sees(State::Open).await;
    server.kill();
    one.loses().await;
    one.sees(State::HalfOpen).await;
    let slow = Arc::new(Dependency::playing("HH"));
    let calls = [(), ()].map(|()| {
        let (registry, slow) = (one.registry.clone(), slow.clone());
        tokio::spawn(async move { registry.scope(call(&slow)).await })
    });
    tokio::time::sleep(ms(100)).await;
    assert_eq!(slow.runs(), 1, "one probe an instance");
    calls.iter().for_each(tokio::task::JoinHandle::abort);
    tokio::time::sleep(ms(10)).await;
    one.play("SS").await;
    assert_eq!(one.breaker().state(), State::Closed);
    // The store's word holds again; what it has lost is restored, and the circuit that it knew as open is
    // due by now.
    server.restart();
    one.connects().await;
    one.sees(State::HalfOpen).await;
    one.play("SS").await;
    one.sees(State::Closed).await;
}

#[tokio::test]
async fn an_open_circuit_survives_the_loss_of_all_data() {
    let server = Server::start();
    let one = Instance::at(&server.url()).await;
    one.breaker().force_open();
    one.sees(State::ForcedOpen).await;
    tokio::time::sleep(ms(50)).await;
    server.command(&["FLUSHALL"]);
    let late = Instance::at(&server.url()).await;
    late.sees(State::ForcedOpen).await;
    assert_eq!(one.breaker().state(), State::ForcedOpen);
}

#[tokio::test]
async fn what_is_done_by_hand_meanwhile_is_told_afterwards() {
    let mut server = Server::start();
    let (one, other) = (
        Instance::at(&server.url()).await,
        Instance::at(&server.url()).await,
    );
    other.sees(State::Closed).await;
    server.kill();
    one.loses().await;
    one.breaker().force_open();
    assert_eq!(one.breaker().state(), State::ForcedOpen);
    server.restart();
    other.sees(State::ForcedOpen).await;
    assert_eq!(one.breaker().state(), State::ForcedOpen);
}

#[tokio::test]
async fn scripts_that_redis_forgets_are_given_to_it_again() {
    let server = Server::start();
    let one = Instance::at(&server.url()).await;
    for _ in 0..3 {
        server.command(&["SCRIPT", "FLUSH"]);
        one.play("F").await;
    }
    one.play("F").await;
    one.sees(State::Open).await;
    assert!(!one.breaker().status().degraded);
}

#[tokio::test]
async fn a_key_of_another_type_makes_one_breaker_local_and_is_left_alone() {
    let server = Server::start();
    let key = "{steadfast:cb:fleet.es}:w";
    server.command(&["RPUSH", key, "not", "ours"]);
    let one = Instance::at(&server.url()).await;
    one.play("FFFF").await;
    one.sees(State::Open).await;
    assert!(one.breaker().status().degraded);
    assert!(one.is_connected());
    assert_eq!(server.command(&["LLEN", key]).int(), Some(2));
    // Once somebody mends it, the breaker is shared again.
    server.command(&["DEL", key]);
    one.connects().await;
}
