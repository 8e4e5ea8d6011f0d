//! 1 and 2: what a breaker refuses, and what comes of a refusal.

use std::pin::pin;
use std::task::Poll;

use steadfast::{Class, Name, Rejection, State, registry, resilient};
use steadfast_tests::{Dependency, Failure, TRANSIENT, apart, is_open, poll_once, secs, site};
use tokio::time::{Instant, advance, sleep};

#[resilient(
    name = "guards.attempt",
    breaker(name = "guards.attempt", failures = 2, recovery = "10s", half_open = 1),
    retry(max = 5, base = "1s", factor = 1.0, jitter = "none"),
    timeout = "5s"
)]
async fn guarded(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

#[resilient(
    breaker(name = "guards.call", failures = 2, guards = "call"),
    retry(max = 3, base = "1s", factor = 1.0, jitter = "none")
)]
async fn guarded_around(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

// 1. An open breaker refuses at once: nothing awaited.
#[tokio::test(start_paused = true)]
async fn an_open_breaker_refuses_at_once_and_awaits_nothing() {
    apart(async {
        registry().breaker("guards.attempt").force_open();
        let dependency = Dependency::playing("");
        let refused = poll_once(pin!(guarded(&dependency)).as_mut());
        let rejection = Rejection::CircuitOpen {
            breaker: Name::new("guards.attempt").unwrap(),
            retry_in: None,
        };
        assert_eq!(refused, Poll::Ready(Err(rejection.into())));
        assert_eq!(dependency.runs(), 0);
    })
    .await;
}

// 1. An open breaker refuses at once: no place taken.
#[tokio::test(start_paused = true)]
async fn calls_that_an_open_breaker_refused_hold_no_place_of_a_probe() {
    apart(async {
        let dependency = Dependency::playing("FF");
        guarded(&dependency).await.unwrap_err();
        for _ in 0..10 {
            assert!(is_open(&guarded(&dependency).await));
        }
        advance(secs(10)).await;
        assert_eq!(guarded(&dependency).await, Ok(3));
    })
    .await;
}

// 1. After any wait the breaker is asked again.
#[tokio::test(start_paused = true)]
async fn after_a_pause_the_breaker_is_asked_again() {
    apart(async {
        let dependency = Dependency::playing("F");
        let began = Instant::now();
        let (result, ()) = tokio::join!(guarded(&dependency), async {
            sleep(secs(1) / 2).await;
            registry().breaker("guards.attempt").force_open();
        });
        assert!(is_open(&result), "{result:?}");
        assert_eq!((dependency.runs(), began.elapsed()), (1, secs(1)));
    })
    .await;
}

// 1. A probe's place is taken last.
#[tokio::test(start_paused = true)]
async fn a_call_in_its_pause_holds_no_place_of_a_probe() {
    #[resilient(
        breaker(
            name = "guards.place",
            failures = 1,
            half_open = 1,
            close_after = 9,
            counts(timeout)
        ),
        retry(max = 2, base = "1s", jitter = "none", on(transient))
    )]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        let breaker = registry().breaker("guards.place");
        breaker.admit().unwrap().failure();
        advance(secs(30)).await;
        // To this breaker a transient failure is a success, so the probe ends and it stays half-open.
        let dependency = Dependency::playing("F");
        let mut first = pin!(call(&dependency));
        assert!(poll_once(first.as_mut()).is_pending());
        assert_eq!(call(&dependency).await, Ok(2));
        assert_eq!(first.await, Ok(3));
        assert_eq!(breaker.state(), State::HalfOpen);
    })
    .await;
}

// 3 (the picture): guards at "attempt" are inside the retry.
#[tokio::test(start_paused = true)]
async fn guards_at_attempt_are_asked_at_every_attempt_and_count_each() {
    apart(async {
        let dependency = Dependency::playing("FFFF");
        assert!(is_open(&guarded(&dependency).await));
        assert_eq!(dependency.runs(), 2);
        let status = registry().breaker("guards.attempt").status();
        assert_eq!((status.state, status.failures), (State::Open, 2));
    })
    .await;
}

// 3 (the picture): guards at "call" are around the retry.
#[tokio::test(start_paused = true)]
async fn guards_at_call_are_asked_once_and_count_the_call() {
    apart(async {
        let dependency = Dependency::playing("FFFFFSFFF");
        let breaker = registry().breaker("guards.call");
        assert_eq!(guarded_around(&dependency).await, Err(TRANSIENT));
        assert_eq!((dependency.runs(), breaker.status().failures), (3, 1));
        assert_eq!(guarded_around(&dependency).await, Ok(6));
        assert_eq!(breaker.status().failures, 0);

        // Forced open between two attempts, it still does not stop the call that it let pass.
        let (result, ()) = tokio::join!(guarded_around(&dependency), async {
            sleep(secs(1) / 2).await;
            breaker.force_open();
        });
        assert_eq!(result, Err(TRANSIENT));
        assert_eq!(dependency.runs(), 9);
        assert!(is_open(&guarded_around(&dependency).await));
    })
    .await;
}

// 2. Refusals by our own guards are never failures of the breaker.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_no_failure_of_the_breaker() {
    apart(async {
        let breaker = registry().breaker("guards.attempt");
        guarded(&Dependency::playing("FF")).await.unwrap_err();
        advance(secs(4)).await;
        for _ in 0..10 {
            assert!(is_open(&guarded(&Dependency::playing("F")).await));
        }
        let status = breaker.status();
        assert_eq!((status.failures, status.retry_in), (2, Some(secs(5))));
        assert_eq!(site("guards.attempt").calls().rejected, 11);
    })
    .await;
}

// 2. Refusals by our own guards are, unless `retry.on` says `rejected`, not retried.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_retried() {
    apart(async {
        registry().breaker("guards.attempt").force_open();
        let began = Instant::now();
        assert!(is_open(&guarded(&Dependency::playing("")).await));
        assert_eq!(began.elapsed(), secs(0));
    })
    .await;
}

// 2. Unless `retry.on` says `rejected`.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_retried_where_on_says_rejected() {
    #[resilient(
        breaker(name = "guards.rejected", failures = 1, recovery = "10s"),
        retry(max = 3, base = "1s", jitter = "none", on(transient, rejected))
    )]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        let dependency = Dependency::playing("FS");
        // The failure opens it; the next attempt, after 1 s, is refused, the last one a probe.
        assert_eq!(call(&dependency).await, Ok(2));
        assert_eq!(dependency.starts(), [secs(0), secs(10)]);
    })
    .await;
}

// 2. An answer of the remote side that says "rate limited" is an ordinary error.
#[tokio::test(start_paused = true)]
async fn an_answer_that_says_rate_limited_counts_and_is_retried() {
    apart(async {
        let dependency = Dependency::playing("RS");
        let breaker = registry().breaker("guards.attempt");
        let (result, failures) = tokio::join!(guarded(&dependency), async {
            tokio::task::yield_now().await;
            breaker.status().failures
        });
        assert_eq!((result, failures), (Ok(2), 1));

        let limited = Failure::Of(Class::RateLimited { retry_after: None });
        assert_eq!(
            guarded_around(&Dependency::playing("RRR")).await,
            Err(limited)
        );
        assert_eq!(registry().breaker("guards.call").status().failures, 1);
    })
    .await;
}
