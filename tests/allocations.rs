//! What a call allocates: nothing while all is well, and nothing that stays.
//!
//! The tests have the feature `testing`, whose clock is tokio's and whose calls look for faults:
//! the benchmarks hold the library as shipped to the same counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::task::Poll;

use steadfast::{registry, resilient};
use steadfast_tests::{Dependency, Failure, TRANSIENT, apart, ms, poll_once, secs};
use tokio::time::advance;

/// The system's allocator, counting what each thread asks of it.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    /// Bytes got and not given back, modulo: what another thread got may be given back here.
    static LIVE: Cell<usize> = const { Cell::new(0) };
}

fn note(allocations: u64, got: usize, given_back: usize) {
    ALLOCATIONS.set(ALLOCATIONS.get() + allocations);
    LIVE.set(LIVE.get().wrapping_add(got).wrapping_sub(given_back));
}

// SAFETY: every call is handed to `System` as it came, with what is returned; counting allocates
// nothing, since the cells are made at compile time and have no destructor.
#[allow(unsafe_code)] // a global allocator can't be written otherwise
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size(), 0);
        // SAFETY: the caller keeps the promises of `alloc`, which are the same here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        note(0, 0, layout.size());
        // SAFETY: `memory` came from `alloc` or `realloc` here, hence from `System`.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(1, size, layout.size());
        // SAFETY: `memory` came from `alloc` or `realloc` here, hence from `System`.
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// Allocations of this thread in so many rounds, after a first one that may set things up.
pub(crate) fn allocations(rounds: u64, mut round: impl FnMut()) -> u64 {
    round();
    let before = ALLOCATIONS.get();
    (0..rounds).for_each(|_| round());
    ALLOCATIONS.get() - before
}

/// Bytes that `work` gets and does not give back on this thread, by the time it ends.
pub(crate) fn kept(work: impl FnOnce()) -> usize {
    let before = LIVE.get();
    work();
    LIVE.get().wrapping_sub(before)
}

#[resilient(
    breaker = "allocations",
    retry(max = 3),
    timeout = "5s",
    deadline = "20s"
)]
async fn ready(text: &str) -> Result<usize, Failure> {
    Ok(text.len())
}

/// Pending at its first poll.
#[resilient(
    breaker = "allocations",
    retry(max = 3),
    timeout = "5s",
    deadline = "20s"
)]
async fn pending_once() -> Result<(), Failure> {
    yields().await;
    Ok(())
}

