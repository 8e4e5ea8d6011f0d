//! 2: what comes of a refusal by a limit or a bulkhead; 3: what a call gives back.

use std::panic::AssertUnwindSafe;
use std::pin::pin;

use steadfast::{State, registry, resilient};
use steadfast_tests::{Dependency, Failure, TRANSIENT, apart, ms, poll_once, secs, site};
use tokio::time::{Instant, advance};

use super::{bulkhead_full, guarded, is_limited, rate_limited, spawn};

#[resilient(
    name = "refusals",
    breaker(name = "refusals", failures = 1, slow_call = "1s"),
    rate_limit(name = "refusals", max = 3, per = "30s", burst = 1, wait = "20s"),
    bulkhead(name = "refusals", max = 1, wait = "20s")
)]
async fn guarded(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

fn left() -> (u64, u32, u32) {
    let places = registry().bulkhead("refusals").status();
    let limit = registry().rate_limit("refusals");
    (limit.status().left, places.active, places.waiting)
}

// 2. Refusals by our own guards are never failures of the breaker.
#[tokio::test(start_paused = true)]
async fn refusals_by_a_limit_or_a_bulkhead_are_no_failures_of_the_breaker() {
    let limited = guarded!(
        breaker(name = "refusals"),
        rate_limit(name = "refusals.none", max = 1, per = "1h")
    );
    let crowded = guarded!(
        breaker(name = "refusals"),
        bulkhead(name = "refusals", wait = "1s")
    );
    apart(async {
        let dependency = Dependency::playing("");
        limited(&dependency).await.unwrap();
        let _place = registry().bulkhead("refusals").try_enter().unwrap();
        for _ in 0..10 {
            assert!(is_limited(&limited(&dependency).await));
            assert_eq!(
                crowded(&dependency).await,
                Err(bulkhead_full("refusals", 1))
            );
        }
        let status = registry().breaker("refusals").status();
        assert_eq!((status.state, status.failures), (State::Closed, 0));
        assert_eq!(status.calls, 1, "nor are they calls at all");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn refused_calls_are_counted_as_rejected() {
    apart(async {
        let _place = registry().bulkhead("refusals").try_enter().unwrap();
        guarded(&Dependency::playing("")).await.unwrap_err();
        assert_eq!(site("refusals").calls().rejected, 1);
    })
    .await;
}

// 2. Unless `retry.on` says `rejected`, they are not retried.
#[tokio::test(start_paused = true)]
async fn refusals_are_not_retried() {
    let limited = guarded!(
        rate_limit(name = "refusals.once", max = 1, per = "1s"),
        retry(max = 5, base = "1s", jitter = "none")
    );
    let crowded = guarded!(
        bulkhead(name = "refusals.full", max = 1, wait = "0s"),
        retry(max = 5, base = "1s", jitter = "none")
    );
    apart(async {
        let _place = registry().bulkhead("refusals.full").try_enter().unwrap();
        let dependency = Dependency::playing("");
        limited(&dependency).await.unwrap();
        let began = Instant::now();
        assert!(is_limited(&limited(&dependency).await));
        crowded(&dependency).await.unwrap_err();
        assert_eq!((began.elapsed(), dependency.runs()), (secs(0), 1));
    })
    .await;
}

// 2. Where it says so, the pause is at least the rejection's `retry_in`.
#[tokio::test(start_paused = true)]
async fn a_retried_refusal_pauses_until_the_token_is_there() {
    let limited = guarded!(
        rate_limit(name = "refusals.retried", max = 1, per = "7s"),
        retry(max = 2, base = "1s", jitter = "none", on(rejected))
    );
    let crowded = guarded!(
        bulkhead(name = "refusals.retried", max = 1, wait = "0s"),
        retry(max = 3, base = "1s", jitter = "none", on(rejected))
    );
    apart(async {
        let dependency = Dependency::playing("");
        limited(&dependency).await.unwrap();
        assert_eq!(limited(&dependency).await, Ok(2));
        assert_eq!(dependency.starts(), [secs(0), secs(7)]);

        let place = registry().bulkhead("refusals.retried").try_enter().unwrap();
        let (result, ()) = tokio::join!(crowded(&dependency), async {
            tokio::time::sleep(ms(2500)).await;
            drop(place);
        });
        assert_eq!((result, dependency.starts()[2]), (Ok(3), secs(10)));
    })
    .await;
}

// 3. Slowness runs from the body's start, waits for guards excluded; so does `timeout`.
#[tokio::test(start_paused = true)]
async fn waits_for_guards_are_no_part_of_slowness_or_timeout() {
    let call = guarded!(
        breaker(name = "refusals", slow_call = "1s"),
        rate_limit(name = "refusals", wait = "20s"),
        bulkhead(name = "refusals", wait = "20s"),
        timeout = "1s"
    );
    apart(async {
        registry().rate_limit("refusals").try_acquire().unwrap();
        let place = registry().bulkhead("refusals").try_enter().unwrap();
        let dependency = Dependency::playing("").taking(ms(900));
        let began = Instant::now();
        let (result, ()) = tokio::join!(call(&dependency), async {
            tokio::time::sleep(secs(15)).await;
            drop(place);
        });
        assert_eq!((result, began.elapsed()), (Ok(1), ms(15_900)));
        let status = registry().breaker("refusals").status();
        assert_eq!((status.calls, status.slow_rate), (1, Some(0.0)));
    })
    .await;
}

// 3. A call dropped by its caller counts as nothing and gives its places back.
#[tokio::test(start_paused = true)]
async fn a_call_dropped_while_it_waits_for_a_token_gives_its_turn_back() {
    apart(async {
        registry().rate_limit("refusals").try_acquire().unwrap();
        {
            let dependency = Dependency::playing("");
            let mut dropped = pin!(guarded(&dependency));
            assert!(poll_once(dropped.as_mut()).is_pending());
            let refused = registry().rate_limit("refusals").try_acquire();
            assert_eq!(refused.unwrap_err().retry_in(), Some(secs(20)));
        }
        let refused = registry().rate_limit("refusals").try_acquire();
        assert_eq!(refused.unwrap_err().retry_in(), Some(secs(10)));
    })
    .await;
}

// 3. A token comes back only if the body was never polled: here it never was.
#[tokio::test(start_paused = true)]
async fn a_call_dropped_while_it_waits_for_a_place_gives_its_token_back() {
    apart(async {
        let place = registry().bulkhead("refusals").try_enter().unwrap();
        {
            let dependency = Dependency::playing("");
            let mut dropped = pin!(guarded(&dependency));
            assert!(poll_once(dropped.as_mut()).is_pending());
            assert_eq!(left(), (0, 1, 1));
        }
        assert_eq!(left(), (1, 1, 0));
        drop(place);
        assert_eq!(left(), (1, 0, 0));
    })
    .await;
}

// 3. A token comes back only if the body was never polled: here it was.
#[tokio::test(start_paused = true)]
async fn a_call_dropped_in_its_body_gives_its_place_back_but_not_its_token() {
    apart(async {
        let dependency = Dependency::playing("H");
        {
            let mut dropped = pin!(guarded(&dependency));
            assert!(poll_once(dropped.as_mut()).is_pending());
            assert_eq!(left(), (0, 1, 0));
        }
        assert_eq!((left(), dependency.dropped()), ((0, 0, 0), 1));
        let status = registry().breaker("refusals").status();
        assert_eq!((status.calls, status.failures), (0, 0));
    })
    .await;
}

// 3. The same for the second attempt, whose token is its own.
#[tokio::test(start_paused = true)]
async fn a_call_dropped_before_its_second_attempt_ran_gives_the_second_token_back() {
    let call = guarded!(
        rate_limit(name = "refusals.second", max = 5, per = "1h"),
        bulkhead(name = "refusals.second", max = 1, wait = "1m"),
        retry(max = 2, base = "1s", jitter = "none")
    );
    apart(async {
        let dependency = std::sync::Arc::new(Dependency::playing("F"));
        let limit = registry().rate_limit("refusals.second");
        let shared = dependency.clone();
        let task = spawn(async move { call(&shared).await });
        tokio::time::sleep(ms(500)).await;
        assert_eq!(limit.status().left, 4);
        let _place = registry().bulkhead("refusals.second").try_enter().unwrap();
        tokio::time::sleep(secs(1)).await;
        assert_eq!(limit.status().left, 3);
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!((limit.status().left, dependency.runs()), (4, 1));
    })
    .await;
}

// 3. A panic counts as a failure and goes on unwinding, and leaves the place.
#[tokio::test(start_paused = true)]
async fn a_panic_leaves_its_place_and_spends_its_token() {
    apart(async {
        let dependency = std::sync::Arc::new(AssertUnwindSafe(Dependency::playing("!")));
        let task = spawn(async move { guarded(&dependency).await });
        assert!(task.await.unwrap_err().is_panic());
        assert_eq!(left(), (0, 0, 0));
        assert_eq!(registry().breaker("refusals").state(), State::Open);
    })
    .await;
}

// 5 of the contract: names, limits, statuses and headers of refusals.
#[test]
fn refusals_say_what_refused_them_and_which_status_they_are() {
    let Failure::Rejected(limited) = rate_limited("openai", secs(7)) else {
        unreachable!()
    };
    assert_eq!(
        (limited.http_status(), limited.retry_in()),
        (429, Some(secs(7)))
    );
    assert!(limited.to_string().contains("openai"), "{limited}");
    let Failure::Rejected(full) = bulkhead_full("db", 10) else {
        unreachable!()
    };
    assert_eq!((full.http_status(), full.retry_in()), (503, None));
    assert!(full.to_string().contains("db"), "{full}");
}

// A failed body leaves its place at once, for the next.
#[tokio::test(start_paused = true)]
async fn a_body_that_fails_leaves_its_place() {
    apart(async {
        let dependency = Dependency::playing("F");
        assert_eq!(guarded(&dependency).await, Err(TRANSIENT));
        assert_eq!(left(), (0, 0, 0));
        advance(secs(10)).await;
        assert_eq!(left(), (1, 0, 0));
    })
    .await;
}
