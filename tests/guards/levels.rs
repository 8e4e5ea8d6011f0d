//! The picture of section 3: guards at "call" are around the retry, at "attempt" inside it.

use std::time::Duration;

use steadfast::registry;
use steadfast_tests::{Dependency, TRANSIENT, apart, is_open, ms, secs};
use tokio::time::{Instant, sleep};

use super::{bulkhead_full, guarded, rate_limited};

#[tokio::test(start_paused = true)]
async fn a_limit_at_attempt_takes_a_token_for_each_attempt() {
    let call = guarded!(
        rate_limit(name = "levels.attempt", max = 10, per = "1h"),
        retry(max = 4, base = "1s", jitter = "none")
    );
    apart(async {
        call(&Dependency::playing("FFF")).await.unwrap();
        let limit = registry().rate_limit("levels.attempt");
        assert_eq!(limit.status().used, 4);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_limit_at_call_takes_one_token_for_all_attempts() {
    let call = guarded!(
        rate_limit(name = "levels.call", max = 10, per = "1h", guards = "call"),
        retry(max = 4, base = "1s", jitter = "none")
    );
    apart(async {
        call(&Dependency::playing("FFF")).await.unwrap();
        assert_eq!(call(&Dependency::playing("FFFF")).await, Err(TRANSIENT));
        let limit = registry().rate_limit("levels.call");
        assert_eq!(limit.status().used, 2);
    })
    .await;
}

// An attempt that the limit refuses ends the call with that rejection (6).
#[tokio::test(start_paused = true)]
async fn a_later_attempt_without_a_token_is_the_calls_result() {
    let call = guarded!(
        rate_limit(name = "levels.refused", max = 2, per = "20s"),
        retry(max = 4, base = "1s", factor = 1.0, jitter = "none")
    );
    apart(async {
        let dependency = Dependency::playing("FFF");
        let began = Instant::now();
        // Two tokens at once, the next 10 s after the first; the third attempt comes at 2 s.
        let refused = Err(rate_limited("levels.refused", secs(8)));
        assert_eq!(call(&dependency).await, refused);
        assert_eq!((dependency.runs(), began.elapsed()), (2, secs(2)));
    })
    .await;
}

/// Whether another call finds the only place free while one is in its pause, and when that one is
/// over.
async fn free_in_pause(
    name: &str,
    call: impl Future<Output = Result<usize, steadfast_tests::Failure>>,
) -> (bool, bool, Duration) {
    let began = Instant::now();
    let bulkhead = registry().bulkhead(name);
    let mut free = false;
    let (result, ()) = tokio::join!(call, async {
        sleep(ms(500)).await;
        free = bulkhead.try_enter().is_ok();
    });
    result.unwrap();
    (free, bulkhead.try_enter().is_ok(), began.elapsed())
}

// 2 of the contract, `bulkhead.guards`: the place is free during backoff …
#[tokio::test(start_paused = true)]
async fn a_place_at_attempt_is_free_during_backoff() {
    let call = guarded!(
        bulkhead(name = "levels.free", max = 1),
        retry(max = 2, base = "1s", jitter = "none")
    );
    apart(async {
        let dependency = Dependency::playing("F");
        let seen = free_in_pause("levels.free", call(&dependency)).await;
        assert_eq!(seen, (true, true, secs(1)));
    })
    .await;
}

// … or held.
#[tokio::test(start_paused = true)]
async fn a_place_at_call_is_held_through_backoff() {
    let call = guarded!(
        bulkhead(name = "levels.held", max = 1, guards = "call"),
        retry(max = 2, base = "1s", jitter = "none")
    );
    apart(async {
        let dependency = Dependency::playing("F");
        let seen = free_in_pause("levels.held", call(&dependency)).await;
        assert_eq!(seen, (false, true, secs(1)));
    })
    .await;
}

// Which call gets the place that is free during backoff: whoever asks first.
#[tokio::test(start_paused = true)]
async fn an_attempt_waits_for_the_place_that_another_took_in_its_pause() {
    let call = guarded!(
        bulkhead(name = "levels.taken", max = 1, wait = "5s"),
        retry(max = 2, base = "1s", jitter = "none")
    );
    apart(async {
        let dependency = Dependency::playing("F");
        let began = Instant::now();
        let (result, ()) = tokio::join!(call(&dependency), async {
            sleep(ms(500)).await;
            let place = registry().bulkhead("levels.taken").try_enter().unwrap();
            sleep(secs(3)).await;
            drop(place);
        });
        assert_eq!((result, began.elapsed()), (Ok(2), ms(3500)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn guards_at_call_are_asked_before_those_at_attempt() {
    let call = guarded!(
        rate_limit(name = "levels.later", max = 1, per = "1h"),
        bulkhead(name = "levels.first", max = 1, wait = "0s", guards = "call")
    );
    apart(async {
        let _place = registry().bulkhead("levels.first").try_enter().unwrap();
        registry().rate_limit("levels.later").try_acquire().unwrap();
        let refused = Err(bulkhead_full("levels.first", 1));
        assert_eq!(call(&Dependency::playing("")).await, refused);
    })
    .await;
}

// 2 of the contract: `guards` and `wait` belong to the call, the tokens to the named limit.
#[tokio::test(start_paused = true)]
async fn two_calls_may_share_a_limit_at_different_levels() {
    let around = guarded!(
        rate_limit(
            name = "levels.shared",
            max = 10,
            per = "1h",
            guards = "call"
        ),
        retry(max = 2, base = "0s")
    );
    let inside = guarded!(rate_limit = "levels.shared", retry(max = 2, base = "0s"));
    apart(async {
        let limit = registry().rate_limit("levels.shared");
        around(&Dependency::playing("F")).await.unwrap();
        assert_eq!(limit.status().used, 1);
        inside(&Dependency::playing("F")).await.unwrap();
        assert_eq!(limit.status().used, 3);
    })
    .await;
}

// 10 of the contract: at `guards = "call"`, a call that ends in our own refusal is no failure of
// that breaker.
#[tokio::test(start_paused = true)]
async fn a_call_that_ends_in_our_refusal_is_no_failure_of_the_breaker_around_it() {
    let limited = guarded!(
        breaker(name = "levels.around", failures = 1, guards = "call"),
        rate_limit(name = "levels.inner", max = 1, per = "1h"),
        retry(max = 3, base = "1s")
    );
    let crowded = guarded!(
        breaker(name = "levels.around", guards = "call"),
        bulkhead(name = "levels.inner", max = 1, wait = "1s"),
        retry(max = 3, base = "1s")
    );
    apart(async {
        let breaker = registry().breaker("levels.around");
        // The first attempt fails, the second is refused: the refusal is the result.
        let refused = limited(&Dependency::playing("FF")).await;
        assert!(super::is_limited(&refused), "{refused:?}");
        let _place = registry().bulkhead("levels.inner").try_enter().unwrap();
        let refused = Err(bulkhead_full("levels.inner", 1));
        assert_eq!(crowded(&Dependency::playing("")).await, refused);
        assert_eq!(breaker.status().failures, 0);
        assert!(!is_open(&crowded(&Dependency::playing("")).await));
    })
    .await;
}