async fn yields() {
    let mut polled = false;
    poll_fn(|_| {
        if std::mem::replace(&mut polled, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

#[test]
fn the_counter_counts() {
    let boxed = allocations(10, || drop(std::hint::black_box(Box::new(1))));
    assert_eq!(boxed, 10);
    let before = LIVE.get();
    let kept = std::hint::black_box(vec![0u8; 1000]);
    assert_eq!(LIVE.get().wrapping_sub(before), 1000);
    drop(kept);
    assert_eq!(LIVE.get(), before);
}

// 9. Happy path, for a body that is ready at its first poll: no allocation.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_ready_allocates_nothing() {
    apart(async {
        let count = allocations(1000, || {
            assert_eq!(poll_once(pin!(ready("four"))), Poll::Ready(Ok(4)));
        });
        assert_eq!(count, 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_rate_over_time_a_window_of_calls_and_slowness_allocate_nothing() {
    #[resilient(breaker(name = "allocations.rate", failure_rate = 0.5, slow_call = "1s"))]
    async fn rate() -> Result<(), Failure> {
        Ok(())
    }

    #[resilient(breaker(name = "allocations.window", failure_rate = 0.5, window_calls = 16))]
    async fn window() -> Result<(), Failure> {
        Ok(())
    }

    apart(async {
        // The window's ring grows until it is full.
        for _ in 0..16 {
            window().await.unwrap();
        }
        let count = allocations(1000, || {
            assert_eq!(poll_once(pin!(rate())), Poll::Ready(Ok(())));
            assert_eq!(poll_once(pin!(window())), Poll::Ready(Ok(())));
        });
        assert_eq!(count, 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_sync_call_allocates_nothing() {
    #[resilient(breaker = "allocations", retry(max = 3), deadline = "20s")]
    fn call(text: &str) -> Result<usize, Failure> {
        Ok(text.len())
    }

    apart(async {
        let count = allocations(1000, || assert_eq!(call("four"), Ok(4)));
        assert_eq!(count, 0);
    })
    .await;
}

// 9. A pending body with a `timeout` or `deadline` costs one box and tokio's timer.
#[tokio::test(start_paused = true)]
async fn a_pending_call_with_a_limit_costs_one_box() {
    apart(async {
        let count = allocations(1000, || {
            let mut call = pin!(pending_once());
            assert!(poll_once(call.as_mut()).is_pending());
            assert!(poll_once(call).is_ready());
        });
        assert_eq!(count, 1000);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_pending_call_without_a_limit_costs_nothing() {
    #[resilient(breaker = "allocations", retry(max = 3))]
    async fn call() -> Result<(), Failure> {
        yields().await;
        Ok(())
    }

    apart(async {
        let count = allocations(1000, || {
            let mut call = pin!(call());
            assert!(poll_once(call.as_mut()).is_pending());
            assert!(poll_once(call).is_ready());
        });
        assert_eq!(count, 0);
    })
    .await;
}

// The one timer of a call serves its attempts and its pauses.
#[tokio::test(start_paused = true)]
async fn retries_use_the_same_box_again() {
    #[resilient(timeout = "5s", retry(max = 4, base = "1s"))]
    async fn call() -> Result<(), Failure> {
        yields().await;
        Err(TRANSIENT)
    }

    apart(async {
        let mut counts = Vec::new();
        for _ in 0..3 {
            let before = ALLOCATIONS.get();
            let mut call = pin!(call());
            while poll_once(call.as_mut()).is_pending() {
                advance(secs(10)).await;
            }
            counts.push(ALLOCATIONS.get() - before);
        }
        assert_eq!(counts.last(), Some(&1), "{counts:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_allocates_nothing() {
    apart(async {
        registry().breaker("allocations").force_open();
        let count = allocations(1000, || assert!(poll_once(pin!(ready("four"))).is_ready()));
        assert_eq!(count, 0);
    })
    .await;
}

/// Calls that end in every way there is: well, failed, refused, cut, dropped, panicked.
async fn every_ending() {
    #[resilient(
        breaker(
            name = "allocations.endings",
            failures = 4,
            failure_rate = 0.9,
            recovery = "1s"
        ),
        retry(max = 2, base = "10ms"),
        timeout = "5s"
    )]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    #[resilient(breaker = "allocations.endings", retry(max = 2, base = "10ms"))]
    async fn panicking() -> Result<usize, Failure> {
        // As a panic, but for its lines in the output.
        resume_unwind(Box::new("unwinds"))
    }

    for script in ["S", "FS", "FF", "FP", "H", "E", "FF", "S", "S"] {
        let _ = call(&Dependency::playing(script)).await;
        let dependency = Dependency::playing("H");
        let _ = poll_once(pin!(call(&dependency)));
        advance(ms(400)).await;
    }
    let mut panics = Box::pin(panicking());
    let _ = catch_unwind(AssertUnwindSafe(|| poll_once(panics.as_mut())));
    registry().breaker("allocations.endings").reset();
}

// Nothing leaks.
#[tokio::test(start_paused = true)]
async fn whatever_way_calls_end_nothing_of_them_stays() {
    apart(async {
        // The last changes of state are kept, 20 of a breaker and 200 in all.
        for _ in 0..100 {
            every_ending().await;
        }
        let before = LIVE.get();
        for _ in 0..300 {
            every_ending().await;
        }
        assert_eq!(LIVE.get(), before);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_million_calls_leave_nothing_behind() {
    apart(async {
        let _ = poll_once(pin!(ready("four")));
        let before = LIVE.get();
        for _ in 0..1_000_000 {
            let _ = poll_once(pin!(ready("four")));
        }
        assert_eq!(LIVE.get(), before);
    })
    .await;
}

#[test]
fn an_answer_out_of_a_cache_allocates_nothing_but_what_its_clone_does() {
    #[resilient(cache(key = (shop, id), fresh = "1h"))]
    async fn fresh(shop: &str, id: u32) -> Result<usize, Failure> {
        Ok(shop.len() + id as usize)
    }

    #[resilient(cache(key = id, fresh = "1h", stale = "1h"))]
    fn text(id: u32) -> Result<String, Failure> {
        Ok(id.to_string())
    }

    // moka itself allocates now and then, when it looks after its order of use.
    const NOW_AND_THEN: u64 = 3;
    let found = allocations(100, || {
        let mut call = pin!(fresh("a", 1));
        assert_eq!(poll_once(call.as_mut()), Poll::Ready(Ok(2)));
    });
    assert!(found <= NOW_AND_THEN, "{found}");
    let found = allocations(100, || assert!(text(7).is_ok()));
    assert!((100..=100 + NOW_AND_THEN).contains(&found), "{found}");
}
