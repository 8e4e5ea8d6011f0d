//! 10: sync functions.

use std::time::Instant as RealInstant;

use steadfast::{Class, Rejection, State, registry, resilient};
use steadfast_tests::{Dependency, Failure, TRANSIENT, apart, is_open, ms, pass, secs};
use tokio::time::Instant;

// 10. Pauses park the thread.
#[tokio::test(start_paused = true)]
async fn the_pauses_of_a_sync_function_park_the_thread() {
    #[resilient(retry(max = 3, base = "5ms", jitter = "none"))]
    fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask_now()
    }

    apart(async {
        let dependency = Dependency::playing("FF");
        let (real, paused) = (RealInstant::now(), Instant::now());
        assert_eq!(call(&dependency), Ok(3));
        assert!(real.elapsed() >= ms(15), "{:?}", real.elapsed());
        assert_eq!(paused.elapsed(), secs(0));
    })
    .await;
}

#[resilient(
    breaker(name = "blocking", failures = 2),
    retry(max = 5, base = "0s"),
    deadline = "1s"
)]
fn guarded(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask_now()
}

// 10. `deadline` is checked between attempts: there is no other once it is over …
#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_sync_function_is_checked_between_attempts() {
    apart(async {
        let dependency = Dependency::playing("EFFF").taking(ms(600));
        assert_eq!(guarded(&dependency), Err(Failure::Of(Class::Expected)));
        assert_eq!(guarded(&dependency), Err(TRANSIENT));
        assert_eq!(dependency.runs(), 3);
    })
    .await;
}

// 10. … and a body that runs is not cut: its result stands.
#[tokio::test(start_paused = true)]
async fn the_late_result_of_a_sync_function_stands() {
    apart(async {
        let dependency = Dependency::playing("S").taking(secs(60));
        assert_eq!(guarded(&dependency), Ok(1));
    })
    .await;
}

// 6, for sync functions.
#[tokio::test(start_paused = true)]
async fn a_sync_pause_that_would_outlast_the_deadline_is_not_slept() {
    #[resilient(retry(max = 2, base = "2s", jitter = "none"), deadline = "1s")]
    fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask_now()
    }

    apart(async {
        let dependency = Dependency::playing("F");
        assert_eq!(call(&dependency), Err(TRANSIENT));
        assert_eq!(dependency.runs(), 1);
    })
    .await;
}

// 1 to 4, for sync functions.
#[tokio::test(start_paused = true)]
async fn a_breaker_guards_a_sync_function_as_an_async_one() {
    apart(async {
        let breaker = registry().breaker("blocking");
        let dependency = Dependency::playing("FF");
        assert!(is_open(&guarded(&dependency)));
        assert_eq!(dependency.runs(), 2);
        pass(secs(30));
        assert_eq!(breaker.state(), State::HalfOpen);
        assert_eq!(guarded(&dependency), Ok(3));
        assert_eq!(guarded(&dependency), Ok(4));
        assert_eq!(breaker.state(), State::Closed);
    })
    .await;
}

// 10. Waits park the thread: here, until the breaker may be probed.
#[tokio::test(start_paused = true)]
async fn a_sync_function_waits_for_an_open_breaker_where_on_says_rejected() {
    #[resilient(
        breaker(name = "blocking.rejected", failures = 1, recovery = "20ms"),
        retry(max = 2, base = "0s", on(rejected))
    )]
    fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask_now()
    }

    apart(async {
        let breaker = registry().breaker("blocking.rejected");
        breaker.admit().unwrap().failure();
        let real = RealInstant::now();
        // Real time has passed and paused time has not, so that it is still too early.
        assert!(is_open(&call(&Dependency::playing(""))));
        assert!(real.elapsed() >= ms(20), "{:?}", real.elapsed());
        breaker.reset();
        assert_eq!(call(&Dependency::playing("")), Ok(1));
    })
    .await;
}

// A sync function needs no runtime.
#[test]
fn a_sync_function_works_where_there_is_no_runtime() {
    #[resilient(
        breaker(name = "blocking.bare", failures = 2),
        retry(max = 2, base = "1ms"),
        deadline = "60s",
        fallback = refused
    )]
    fn call(fails: bool) -> Result<u32, Failure> {
        if fails { Err(TRANSIENT) } else { Ok(1) }
    }

    fn refused(_: bool, error: Failure) -> Result<u32, Failure> {
        match error {
            Failure::Rejected(Rejection::CircuitOpen { .. }) => Ok(2),
            other => Err(other),
        }
    }

    steadfast::Registry::new().scope_blocking(|| {
        assert_eq!(call(false), Ok(1));
        assert_eq!(call(true), Err(TRANSIENT));
        assert_eq!(call(false), Ok(2));
    });
}
