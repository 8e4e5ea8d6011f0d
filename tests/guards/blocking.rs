//! 10: waits of sync functions park the thread, in real time.

use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use steadfast::{Registry, State, registry, resilient};
use steadfast_tests::{Failure, TRANSIENT, is_open, ms, secs};

use super::{bulkhead_full, is_limited};

/// A test in a registry of its own, on this thread.
fn apart(test: impl FnOnce(&Registry)) {
    let registry = Registry::new();
    registry.scope_blocking(|| test(&registry));
}

// 10. Waits park the thread: for a token.
#[test]
fn a_sync_function_waits_for_its_token() {
    #[resilient(rate_limit(name = "sync.token", max = 1, per = "50ms", wait = "10s"))]
    fn call() -> Result<(), Failure> {
        Ok(())
    }

    apart(|_| {
        let began = Instant::now();
        for _ in 0..3 {
            call().unwrap();
        }
        assert!(began.elapsed() >= ms(100), "{:?}", began.elapsed());
    });
}

// 10. Waits park the thread: for a place, which another thread gives back.
#[test]
fn a_sync_function_waits_for_its_place() {
    #[resilient(bulkhead(name = "sync.place", max = 1, wait = "1m"))]
    fn call(time: Duration) -> Result<Instant, Failure> {
        thread::sleep(time);
        Ok(Instant::now())
    }

    apart(|registry| {
        let place = registry.bulkhead("sync.place").try_enter().unwrap();
        thread::scope(|scope| {
            let work = || registry.scope_blocking(|| call(ms(20)).unwrap());
            let one = scope.spawn(work);
            let two = scope.spawn(work);
            while registry.bulkhead("sync.place").status().waiting < 2 {
                thread::yield_now();
            }
            let freed = Instant::now();
            drop(place);
            let mut ends = [one.join().unwrap(), two.join().unwrap()];
            ends.sort();
            // One after the other.
            assert!(ends[0] - freed >= ms(20) && ends[1] - ends[0] >= ms(20));
            assert!(freed.elapsed() < secs(30), "woken, not timed out");
        });
        let status = registry.bulkhead("sync.place").status();
        assert_eq!((status.active, status.waiting), (0, 0));
    });
}

#[test]
fn a_sync_function_waits_no_longer_than_it_may() {
    #[resilient(bulkhead(name = "sync.full", max = 1, wait = "30ms"))]
    fn crowded() -> Result<(), Failure> {
        Ok(())
    }

    #[resilient(rate_limit(name = "sync.late", max = 1, per = "1h", wait = "1m"))]
    fn limited() -> Result<(), Failure> {
        Ok(())
    }

    apart(|registry| {
        let _place = registry.bulkhead("sync.full").try_enter().unwrap();
        let began = Instant::now();
        assert_eq!(crowded(), Err(bulkhead_full("sync.full", 1)));
        assert!(began.elapsed() >= ms(30));
        limited().unwrap();
        let began = Instant::now();
        assert!(is_limited(&limited()));
        assert!(began.elapsed() < secs(30), "refused at once");
    });
}

// 1, for sync functions: after a wait the breaker is asked again.
#[test]
fn a_sync_function_that_waited_asks_the_breaker_again() {
    #[resilient(
        breaker = "sync.asked",
        rate_limit(name = "sync.asked", max = 5, per = "1h"),
        bulkhead(name = "sync.asked", max = 1, wait = "1m")
    )]
    fn call() -> Result<(), Failure> {
        unreachable!("the breaker is open")
    }

    apart(|registry| {
        let place = registry.bulkhead("sync.asked").try_enter().unwrap();
        thread::scope(|scope| {
            let caller = scope.spawn(|| registry.scope_blocking(call));
            while registry.bulkhead("sync.asked").status().waiting == 0 {
                thread::yield_now();
            }
            registry.breaker("sync.asked").force_open();
            drop(place);
            assert!(is_open(&caller.join().unwrap()));
        });
        assert_eq!(registry.rate_limit("sync.asked").status().left, 5);
        assert_eq!(registry.bulkhead("sync.asked").status().active, 0);
    });
}

