//! Waiting for a token: first come first served, never in vain.

use std::pin::pin;
use std::sync::Arc;

use steadfast::{Rejection, registry};
use steadfast_tests::{Dependency, apart, ms, pass, poll_once, secs};
use tokio::time::{Instant, advance, sleep};

use super::{crowd, guarded, rate_limited, spawn};

// 2 of the contract: a wait that cannot end in time is refused at once and spends nothing.
#[tokio::test(start_paused = true)]
async fn a_wait_that_can_not_end_in_time_is_refused_at_once_and_spends_nothing() {
    let call = guarded!(rate_limit(
        name = "waits.time",
        max = 1,
        per = "1s",
        wait = "2s"
    ));
    apart(async {
        let began = Instant::now();
        let dependency = Arc::new(Dependency::playing(""));
        let calls = (0..5).map(|_| {
            let dependency = dependency.clone();
            async move { (call(&dependency).await, began.elapsed()) }
        });
        let refused = || Err(rate_limited("waits.time", secs(3)));
        assert_eq!(
            crowd(calls).await,
            [
                (Ok(1), secs(0)),
                (Ok(2), secs(1)),
                (Ok(3), secs(2)),
                (refused(), secs(0)),
                (refused(), secs(0)),
            ]
        );
        // Those refused spent nothing: at 3 s there is a token.
        advance(secs(1)).await;
        let limit = registry().rate_limit("waits.time");
        assert_eq!(limit.status().left, 1);
    })
    .await;
}

// 2 of the contract: the default of `wait`: no call waits.
#[tokio::test(start_paused = true)]
async fn without_a_wait_a_call_is_refused_at_once() {
    let call = guarded!(rate_limit(name = "waits.none", max = 1, per = "1s"));
    apart(async {
        call(&Dependency::playing("")).await.unwrap();
        let began = Instant::now();
        let refused = Err(rate_limited("waits.none", secs(1)));
        assert_eq!(call(&Dependency::playing("")).await, refused);
        assert_eq!(began.elapsed(), secs(0));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_does_not_overtake_those_who_wait() {
    let call = guarded!(rate_limit(
        name = "waits.order",
        max = 1,
        per = "1s",
        wait = "5s"
    ));
    apart(async {
        let dependency = Dependency::playing("");
        call(&dependency).await.unwrap();
        let mut first = pin!(call(&dependency));
        assert!(poll_once(first.as_mut()).is_pending());
        advance(ms(1500)).await;
        // There is a token, but it is the first one's, who was not polled yet.
        let limit = registry().rate_limit("waits.order");
        assert!(limit.try_acquire().is_err());
        let mut second = pin!(call(&dependency));
        assert!(poll_once(second.as_mut()).is_pending());
        assert_eq!(first.await, Ok(2));
        assert_eq!(second.await, Ok(3));
        assert_eq!(dependency.starts()[1..], [ms(1500), ms(2500)]);
    })
    .await;
}

// 2 of the contract: refused is only a wait that cannot end in time. Tokens that those in front
// have not taken yet are not lost to who stands behind them.
#[tokio::test(start_paused = true)]
async fn who_waits_behind_others_is_promised_the_tokens_that_they_leave() {
    let call = guarded!(rate_limit(
        name = "waits.behind",
        max = 10,
        per = "1s",
        wait = "250ms"
    ));
    apart(async {
        let limit = registry().rate_limit("waits.behind");
        while limit.try_acquire().is_ok() {}
        let dependency = Dependency::playing("");
        let (mut first, mut second) = (pin!(call(&dependency)), pin!(call(&dependency)));
        for waiting in [&mut first, &mut second] {
            assert!(poll_once(waiting.as_mut()).is_pending());
        }
        // Ten tokens are there when the two have not looked yet.
        pass(secs(1));
        let mut others: Vec<_> = (0..10).map(|_| Box::pin(call(&dependency))).collect();
        for other in &mut others {
            assert!(poll_once(other.as_mut()).is_pending());
        }
        let began = Instant::now();
        let refused = Err(rate_limited("waits.behind", ms(300)));
        assert_eq!(call(&dependency).await, refused);
        first.await.unwrap();
        second.await.unwrap();
        for (place, other) in others.into_iter().enumerate() {
            other.await.unwrap();
            let late = u32::try_from(place.saturating_sub(7)).unwrap();
            assert_eq!(began.elapsed(), ms(100) * late);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_gives_its_turn_to_the_next() {
    let call = guarded!(rate_limit(
        name = "waits.leaver",
        max = 1,
        per = "1s",
        wait = "5s"
    ));
    apart(async {
        let dependency = Arc::new(Dependency::playing(""));
        call(&dependency).await.unwrap();
        let calls: Vec<_> = (0..4)
            .map(|_| {
                let dependency = dependency.clone();
                spawn(async move { call(&dependency).await })
            })
            .collect();
        sleep(ms(500)).await;
        calls[0].abort(); // the first in the queue
        calls[2].abort(); // and one in its midst
        let mut results = Vec::new();
        for call in calls {
            results.push(call.await.ok());
        }
        assert_eq!(results, [None, Some(Ok(2)), None, Some(Ok(3))]);
        assert_eq!(dependency.starts()[1..], [secs(1), secs(2)]);
    })
    .await;
}

// Waits park nobody: others run meanwhile, and each key has a queue of its own.
#[tokio::test(start_paused = true)]
async fn who_waits_for_one_key_is_not_in_the_way_of_another() {
    let _declared = guarded!(rate_limit(name = "waits.keys", max = 1, per = "10s"));
    apart(async {
        let limit = registry().rate_limit("waits.keys");
        limit.acquire_for("busy").await.unwrap();
        let mut waiting = pin!(limit.acquire_for("busy"));
        assert!(poll_once(waiting.as_mut()).is_pending());
        let began = Instant::now();
        limit.acquire_for("idle").await.unwrap();
        assert_eq!(began.elapsed(), secs(0));
        let refused = limit.try_acquire_for("busy").unwrap_err();
        assert_eq!(refused.retry_in(), Some(secs(20)));
        assert!(matches!(refused, Rejection::RateLimited { .. }));
        waiting.await.unwrap();
        assert_eq!(began.elapsed(), secs(10));
    })
    .await;
}
