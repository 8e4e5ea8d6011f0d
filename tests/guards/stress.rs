//! Many threads, random leavers: nothing is lost, nobody waits for ever.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Instant;

use steadfast::{Bulkhead, Registry, resilient};
use steadfast_tests::{Failure, ms, secs};

use super::{Random, guarded};

/// Says whether it was woken: a future is polled again only then, so that a lost wake shows.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl Woken {
    /// Waits for the wake.
    fn spin(&self) {
        let began = Instant::now();
        while !self.0.swap(false, Ordering::Acquire) {
            thread::yield_now();
            assert!(began.elapsed() < secs(60), "nobody waits for ever");
        }
    }
}

/// Enters and leaves so often; now and then it stops waiting, at once or when it was just woken.
fn cycle(bulkhead: &Bulkhead, cycles: u32, seed: u64, inside: &AtomicU32) -> u32 {
    let (mut random, mut gone) = (Random(seed), 0);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut context = Context::from_waker(&waker);
    for _ in 0..cycles {
        let mut entering = pin!(bulkhead.enter());
        let leaves_after = random.below(4);
        let mut polls = 0;
        let place = loop {
            if let Poll::Ready(place) = entering.as_mut().poll(&mut context) {
                break place.ok();
            }
            if polls == leaves_after {
                break None;
            }
            polls += 1;
            woken.spin();
            if random.below(4) == 0 {
                break None; // woken, and gone without a look
            }
        };
        match place {
            Some(place) => {
                assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0, "one place");
                if random.below(8) == 0 {
                    thread::yield_now();
                }
                inside.fetch_sub(1, Ordering::Relaxed);
                drop(place);
            }
            None => gone += 1,
        }
    }
    gone
}

// The words: 2,000,000 acquire–drop cycles over 2 threads with random cancellation end
// with all places free.
#[test]
fn two_million_cycles_with_random_leavers_end_with_all_places_free() {
    let _declared = guarded!(bulkhead(name = "stress.one", max = 1));
    let bulkhead = Registry::new().bulkhead("stress.one");
    let inside = AtomicU32::new(0);
    let gone: u32 = thread::scope(|scope| {
        let threads = [1, 2].map(|seed| {
            let (bulkhead, inside) = (&bulkhead, &inside);
            scope.spawn(move || cycle(bulkhead, 1_000_000, seed, inside))
        });
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    let status = bulkhead.status();
    assert_eq!((status.active, status.waiting, status.max), (0, 0, 1));
    assert!(gone > 100, "only {gone} left before their turn");
}

/// Calls with every guard, some of them dropped in the midst.
#[resilient(
    breaker(name = "stress.call", failures = 1),
    rate_limit(name = "stress.call", max = 1_000_000_000, per = "1s", wait = "1m"),
    bulkhead(name = "stress.call", max = 3, wait = "1m")
)]
async fn call(yields: u64) -> Result<(), Failure> {
    for _ in 0..yields {
        tokio::task::yield_now().await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_calls_of_many_tasks_leave_no_place_taken() {
    let registry = Registry::new();
    let tasks: Vec<_> = (0..16)
        .map(|seed| {
            tokio::spawn(registry.scope(async move {
                let mut random = Random(seed);
                for _ in 0..2000 {
                    let limit = ms(random.below(2));
                    let called = tokio::time::timeout(limit, call(random.below(6))).await;
                    // In time, or dropped.
                    assert!(matches!(called, Ok(Ok(())) | Err(_)));
                }
            }))
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let status = registry.bulkhead("stress.call").status();
    assert_eq!((status.active, status.waiting), (0, 0));
    assert_eq!(registry.breaker("stress.call").status().failures, 0);
}

// Tokens that come back wake who waits for them: many keep taking and giving back the only one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_goes_round_is_never_lost() {
    #[resilient(
        rate_limit(name = "stress.token", max = 1, per = "1h", wait = "2h"),
        bulkhead(name = "stress.token", max = 1, wait = "0s")
    )]
    async fn round() -> Result<(), Failure> {
        unreachable!("there is no place")
    }

    let registry = Registry::new();
    let _place = registry.bulkhead("stress.token").try_enter().unwrap();
    let tasks: Vec<_> = (0..2)
        .map(|_| {
            tokio::spawn(registry.scope(async {
                for _ in 0..20_000 {
                    // Each takes the token, or waits for it, meets the full bulkhead, and gives it
                    // back.
                    let refused = tokio::time::timeout(secs(60), round()).await;
                    assert!(matches!(refused, Ok(Err(_))), "{refused:?}");
                }
            }))
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(registry.rate_limit("stress.token").status().left, 1);
}
