//! 6: waits for tokens within deadlines, and the limits of bodies that had to wait.

use std::pin::pin;

use steadfast::{Rejection, registry, resilient};
use steadfast_tests::{Dependency, Failure, TRANSIENT, apart, ms, pass, poll_once, secs};
use tokio::time::{Instant, advance};

use super::{cut, guarded, rate_limited};

// 6. A wait that would outlast the deadline … 10 of the contract: is `RateLimited` at once.
#[tokio::test(start_paused = true)]
async fn a_wait_that_would_outlast_the_deadline_is_rate_limited_at_once() {
    let call = guarded!(
        rate_limit(name = "waits.deadline", max = 1, per = "3s", wait = "2s"),
        retry(max = 2, base = "1s", jitter = "none"),
        deadline = "2s"
    );
    apart(async {
        let dependency = Dependency::playing("F");
        let began = Instant::now();
        // The second attempt begins at 1 s; the token comes at 3 s.
        let refused = Err(rate_limited("waits.deadline", secs(2)));
        assert_eq!(call(&dependency).await, refused);
        assert_eq!((began.elapsed(), dependency.runs()), (secs(1), 1));
        advance(secs(2)).await;
        assert_eq!(call(&dependency).await, Ok(2));
    })
    .await;
}

// The deadline counts waits, and a wait that ends before it is waited.
#[tokio::test(start_paused = true)]
async fn the_deadline_runs_through_waits() {
    let call = guarded!(
        rate_limit(name = "waits.within", max = 1, per = "1s", wait = "2s"),
        deadline = "2s"
    );
    apart(async {
        let dependency = Dependency::playing("SH");
        call(&dependency).await.unwrap();
        let began = Instant::now();
        assert_eq!(call(&dependency).await, Err(cut(secs(2))));
        assert_eq!(began.elapsed(), secs(2));
        assert_eq!(dependency.starts(), [secs(0), secs(1)]);
    })
    .await;
}

// 6. The same where the token would come with the deadline itself, as for pauses.
#[tokio::test(start_paused = true)]
async fn a_token_that_would_come_with_the_deadline_itself_is_not_waited_for() {
    let call = guarded!(
        rate_limit(name = "waits.itself", max = 1, per = "2s", wait = "2s"),
        deadline = "2s"
    );
    apart(async {
        let dependency = Dependency::playing("");
        call(&dependency).await.unwrap();
        let began = Instant::now();
        let refused = Err(rate_limited("waits.itself", secs(2)));
        assert_eq!(call(&dependency).await, refused);
        assert_eq!(began.elapsed(), secs(0));
        advance(ms(1)).await;
        assert_eq!(call(&dependency).await, Ok(2));
    })
    .await;
}

// 6, for a runtime too busy to look in time: no body begins once the deadline is over.
#[tokio::test(start_paused = true)]
async fn a_turn_that_is_taken_up_too_late_begins_no_body() {
    let limited = guarded!(
        breaker(name = "waits.late", failures = 1),
        rate_limit(name = "waits.late", max = 1, per = "1s", wait = "2s"),
        deadline = "2s"
    );
    let crowded = guarded!(
        breaker(name = "waits.late"),
        bulkhead(name = "waits.late", max = 1, wait = "2s"),
        deadline = "2s"
    );
    apart(async {
        let dependency = Dependency::playing("SH");
        limited(&dependency).await.unwrap();
        let place = registry().bulkhead("waits.late").try_enter().unwrap();
        let mut for_token = pin!(limited(&dependency));
        let mut for_place = pin!(crowded(&dependency));
        assert!(poll_once(for_token.as_mut()).is_pending());
        assert!(poll_once(for_place.as_mut()).is_pending());
        pass(secs(2));
        drop(place);
        assert_eq!(for_token.await, Err(cut(secs(2))));
        assert_eq!(for_place.await, Err(cut(secs(2))));
        assert_eq!(dependency.runs(), 1);
        assert_eq!(registry().breaker("waits.late").status().failures, 0);
        assert_eq!(registry().rate_limit("waits.late").status().left, 1);
        assert_eq!(registry().bulkhead("waits.late").status().active, 0);
    })
    .await;
}

// 3. What an attempt waited with is not what cuts its body: each has its limits, whole.
#[tokio::test(start_paused = true)]
async fn a_body_that_had_to_wait_has_its_timeout_and_its_deadline() {
    let timed = guarded!(
        rate_limit(name = "waits.body", max = 1, per = "1s", wait = "1m"),
        timeout = "3s"
    );
    let ended = guarded!(
        rate_limit(name = "waits.body", wait = "1m"),
        deadline = "1m"
    );
    apart(async {
        let dependency = Dependency::playing("SHH");
        timed(&dependency).await.unwrap();
        let began = Instant::now();
        let both = async {
            tokio::join!(
                async { (timed(&dependency).await, began.elapsed()) },
                async { (ended(&dependency).await, began.elapsed()) },
            )
        };
        let both = tokio::time::timeout(secs(600), both).await;
        let (timed, ended) = both.expect("no body is left without its limits");
        let timeout = Rejection::Timeout { limit: secs(3) };
        assert_eq!(timed, (Err(timeout.into()), secs(4)));
        assert_eq!(ended, (Err(cut(secs(60))), secs(60)));
        assert_eq!(dependency.starts(), [secs(0), secs(1), secs(2)]);
    })
    .await;
}

// The same for the deadline of a call around.
#[tokio::test(start_paused = true)]
async fn a_wait_that_would_outlast_an_outer_deadline_is_rate_limited_at_once() {
    #[resilient(deadline = "500ms")]
    async fn outer(dependency: &Dependency) -> Result<usize, Failure> {
        inner(dependency).await
    }

    #[resilient(rate_limit(name = "waits.outer", max = 1, per = "1s", wait = "1m"))]
    async fn inner(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        let dependency = Dependency::playing("");
        inner(&dependency).await.unwrap();
        let began = Instant::now();
        let refused = Err(rate_limited("waits.outer", secs(1)));
        assert_eq!(outer(&dependency).await, refused);
        advance(ms(501)).await;
        assert_eq!(outer(&dependency).await, Ok(2));
        assert_eq!(began.elapsed(), secs(1));
    })
    .await;
}

// Handles wait likewise: for as long as it takes, but not past the deadline of the call around.
#[tokio::test(start_paused = true)]
async fn a_handle_waits_as_long_as_it_takes_but_not_past_the_deadline_around() {
    #[resilient(deadline = "5s")]
    async fn around() -> Result<(), Failure> {
        let limit = registry().rate_limit("waits.handle");
        while limit.status().left > 0 {
            limit.acquire().await?;
        }
        limit.acquire().await?;
        Err(TRANSIENT)
    }

    let _declared = guarded!(rate_limit(name = "waits.handle", max = 1, per = "10s"));
    apart(async {
        let began = Instant::now();
        let refused = Err(rate_limited("waits.handle", secs(10)));
        assert_eq!(around().await, refused);
        assert_eq!(began.elapsed(), secs(0));
        let limit = registry().rate_limit("waits.handle");
        let (one, two) = tokio::join!(limit.acquire(), limit.acquire());
        assert_eq!((one, two, began.elapsed()), (Ok(()), Ok(()), secs(20)));
    })
    .await;
}
