//! A breaker with each other policy.

use steadfast::{State, registry};
use steadfast_tests::{Dependency, Failure, TRANSIENT, apart, is_open, secs};
use tokio::time::{Instant, advance};

use super::{Told, guarded, is_limited, told, untouched};
use crate::guards::{bulkhead_full, cut};

/// Opens a breaker and lets its recovery pass.
async fn half_open(name: &str) {
    registry().breaker(name).admit().unwrap().failure();
    advance(secs(30)).await;
}

macro_rules! with_rate_limit {
    ($test:ident, $name:literal, $breaker:tt, $limit:tt) => {
        #[tokio::test(start_paused = true)]
        async fn $test() {
            let call = guarded!(
                breaker(name = $name, failures = 1, half_open = 1, guards = $breaker),
                rate_limit(name = $name, max = 1, per = "1h", guards = $limit)
            );
            apart(async {
                let dependency = Dependency::playing("SF");
                // An open breaker spends no token.
                registry().breaker($name).force_open();
                assert!(is_open(&call(&dependency).await));
                assert_eq!(told($name), untouched(State::ForcedOpen));
                registry().breaker($name).reset();
                // A refused token is no failure, and holds no probe's place.
                half_open($name).await;
                registry().rate_limit($name).try_acquire().unwrap();
                for _ in 0..3 {
                    assert!(is_limited(&call(&dependency).await));
                }
                assert_eq!(told($name).state, State::HalfOpen);
                assert!(registry().breaker($name).admit().is_ok());
                assert_eq!(dependency.runs(), 0);
                // A body that runs spends one and counts.
                registry().breaker($name).reset();
                advance(secs(3600)).await;
                call(&dependency).await.unwrap();
                advance(secs(3600)).await;
                assert_eq!(call(&dependency).await, Err(TRANSIENT));
                let failed = Told {
                    state: State::Open,
                    failures: 1,
                    tokens_used: 1,
                    places_taken: 0,
                };
                assert_eq!(told($name), failed);
            })
            .await;
        }
    };
}

with_rate_limit!(
    with_a_limit_both_at_attempt,
    "pairs.aa",
    "attempt",
    "attempt"
);
with_rate_limit!(with_a_limit_both_at_call, "pairs.cc", "call", "call");
with_rate_limit!(
    at_call_with_a_limit_at_attempt,
    "pairs.ca",
    "call",
    "attempt"
);
with_rate_limit!(
    at_attempt_with_a_limit_at_call,
    "pairs.ac",
    "attempt",
    "call"
);

macro_rules! with_bulkhead {
    ($test:ident, $name:literal, $breaker:tt, $bulkhead:tt) => {
        #[tokio::test(start_paused = true)]
        async fn $test() {
            let call = guarded!(
                breaker(name = $name, failures = 1, half_open = 1, guards = $breaker),
                bulkhead(name = $name, max = 1, wait = "1s", guards = $bulkhead)
            );
            apart(async {
                let dependency = Dependency::playing("F");
                // An open breaker leaves no place taken.
                registry().breaker($name).force_open();
                assert!(is_open(&call(&dependency).await));
                assert_eq!(told($name), untouched(State::ForcedOpen));
                registry().breaker($name).reset();
                // A full bulkhead is no failure, and leaves no probe's place taken.
                half_open($name).await;
                let place = registry().bulkhead($name).try_enter().unwrap();
                for _ in 0..3 {
                    assert_eq!(call(&dependency).await, Err(bulkhead_full($name, 1)));
                }
                assert_eq!(told($name).state, State::HalfOpen);
                assert!(registry().breaker($name).admit().is_ok());
                drop(place);
                // A failed body counts and leaves its place.
                registry().breaker($name).reset();
                assert_eq!(call(&dependency).await, Err(TRANSIENT));
                let failed = Told {
                    failures: 1,
                    ..untouched(State::Open)
                };
                assert_eq!(told($name), failed);
            })
            .await;
        }
    };
}

