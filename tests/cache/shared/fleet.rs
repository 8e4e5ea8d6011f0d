//! One call for the whole fleet.

use std::sync::atomic::{AtomicUsize, Ordering};

use steadfast_tests::redis::Server;
use steadfast_tests::{TRANSIENT, poll_once};

use super::*;

#[tokio::test]
async fn misses_of_many_instances_at_the_same_time_are_one_call() {
    let server = Server::start();
    let mut instances = Vec::new();
    for _ in 0..4 {
        instances.push(Instance::at(&server).await);
    }
    let dependency = Arc::new(Dependency::playing("").taking(ms(300)));
    let mut calls = Vec::new();
    for instance in &instances {
        for _ in 0..100 {
            let call = price(dependency.clone(), "a", 1);
            calls.push(tokio::spawn(instance.registry.scope(call)));
        }
    }
    for call in calls {
        assert_eq!(call.await.unwrap(), Ok(Price { run: 1 }));
    }
    assert_eq!(dependency.runs(), 1);
    let misses: u64 = instances
        .iter()
        .map(|it| it.counts("afar.price").misses)
        .sum();
    assert_eq!(misses, 1);
}

#[tokio::test]
async fn a_call_that_lasts_longer_than_a_lease_keeps_it() {
    let server = Server::start();
    let (one, other) = (Instance::at(&server).await, Instance::at(&server).await);
    let dependency = Arc::new(Dependency::playing("").taking(secs(3)));
    let first = tokio::spawn(one.registry.scope(price(dependency.clone(), "a", 1)));
    eventually("the first call", || dependency.runs() == 1).await;
    let second = other.of(price(dependency.clone(), "a", 1)).await;
    assert_eq!(second, Ok(Price { run: 1 }));
    assert_eq!(first.await.unwrap(), Ok(Price { run: 1 }));
    assert_eq!(dependency.runs(), 1);
}

#[tokio::test]
async fn who_waited_for_a_call_that_fails_makes_one_of_its_own() {
    let server = Server::start();
    let (one, other) = (Instance::at(&server).await, Instance::at(&server).await);
    let dependency = Arc::new(Dependency::playing("F").taking(ms(300)));
    let first = tokio::spawn(one.registry.scope(price(dependency.clone(), "a", 1)));
    eventually("the first call", || dependency.runs() == 1).await;
    let second = other.of(price(dependency.clone(), "a", 1)).await;
    assert_eq!(second, Ok(Price { run: 2 }));
    assert_eq!(first.await.unwrap(), Err(TRANSIENT));
    told(&server, 1).await;
}

#[tokio::test]
async fn a_caller_that_goes_away_gives_the_lease_back() {
    let server = Server::start();
    let (one, other) = (Instance::at(&server).await, Instance::at(&server).await);
    let hung = Arc::new(Dependency::playing("H"));
    let mut first = Box::pin(one.registry.scope(price(hung.clone(), "a", 1)));
    eventually("the first call", || {
        assert!(poll_once(first.as_mut()).is_pending());
        hung.runs() == 1
    })
    .await;
    drop(first);
    eventually("the end of the lease", || keys(&server).is_empty()).await;
    let found = other.of(price(hung.clone(), "a", 1)).await;
    assert_eq!(found, Ok(Price { run: 2 }));
}

#[tokio::test]
async fn the_lease_of_an_instance_that_crashed_ends_by_itself() {
    let server = Server::start();
    let one = Instance::at(&server).await;
    let dependency = Arc::new(Dependency::playing(""));
    one.of(price(dependency.clone(), "a", 1)).await.unwrap();
    let key = told(&server, 1).await.remove(0);
    server.command(&["DEL", &key]);
    server.command(&["SET", &format!("{key}:l"), "crashed:7", "PX", "500"]);
    let other = Instance::at(&server).await;
    let found = other.of(price(dependency.clone(), "a", 1)).await;
    assert_eq!(found, Ok(Price { run: 2 }));
    let counts = other.counts("afar.price");
    assert_eq!((counts.misses, counts.unshared), (1, 0));
}

#[tokio::test]
async fn one_instance_refreshes_what_grew_old_and_the_others_serve_it_meanwhile() {
    let server = Server::start();
    let (one, other) = (Instance::at(&server).await, Instance::at(&server).await);
    let dependency = Arc::new(Dependency::playing("").taking(ms(400)));
    let asks = async |instance: &Instance| {
        let asked = instance.of(soon(dependency.clone(), 1)).await;
        asked.unwrap().run
    };
    assert_eq!(asks(&one).await, 1);
    told(&server, 1).await;
    tokio::time::sleep(ms(60)).await;
    // Old, and served at once; one of them refreshes it.
    assert_eq!(asks(&other).await, 1);
    eventually("the refresh", || dependency.runs() == 2).await;
    for _ in 0..20 {
        assert_eq!((asks(&one).await, asks(&other).await), (1, 1));
    }
    assert_eq!(
        dependency.runs(),
        2,
        "the other instance leaves it to the first"
    );
    let refreshes = || other.counts("afar.soon").refreshes;
    eventually("the new answer", || refreshes() == 1).await;
    eventually("the new answer in Redis", || {
        let keys = keys(&server);
        keys.len() == 1 && data(&server, &keys[0]) == "{\"run\":2}"
    })
    .await;
    // The first finds it there, or refreshes it in its turn where that grew old, too.
    let mut seen = 1;
    while seen == 1 {
        seen = asks(&one).await;
        tokio::time::sleep(ms(5)).await;
    }
    assert!(seen >= 2);
}

#[tokio::test]
async fn a_refresh_that_fails_leaves_the_old_answer_to_all() {
    let server = Server::start();
    let (one, other) = (Instance::at(&server).await, Instance::at(&server).await);
    let dependency = Arc::new(Dependency::playing("SFFF"));
    let asks = async |instance: &Instance| instance.of(soon(dependency.clone(), 1)).await;
    assert_eq!(asks(&one).await, Ok(Price { run: 1 }));
    told(&server, 1).await;
    tokio::time::sleep(ms(60)).await;
    for instance in [&one, &other, &one] {
        assert_eq!(asks(instance).await, Ok(Price { run: 1 }));
        let failed = || instance.counts("afar.soon").failed_refreshes > 0;
        eventually("the failed refresh", failed).await;
    }
    told(&server, 1).await;
}

#[test]
fn sync_callers_of_two_instances_make_one_call() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);

    #[resilient(name = "afar.slow", cache(key = (), store = "redis"))]
    fn slow() -> Result<usize, Failure> {
        let run = RUNS.fetch_add(1, Ordering::Relaxed) + 1;
        std::thread::sleep(ms(300)); // long enough for the others to come
        Ok(run)
    }

    let server = Server::start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let instances =
        runtime.block_on(async { [Instance::at(&server).await, Instance::at(&server).await] });
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..20)
            .map(|call| {
                let registry = &instances[call % 2].registry;
                scope.spawn(move || registry.scope_blocking(slow))
            })
            .collect();
        for call in calls {
            assert_eq!(call.join().unwrap(), Ok(1));
        }
    });
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
}
