//! What can't be kept, and what can't be read any more.

use steadfast_tests::redis::Server;

use super::*;

#[tokio::test]
async fn an_answer_whose_type_has_changed_is_a_miss_and_is_replaced() {
    let server = Server::start();
    let (one, other) = (Instance::at(&server).await, Instance::at(&server).await);
    let dependency = Arc::new(Dependency::playing(""));
    one.of(price(dependency.clone(), "a", 1)).await.unwrap();
    let key = told(&server, 1).await.remove(0);
    for data in ["{\"run\":\"many\"}", "{\"cost\":1}", "\\xff", ""] {
        server.command(&["HSET", &key, "d", data]);
        let mut events = listen();
        let fresh = Instance::at(&server).await;
        let found = fresh.of(price(dependency.clone(), "a", 1)).await;
        assert_eq!(
            found,
            Ok(Price {
                run: dependency.runs()
            })
        );
        hears(&mut events, ["Unreadable", "afar.price", ""]).await;
        let replaced = format!("{{\"run\":{}}}", dependency.runs());
        eventually("the new answer", || self::data(&server, &key) == replaced).await;
    }
    let found = other.of(price(dependency.clone(), "a", 1)).await;
    assert_eq!(found, Ok(Price { run: 5 }));
}

#[tokio::test]
async fn an_answer_in_a_format_of_another_version_is_a_miss() {
    let server = Server::start();
    let (one, other) = (Instance::at(&server).await, Instance::at(&server).await);
    let dependency = Arc::new(Dependency::playing(""));
    one.of(price(dependency.clone(), "a", 1)).await.unwrap();
    let key = told(&server, 1).await.remove(0);
    let format = |key: &str| server.command(&["HGET", key, "f"]).text();
    assert_eq!(format(&key), "1");
    server.command(&["HSET", &key, "f", "2"]);
    let mut events = listen();
    let found = other.of(price(dependency.clone(), "a", 1)).await;
    assert_eq!(found, Ok(Price { run: 2 }));
    hears(
        &mut events,
        ["Unreadable", "afar.price", "of another version"],
    )
    .await;
    eventually("the new answer", || format(&key) == "1").await;
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_kept_in_memory_alone() {
    #[resilient(
        name = "afar.large",
        cache(key = bytes, store = "redis"),
        fallback(kind = "cached", key = bytes, store = "redis")
    )]
    async fn large(bytes: usize) -> Result<String, Failure> {
        Ok("x".repeat(bytes))
    }

    let server = Server::start();
    let one = Instance::at(&server).await;
    let mut events = listen();
    let answer = one.of(large(10_000_000)).await.unwrap();
    assert_eq!(answer.len(), 10_000_000);
    hears(
        &mut events,
        [
            "NotShared",
            "afar.large",
            "larger than 1048576 bytes as JSON",
        ],
    )
    .await;
    eventually("the end of its lease", || keys(&server).is_empty()).await;
    assert_eq!(one.of(large(10_000_000)).await.unwrap(), answer);
    let counts = one.counts("afar.large");
    assert_eq!((counts.hits, counts.misses, counts.unshared), (1, 1, 1));
    // One that just fits goes there.
    one.of(large((1 << 20) - 2)).await.unwrap();
    told(&server, 2).await;
}

#[tokio::test]
async fn what_is_no_json_is_kept_in_memory_alone() {
    type Pairs = std::collections::BTreeMap<(u8, u8), u8>;

    #[resilient(name = "afar.pairs", cache(key = key, store = "redis"))]
    async fn pairs(key: Pairs) -> Result<Pairs, Failure> {
        Ok(key)
    }

    let server = Server::start();
    let one = Instance::at(&server).await;
    let mut events = listen();
    let key = Pairs::from([((1, 2), 3)]);
    for _ in 0..2 {
        assert_eq!(one.of(pairs(key.clone())).await.unwrap(), key);
    }
    hears(
        &mut events,
        ["NotShared", "afar.pairs", "its key can't be written"],
    )
    .await;
    let counts = one.counts("afar.pairs");
    assert_eq!((counts.hits, counts.misses, counts.unshared), (1, 1, 1));
    assert_eq!(keys(&server), [""; 0]);
}

#[tokio::test]
async fn something_else_under_the_key_is_left_alone_and_told() {
    let server = Server::start();
    let (one, other) = (Instance::at(&server).await, Instance::at(&server).await);
    let dependency = Arc::new(Dependency::playing(""));
    one.of(price(dependency.clone(), "a", 1)).await.unwrap();
    let key = told(&server, 1).await.remove(0);
    server.command(&["SET", &key, "mine"]);
    let mut events = listen();
    for _ in 0..2 {
        let found = other.of(price(dependency.clone(), "a", 1)).await;
        assert_eq!(found, Ok(Price { run: 2 }));
    }
    hears(&mut events, ["NotShared", "afar.price", "WRONGTYPE"]).await;
    eventually("both failures", || other.counts("afar.price").unshared == 2).await;
    assert_eq!(server.command(&["GET", &key]).text(), "mine");
}
