//! A bulkhead with each other policy; with a breaker and with a rate limit in their files.

use steadfast::registry;
use steadfast_tests::{Dependency, Failure, TRANSIENT, apart, ms, secs};
use tokio::time::{Instant, sleep};

use super::{guarded, told};
use crate::guards::{bulkhead_full, cut};

macro_rules! with_retry {
    ($test:ident, $name:literal, $guards:tt, $taken_in_pause:literal) => {
        #[tokio::test(start_paused = true)]
        async fn $test() {
            let call = guarded!(
                bulkhead(name = $name, max = 1, guards = $guards),
                retry(max = 3, base = "1s", factor = 1.0, jitter = "none")
            );
            apart(async {
                let dependency = Dependency::playing("FFF").taking(secs(1));
                let watch = async {
                    let mut taken = Vec::new();
                    for _ in 0..6 {
                        sleep(ms(500)).await;
                        taken.push(told($name).places_taken);
                        sleep(ms(500)).await;
                    }
                    taken
                };
                let (result, taken) = tokio::join!(call(&dependency), watch);
                assert_eq!(result, Err(TRANSIENT));
                let pause = $taken_in_pause;
                assert_eq!(taken, [1, pause, 1, pause, 1, 0]);
            })
            .await;
        }
    };
}

with_retry!(
    at_attempt_with_retry_is_free_in_each_pause,
    "pairs.pra",
    "attempt",
    0
);
with_retry!(
    at_call_with_retry_is_held_to_the_end,
    "pairs.prc",
    "call",
    1
);

macro_rules! with_limits_of_time {
    ($test:ident, $name:literal, $guards:tt) => {
        #[tokio::test(start_paused = true)]
        async fn $test() {
            let timed = guarded!(
                bulkhead(name = $name, max = 1, wait = "1m", guards = $guards),
                timeout = "1s"
            );
            let ended = guarded!(
                bulkhead(name = $name, wait = "2s", guards = $guards),
                deadline = "2s"
            );
            apart(async {
                let dependency = Dependency::playing("HHHH");
                let timeout = || Err(steadfast::Rejection::Timeout { limit: secs(1) }.into());
                let began = Instant::now();
                let ends = || began.elapsed();
                let (one, two, three) = tokio::join!(
                    async { (timed(&dependency).await, ends()) },
                    async { (timed(&dependency).await, ends()) },
                    async { (ended(&dependency).await, ends()) },
                );
                // A cut body leaves its place at once; the wait is not the body's time …
                assert_eq!(one, (timeout(), secs(1)));
                assert_eq!(two, (timeout(), secs(2)));
                // … but the whole call's, which here ends in its wait.
                assert_eq!(three, (Err(cut(secs(2))), secs(2)));
                assert_eq!(dependency.starts(), [secs(0), secs(1)]);
                // Or in its body.
                assert_eq!(ended(&dependency).await, Err(cut(secs(2))));
                assert_eq!((told($name).places_taken, ends()), (0, secs(4)));
            })
            .await;
        }
    };
}

with_limits_of_time!(
    at_attempt_with_timeout_and_with_deadline,
    "pairs.pta",
    "attempt"
);
with_limits_of_time!(at_call_with_timeout_and_with_deadline, "pairs.ptc", "call");

macro_rules! with_fallback {
    ($test:ident, $name:literal, $guards:tt) => {
        #[tokio::test(start_paused = true)]
        async fn $test() {
            #[steadfast::resilient(
                                bulkhead(name = $name, max = 1, wait = "0s", guards = $guards),
                                fallback = answer
                            )]
            async fn call(dependency: &Dependency) -> Result<usize, Failure> {
                dependency.ask().await
            }

            async fn answer(_: &Dependency, error: Failure) -> Result<usize, Failure> {
                // The place that the call had is free again: a fallback stands outside.
                let free = registry().bulkhead($name).try_enter().is_ok();
                assert_eq!(free, error == TRANSIENT);
                Ok(0)
            }

            apart(async {
                let dependency = Dependency::playing("F");
                assert_eq!(call(&dependency).await, Ok(0));
                let _place = registry().bulkhead($name).try_enter().unwrap();
                assert_eq!(call(&dependency).await, Ok(0));
                assert_eq!(dependency.runs(), 1);
                let bare = guarded!(bulkhead(name = $name, wait = "0s", guards = $guards));
                assert_eq!(bare(&dependency).await, Err(bulkhead_full($name, 1)));
            })
            .await;
        }
    };
}

with_fallback!(at_attempt_with_fallback, "pairs.pfa", "attempt");
with_fallback!(at_call_with_fallback, "pairs.pfc", "call");
