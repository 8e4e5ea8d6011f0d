//! 3: calls that end without a result.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;

use steadfast::{Breaker, State, registry, resilient};
use steadfast_tests::{Dependency, Failure, apart, is_open, poll_once, secs};
use tokio::time::{advance, timeout};

#[resilient(
    breaker(name = "ends", failures = 1, half_open = 1, close_after = 1),
    timeout = "60s",
    retry(max = 2, base = "10s", jitter = "none")
)]
async fn guarded(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

#[resilient(breaker(name = "ends.rate", failure_rate = 0.5, min_calls = 1))]
async fn rated(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

fn breaker() -> Breaker {
    registry().breaker("ends")
}

async fn half_open() {
    breaker().admit().unwrap().failure();
    advance(secs(30)).await;
    assert_eq!(breaker().state(), State::HalfOpen);
}

/// Starts a call that hangs, does something, and drops the call.
async fn dropped_after(meanwhile: impl AsyncFnOnce()) {
    let dependency = Dependency::playing("H");
    {
        let mut call = pin!(guarded(&dependency));
        assert!(poll_once(call.as_mut()).is_pending());
        meanwhile().await;
    }
    assert_eq!((dependency.runs(), dependency.dropped()), (1, 1));
}

// 3. A call dropped by its caller counts as nothing: closed.
#[tokio::test(start_paused = true)]
async fn a_call_dropped_while_closed_counts_as_nothing() {
    apart(async {
        dropped_after(async || {}).await;
        let status = breaker().status();
        assert_eq!((status.state, status.failures), (State::Closed, 0));

        let dependency = Dependency::playing("H");
        timeout(secs(1), rated(&dependency)).await.unwrap_err();
        assert_eq!(registry().breaker("ends.rate").status().calls, 0);
    })
    .await;
}

// 3. … half-open, and it gives its place back.
#[tokio::test(start_paused = true)]
async fn a_call_dropped_while_half_open_gives_its_place_back() {
    apart(async {
        half_open().await;
        dropped_after(async || {
            assert!(is_open(&guarded(&Dependency::playing("")).await));
        })
        .await;
        assert_eq!(breaker().state(), State::HalfOpen);
        assert_eq!(guarded(&Dependency::playing("S")).await, Ok(1));
        assert_eq!(breaker().state(), State::Closed);
    })
    .await;
}

// 3. … after the breaker has opened, or was opened, disabled or reset by hand.
#[tokio::test(start_paused = true)]
async fn a_call_dropped_in_any_other_state_changes_nothing() {
    type Change = fn(&Breaker);
    let changes: [(Change, State); 4] = [
        (|breaker| breaker.admit().unwrap().failure(), State::Open),
        (Breaker::force_open, State::ForcedOpen),
        (Breaker::disable, State::Disabled),
        (Breaker::reset, State::Closed),
    ];
    for (change, state) in changes {
        apart(async {
            let mut before = None;
            dropped_after(async || {
                change(&breaker());
                before = Some(breaker().status());
            })
            .await;
            assert_eq!(before, Some(breaker().status()));
            assert_eq!(breaker().state(), state);
        })
        .await;
    }
}

// 3. … as a probe, once the breaker was disabled.
#[tokio::test(start_paused = true)]
async fn a_probe_dropped_after_its_state_has_ended_frees_nothing_twice() {
    apart(async {
        half_open().await;
        dropped_after(async || {
            breaker().reset();
            half_open().await;
            // A new round: its one place is taken by another call.
            let probe = breaker().admit().unwrap();
            std::mem::forget(probe);
        })
        .await;
        assert!(is_open(&guarded(&Dependency::playing("")).await));
    })
    .await;
}

// 3. A call dropped in its pause leaves what its attempts were, and no more.
#[tokio::test(start_paused = true)]
async fn a_call_dropped_in_its_pause_leaves_what_its_attempts_were() {
    #[resilient(
        breaker(name = "ends.pause", failures = 2),
        retry(max = 3, base = "10s", jitter = "none")
    )]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        let dependency = Dependency::playing("F");
        timeout(secs(1), call(&dependency)).await.unwrap_err();
        let status = registry().breaker("ends.pause").status();
        assert_eq!((status.state, status.failures), (State::Closed, 1));
    })
    .await;
}

// 3. At `guards = "call"` the pause is within what the breaker guards.
#[tokio::test(start_paused = true)]
async fn a_call_dropped_in_its_pause_frees_the_place_it_holds_at_call() {
    #[resilient(
        breaker(name = "ends.call", failures = 1, half_open = 1, guards = "call"),
        retry(max = 3, base = "10s", jitter = "none")
    )]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        let breaker = registry().breaker("ends.call");
        breaker.admit().unwrap().failure();
        advance(secs(30)).await;
        let dependency = Dependency::playing("F");
        {
            let mut probe = pin!(call(&dependency));
            assert!(poll_once(probe.as_mut()).is_pending());
            assert!(is_open(&call(&dependency).await));
        }
        assert_eq!(breaker.state(), State::HalfOpen);
        assert_eq!(call(&dependency).await, Ok(2));
    })
    .await;
}

// 3. A call that was never polled has taken nothing.
#[tokio::test(start_paused = true)]
async fn a_call_that_was_never_polled_takes_no_place() {
    apart(async {
        half_open().await;
        let dependency = Dependency::playing("S");
        let idle = guarded(&dependency);
        assert_eq!(guarded(&dependency).await, Ok(1));
        drop(idle);
        assert_eq!(breaker().state(), State::Closed);
    })
    .await;
}

fn panics(call: impl Future<Output = Result<usize, Failure>>) {
    let mut call = Box::pin(call);
    let panic = catch_unwind(AssertUnwindSafe(|| poll_once(call.as_mut()))).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"the script says so"));
}

// 3. A panic counts as a failure and goes on unwinding.
#[tokio::test(start_paused = true)]
async fn a_panic_counts_as_a_failure_and_goes_on_unwinding() {
    apart(async {
        let dependency = Dependency::playing("!");
        panics(guarded(&dependency));
        assert_eq!(breaker().state(), State::Open);
        // 10. Panics are not retried.
        assert_eq!(dependency.runs(), 1);
    })
    .await;
}

// 3. The same for a probe …
#[tokio::test(start_paused = true)]
async fn a_panic_of_a_probe_opens_the_breaker_again() {
    apart(async {
        half_open().await;
        panics(guarded(&Dependency::playing("!")));
        let status = breaker().status();
        assert_eq!(
            (status.state, status.retry_in),
            (State::Open, Some(secs(30)))
        );
    })
    .await;
}

// 3. … after an await …
#[tokio::test(start_paused = true)]
async fn a_panic_after_an_await_counts_too() {
    apart(async {
        let dependency = Dependency::playing("!").taking(secs(1));
        let mut call = Box::pin(guarded(&dependency));
        assert!(poll_once(call.as_mut()).is_pending());
        advance(secs(1)).await;
        panics(call);
        assert_eq!(breaker().state(), State::Open);
    })
    .await;
}

// 3. … and for a sync function.
#[tokio::test(start_paused = true)]
async fn a_panic_of_a_sync_function_counts_too() {
    #[resilient(breaker(name = "ends.sync", failures = 1), retry(max = 2, base = "0s"))]
    fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask_now()
    }

    apart(async {
        let dependency = Dependency::playing("!");
        let panic = catch_unwind(AssertUnwindSafe(|| call(&dependency))).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"the script says so"));
        assert_eq!(dependency.runs(), 1);
        assert_eq!(registry().breaker("ends.sync").state(), State::Open);
    })
    .await;
}
