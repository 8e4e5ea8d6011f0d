//! A bulkhead that a fleet shares.

use steadfast::options::{BulkheadPatch, Scope};
use steadfast::{Bulkhead, Policy, Rejection};
use steadfast_tests::redis::{Server, wait_for};
use steadfast_tests::{ms, secs};

use super::{Instance, instances, know_each_other, pause, shows};

shows!("bulkhead.scope", bulkhead_scope_shares_places_with_a_fleet);

fn bulkhead(
    instance: &Instance,
    name: &str,
    options: impl FnOnce(BulkheadPatch) -> BulkheadPatch,
) -> Bulkhead {
    let policy = Policy::builder(&format!("defines.{name}")).registry(&instance.registry);
    policy
        .bulkhead(name, |bulkhead| options(bulkhead).scope(Scope::Shared))
        .build()
        .unwrap();
    instance.registry.bulkhead(name)
}

/// A place if there is one: without a wait for others.
async fn enters(bulkhead: &Bulkhead) -> Option<steadfast::Place> {
    let bulkhead = bulkhead.clone();
    let entered = tokio::task::spawn_blocking(move || bulkhead.try_enter());
    entered.await.unwrap().ok()
}

#[tokio::test]
async fn bulkhead_scope_shares_places_with_a_fleet() {
    let server = Server::start();
    let fleet = instances(&server, 2).await;
    let [one, other] =
        [&fleet[0], &fleet[1]].map(|it| bulkhead(it, "places.fleet", |it| it.max(3)));
    let inside = (enters(&one).await.unwrap(), enters(&one).await.unwrap());
    let last = enters(&other).await.unwrap();
    assert!(enters(&other).await.is_none() && enters(&one).await.is_none());
    assert_eq!((one.status().active, other.status().active), (2, 1));
    let key = "{steadfast:bh:places.fleet}";
    assert_eq!(server.command(&["ZCARD", key]).int(), Some(3));
    let left = server.command(&["PTTL", key]).int().unwrap();
    assert!((25_000..=31_000).contains(&left), "{left}");
    // Whoever waits has the first place that is free, wherever that is.
    let waiting = tokio::spawn(async move { other.enter().await });
    pause(ms(100)).await;
    drop(inside.0);
    let place = waiting.await.unwrap().unwrap();
    drop((place, last, inside.1));
    assert!(wait_for(secs(5), || server.command(&["ZCARD", key]).int() == Some(0)));
    assert_eq!(one.status().active, 0);
}

#[tokio::test]
async fn who_waits_here_is_served_in_the_order_of_arrival() {
    let server = Server::start();
    let instance = Instance::at(&server.url()).await;
    let places = bulkhead(&instance, "places.turns", |it| it.max(1));
    let inside = enters(&places).await.unwrap();
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    for number in 0..4 {
        let (places, told) = (places.clone(), told.clone());
        tokio::spawn(async move {
            let _place = places.enter().await.unwrap();
            told.send(number).unwrap();
        });
        pause(ms(10)).await;
    }
    assert_eq!(places.status().waiting, 4);
    drop(inside);
    for number in 0..4 {
        assert_eq!(heard.recv().await, Some(number));
    }
}

#[tokio::test]
async fn a_crowd_shares_round_trips_and_never_has_more_places_than_there_are() {
    let server = Server::start();
    let fleet = instances(&server, 2).await;
    let inside = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..60 {
        let places = bulkhead(&fleet[number % 2], "places.crowd", |it| it.max(5));
        let inside = inside.clone();
        calls.spawn(async move {
            use std::sync::atomic::Ordering;
            let place = places.enter().await.unwrap();
            let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::time::sleep(ms(10)).await;
            inside.fetch_sub(1, Ordering::SeqCst);
            drop(place);
            now
        });
    }
    let most = calls.join_all().await.into_iter().max().unwrap();
    assert!(most <= 5, "{most}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_each_has_its_part_and_those_inside_count() {
    let mut server = Server::start();
    let fleet = instances(&server, 2).await;
    pause(ms(100)).await;
    let [one, other] =
        [&fleet[0], &fleet[1]].map(|it| bulkhead(it, "places.alone", |it| it.max(6)));
    let inside = enters(&one).await.unwrap();
    know_each_other(&fleet);
    server.kill();
    assert!(wait_for(secs(20), || one.status().degraded
        && other.status().degraded));
    let mut more = Vec::new();
    while let Some(place) = enters(&one).await {
        more.push(place);
    }
    assert_eq!(more.len(), 2);
    let mut others = Vec::new();
    while let Some(place) = enters(&other).await {
        others.push(place);
    }
    assert_eq!(others.len(), 3);
    drop(others);
    server.restart();
    assert!(wait_for(secs(20), || !one.status().degraded));
    // Those inside are told of, and count again.
    let key = "{steadfast:bh:places.alone}";
    assert!(wait_for(secs(5), || server.command(&["ZCARD", key]).int() == Some(3)));
    drop((inside, more));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_after_redis_has_gone_nobody_enters() {
    let mut server = Server::start();
    let instance = Instance::at(&server.url()).await;
    // Its terms are those of the limit of its name.
    let limit = instance.limit("places.deny", |limit| limit.fail_open(ms(1)));
    let places = bulkhead(&instance, "places.deny", |it| it);
    server.kill();
    assert!(wait_for(secs(20), || limit.status().degraded));
    pause(ms(20)).await;
    let refused = places.try_enter();
    assert!(
        matches!(refused, Err(Rejection::LimiterUnavailable { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn who_stops_waiting_holds_no_place() {
    let server = Server::start();
    let instance = Instance::at(&server.url()).await;
    let places = bulkhead(&instance, "places.gone", |it| it.max(1));
    let inside = enters(&places).await.unwrap();
    assert!(tokio::time::timeout(ms(120), places.enter()).await.is_err());
    drop(inside);
    let key = "{steadfast:bh:places.gone}";
    assert!(wait_for(secs(5), || server.command(&["ZCARD", key]).int() == Some(0)));
    assert!(enters(&places).await.is_some());
}
