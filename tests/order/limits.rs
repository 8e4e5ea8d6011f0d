//! 3 and 7: timeouts and deadlines.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use steadfast::{Rejection, Retrying, State, registry, resilient};
use steadfast_tests::{Dependency, Failure, apart, ms, pass, poll_once, secs, site};
use tokio::time::{Instant, sleep};

#[resilient(
    name = "limits.timeout",
    breaker(name = "limits.timeout", failures = 9),
    retry(max = 2, base = "5s", jitter = "none"),
    timeout = "1s"
)]
async fn timed(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

const TIMEOUT: Failure = Failure::Rejected(Rejection::Timeout { limit: secs(1) });

// 3. A timed-out attempt is cancelled.
#[tokio::test(start_paused = true)]
async fn a_timed_out_body_is_dropped_before_the_pause() {
    apart(async {
        let dependency = Dependency::playing("HH");
        let (result, ()) = tokio::join!(timed(&dependency), async {
            sleep(ms(999)).await;
            assert_eq!(dependency.dropped(), 0);
            sleep(ms(2)).await;
            assert_eq!((dependency.dropped(), dependency.runs()), (1, 1));
        });
        assert_eq!(result, Err(TIMEOUT));
        assert_eq!(dependency.dropped(), 2);
        assert_eq!(dependency.starts(), [secs(0), secs(6)]);
    })
    .await;
}

thread_local! {
    static DROPPED: Cell<bool> = const { Cell::new(false) };
}

struct NotesDrop;

impl Drop for NotesDrop {
    fn drop(&mut self) {
        DROPPED.set(true);
    }
}

fn expects_drop(_: &Retrying<'_>) {
    assert!(DROPPED.get(), "the body is dropped before anything else");
}

// 3. … before anybody is told of it.
#[tokio::test(start_paused = true)]
async fn a_timed_out_body_is_dropped_before_anything_else() {
    #[resilient(retry(max = 2, base = "0s", notify = expects_drop), timeout = "1s")]
    async fn call() -> Result<(), Failure> {
        DROPPED.set(false);
        let _drop = NotesDrop;
        std::future::pending().await
    }

    apart(async {
        assert_eq!(call().await, Err(TIMEOUT));
        assert!(DROPPED.get());
    })
    .await;
}

// 3. A timed-out attempt is of class `timeout`.
#[tokio::test(start_paused = true)]
async fn a_timed_out_attempt_is_of_class_timeout() {
    #[resilient(
        breaker(name = "limits.class", failures = 9, counts(timeout)),
        retry(max = 2, base = "1s", on(transient)),
        timeout = "1s"
    )]
    async fn not_retried(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        let dependency = Dependency::playing("HH");
        assert_eq!(timed(&dependency).await, Err(TIMEOUT));
        assert_eq!(dependency.runs(), 2);
        assert_eq!(site("limits.timeout").calls().timeout, 1);
        assert_eq!(registry().breaker("limits.timeout").status().failures, 2);

        let dependency = Dependency::playing("H");
        assert_eq!(not_retried(&dependency).await, Err(TIMEOUT));
        assert_eq!(dependency.runs(), 1);
        assert_eq!(registry().breaker("limits.class").status().failures, 1);
    })
    .await;
}

// 3. `timeout` runs from the body's start.
#[tokio::test(start_paused = true)]
async fn the_timeout_of_an_attempt_runs_from_its_bodys_start() {
    apart(async {
        let dependency = Dependency::playing("FS").taking(ms(900));
        assert_eq!(timed(&dependency).await, Ok(2));
        assert_eq!(dependency.starts(), [secs(0), ms(5900)]);
    })
    .await;
}

// 3. … also where no pause is between the attempts.
#[tokio::test(start_paused = true)]
async fn the_timer_of_one_attempt_does_not_cut_the_next() {
    #[resilient(retry(max = 3, base = "0s"), timeout = "1s", deadline = "5s")]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        let dependency = Dependency::playing("FFS").taking(ms(900));
        assert_eq!(call(&dependency).await, Ok(3));
        assert_eq!(dependency.starts(), [secs(0), ms(900), ms(1800)]);
    })
    .await;
}

// 3. Slowness runs from the body's start.
#[tokio::test(start_paused = true)]
async fn slowness_runs_from_the_bodys_start() {
    #[resilient(
        breaker(name = "limits.slow", slow_call = "1s", min_calls = 4),
        retry(max = 2, base = "5s", jitter = "none")
    )]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        let dependency = Dependency::playing("FS").taking(ms(900));
        assert_eq!(call(&dependency).await, Ok(2));
        let status = registry().breaker("limits.slow").status();
        assert_eq!((status.calls, status.slow_rate), (2, Some(0.0)));
    })
    .await;
}

