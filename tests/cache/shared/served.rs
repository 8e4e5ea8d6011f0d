//! An answer that one instance has is an answer that all have.

use steadfast::resilient;
use steadfast_tests::Failure;
use steadfast_tests::redis::{Cluster, Server};

use super::*;

shows!(
    "cache.store",
    cache_store_redis_lets_another_instance_serve_what_one_has_fetched
);

#[tokio::test]
async fn cache_store_redis_lets_another_instance_serve_what_one_has_fetched() {
    let server = Server::start();
    let (one, other) = (Instance::at(&server).await, Instance::at(&server).await);
    let dependency = Arc::new(Dependency::playing(""));
    for _ in 0..2 {
        let price = one.of(price(dependency.clone(), "a", 1)).await;
        assert_eq!(price, Ok(Price { run: 1 }));
    }
    let keys = told(&server, 1).await;
    assert!(keys[0].starts_with("{steadfast:ca:afar.price:"), "{keys:?}");
    assert!(keys[0].ends_with(":[\"a\",1]}"), "{keys:?}");
    assert_eq!(data(&server, &keys[0]), "{\"run\":1}");
    for _ in 0..2 {
        let price = other.of(price(dependency.clone(), "a", 1)).await;
        assert_eq!(price, Ok(Price { run: 1 }));
    }
    assert_eq!(dependency.runs(), 1);
    let counts = other.counts("afar.price");
    assert_eq!((counts.hits, counts.misses, counts.fetched), (2, 0, 1));
    assert_eq!(
        (counts.unshared, counts.kept),
        (0, 1),
        "the second from memory"
    );
    // Of another key there is none.
    let price = other.of(price(dependency.clone(), "a", 2)).await;
    assert_eq!(price, Ok(Price { run: 2 }));
}

#[tokio::test]
async fn every_key_ends_by_itself() {
    let server = Server::start();
    let one = Instance::at(&server).await;
    let dependency = Arc::new(Dependency::playing("").taking(ms(300)));
    let left = |key: &str| server.command(&["PTTL", key]).int().unwrap();
    let call = tokio::spawn(one.registry.scope(price(dependency.clone(), "a", 1)));
    eventually("the lease of the call", || {
        let keys = keys(&server);
        keys.len() == 1 && keys[0].ends_with(":l") && (1..=1000).contains(&left(&keys[0]))
    })
    .await;
    call.await.unwrap().unwrap();
    one.of(good(&dependency, "a")).await.unwrap();
    let keys = told(&server, 2).await;
    // Fresh and stale together, and the time of the last good answer.
    let (cached, kept) = (left(&keys[0]), left(&keys[1]));
    assert!((3_600_000..=3_660_000).contains(&cached), "{cached}");
    assert!((3_500_000..=3_600_000).contains(&kept), "{kept}");
}

#[tokio::test]
async fn functions_and_kinds_of_answers_have_keys_of_their_own() {
    #[resilient(name = "afar.one", cache(key = 1, store = "redis"))]
    async fn one(dependency: &Dependency) -> Result<Price, Failure> {
        ask(dependency).await
    }

    #[resilient(
        name = "afar.other",
        cache(key = 1, store = "redis"),
        fallback(kind = "cached", key = 1, store = "redis")
    )]
    async fn other(dependency: &Dependency) -> Result<Price, Failure> {
        ask(dependency).await
    }

    #[resilient(name = "afar.generic", cache(key = 1, store = "redis"), classify = transient)]
    async fn generic<V>(value: V) -> Result<V, std::io::Error>
    where
        V: Clone + Send + Sync + Serialize + serde::de::DeserializeOwned + 'static,
    {
        Ok(value)
    }

    fn transient(_: &std::io::Error) -> steadfast::Class {
        steadfast::Class::Transient
    }

    let server = Server::start();
    let first = Instance::at(&server).await;
    let dependency = Dependency::playing("");
    assert_eq!(first.of(one(&dependency)).await, Ok(Price { run: 1 }));
    assert_eq!(first.of(other(&dependency)).await, Ok(Price { run: 2 }));
    assert_eq!(first.of(generic(7_u8)).await.unwrap(), 7);
    assert_eq!(first.of(generic("7".to_owned())).await.unwrap(), "7");
    told(&server, 5).await;
    let second = Instance::at(&server).await;
    assert_eq!(second.of(one(&dependency)).await, Ok(Price { run: 1 }));
    assert_eq!(second.of(other(&dependency)).await, Ok(Price { run: 2 }));
    assert_eq!(second.of(generic(8_u8)).await.unwrap(), 7);
    assert_eq!(second.of(generic("8".to_owned())).await.unwrap(), "7");
}

