//! Rejections of calls inside a call.

use std::error::Error as StdError;
use std::fmt::Debug;
use std::io;

use steadfast::{Class, Error, Name, Rejection, State, registry, resilient};
use steadfast_tests::{Dependency, Failure, apart, is_open, secs};

const LIMIT: std::time::Duration = secs(1);

fn name() -> Name {
    Name::new("inner").unwrap()
}

fn limited() -> Rejection {
    Rejection::RateLimited {
        limiter: name(),
        retry_in: Some(secs(7)),
    }
}

/// An enum without `Classify` whose variant has the rejection as its source.
#[derive(Debug, thiserror::Error)]
enum Enum {
    #[error("rejected")]
    Rejected(#[from] Rejection),
}

// Timeout and DeadlineExceeded → `Timeout`, CircuitOpen → `Permanent`, BulkheadFull and
// LimiterUnavailable → `Ignored`, RateLimited → `RateLimited`.
#[test]
fn a_nested_rejection_has_the_class_of_the_contract() {
    let cases = [
        (Rejection::Timeout { limit: LIMIT }, Class::Timeout),
        (Rejection::DeadlineExceeded { limit: LIMIT }, Class::Timeout),
        (
            Rejection::CircuitOpen {
                breaker: name(),
                retry_in: Some(LIMIT),
            },
            Class::Permanent,
        ),
        (
            Rejection::BulkheadFull {
                bulkhead: name(),
                max: 1,
            },
            Class::Ignored,
        ),
        (
            Rejection::LimiterUnavailable { limiter: name() },
            Class::Ignored,
        ),
        (
            limited(),
            Class::RateLimited {
                retry_after: Some(secs(7)),
            },
        ),
    ];
    for (rejection, class) in cases {
        let errors: [Box<dyn StdError>; 6] = [
            Box::new(rejection.clone()),
            Box::new(Enum::from(rejection.clone())),
            Box::new(io::Error::from(rejection.clone())),
            Box::new(Error::<io::Error>::Rejected(rejection.clone())),
            anyhow::Error::new(rejection.clone())
                .context("outside")
                .into(),
            Box::new(io::Error::other(Failure::Rejected(rejection.clone()))),
        ];
        for error in errors {
            assert_eq!(Class::of(&*error), class, "{error:?}");
        }
    }
}

// A refused call inside is not tried again by the one around it.
#[tokio::test(start_paused = true)]
async fn an_open_circuit_inside_is_permanent_outside() {
    #[resilient(breaker = "nested.inner")]
    async fn inner(dependency: &Dependency) -> anyhow::Result<usize> {
        Ok(dependency.ask().await?)
    }

    #[resilient(retry(max = 3), breaker(name = "nested.outer", failures = 1))]
    async fn outer(dependency: &Dependency, runs: &Dependency) -> anyhow::Result<usize> {
        runs.ask().await?;
        inner(dependency).await
    }

    apart(async {
        registry().breaker("nested.inner").force_open();
        let (dependency, runs) = (Dependency::playing(""), Dependency::playing(""));
        let error = outer(&dependency, &runs).await.unwrap_err();
        assert!(error.is::<Rejection>());
        assert_eq!((dependency.runs(), runs.runs()), (0, 1));
        assert_eq!(registry().breaker("nested.outer").state(), State::Open);
    })
    .await;
}

// A time-out inside is retried outside.
#[tokio::test(start_paused = true)]
async fn a_timeout_inside_is_a_timeout_outside() {
    #[resilient(timeout = "1s")]
    async fn inner(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    #[resilient(retry(max = 2, base = "0s", on(timeout)))]
    async fn outer(dependency: &Dependency) -> Result<usize, Failure> {
        inner(dependency).await
    }

    apart(async {
        let dependency = Dependency::playing("HS");
        assert_eq!(outer(&dependency).await, Ok(2));
    })
    .await;
}

/// Calls a function twice that our own rate limit refused: the first attempt is retried after the
/// limit's `retry_in`, which is longer than the pause, and the breaker counts neither.
macro_rules! limited_inside {
    ($name:ident, $breaker:literal, $error:ty) => {
        // RateLimited → `RateLimited` for the retry, but no breaker counts it; it carries its
        // `retry_in` as `retry_after`.
        #[tokio::test(start_paused = true)]
        async fn $name() {
            #[resilient(
                                        breaker(name = $breaker, failures = 1, half_open = 1),
                                        retry(max = 2, base = "1s", jitter = "none")
                                    )]
            async fn call(runs: &Dependency) -> Result<(), $error> {
                let _ = runs.ask().await;
                Err(limited())?
            }

            apart(async {
                let runs = Dependency::playing("");
                assert!(call(&runs).await.is_err());
                assert_eq!(runs.starts(), [secs(0), secs(7)]);
                let status = registry().breaker($breaker).status();
                assert_eq!((status.state, status.failures), (State::Closed, 0));
            })
            .await;
        }
    };
}

limited_inside!(
    no_breaker_counts_a_limit_inside_anyhow,
    "nested.anyhow",
    anyhow::Error
);
limited_inside!(
    no_breaker_counts_a_limit_inside_eyre,
    "nested.eyre",
    eyre::Error
);
limited_inside!(
    no_breaker_counts_a_limit_inside_an_enum,
    "nested.enum",
    Enum
);
limited_inside!(
    no_breaker_counts_a_limit_inside_an_io_error,
    "nested.io",
    io::Error
);
limited_inside!(
    no_breaker_counts_a_limit_inside_a_box,
    "nested.box",
    Box<dyn StdError + Send + Sync>
);
limited_inside!(
    no_breaker_counts_a_limit_inside_our_error,
    "nested.ours",
    Error<io::Error>
);
limited_inside!(
    no_breaker_counts_a_limit_inside_our_error_of_anyhow,
    "nested.both",
    Error<anyhow::Error>
);
limited_inside!(
    no_breaker_counts_a_limit_inside_a_classified_enum,
    "nested.classified",
    Failure
);

// … nor does it close one, and it frees the place of a probe.
#[tokio::test(start_paused = true)]
async fn a_limit_inside_frees_the_place_of_a_probe() {
    #[resilient(breaker(name = "nested.probe", failures = 1, half_open = 1, close_after = 1))]
    async fn call(refused: bool) -> Result<(), Failure> {
        if refused { Err(limited())? } else { Ok(()) }
    }

    apart(async {
        let breaker = registry().breaker("nested.probe");
        breaker.admit().unwrap().failure();
        tokio::time::advance(secs(30)).await;
        for _ in 0..3 {
            let refused = call(true).await.map(|()| 0);
            assert!(refused.is_err() && !is_open(&refused));
            assert_eq!(breaker.state(), State::HalfOpen);
        }
        call(false).await.unwrap();
        assert_eq!(breaker.state(), State::Closed);
    })
    .await;
}

// `classify = path` is asked first of all, also about what our own limits refused.
#[tokio::test(start_paused = true)]
async fn what_the_calls_own_classify_says_counts_though_a_limit_is_inside() {
    #[resilient(breaker(name = "nested.path", failures = 1), classify = permanent)]
    async fn call() -> Result<(), Failure> {
        Err(limited())?
    }

    const fn permanent(_: &Failure) -> Class {
        Class::Permanent
    }

    apart(async {
        call().await.unwrap_err();
        assert_eq!(registry().breaker("nested.path").state(), State::Open);
    })
    .await;
}
