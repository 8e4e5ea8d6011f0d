//! The last good answer of the fleet.

use steadfast_tests::TRANSIENT;
use steadfast_tests::redis::Server;

use super::*;

shows!(
    "fallback.store",
    fallback_store_redis_gives_the_last_good_answer_of_any_instance
);

#[tokio::test]
async fn fallback_store_redis_gives_the_last_good_answer_of_any_instance() {
    let server = Server::start();
    let one = Instance::at(&server).await;
    let dependency = Dependency::playing("SFFFF");
    assert_eq!(one.of(good(&dependency, "a")).await, Ok(Price { run: 1 }));
    let keys = told(&server, 1).await;
    assert!(keys[0].starts_with("{steadfast:lg:afar.good:"), "{keys:?}");
    assert!(keys[0].ends_with(":a}"), "{keys:?}");
    one.steadfast.stop().await;
    // After a restart it is another process.
    let other = Instance::at(&server).await;
    for _ in 0..2 {
        assert_eq!(other.of(good(&dependency, "a")).await, Ok(Price { run: 1 }));
    }
    assert_eq!(other.of(good(&dependency, "b")).await, Err(TRANSIENT));
    let totals = other.registry.totals();
    let call = totals.calls.iter().find(|call| call.name == "afar.good");
    assert_eq!(call.unwrap().fallbacks, 2);
}

#[tokio::test]
async fn the_latest_of_many_answers_is_told_last() {
    let server = Server::start();
    let one = Instance::at(&server).await;
    let monitor = server.monitor();
    let dependency = Dependency::playing("");
    for _ in 0..1000 {
        one.of(good(&dependency, "a")).await.unwrap();
    }
    eventually("the last", || {
        let keys = keys(&server);
        keys.len() == 1 && data(&server, &keys[0]) == "{\"run\":1000}"
    })
    .await;
    let told = monitor.seen();
    let told = told
        .iter()
        .filter(|seen| seen.name() == "EVALSHA" && seen.text.contains(":lg:"));
    assert!(told.count() < 200, "an answer for an answer");
}

#[tokio::test]
async fn a_later_answer_of_another_instance_comes_before_ones_own() {
    let server = Server::start();
    let (one, other) = (Instance::at(&server).await, Instance::at(&server).await);
    let dependency = Dependency::playing("SSF");
    one.of(good(&dependency, "a")).await.unwrap();
    told(&server, 1).await;
    other.of(good(&dependency, "a")).await.unwrap();
    eventually("the second", || {
        data(&server, &keys(&server)[0]) == "{\"run\":2}"
    })
    .await;
    assert_eq!(one.of(good(&dependency, "a")).await, Ok(Price { run: 2 }));
}

#[tokio::test]
async fn one_that_is_too_old_is_not_given() {
    #[resilient(
        name = "afar.short",
        fallback(kind = "cached", key = (), ttl = "300ms", store = "redis")
    )]
    async fn short(dependency: &Dependency) -> Result<Price, Failure> {
        ask(dependency).await
    }

    let server = Server::start();
    let (one, other) = (Instance::at(&server).await, Instance::at(&server).await);
    let dependency = Dependency::playing("SFF");
    one.of(short(&dependency)).await.unwrap();
    eventually("its end", || keys(&server).is_empty()).await;
    tokio::time::sleep(ms(350)).await;
    assert_eq!(one.of(short(&dependency)).await, Err(TRANSIENT));
    assert_eq!(other.of(short(&dependency)).await, Err(TRANSIENT));
}

#[tokio::test]
async fn without_redis_memory_gives_what_this_instance_had() {
    let mut server = Server::start();
    let one = Instance::at(&server).await;
    let dependency = Dependency::playing("SFF");
    one.of(good(&dependency, "a")).await.unwrap();
    told(&server, 1).await;
    server.kill();
    one.loses().await;
    assert_eq!(one.of(good(&dependency, "a")).await, Ok(Price { run: 1 }));
    assert_eq!(one.of(good(&dependency, "b")).await, Err(TRANSIENT));
}
