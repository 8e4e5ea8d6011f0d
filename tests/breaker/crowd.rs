//! Breakers under many threads, on the real clock: what is counted, never how long it took.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use steadfast::{Breaker, Registry, State, registry, resilient};
use steadfast_tests::{Failure, TRANSIENT, secs};
use tokio::sync::{Barrier, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// A dependency that many callers ask at once.
#[derive(Default)]
struct Crowded {
    inside: AtomicUsize,
    most: AtomicUsize,
    runs: AtomicUsize,
}

impl Crowded {
    fn enter(self: &Arc<Self>) -> Leaving {
        self.runs.fetch_add(1, Ordering::Relaxed);
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(inside, Ordering::SeqCst);
        Leaving(self.clone())
    }

    /// Waits for calls that were let in, whose bodies may not have begun.
    async fn has_inside(&self, calls: usize) {
        let all = async {
            while self.inside.load(Ordering::SeqCst) != calls {
                tokio::task::yield_now().await;
            }
        };
        timeout(secs(60), all)
            .await
            .expect("as many inside as were let in");
    }
}

/// Leaves when its call ends, also where it is dropped.
struct Leaving(Arc<Crowded>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

#[resilient(breaker(
    name = "crowd.probes",
    failures = 1,
    recovery = "1ms",
    half_open = 2,
    close_after = 1000
))]
async fn probes(crowded: &Arc<Crowded>, gate: &Semaphore) -> Result<(), Failure> {
    let _leaving = crowded.enter();
    let _entered = gate.acquire().await;
    Ok(())
}

async fn half_open(breaker: &Breaker) {
    breaker.reset();
    breaker.admit().unwrap().failure();
    breaker.wait_for(State::HalfOpen).await;
}

// failsafe, recloser: half-open let everybody in.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_threads_callers_no_more_get_in_than_there_are_places() {
    let apart = Registry::new();
    let breaker = apart.breaker("crowd.probes");
    for _ in 0..50 {
        half_open(&breaker).await;
        let (crowded, closed) = (Arc::new(Crowded::default()), Arc::new(Semaphore::new(0)));
        let together = Arc::new(Barrier::new(32));
        let mut callers = JoinSet::new();
        for _ in 0..32 {
            let (crowded, closed, together) = (crowded.clone(), closed.clone(), together.clone());
            callers.spawn(apart.scope(async move {
                together.wait().await;
                probes(&crowded, &closed).await.is_err()
            }));
        }
        // All but two are refused; the two wait inside.
        for _ in 0..30 {
            let refused = timeout(secs(60), callers.join_next()).await;
            assert!(refused.expect("more than two got in").unwrap().unwrap());
        }
        crowded.has_inside(2).await;
        closed.add_permits(32);
        while let Some(refused) = callers.join_next().await {
            assert!(!refused.unwrap());
        }
        assert_eq!(crowded.runs.load(Ordering::SeqCst), 2);
    }
}

// A storm of callers that give up: places are never lost and never too many.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_that_give_up_lose_no_place() {
    let apart = Registry::new();
    let breaker = apart.breaker("crowd.probes");
    half_open(&breaker).await;
    let (crowded, closed) = (Arc::new(Crowded::default()), Arc::new(Semaphore::new(0)));
    for _ in 0..500 {
        let mut callers = JoinSet::new();
        for _ in 0..8 {
            let (crowded, closed) = (crowded.clone(), closed.clone());
            callers.spawn(apart.scope(async move { probes(&crowded, &closed).await }));
        }
        tokio::task::yield_now().await;
        callers.shutdown().await;
    }
    assert_eq!(crowded.inside.load(Ordering::SeqCst), 0);
    assert!(crowded.most.load(Ordering::SeqCst) <= 2);
    let both = (breaker.admit().unwrap(), breaker.admit().unwrap());
    assert!(breaker.admit().is_err());
    drop(both);
}

#[resilient(breaker(
    name = "crowd.counts",
    failure_rate = 1.0,
    min_calls = 1_000_000,
    window = "none"
))]
async fn counts(at: usize) -> Result<(), Failure> {
    if at.is_multiple_of(4) {
        return Err(TRANSIENT);
    }
    Ok(())
}

// More threads than have stripes of their own: every call is counted, once.
#[test]
fn every_call_of_eighty_threads_is_counted() {
    let apart = Registry::new();
    let together = std::sync::Barrier::new(80);
    std::thread::scope(|scope| {
        for _ in 0..80 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().build();
                together.wait();
                runtime.unwrap().block_on(apart.scope(async {
                    for at in 0..1_000 {
                        assert_eq!(counts(at).await.is_err(), at % 4 == 0);
                    }
                }));
                // Its numbers are given back only when all have written.
                together.wait();
            });
        }
    });
    let status = apart.breaker("crowd.counts").status();
    assert_eq!((status.calls, status.failures), (80_000, 20_000));
    assert_eq!(status.failure_rate, Some(0.25));
}

#[resilient(breaker(
    name = "crowd.storm",
    failures = 20,
    failure_rate = 0.5,
    recovery = "1ms",
    half_open = 2,
    close_after = 2
))]
async fn storm(crowded: &Arc<Crowded>, at: usize) -> Result<(), Failure> {
    let _leaving = crowded.enter();
    match at % 11 {
        0..5 => Err(TRANSIENT),
        5 => {
            tokio::task::yield_now().await;
            Ok(())
        }
        _ => Ok(()),
    }
}

// Through all states, from many threads, and in the end the breaker is as good as new.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_storm_through_all_states_leaves_a_breaker_that_works() {
    let apart = Registry::new();
    let crowded = Arc::new(Crowded::default());
    let mut callers = JoinSet::new();
    for caller in 0..8 {
        let crowded = crowded.clone();
        callers.spawn(apart.scope(async move {
            let (mut ran, mut refused) = (0, 0);
            for at in 0..25_000 {
                match storm(&crowded, at + caller).await {
                    Err(Failure::Rejected(_)) => refused += 1,
                    _ => ran += 1,
                }
                if at % 1_000 == 0 {
                    tokio::task::yield_now().await;
                }
            }
            (ran, refused)
        }));
    }
    let ended = callers.join_all().await;
    let sum = |of: fn(&(usize, usize)) -> usize| ended.iter().map(of).sum::<usize>();
    assert_eq!(sum(|ended| ended.0), crowded.runs.load(Ordering::SeqCst));
    assert_eq!(sum(|ended| ended.0 + ended.1), 200_000);
    assert!(sum(|ended| ended.1) > 0);

    let breaker = apart.breaker("crowd.storm");
    breaker.reset();
    for _ in 0..5 {
        assert_eq!(breaker.state(), State::Closed);
        breaker.admit().unwrap().failure();
    }
    breaker.wait_for(State::HalfOpen).await;
    let both = (breaker.admit().unwrap(), breaker.admit().unwrap());
    assert!(breaker.admit().is_err());
    both.0.success();
    both.1.success();
    assert_eq!(breaker.state(), State::Closed);
    assert!(
        registry()
            .breakers()
            .iter()
            .all(|other| *other.name() != *"crowd.storm")
    );
}
