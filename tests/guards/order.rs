//! 1: is the breaker open? → rate limit → bulkhead → the breaker admits.

use std::pin::pin;

use steadfast::{State, registry, resilient};
use steadfast_tests::{Dependency, Failure, apart, is_open, ms, poll_once, secs};
use tokio::time::{Instant, advance, sleep};

use super::{bulkhead_full, guarded, is_limited, rate_limited};

#[resilient(
    breaker(name = "order", failures = 1, recovery = "10s", half_open = 1),
    rate_limit(name = "order", max = 2, per = "1h", wait = "1h"),
    bulkhead(name = "order", max = 1, wait = "1h")
)]
async fn guarded(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

fn tokens_left() -> u64 {
    registry().rate_limit("order").status().left
}

fn places_taken() -> u32 {
    registry().bulkhead("order").status().active
}

// 1. An open breaker refuses at once: no token spent.
#[tokio::test(start_paused = true)]
async fn an_open_breaker_refuses_without_spending_a_token() {
    apart(async {
        registry().breaker("order").force_open();
        for _ in 0..10 {
            assert!(is_open(&guarded(&Dependency::playing("")).await));
        }
        assert_eq!(tokens_left(), 2);
    })
    .await;
}

// 1. An open breaker refuses at once: no place taken.
#[tokio::test(start_paused = true)]
async fn an_open_breaker_refuses_without_taking_a_place() {
    apart(async {
        let breaker = registry().breaker("order");
        let dependency = Dependency::playing("HS");
        let mut inside = pin!(guarded(&dependency));
        assert!(poll_once(inside.as_mut()).is_pending());
        breaker.force_open();
        // Full, and yet it is the breaker that refuses.
        assert!(is_open(&guarded(&dependency).await));
        let status = registry().bulkhead("order").status();
        assert_eq!((status.active, status.waiting), (1, 0));
    })
    .await;
}

// 1. An open breaker refuses at once: nothing awaited.
#[tokio::test(start_paused = true)]
async fn an_open_breaker_refuses_before_any_wait() {
    apart(async {
        let limit = registry().rate_limit("order");
        limit.try_acquire().unwrap();
        limit.try_acquire().unwrap();
        let _place = registry().bulkhead("order").try_enter().unwrap();
        registry().breaker("order").force_open();
        let dependency = Dependency::playing("");
        let mut refused = pin!(guarded(&dependency));
        assert!(poll_once(refused.as_mut()).is_ready());
    })
    .await;
}

// The order: the limit is asked before the bulkhead.
#[tokio::test(start_paused = true)]
async fn the_rate_limit_is_asked_before_the_bulkhead() {
    let call = guarded!(
        rate_limit(name = "order.first", max = 1, per = "1m"),
        bulkhead(name = "order.second", max = 1, wait = "0s")
    );
    apart(async {
        let _place = registry().bulkhead("order.second").try_enter().unwrap();
        registry().rate_limit("order.first").try_acquire().unwrap();
        let refused = Err(rate_limited("order.first", secs(60)));
        assert_eq!(call(&Dependency::playing("")).await, refused);
    })
    .await;
}

// 1. After any wait the breaker is asked again: a wait for a token.
#[tokio::test(start_paused = true)]
async fn a_call_that_waited_for_a_token_asks_the_breaker_again() {
    apart(async {
        let limit = registry().rate_limit("order");
        let dependency = Dependency::playing("");
        limit.try_acquire().unwrap();
        limit.try_acquire().unwrap();
        let mut waiting = pin!(guarded(&dependency));
        assert!(poll_once(waiting.as_mut()).is_pending());
        registry().breaker("order").force_open();
        assert!(is_open(&waiting.await));
        assert_eq!(dependency.runs(), 0);
        // What it waited for is there for the next.
        advance(secs(1800)).await;
        assert_eq!(tokens_left(), 1);
    })
    .await;
}

// 1. After any wait the breaker is asked again: a wait for a place.
#[tokio::test(start_paused = true)]
async fn a_call_that_waited_for_a_place_asks_the_breaker_again() {
    apart(async {
        let dependency = Dependency::playing("");
        let place = registry().bulkhead("order").try_enter().unwrap();
        let mut waiting = pin!(guarded(&dependency));
        assert!(poll_once(waiting.as_mut()).is_pending());
        registry().breaker("order").force_open();
        drop(place);
        assert!(is_open(&waiting.await));
        assert_eq!(
            (dependency.runs(), tokens_left(), places_taken()),
            (0, 2, 0)
        );
    })
    .await;
}

/// Makes the breaker half-open.
async fn half_open() {
    let breaker = registry().breaker("order");
    breaker.admit().unwrap().failure();
    advance(secs(10)).await;
    assert_eq!(breaker.state(), State::HalfOpen);
}

// 1. A probe's place is taken last: after the token.
#[tokio::test(start_paused = true)]
async fn neither_a_rate_limited_call_nor_one_that_waits_for_a_token_takes_a_probes_place() {
    let call = guarded!(
        breaker(
            name = "order",
            failures = 1,
            recovery = "10s",
            half_open = 1
        ),
        rate_limit(name = "order.none", max = 1, per = "1h")
    );
    apart(async {
        half_open().await;
        registry().rate_limit("order.none").try_acquire().unwrap();
        let limit = registry().rate_limit("order");
        limit.try_acquire().unwrap();
        limit.try_acquire().unwrap();
        let dependency = Dependency::playing("");
        assert!(is_limited(&call(&dependency).await));
        let mut waiting = pin!(guarded(&dependency));
        assert!(poll_once(waiting.as_mut()).is_pending());
        let probe = registry().breaker("order").admit();
        assert!(probe.is_ok(), "the only place is free: {probe:?}");
    })
    .await;
}

// 1. A probe's place is taken last: after the place in the bulkhead.
#[tokio::test(start_paused = true)]
async fn neither_a_call_at_a_full_bulkhead_nor_one_that_waits_there_takes_a_probes_place() {
    let call = guarded!(
        breaker(
            name = "order",
            failures = 1,
            recovery = "10s",
            half_open = 1
        ),
        bulkhead(name = "order", wait = "0s")
    );
    apart(async {
        half_open().await;
        let _place = registry().bulkhead("order").try_enter().unwrap();
        let dependency = Dependency::playing("");
        let refused = Err(bulkhead_full("order", 1));
        assert_eq!(call(&dependency).await, refused);
        let mut waiting = pin!(guarded(&dependency));
        assert!(poll_once(waiting.as_mut()).is_pending());
        let probe = registry().breaker("order").admit();
        assert!(probe.is_ok(), "the only place is free: {probe:?}");
    })
    .await;
}

// 1. What a later guard refuses, earlier ones get back: the token, from a full bulkhead.
#[tokio::test(start_paused = true)]
async fn a_call_that_meets_a_full_bulkhead_gives_its_token_back() {
    for algorithm in ["token_bucket", "sliding_window"] {
        apart(async {
            let bucket = guarded!(
                rate_limit(name = "order.bucket", max = 3),
                bulkhead(name = "order.full", max = 1, wait = "0s")
            );
            let window = guarded!(
                rate_limit(name = "order.window", max = 3, algorithm = "sliding_window"),
                bulkhead(name = "order.full", max = 1, wait = "0s")
            );
            let _place = registry().bulkhead("order.full").try_enter().unwrap();
            let dependency = Dependency::playing("");
            let (result, limit) = match algorithm {
                "token_bucket" => (bucket(&dependency).await, "order.bucket"),
                _ => (window(&dependency).await, "order.window"),
            };
            assert_eq!(result, Err(bulkhead_full("order.full", 1)));
            assert_eq!(registry().rate_limit(limit).status().left, 3);
        })
        .await;
    }
}

// 1. The same for a call that waited for a place in vain.
#[tokio::test(start_paused = true)]
async fn a_call_that_waited_for_a_place_in_vain_gives_its_token_back() {
    apart(async {
        let _place = registry().bulkhead("order").try_enter().unwrap();
        let refused = Err(bulkhead_full("order", 1));
        assert_eq!(guarded(&Dependency::playing("")).await, refused);
        assert_eq!(tokens_left(), 2);
    })
    .await;
}

// 1. What a later guard refuses, earlier ones get back: all, where the breaker has no place left.
#[tokio::test(start_paused = true)]
async fn a_call_that_finds_no_probes_place_gives_token_and_place_back() {
    apart(async {
        half_open().await;
        let _probe = registry().breaker("order").admit().unwrap();
        assert!(is_open(&guarded(&Dependency::playing("")).await));
        assert_eq!((tokens_left(), places_taken()), (2, 0));
    })
    .await;
}

// 1. A token that comes back is there for who waits for it.
#[tokio::test(start_paused = true)]
async fn a_token_that_comes_back_goes_to_the_first_who_waits() {
    let call = guarded!(
        rate_limit(name = "order.back", max = 1, per = "1h", wait = "2h"),
        bulkhead(name = "order.back", max = 1, wait = "1s")
    );
    apart(async {
        let place = registry().bulkhead("order.back").try_enter().unwrap();
        let dependency = Dependency::playing("");
        let began = Instant::now();
        // The first holds the only token and waits for a place, the second for the token.
        let (first, second, ()) = tokio::join!(
            call(&dependency),
            async { (call(&dependency).await, began.elapsed()) },
            async {
                sleep(ms(1500)).await;
                drop(place);
            }
        );
        assert_eq!(first, Err(bulkhead_full("order.back", 1)));
        assert_eq!(second, (Ok(1), ms(1500)));
    })
    .await;
}