// 3. Slowness leaves pauses out, also where the breaker guards the whole call.
#[tokio::test(start_paused = true)]
async fn slowness_of_a_call_runs_from_the_start_of_its_last_body() {
    #[resilient(
        breaker(
            name = "limits.slow_call",
            guards = "call",
            slow_call = "1s",
            min_calls = 4
        ),
        retry(max = 2, base = "5s", jitter = "none")
    )]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        let slow_rate = || registry().breaker("limits.slow_call").status().slow_rate;
        assert_eq!(
            call(&Dependency::playing("FS").taking(ms(900))).await,
            Ok(2)
        );
        assert_eq!(slow_rate(), Some(0.0));
        assert_eq!(
            call(&Dependency::playing("S").taking(ms(1100))).await,
            Ok(1)
        );
        assert_eq!(slow_rate(), Some(0.5));
    })
    .await;
}

// 3. A result that is ready wins even when late.
#[tokio::test(start_paused = true)]
async fn a_result_that_is_ready_wins_even_when_late() {
    #[resilient(timeout = "1s", deadline = "2s")]
    async fn call(ready: &AtomicBool) -> Result<&'static str, Failure> {
        poll_fn(|_| {
            if ready.load(Ordering::Relaxed) {
                Poll::Ready(Ok("late"))
            } else {
                Poll::Pending
            }
        })
        .await
    }

    apart(async {
        let ready = AtomicBool::new(false);
        let mut late = pin!(call(&ready));
        assert!(poll_once(late.as_mut()).is_pending());
        pass(secs(60));
        ready.store(true, Ordering::Relaxed);
        assert_eq!(poll_once(late.as_mut()), Poll::Ready(Ok("late")));
    })
    .await;
}

// 3. The same at the limit itself, where timer and result come together.
#[tokio::test(start_paused = true)]
async fn a_result_that_comes_exactly_at_the_limit_wins() {
    apart(async {
        let dependency = Dependency::playing("S").taking(secs(1));
        assert_eq!(timed(&dependency).await, Ok(1));
    })
    .await;
}

// 7. An attempt cut by its own call's deadline is a failure.
#[tokio::test(start_paused = true)]
async fn an_attempt_cut_by_its_own_deadline_is_a_failure_of_the_breaker() {
    #[resilient(breaker(name = "limits.hung", failures = 1), deadline = "5s")]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        let dependency = Dependency::playing("H");
        let began = Instant::now();
        let cut = Rejection::DeadlineExceeded { limit: secs(5) };
        assert_eq!(call(&dependency).await, Err(cut.into()));
        assert_eq!((dependency.dropped(), began.elapsed()), (1, secs(5)));
        assert_eq!(registry().breaker("limits.hung").state(), State::Open);
    })
    .await;
}

// 7. The smaller limit names the error.
#[tokio::test(start_paused = true)]
async fn the_smaller_limit_names_the_error() {
    #[resilient(timeout = "2s", deadline = "5s")]
    async fn once(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    #[resilient(retry(max = 9, base = "0s"), timeout = "2s", deadline = "5s")]
    async fn repeated(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        let timeout = Rejection::Timeout { limit: secs(2) };
        assert_eq!(once(&Dependency::playing("H")).await, Err(timeout.into()));

        let dependency = Dependency::playing("HHH");
        let deadline = Rejection::DeadlineExceeded { limit: secs(5) };
        assert_eq!(repeated(&dependency).await, Err(deadline.into()));
        assert_eq!(dependency.starts(), [secs(0), secs(2), secs(4)]);
    })
    .await;
}

// 7. The deadline is the limit of the whole call: attempts and pauses.
#[tokio::test(start_paused = true)]
async fn the_deadline_runs_through_attempts_and_pauses() {
    #[resilient(
        retry(max = 9, base = "2s", factor = 1.0, jitter = "none"),
        deadline = "5s"
    )]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        let dependency = Dependency::playing("FFH");
        let began = Instant::now();
        let cut = Rejection::DeadlineExceeded { limit: secs(5) };
        assert_eq!(call(&dependency).await, Err(cut.into()));
        assert_eq!(began.elapsed(), secs(5));
        assert_eq!(dependency.starts(), [secs(0), secs(2), secs(4)]);
    })
    .await;
}

// 7. A call that its deadline cut is over.
#[tokio::test(start_paused = true)]
async fn a_call_cut_by_its_deadline_is_not_retried() {
    #[resilient(
        breaker(name = "limits.over", failures = 2),
        retry(max = 9, base = "0s"),
        deadline = "5s"
    )]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        let dependency = Dependency::playing("H");
        call(&dependency).await.unwrap_err();
        assert_eq!(dependency.runs(), 1);
        assert_eq!(registry().breaker("limits.over").status().failures, 1);
    })
    .await;
}

// 7. A fallback runs outside its own call's deadline.
#[tokio::test(start_paused = true)]
async fn a_fallback_runs_outside_the_deadline_of_its_call() {
    #[resilient(deadline = "1s", fallback = slowly)]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    async fn slowly(_: &Dependency, error: Failure) -> Result<usize, Failure> {
        sleep(secs(60)).await;
        assert!(matches!(
            error,
            Failure::Rejected(Rejection::DeadlineExceeded { .. })
        ));
        Ok(0)
    }

    apart(async {
        let began = Instant::now();
        assert_eq!(call(&Dependency::playing("H")).await, Ok(0));
        assert_eq!(began.elapsed(), secs(61));
    })
    .await;
}