with_bulkhead!(
    with_a_bulkhead_both_at_attempt,
    "pairs.baa",
    "attempt",
    "attempt"
);
with_bulkhead!(with_a_bulkhead_both_at_call, "pairs.bcc", "call", "call");
with_bulkhead!(
    at_call_with_a_bulkhead_at_attempt,
    "pairs.bca",
    "call",
    "attempt"
);
with_bulkhead!(
    at_attempt_with_a_bulkhead_at_call,
    "pairs.bac",
    "attempt",
    "call"
);

macro_rules! with_retry {
    ($test:ident, $name:literal, $guards:tt, $failures:literal) => {
        #[tokio::test(start_paused = true)]
        async fn $test() {
            let call = guarded!(
                breaker(name = $name, failures = 9, guards = $guards),
                retry(max = 3, base = "1s", jitter = "none")
            );
            apart(async {
                let dependency = Dependency::playing("FFF");
                assert_eq!(call(&dependency).await, Err(TRANSIENT));
                assert_eq!(told($name).failures, $failures);
                assert_eq!(dependency.runs(), 3);
            })
            .await;
        }
    };
}

with_retry!(
    at_attempt_with_retry_counts_each_attempt,
    "pairs.ra",
    "attempt",
    3
);
with_retry!(at_call_with_retry_counts_the_call, "pairs.rc", "call", 1);

macro_rules! with_limits_of_time {
    ($test:ident, $name:literal, $guards:tt) => {
        #[tokio::test(start_paused = true)]
        async fn $test() {
            let timed = guarded!(
                breaker(name = $name, failures = 2, guards = $guards),
                timeout = "1s"
            );
            let ended = guarded!(breaker(name = $name, guards = $guards), deadline = "1s");
            apart(async {
                let dependency = Dependency::playing("HH");
                let began = Instant::now();
                let timeout = steadfast::Rejection::Timeout { limit: secs(1) };
                assert_eq!(timed(&dependency).await, Err(timeout.into()));
                assert_eq!(told($name).failures, 1);
                assert_eq!(ended(&dependency).await, Err(cut(secs(1))));
                assert_eq!((told($name).failures, began.elapsed()), (2, secs(2)));
                // Open, it refuses before either limit has anything to limit.
                for result in [timed(&dependency).await, ended(&dependency).await] {
                    assert!(is_open(&result));
                }
                assert_eq!((dependency.runs(), began.elapsed()), (2, secs(2)));
            })
            .await;
        }
    };
}

with_limits_of_time!(
    at_attempt_with_timeout_and_with_deadline,
    "pairs.ta",
    "attempt"
);
with_limits_of_time!(at_call_with_timeout_and_with_deadline, "pairs.tc", "call");

macro_rules! with_fallback {
    ($test:ident, $name:literal, $guards:tt) => {
        #[tokio::test(start_paused = true)]
        async fn $test() {
            #[steadfast::resilient(
                                        breaker(name = $name, failures = 1, guards = $guards),
                                        fallback = answer
                                    )]
            async fn call(dependency: &Dependency) -> Result<usize, Failure> {
                dependency.ask().await
            }

            async fn answer(_: &Dependency, error: Failure) -> Result<usize, Failure> {
                // The breaker knows already; what is answered here is none of its business.
                assert_eq!(told($name).state, State::Open);
                match error {
                    Failure::Of(_) => Err(error),
                    Failure::Rejected(_) => Ok(0),
                }
            }

            apart(async {
                let dependency = Dependency::playing("F");
                assert_eq!(call(&dependency).await, Err(TRANSIENT));
                assert_eq!(call(&dependency).await, Ok(0));
                assert_eq!((told($name).failures, dependency.runs()), (1, 1));
            })
            .await;
        }
    };
}

with_fallback!(at_attempt_with_fallback, "pairs.fa", "attempt");
with_fallback!(at_call_with_fallback, "pairs.fc", "call");
