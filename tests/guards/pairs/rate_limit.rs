//! A rate limit with each other policy; with a breaker in `breaker.rs`.

use steadfast::registry;
use steadfast_tests::{Dependency, Failure, TRANSIENT, apart, secs};
use tokio::time::{Instant, advance};

use super::{guarded, is_limited, told};
use crate::guards::{bulkhead_full, cut, rate_limited};

macro_rules! with_bulkhead {
    ($test:ident, $name:literal, $limit:tt, $bulkhead:tt) => {
        #[tokio::test(start_paused = true)]
        async fn $test() {
            let call = guarded!(
                rate_limit(name = $name, max = 1, per = "1h", guards = $limit),
                bulkhead(name = $name, max = 1, wait = "1s", guards = $bulkhead)
            );
            apart(async {
                let dependency = Dependency::playing("");
                let used = || (told($name).tokens_used, told($name).places_taken);
                // A full bulkhead costs no token, whichever of them is asked first.
                let place = registry().bulkhead($name).try_enter().unwrap();
                assert_eq!(call(&dependency).await, Err(bulkhead_full($name, 1)));
                assert_eq!(used(), (0, 1));
                drop(place);
                call(&dependency).await.unwrap();
                assert_eq!(used(), (1, 0));
                // A call without a token keeps no place.
                assert!(is_limited(&call(&dependency).await));
                assert_eq!((used(), dependency.runs()), ((1, 0), 1));
            })
            .await;
        }
    };
}

with_bulkhead!(
    with_a_bulkhead_both_at_attempt,
    "pairs.laa",
    "attempt",
    "attempt"
);
with_bulkhead!(with_a_bulkhead_both_at_call, "pairs.lcc", "call", "call");
with_bulkhead!(
    at_call_with_a_bulkhead_at_attempt,
    "pairs.lca",
    "call",
    "attempt"
);
with_bulkhead!(
    at_attempt_with_a_bulkhead_at_call,
    "pairs.lac",
    "attempt",
    "call"
);

macro_rules! with_retry {
    ($test:ident, $name:literal, $guards:tt, $result:expr, $runs:literal) => {
        #[tokio::test(start_paused = true)]
        async fn $test() {
            let call = guarded!(
                rate_limit(name = $name, max = 2, per = "1h", guards = $guards),
                retry(max = 3, base = "1s", jitter = "none")
            );
            apart(async {
                let dependency = Dependency::playing("FFF");
                assert_eq!(call(&dependency).await, Err($result));
                assert_eq!(dependency.runs(), $runs);
            })
            .await;
        }
    };
}

with_retry!(
    at_attempt_with_retry_ends_when_tokens_do,
    "pairs.lra",
    "attempt",
    rate_limited("pairs.lra", secs(1800) - secs(3)),
    2
);
with_retry!(
    at_call_with_retry_lets_all_attempts_run,
    "pairs.lrc",
    "call",
    TRANSIENT,
    3
);

macro_rules! with_limits_of_time {
    ($test:ident, $name:literal, $guards:tt) => {
        #[tokio::test(start_paused = true)]
        async fn $test() {
            let timed = guarded!(
                rate_limit(
                    name = $name,
                    max = 1,
                    per = "5s",
                    wait = "5s",
                    guards = $guards
                ),
                timeout = "1s"
            );
            let ended = guarded!(
                rate_limit(name = $name, wait = "5s", guards = $guards),
                deadline = "6s"
            );
            apart(async {
                let dependency = Dependency::playing("HHHH");
                let timeout = Err(steadfast::Rejection::Timeout { limit: secs(1) }.into());
                let began = Instant::now();
                // The token is spent, though the body was cut; the wait is not the body's time.
                assert_eq!(timed(&dependency).await, timeout);
                assert_eq!(timed(&dependency).await, timeout);
                assert_eq!(dependency.starts(), [secs(0), secs(5)]);
                // The wait is a part of the whole call's.
                assert_eq!(ended(&dependency).await, Err(cut(secs(6))));
                assert_eq!(began.elapsed(), secs(12));
                assert_eq!(dependency.starts()[2..], [secs(10)]);
            })
            .await;
        }
    };
}

with_limits_of_time!(
    at_attempt_with_timeout_and_with_deadline,
    "pairs.lta",
    "attempt"
);
with_limits_of_time!(at_call_with_timeout_and_with_deadline, "pairs.ltc", "call");

macro_rules! with_fallback {
    ($test:ident, $name:literal, $guards:tt) => {
        #[tokio::test(start_paused = true)]
        async fn $test() {
            #[steadfast::resilient(
                                rate_limit(name = $name, max = 1, per = "1h", guards = $guards),
                                fallback(with = answer, on = "rejected")
                            )]
            async fn call(dependency: &Dependency) -> Result<usize, Failure> {
                dependency.ask().await
            }

            fn answer(_: &Dependency, error: Failure) -> Result<usize, Failure> {
                assert_eq!(error, rate_limited($name, secs(3600)));
                Ok(0)
            }

            apart(async {
                let dependency = Dependency::playing("FS");
                assert_eq!(call(&dependency).await, Err(TRANSIENT), "no rejection");
                assert_eq!(call(&dependency).await, Ok(0));
                advance(secs(3600)).await;
                assert_eq!(call(&dependency).await, Ok(2));
            })
            .await;
        }
    };
}

with_fallback!(at_attempt_with_fallback, "pairs.lfa", "attempt");
with_fallback!(at_call_with_fallback, "pairs.lfc", "call");
