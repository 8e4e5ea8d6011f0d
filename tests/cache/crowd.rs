//! One call for all who ask at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use steadfast::{Class, resilient};
use steadfast_tests::{
    Dependency, Failure, TRANSIENT, apart, fallbacks, listen, ms, poll_once, secs, site,
};
use tokio::time::{advance, sleep, timeout};

#[resilient(name = "crowd.price", cache(key = id, fresh = "1m", stale = "1h"))]
async fn price(dependency: Arc<Dependency>, id: u32) -> Result<usize, Failure> {
    let _ = id;
    dependency.ask().await
}

/// So many callers at the same time, each on a task of its own.
async fn crowd(dependency: &Arc<Dependency>, callers: usize) -> Vec<Result<usize, Failure>> {
    let registry = steadfast::registry();
    let one = || tokio::spawn(registry.scope(price(dependency.clone(), 1)));
    let all: Vec<_> = (0..callers).map(|_| one()).collect();
    let mut results = Vec::new();
    for call in all {
        results.push(call.await.unwrap());
    }
    results
}

#[tokio::test(start_paused = true)]
async fn a_thousand_misses_of_one_key_are_one_call() {
    apart(async {
        let dependency = Arc::new(Dependency::playing("").taking(secs(1)));
        let results = crowd(&dependency, 1000).await;
        assert!(results.iter().all(|result| *result == Ok(1)));
        assert_eq!(dependency.runs(), 1);
        let counts = site("crowd.price").cache().unwrap();
        assert_eq!((counts.misses, counts.joined, counts.hits), (1, 999, 0));
        assert_eq!(site("crowd.price").calls().ok, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_misses_on_several_threads_are_one_call() {
    apart(async {
        let dependency = Arc::new(Dependency::playing("").taking(ms(50)));
        let results = crowd(&dependency, 1000).await;
        assert!(results.iter().all(|result| *result == Ok(1)));
        assert_eq!(dependency.runs(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn all_who_wait_get_the_error_of_a_call_that_fails() {
    apart(async {
        let dependency = Arc::new(Dependency::playing("F").taking(secs(1)));
        let results = crowd(&dependency, 100).await;
        assert!(results.iter().all(|result| *result == Err(TRANSIENT)));
        assert_eq!(dependency.runs(), 1);
        assert_eq!(price(dependency, 1).await, Ok(2), "an error is not kept");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_error_that_can_not_be_cloned_lets_each_call_for_itself() {
    #[resilient(cache(key = ()))]
    async fn call(dependency: Arc<Dependency>) -> anyhow::Result<usize> {
        Ok(dependency.ask().await?)
    }

    apart(async {
        let dependency = Arc::new(Dependency::playing("F").taking(secs(1)));
        let registry = steadfast::registry();
        let one = || tokio::spawn(registry.scope(call(dependency.clone())));
        let calls: Vec<_> = (0..10).map(|_| one()).collect();
        let mut failed = 0;
        for call in calls {
            failed += usize::from(call.await.unwrap().is_err());
        }
        assert_eq!((failed, dependency.runs()), (1, 10));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_is_dropped_hands_the_call_on_to_one_who_waits() {
    apart(async {
        let dependency = Arc::new(Dependency::playing("").taking(secs(5)));
        let mut first = Box::pin(price(dependency.clone(), 1));
        assert!(poll_once(first.as_mut()).is_pending());
        let registry = steadfast::registry();
        let one = || tokio::spawn(registry.scope(price(dependency.clone(), 1)));
        let others: Vec<_> = (0..10).map(|_| one()).collect();
        sleep(secs(1)).await;
        drop(first);
        for other in others {
            assert_eq!(other.await.unwrap(), Ok(2));
        }
        assert_eq!((dependency.runs(), dependency.dropped()), (2, 1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_is_dropped_takes_nothing_from_the_others() {
    apart(async {
        let dependency = Arc::new(Dependency::playing("").taking(secs(5)));
        let registry = steadfast::registry();
        let one = || registry.scope(price(dependency.clone(), 1));
        let (first, third) = (tokio::spawn(one()), tokio::spawn(one()));
        sleep(ms(1)).await;
        assert!(timeout(secs(1), one()).await.is_err());
        assert_eq!(first.await.unwrap(), Ok(1));
        assert_eq!(third.await.unwrap(), Ok(1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_wedges_nobody() {
    apart(async {
        let dependency = Arc::new(Dependency::playing("!").taking(secs(1)));
        let registry = steadfast::registry();
        let one = || tokio::spawn(registry.scope(price(dependency.clone(), 1)));
        let (first, second) = (one(), one());
        assert!(first.await.unwrap_err().is_panic());
        assert_eq!(second.await.unwrap(), Ok(2));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_refresh_outlives_the_caller_that_began_it() {
    apart(async {
        let dependency = Arc::new(Dependency::playing("").taking(secs(5)));
        assert_eq!(price(dependency.clone(), 1).await, Ok(1));
        advance(secs(60)).await;
        assert_eq!(
            timeout(ms(1), price(dependency.clone(), 1)).await,
            Ok(Ok(1))
        );
        sleep(secs(6)).await;
        assert_eq!(price(dependency.clone(), 1).await, Ok(2));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_panics_leaves_the_old_answer() {
    apart(async {
        let dependency = Arc::new(Dependency::playing("S!S"));
        assert_eq!(price(dependency.clone(), 1).await, Ok(1));
        advance(secs(60)).await;
        assert_eq!(price(dependency.clone(), 1).await, Ok(1));
        sleep(ms(1)).await;
        assert_eq!(price(dependency.clone(), 1).await, Ok(1));
        sleep(ms(1)).await;
        assert_eq!(price(dependency, 1).await, Ok(3));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn one_whose_answer_grew_too_old_waits_for_the_refresh_that_runs() {
    #[resilient(cache(key = (), fresh = "1m", stale = "2s"))]
    async fn call(dependency: Arc<Dependency>) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        let dependency = Arc::new(Dependency::playing("SSFS").taking(secs(5)));
        assert_eq!(call(dependency.clone()).await, Ok(1));
        advance(secs(60)).await;
        assert_eq!(call(dependency.clone()).await, Ok(1));
        sleep(secs(2)).await;
        assert_eq!(call(dependency.clone()).await, Ok(2));
        assert_eq!(dependency.runs(), 2);
        // Where that fails, it makes a call of its own.
        advance(secs(60)).await;
        assert_eq!(call(dependency.clone()).await, Ok(2));
        sleep(secs(2)).await;
        assert_eq!(call(dependency.clone()).await, Ok(4));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_refresh_goes_through_the_same_policies() {
    #[resilient(
        name = "crowd.guarded",
        breaker(name = "crowd.guarded", failures = 2),
        timeout = "1s",
        fallback(kind = "default"),
        cache(key = (), fresh = "1m", stale = "1h")
    )]
    async fn call(dependency: Arc<Dependency>) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        let dependency = Arc::new(Dependency::playing("SHH"));
        assert_eq!(call(dependency.clone()).await, Ok(1));
        advance(secs(60)).await;
        for _ in 0..5 {
            assert_eq!(call(dependency.clone()).await, Ok(1));
            sleep(secs(2)).await;
        }
        let calls = site("crowd.guarded").calls();
        assert_eq!((calls.timeout, calls.rejected), (2, 3));
        assert_eq!(fallbacks("crowd.guarded"), 0, "a refresh answers nobody");
        assert_eq!(dependency.runs(), 3);
    })
    .await;
}

#[test]
fn sync_callers_wait_for_one_call_of_theirs() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);

    #[resilient(cache(key = id))]
    fn call(id: u32) -> Result<usize, Failure> {
        let run = RUNS.fetch_add(1, Ordering::Relaxed) + 1;
        // Long enough for the others to come.
        std::thread::sleep(ms(200));
        if id == 2 {
            return Err(Failure::Of(Class::Permanent));
        }
        Ok(run)
    }

    let ask = |id| {
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..50).map(|_| scope.spawn(move || call(id))).collect();
            let results = all.into_iter().map(|one| one.join().unwrap());
            results.collect::<Vec<_>>()
        })
    };
    assert!(ask(1).iter().all(|result| *result == Ok(1)));
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
    assert!(ask(2).iter().all(Result::is_err));
}

#[tokio::test(start_paused = true)]
async fn the_waiting_of_a_sync_caller_ends_with_the_deadline_around() {
    // Another makes the call, and never ends.
    #[resilient(name = "crowd.hung", cache(key = ()))]
    fn hung(wait: Option<std::sync::mpsc::Receiver<()>>) -> Result<usize, Failure> {
        if let Some(wait) = wait {
            let _ = wait.recv();
            return Ok(1);
        }
        Ok(2)
    }

    #[resilient(deadline = "0.2s")]
    async fn outer() -> Result<usize, Failure> {
        hung(None)
    }

    let (ends, wait) = std::sync::mpsc::channel();
    let other = std::thread::spawn(move || hung(Some(wait)));
    while site("crowd.hung").cache().unwrap().misses == 0 {
        std::thread::yield_now();
    }
    tokio::time::resume();
    // Then it calls for itself: a result that is ready wins, though late.
    assert_eq!(outer().await, Ok(2));
    drop(ends);
    assert_eq!(other.join().unwrap(), Ok(1));
}

#[tokio::test(start_paused = true)]
async fn what_a_cache_does_is_reported() {
    apart(async {
        let dependency = Arc::new(Dependency::playing("SSF"));
        let ((), events) = listen(async {
            price(dependency.clone(), 7).await.unwrap();
            price(dependency.clone(), 7).await.unwrap();
            for _ in 0..2 {
                advance(secs(60)).await;
                price(dependency.clone(), 7).await.unwrap();
                sleep(ms(1)).await;
            }
        })
        .await;
        let of_cache = events
            .iter()
            .filter(|event| event.target == "steadfast::cache");
        let told: Vec<String> = of_cache
            .map(|event| format!("{}{}", event.message, event.field("answer")))
            .collect();
        let failed = "refresh failed; the old answer stays";
        assert_eq!(
            told,
            [
                "servedFresh",
                "servedStale",
                "refreshed",
                "servedStale",
                failed
            ]
        );
        assert!(
            events
                .iter()
                .all(|event| event.field("call") == "crowd.price")
        );
    })
    .await;
}