// Async and sync callers stand in one queue.
#[tokio::test]
async fn sync_and_async_callers_stand_in_one_queue() {
    #[resilient(bulkhead(name = "sync.mixed", max = 1, wait = "1m"))]
    fn blocking() -> Result<(), Failure> {
        Ok(())
    }

    #[resilient(bulkhead = "sync.mixed")]
    async fn later() -> Result<(), Failure> {
        Ok(())
    }

    let registry = Registry::new();
    let place = registry.bulkhead("sync.mixed").try_enter().unwrap();
    let (inner, (done, ended)) = (registry.clone(), channel());
    let thread = thread::spawn(move || {
        inner.scope_blocking(blocking).unwrap();
        done.send(()).unwrap();
    });
    while registry.bulkhead("sync.mixed").status().waiting == 0 {
        tokio::task::yield_now().await;
    }
    let behind = tokio::spawn(registry.scope(async move {
        later().await.unwrap();
        // Whoever stood in front of it had been let in by then.
        ended.recv_timeout(secs(30)).unwrap();
    }));
    tokio::task::yield_now().await;
    drop(place);
    behind.await.unwrap();
    thread.join().unwrap();
}

// 2 to 4, for sync functions: levels, keys and budgets hold as for async ones.
#[test]
fn guards_levels_keys_and_budgets_hold_for_sync_functions() {
    #[resilient(
        breaker(name = "sync.all", key = host, failures = 2),
        rate_limit(name = "sync.all", max = 9, per = "1h", key = (host, 1), guards = "call"),
        bulkhead(name = "sync.all", max = 1, guards = "call"),
        retry(max = 9, base = "0s", budget = 1.0, budget_min = 0)
    )]
    fn call(host: &str) -> Result<(), Failure> {
        assert_eq!(registry().bulkhead("sync.all").status().active, 1);
        if host == "bad" {
            Err(TRANSIENT)
        } else {
            Ok(())
        }
    }

    apart(|registry| {
        call("good").unwrap();
        // Two calls are worth two retries, but after two failures its breaker is open.
        assert!(is_open(&call("bad")));
        call("good").unwrap();
        let limit = registry.rate_limit("sync.all");
        let used = |host| limit.status_for(&(host, 1)).used;
        assert_eq!((used("good"), used("bad")), (2, 1));
        let bad = registry.breaker("sync.all").for_key("bad").unwrap();
        assert_eq!(bad.state(), State::Open);
        assert_eq!(registry.bulkhead("sync.all").status().active, 0);
    });
}

// 7, for sync functions: a nested call keeps to the deadline around it.
#[test]
fn a_nested_sync_call_keeps_to_the_deadline_around_it() {
    #[resilient(deadline = "10s")]
    fn outer() -> Result<(), Failure> {
        inner()
    }

    #[resilient(retry(max = 3, base = "1m", jitter = "none"))]
    fn inner() -> Result<(), Failure> {
        Err(TRANSIENT)
    }

    apart(|_| {
        let began = Instant::now();
        assert_eq!(outer(), Err(TRANSIENT));
        assert!(began.elapsed() < secs(9), "no pause was slept");
    });
}

// A panic leaves the place.
#[test]
fn a_sync_body_that_panics_leaves_its_place() {
    #[resilient(
        bulkhead(name = "sync.panic", max = 1),
        rate_limit(name = "sync.panic", max = 2)
    )]
    fn call() -> Result<(), Failure> {
        panic!("as the test wants")
    }

    apart(|registry| {
        let panicked = std::panic::catch_unwind(call);
        assert!(panicked.is_err());
        assert_eq!(registry.bulkhead("sync.panic").status().active, 0);
        assert_eq!(registry.rate_limit("sync.panic").status().left, 1);
    });
}
