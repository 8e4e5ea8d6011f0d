//! Mistakes that other libraries made, and what happens here instead.

use std::pin::pin;

use steadfast::{Breaker, Name, Registry, Rejection, State, registry, resilient};
use steadfast_tests::{Dependency, Failure, TRANSIENT, apart, is_open, ms, poll_once, secs};
use tokio::time::advance;

use super::{guarded, plays};

guarded!(
    call,
    breaker(
        name = "mistakes",
        failures = 2,
        recovery = "10s",
        half_open = 1,
        close_after = 1
    )
);

fn breaker() -> Breaker {
    registry().breaker("mistakes")
}

/// Opens the breaker and lets its recovery pass.
async fn half_open() {
    plays(call, &Dependency::playing(""), "FFX").await;
    advance(secs(10)).await;
}

// resilience4j#544, Polly#1979, opossum#388: it kept its place for ever.
#[tokio::test(start_paused = true)]
async fn a_probe_that_its_caller_drops_gives_its_place_back() {
    apart(async {
        half_open().await;
        let dependency = Dependency::playing("H");
        {
            let mut dropped = pin!(call(&dependency));
            assert!(poll_once(dropped.as_mut()).is_pending());
            assert!(is_open(&call(&dependency).await));
        }
        plays(call, &dependency, "S").await;
        assert_eq!(breaker().state(), State::Closed);
    })
    .await;
}

// The same of a probe whose error counts as nothing.
#[tokio::test(start_paused = true)]
async fn a_probe_that_ends_ignored_gives_its_place_back_and_decides_nothing() {
    apart(async {
        half_open().await;
        let dependency = Dependency::playing("");
        plays(call, &dependency, "III").await;
        assert_eq!(breaker().state(), State::HalfOpen);
        plays(call, &dependency, "S").await;
        assert_eq!(breaker().state(), State::Closed);
    })
    .await;
}

// The same of a probe that hangs: here it has its place on a lease.
#[tokio::test(start_paused = true)]
async fn a_probe_that_hangs_gives_its_place_up_when_its_lease_ends() {
    apart(async {
        half_open().await;
        let dependency = Dependency::playing("H");
        let mut hangs = pin!(call(&dependency));
        assert!(poll_once(hangs.as_mut()).is_pending());
        advance(ms(29_999)).await;
        assert!(is_open(&call(&dependency).await));
        advance(ms(1)).await;
        plays(call, &dependency, "S").await;
        assert_eq!(breaker().state(), State::Closed);
    })
    .await;
}

// The same of a probe that panics.
#[tokio::test(start_paused = true)]
async fn a_probe_that_panics_is_a_failed_probe() {
    apart(async {
        half_open().await;
        let dependency = Dependency::playing("!");
        let unwound = tokio::spawn(registry().scope(async move { call(&dependency).await })).await;
        assert!(unwound.unwrap_err().is_panic());
        assert_eq!(breaker().status().retry_in, Some(secs(10)));
        advance(secs(10)).await;
        plays(call, &Dependency::playing(""), "S").await;
        assert_eq!(breaker().state(), State::Closed);
    })
    .await;
}

// resilience4j, denoland/std#7306: results of an older state were counted in a newer one.
#[tokio::test(start_paused = true)]
async fn a_result_of_an_older_state_decides_nothing_in_a_newer_one() {
    for (late, now) in [("S", "F"), ("F", "S")] {
        apart(async {
            let slow = Dependency::playing(late).taking(secs(15));
            let mut late = pin!(call(&slow));
            assert!(poll_once(late.as_mut()).is_pending());
            half_open().await;
            let probed = Dependency::playing(now).taking(secs(20));
            let mut probe = pin!(call(&probed));
            assert!(poll_once(probe.as_mut()).is_pending());
            let _ = late.await;
            assert_eq!(breaker().state(), State::HalfOpen);
            let _ = probe.await;
            let decided = if now == "S" {
                State::Closed
            } else {
                State::Open
            };
            assert_eq!(breaker().state(), decided);
        })
        .await;
    }
}