#[tokio::test]
async fn a_long_key_goes_by_its_hash() {
    let server = Server::start();
    let one = Instance::at(&server).await;
    let dependency = Arc::new(Dependency::playing(""));
    let long = "x".repeat(10_000);
    one.of(price(dependency.clone(), &long, 1)).await.unwrap();
    let keys = told(&server, 1).await;
    assert!(keys[0].len() < 128, "{keys:?}");
    let other = Instance::at(&server).await;
    let found = other.of(price(dependency.clone(), &long, 1)).await;
    assert_eq!(found, Ok(Price { run: 1 }));
}

#[tokio::test]
async fn sync_functions_share_too() {
    #[resilient(
        name = "afar.sync",
        cache(key = id, fresh = "1m", stale = "1h", store = "redis"),
        fallback(kind = "cached", key = id, store = "redis")
    )]
    fn call(dependency: &Arc<Dependency>, id: u32) -> Result<Price, Failure> {
        let _ = id;
        let run = dependency.ask_now()?;
        Ok(Price { run })
    }

    let server = Server::start();
    let (one, other) = (Instance::at(&server).await, Instance::at(&server).await);
    let dependency = Arc::new(Dependency::playing("SSFF"));
    let of = |instance: &Instance, id| {
        let call = || call(&dependency, id);
        instance.registry.scope_blocking(call)
    };
    assert_eq!(of(&one, 1), Ok(Price { run: 1 }));
    assert_eq!(of(&one, 2), Ok(Price { run: 2 }));
    let keys = told(&server, 4).await;
    assert_eq!(of(&other, 1), Ok(Price { run: 1 }), "from the cache");
    let cached = keys
        .iter()
        .find(|key| key.contains(":ca:") && key.ends_with(":2}"));
    server.command(&["DEL", cached.unwrap()]);
    assert_eq!(of(&other, 2), Ok(Price { run: 2 }), "the last good one");
    assert_eq!(dependency.runs(), 3);
}

#[tokio::test]
async fn a_cluster_keeps_answers_too() {
    let mut cluster = Cluster::start();
    let urls = cluster.urls();
    let instance = async || {
        let registry = registry(&[]);
        let setup = async { steadfast::setup().redis_cluster(urls.clone()).start().await };
        let steadfast = registry.scope(setup).await.unwrap();
        let instance = Instance {
            registry,
            steadfast,
        };
        instance.connects().await;
        instance
    };
    let (one, other) = (instance().await, instance().await);
    let dependency = Arc::new(Dependency::playing(""));
    for id in 0..20 {
        one.of(price(dependency.clone(), "a", id)).await.unwrap();
    }
    eventually("all answers", || {
        let nodes = cluster.nodes().iter();
        nodes.map(told_at).sum::<usize>() == 20
    })
    .await;
    for id in 0..20_u32 {
        let found = other.of(price(dependency.clone(), "a", id)).await;
        let run = id as usize + 1;
        assert_eq!(found, Ok(Price { run }));
    }
    assert_eq!(
        (dependency.runs(), one.counts("afar.price").unshared),
        (20, 0)
    );
}

/// How many answers a node of a cluster has.
fn told_at(node: &Server) -> usize {
    let keys = keys(node);
    keys.iter()
        .filter(|key| key.contains(":ca:") && !key.ends_with(":l"))
        .count()
}
