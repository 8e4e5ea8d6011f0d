//! 4 and 5: results of an earlier state, fresh windows, and when rates trip.

use std::pin::pin;

use steadfast::{Breaker, State, registry, resilient};
use steadfast_tests::{Dependency, Failure, TRANSIENT, apart, ms, poll_once, secs};
use tokio::time::advance;

#[resilient(breaker(name = "epochs", failures = 2, recovery = "30s"))]
async fn guarded(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

fn breaker() -> Breaker {
    registry().breaker("epochs")
}

fn open() {
    breaker().admit().unwrap().failure();
    breaker().admit().unwrap().failure();
    assert_eq!(breaker().state(), State::Open);
}

/// A call of 10 s is let pass by the closed breaker; then `meanwhile` happens, and it ends.
async fn ends_after(script: &str, meanwhile: impl AsyncFnOnce()) -> Result<usize, Failure> {
    let dependency = Dependency::playing(script).taking(secs(10));
    let mut call = pin!(guarded(&dependency));
    assert!(poll_once(call.as_mut()).is_pending());
    meanwhile().await;
    call.await
}

// 4. Its result is dropped once the breaker has moved on: to open.
#[tokio::test(start_paused = true)]
async fn a_late_failure_does_not_prolong_the_open_time() {
    apart(async {
        let late = ends_after("F", async || open()).await;
        assert_eq!(late, Err(TRANSIENT));
        let status = breaker().status();
        assert_eq!((status.failures, status.retry_in), (2, Some(secs(20))));
    })
    .await;
}

// 4. … to half-open: a late success closes nothing, a late failure opens nothing.
#[tokio::test(start_paused = true)]
async fn a_late_result_is_not_taken_for_a_probes() {
    for script in ["S", "F"] {
        apart(async {
            let late = ends_after(script, async || {
                open();
                advance(secs(30)).await;
                breaker().admit().unwrap().success();
                assert_eq!(breaker().state(), State::HalfOpen);
            });
            let _ = late.await;
            assert_eq!(breaker().state(), State::HalfOpen);
            breaker().admit().unwrap().success();
            assert_eq!(breaker().state(), State::Closed);
        })
        .await;
    }
}

// 4. … to closed again.
#[tokio::test(start_paused = true)]
async fn a_failure_of_an_earlier_closed_state_is_not_counted_in_the_next() {
    apart(async {
        let late = ends_after("F", async || {
            open();
            breaker().reset();
        });
        assert_eq!(late.await, Err(TRANSIENT));
        assert_eq!(breaker().status().failures, 0);

        // Nor does an earlier success end a run of failures.
        let late = ends_after("S", async || {
            breaker().reset();
            open();
            breaker().reset();
            breaker().admit().unwrap().failure();
        });
        assert_eq!(late.await, Ok(1));
        assert_eq!(breaker().status().failures, 1);
    })
    .await;
}

// 4. … for a probe, to the next round of probes.
#[tokio::test(start_paused = true)]
async fn a_probe_of_an_earlier_round_counts_in_no_later_one() {
    apart(async {
        open();
        advance(secs(30)).await;
        let early = [breaker().admit().unwrap(), breaker().admit().unwrap()];
        breaker().reset();
        open();
        advance(secs(30)).await;
        breaker().admit().unwrap().success();
        let [success, failure] = early;
        failure.failure();
        success.success();
        assert_eq!(breaker().state(), State::HalfOpen);
    })
    .await;
}

// 4. A transition starts a fresh window.
#[tokio::test(start_paused = true)]
async fn a_transition_starts_a_fresh_window() {
    #[resilient(breaker(
        name = "epochs.window",
        failure_rate = 0.5,
        min_calls = 4,
        close_after = 1
    ))]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        let dependency = Dependency::playing("FFFFSFFFS");
        let breaker = registry().breaker("epochs.window");
        for _ in 0..4 {
            call(&dependency).await.unwrap_err();
        }
        assert_eq!(breaker.state(), State::Open);
        advance(secs(30)).await;
        assert_eq!(call(&dependency).await, Ok(5));
        assert_eq!(
            (breaker.state(), breaker.status().calls),
            (State::Closed, 0)
        );
        // The four failures and the probe are forgotten: it takes four calls again.
        for _ in 0..3 {
            call(&dependency).await.unwrap_err();
        }
        assert_eq!(breaker.state(), State::Closed);
        assert_eq!(call(&dependency).await, Ok(9));
        assert_eq!(breaker.state(), State::Open);
    })
    .await;
}

#[resilient(breaker(name = "epochs.rate", failure_rate = "50%", min_calls = 4))]
async fn rated(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

async fn rated_after(script: &str) -> State {
    let dependency = Dependency::playing(script);
    for _ in 0..script.len() {
        let _ = rated(&dependency).await;
    }
    registry().breaker("epochs.rate").state()
}

// 5. Rates trip with ≥.
#[tokio::test(start_paused = true)]
async fn a_rate_trips_when_it_reaches_its_threshold() {
    assert_eq!(apart(rated_after("SSSFF")).await, State::Closed);
    assert_eq!(apart(rated_after("SSFF")).await, State::Open);
}

// 5. Also on a success that completes `min_calls`.
#[tokio::test(start_paused = true)]
async fn a_success_that_completes_min_calls_trips_a_rate() {
    assert_eq!(apart(rated_after("FFS")).await, State::Closed);
    assert_eq!(apart(rated_after("FFSS")).await, State::Open);
}

// 5. Slow is strictly longer than.
#[tokio::test(start_paused = true)]
async fn slow_is_strictly_longer_than_slow_call() {
    #[resilient(breaker(name = "epochs.slow", slow_call = "1s", min_calls = 1))]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        let breaker = registry().breaker("epochs.slow");
        let exactly = Dependency::playing("S").taking(secs(1));
        assert_eq!(call(&exactly).await, Ok(1));
        assert_eq!(breaker.status().slow_rate, Some(0.0));
        breaker.reset();
        let longer = Dependency::playing("S").taking(ms(1001));
        assert_eq!(call(&longer).await, Ok(1));
        assert_eq!(breaker.state(), State::Open);
    })
    .await;
}