// opossum#385: late failures made the open time start again.
#[tokio::test(start_paused = true)]
async fn late_failures_do_not_restart_the_open_time() {
    apart(async {
        let late = [5, 6, 7].map(|took| Dependency::playing("F").taking(secs(took)));
        let mut calls: Vec<_> = late.iter().map(|late| Box::pin(call(late))).collect();
        for late in &mut calls {
            assert!(poll_once(late.as_mut()).is_pending());
        }
        plays(call, &Dependency::playing(""), "FFX").await;
        for late in calls {
            assert_eq!(late.await, Err(TRANSIENT));
        }
        assert_eq!(breaker().status().retry_in, Some(secs(3)));
        advance(secs(3)).await;
        plays(call, &Dependency::playing(""), "S").await;
    })
    .await;
}

#[resilient(breaker = "mistakes")]
async fn comes_later(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

// pybreaker#36: whoever came to know an open breaker extended its open time.
#[tokio::test(start_paused = true)]
async fn a_call_that_comes_to_know_an_open_breaker_does_not_extend_it() {
    apart(async {
        plays(call, &Dependency::playing(""), "FFX").await;
        advance(secs(9)).await;
        plays(comes_later, &Dependency::playing(""), "X").await;
        assert_eq!(breaker().status().retry_in, Some(secs(1)));
        advance(secs(1)).await;
        plays(comes_later, &Dependency::playing(""), "S").await;
    })
    .await;
}

/// Runs `work` so long after now, on a clock of its own.
fn at(ahead: u64, registry: &Registry, work: impl FnOnce()) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(registry.scope(async {
        advance(secs(ahead)).await;
        work();
    }));
}

// A clock that went back kept breakers open until it came again to where it was.
#[test]
fn a_clock_that_goes_back_keeps_a_breaker_open_no_longer_than_it_was_to_be() {
    let apart = Registry::new();
    at(86_400, &apart, || {
        breaker().admit().unwrap().failure();
        breaker().admit().unwrap().failure();
    });
    at(0, &apart, || {
        let left = breaker().admit().unwrap_err().retry_in().unwrap();
        assert!(left <= secs(10), "{left:?}");
    });
    at(10, &apart, || breaker().admit().unwrap().success());
    at(10, &apart, || assert_eq!(breaker().state(), State::Closed));
}

#[test]
fn a_clock_that_goes_back_keeps_a_hung_probes_place_no_longer_than_its_lease() {
    let apart = Registry::new();
    let mut hung = None;
    at(86_400, &apart, || {
        breaker().admit().unwrap().failure();
        breaker().admit().unwrap().failure();
    });
    at(86_420, &apart, || hung = breaker().admit().ok());
    at(0, &apart, || assert!(breaker().admit().is_err()));
    at(31, &apart, || breaker().admit().unwrap().success());
    drop(hung);
}

#[test]
fn a_clock_that_goes_back_lets_old_failures_age() {
    let apart = Registry::new();
    at(86_400, &apart, || breaker().admit().unwrap().failure());
    at(0, &apart, || assert_eq!(breaker().status().failures, 1));
    at(61, &apart, || assert_eq!(breaker().status().failures, 0));
}

#[resilient(breaker(name = "mistakes.nested", failures = 1))]
async fn limited(rejection: Rejection) -> std::io::Result<()> {
    Err(rejection.into())
}

// Semian#227: limits counted as failures of the breaker.
#[tokio::test(start_paused = true)]
async fn a_limit_of_ours_inside_the_body_is_no_failure_of_the_breaker() {
    apart(async {
        let limit = Name::new("a.limit").unwrap();
        let limits = [
            Rejection::RateLimited {
                limiter: limit,
                retry_in: None,
            },
            Rejection::BulkheadFull {
                bulkhead: limit,
                max: 1,
            },
            Rejection::LimiterUnavailable { limiter: limit },
        ];
        for rejection in limits {
            limited(rejection).await.unwrap_err();
        }
        let status = registry().breaker("mistakes.nested").status();
        assert_eq!((status.state, status.failures), (State::Closed, 0));
        let dead = limited(Rejection::Timeout { limit: secs(1) }).await;
        dead.unwrap_err();
        let state = registry().breaker("mistakes.nested").state();
        assert_eq!(state, State::Open);
    })
    .await;
}
