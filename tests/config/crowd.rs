//! Reloads under load: no call sees two versions, and nothing is lost.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use steadfast::{State, current, resilient};
use steadfast_tests::{Failure, TRANSIENT, secs, site};

use super::Apart;

// A call that always fails sees one version: as many attempts as that allows, each with its time.
#[resilient(
    name = "config.crowd.call",
    breaker(name = "config.crowd", counts(permanent)),
    rate_limit(name = "config.crowd", max = 4_000_000_000, per = "1h"),
    bulkhead(name = "config.crowd", max = 64),
    retry(max = 2, base = "0s"),
    timeout = "100s"
)]
async fn crowd(left: &RefCell<Vec<Duration>>) -> Result<(), Failure> {
    left.borrow_mut().push(current().time_left().unwrap());
    Err(TRANSIENT)
}

async fn call_until(over: &AtomicBool) -> u64 {
    let mut calls = 0;
    while !over.load(Ordering::Relaxed) {
        let left = RefCell::default();
        crowd(&left).await.unwrap_err();
        let left = left.into_inner();
        let even = left.len() == 2 && left.iter().all(|left| *left <= secs(100));
        let odd = left.len() == 4 && left.iter().all(|left| *left > secs(150));
        assert!(even || odd, "{left:?}");
        calls += 1;
    }
    calls
}

#[tokio::test]
async fn nothing_is_mixed_or_lost_in_1000_reloads_while_two_threads_call() {
    let apart = Apart::of("config.crowd");
    let text = |n: u64| {
        let (attempts, timeout) = (2 + n % 2 * 2, 100 + n % 2 * 100);
        format!(
            "[call.'config.crowd.call']\ntimeout = '{timeout}s'\nretry.max = {attempts}\n\
             [breaker.'config.crowd']\nfailures = {}\n[rate_limit.'config.crowd']\nmax = {}\n\
             [bulkhead.'config.crowd']\nmax = {}\n",
            n % 900 + 2,
            4_000_000_000 - n,
            64 + n % 7
        )
    };
    let steadfast = apart.start("a.toml", &text(0)).await.unwrap();
    let registry = &apart.registry;
    registry.breaker("config.crowd").admit().unwrap().failure();
    let over = AtomicBool::new(false);
    let calls: u64 = std::thread::scope(|scope| {
        let call = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build();
            runtime.unwrap().block_on(apart.scope(call_until(&over)))
        };
        let threads = [scope.spawn(call), scope.spawn(call)];
        for n in 1..=1000 {
            apart.write("a.toml", text(n));
            steadfast.reload().unwrap();
            let breaker = registry.breaker("config.crowd").status();
            assert_eq!(breaker.failure_threshold, Some((n % 900 + 2) as u32));
        }
        over.store(true, Ordering::Relaxed);
        threads.map(|thread| thread.join().unwrap()).iter().sum()
    });
    assert!(calls > 1000, "{calls}");
    apart
        .scope(async {
            assert_eq!(site("config.crowd.call").calls().transient, calls);
            assert_eq!(registry.bulkhead("config.crowd").status().active, 0);
            assert_eq!(registry.breaker("config.crowd").state(), State::Closed);
        })
        .await;
    assert_eq!(steadfast.status().loaded, 1001);
}
