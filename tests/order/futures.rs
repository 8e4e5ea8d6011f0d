//! Calls of async functions as futures: when they begin, and when they let go of what they hold.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use steadfast::{registry, resilient};
use steadfast_tests::{Dependency, Failure, TRANSIENT, apart, is_open, ms, poll_once, secs};
use tokio::time::{advance, timeout};

/// An argument: counts how many of it there are, and how often it was cloned.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new() -> (Self, Arc<AtomicUsize>) {
        let clones = Arc::new(AtomicUsize::new(0));
        (Self(clones.clone()), clones)
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::Relaxed);
        Self(self.0.clone())
    }
}

/// How many there are beside the test's own.
fn alive(clones: &Arc<AtomicUsize>) -> usize {
    Arc::strong_count(clones) - 1
}

#[resilient(breaker(name = "futures", failures = 1), timeout = "5s")]
async fn once(dependency: &Dependency, _argument: Counted) -> Result<usize, Failure> {
    dependency.ask().await
}

#[resilient(
    breaker(name = "again", failures = 99),
    retry(max = 3, base = "1s", jitter = "none"),
    timeout = "5s"
)]
async fn again(dependency: &Dependency, argument: Counted) -> Result<usize, Failure> {
    drop(argument.clone());
    dependency.ask().await
}

fn calls(name: &str) -> u64 {
    let totals = registry().totals();
    let call = totals.calls.iter().find(|call| *call.name == *name);
    call.map_or(0, |call| {
        call.ended.ok + call.ended.transient + call.ended.rejected
    })
}

#[tokio::test(start_paused = true)]
async fn a_call_begins_when_it_is_first_polled() {
    apart(async {
        let dependency = Dependency::playing("S");
        let (argument, clones) = Counted::new();
        let call = once(&dependency, argument);
        registry().breaker("futures").force_open();
        assert_eq!((dependency.runs(), alive(&clones)), (0, 1));
        assert!(is_open(&call.await), "the breaker was asked too early");
        assert_eq!((dependency.runs(), alive(&clones)), (0, 0));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_never_polled_is_none_and_drops_its_arguments() {
    apart(async {
        let dependency = Dependency::playing("S");
        for call in [true, false] {
            let (argument, clones) = Counted::new();
            if call {
                drop(once(&dependency, argument));
            } else {
                drop(again(&dependency, argument));
            }
            assert_eq!(alive(&clones), 0);
        }
        assert_eq!(
            (dependency.runs(), calls("once"), calls("again")),
            (0, 0, 0)
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn arguments_are_dropped_with_the_result_and_not_with_the_future() {
    apart(async {
        for script in ["S", "FS", "FFF", "HHH", "P", "E"] {
            let dependency = Dependency::playing(script);
            let (argument, clones) = Counted::new();
            let mut call = Box::pin(again(&dependency, argument));
            let ended = timeout(secs(60), call.as_mut()).await.is_ok();
            assert!(ended && alive(&clones) == 0, "{script}: {}", alive(&clones));
        }
        for script in ["S", "F", "H"] {
            let dependency = Dependency::playing(script);
            let (argument, clones) = Counted::new();
            registry().breaker("futures").reset();
            let mut call = Box::pin(once(&dependency, argument));
            let ended = timeout(secs(60), call.as_mut()).await.is_ok();
            assert!(ended && alive(&clones) == 0, "{script}: {}", alive(&clones));
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_call_clones_nothing_and_drops_its_arguments() {
    apart(async {
        let dependency = Dependency::playing("S");
        registry().breaker("again").force_open();
        let (argument, clones) = Counted::new();
        let mut call = Box::pin(again(&dependency, argument));
        assert!(is_open(&call.as_mut().await));
        assert_eq!((clones.load(Ordering::Relaxed), alive(&clones)), (0, 0));
        assert_eq!(dependency.runs(), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_attempt_gets_its_clones_when_its_body_begins() {
    apart(async {
        let dependency = Dependency::playing("FS");
        let (argument, clones) = Counted::new();
        let mut call = Box::pin(again(&dependency, argument));
        assert!(poll_once(call.as_mut()).is_pending());
        let so_often = || clones.load(Ordering::Relaxed);
        assert_eq!(
            (so_often(), alive(&clones)),
            (2, 1),
            "the pause holds a clone"
        );
        advance(ms(1_000)).await;
        assert_eq!(call.await, Ok(2));
        assert_eq!((so_often(), alive(&clones)), (4, 0));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_drops_the_arguments_at_once() {
    apart(async {
        let dependency = Dependency::playing("!");
        let (argument, clones) = Counted::new();
        let mut call = Box::pin(again(&dependency, argument));
        let polled = catch_unwind(AssertUnwindSafe(|| poll_once(call.as_mut())));
        assert!(polled.is_err());
        assert_eq!(alive(&clones), 0);
        assert_eq!(registry().breaker("again").status().failures, 1);
        let polled = catch_unwind(AssertUnwindSafe(|| poll_once(call.as_mut())));
        assert!(polled.is_err(), "a call that has panicked went on");
        drop(call);
        assert_eq!(registry().breaker("again").status().failures, 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_drops_its_body_and_its_arguments() {
    apart(async {
        for script in ["H", "F"] {
            let dependency = Dependency::playing(script);
            let (argument, clones) = Counted::new();
            let mut call = Box::pin(again(&dependency, argument));
            assert!(poll_once(call.as_mut()).is_pending());
            drop(call);
            assert_eq!(alive(&clones), 0, "{script}");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_polled_after_its_end_panics() {
    apart(async {
        let dependency = Dependency::playing("F");
        let (argument, _) = Counted::new();
        let mut call = Box::pin(once(&dependency, argument));
        assert_eq!(call.as_mut().await, Err(TRANSIENT));
        let polled = catch_unwind(AssertUnwindSafe(|| poll_once(call.as_mut())));
        let text = *polled.unwrap_err().downcast::<&str>().unwrap();
        assert!(text.contains("after it had given its result"), "{text}");
    })
    .await;
}
