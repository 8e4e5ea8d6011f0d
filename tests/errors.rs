//! Rejections and errors: the contract's section 5.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};
use std::time::Duration;

use steadfast::{CallErr, Class, Error, Name, Rejection, registry, resilient};
use steadfast_tests::{Dependency, Failure, TRANSIENT, apart, ms, secs};
use tokio::time::advance;

fn name() -> Name {
    Name::new("x").unwrap()
}

/// Every rejection, with its status, its text and when to come back.
fn all() -> [(Rejection, u16, &'static str, Option<Duration>); 9] {
    let (limit, limiter, breaker) = (secs(5), name(), name());
    [
        (
            Rejection::CircuitOpen {
                breaker,
                retry_in: Some(ms(11_400)),
            },
            503,
            "circuit x is open; retry in 11400ms",
            Some(ms(11_400)),
        ),
        (
            Rejection::CircuitOpen {
                breaker,
                retry_in: None,
            },
            503,
            "circuit x is open",
            None,
        ),
        (
            Rejection::Timeout { limit },
            504,
            "timed out after 5s",
            None,
        ),
        (
            Rejection::DeadlineExceeded { limit },
            504,
            "deadline of 5s exceeded",
            None,
        ),
        (
            Rejection::RateLimited {
                limiter,
                retry_in: Some(limit),
            },
            429,
            "rate limit x is used up; retry in 5s",
            Some(limit),
        ),
        (
            Rejection::RateLimited {
                limiter,
                retry_in: None,
            },
            429,
            "rate limit x is used up",
            None,
        ),
        (
            Rejection::LimiterUnavailable { limiter },
            503,
            "rate limit x is unavailable",
            None,
        ),
        (
            Rejection::BulkheadFull {
                bulkhead: name(),
                max: 10,
            },
            503,
            "bulkhead x is full (10 at a time)",
            None,
        ),
        (
            Rejection::Queued { id: "1-0".into() },
            202,
            "queued as 1-0",
            None,
        ),
    ]
}

#[test]
fn a_rejection_says_what_when_and_which_status() {
    for (rejection, status, text, retry_in) in all() {
        assert_eq!(rejection.to_string(), text);
        assert_eq!(rejection.http_status(), status, "{text}");
        assert_eq!(rejection.retry_in(), retry_in, "{text}");
        assert!(rejection.source().is_none(), "{text}");
    }
}

// `CircuitOpen { retry_in }`: none when forced, or all probe places are taken.
#[tokio::test(start_paused = true)]
async fn an_open_circuit_says_when_to_come_back_where_that_is_known() {
    #[resilient(breaker(name = "errors.open", failures = 1, recovery = "30s", half_open = 1))]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    async fn retry_in() -> Option<Duration> {
        match call(&Dependency::playing("")).await {
            Err(Failure::Rejected(Rejection::CircuitOpen { retry_in, breaker })) => {
                assert_eq!(*breaker, *"errors.open");
                retry_in
            }
            other => panic!("{other:?}"),
        }
    }

    apart(async {
        let breaker = registry().breaker("errors.open");
        assert_eq!(call(&Dependency::playing("F")).await, Err(TRANSIENT));
        advance(secs(12)).await;
        assert_eq!(retry_in().await, Some(secs(18)));
        advance(secs(18)).await;
        let probe = breaker.admit().unwrap();
        assert_eq!(retry_in().await, None);
        drop(probe);
        breaker.force_open();
        assert_eq!(retry_in().await, None);
    })
    .await;
}

// `anyhow`, `eyre`, `Box<dyn Error + Send + Sync>` and `io::Error` work with no code of the
// user's; aliases such as `io::Result<T>` and `crate::Result<T>` work.
mod without_code_of_the_users {
    use super::*;

    type Result<T, E = Box<dyn StdError + Send + Sync>> = std::result::Result<T, E>;

    #[resilient(breaker = "errors.forced")]
    async fn anyhow() -> anyhow::Result<()> {
        Ok(())
    }

    #[resilient(breaker = "errors.forced")]
    async fn eyre() -> eyre::Result<()> {
        Ok(())
    }

    #[resilient(breaker = "errors.forced")]
    async fn boxed() -> Result<()> {
        Ok(())
    }

    #[resilient(breaker = "errors.forced")]
    async fn of_io() -> io::Result<()> {
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn a_rejection_becomes_the_functions_own_error() {
        apart(async {
            registry().breaker("errors.forced").force_open();
            let expected = Rejection::CircuitOpen {
                breaker: Name::new("errors.forced").unwrap(),
                retry_in: None,
            };
            let error = anyhow().await.unwrap_err();
            assert_eq!(error.downcast_ref(), Some(&expected));
            let error = eyre().await.unwrap_err();
            assert_eq!(error.downcast_ref(), Some(&expected));
            let error = boxed().await.unwrap_err();
            assert_eq!(error.downcast_ref(), Some(&expected));
            let error = of_io().await.unwrap_err();
            assert_eq!(error.get_ref().unwrap().downcast_ref(), Some(&expected));
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        })
        .await;
    }
}

#[test]
fn an_io_error_has_the_kind_that_fits_the_rejection() {
    use ErrorKind as K;
    let kinds = all().map(|(rejection, ..)| io::Error::from(rejection).kind());
    let expected = [
        K::ConnectionRefused,
        K::ConnectionRefused,
        K::TimedOut,
        K::TimedOut,
        K::WouldBlock,
        K::WouldBlock,
        K::Other,
        K::WouldBlock,
        K::Other,
    ];
    assert_eq!(kinds, expected);
}

// `?` turns an `E: Classify` into `steadfast::Error<E>`, any other E goes through `.call_err()?`.
#[tokio::test(start_paused = true)]
async fn our_error_keeps_rejections_and_failures_apart() {
    #[resilient(
        breaker(name = "errors.ours", failures = 4),
        retry(max = 3, base = "0s")
    )]
    async fn classified(dependency: &Dependency) -> Result<usize, Error<Failure>> {
        Ok(dependency.ask().await?)
    }

    apart(async {
        let failed = classified(&Dependency::playing("FFF")).await;
        let (source, attempts) = (TRANSIENT, 3);
        assert_eq!(failed, Err(Error::Failed { source, attempts }));
        let opened = classified(&Dependency::playing("FFF")).await.unwrap_err();
        assert!(matches!(
            opened.rejection(),
            Some(Rejection::CircuitOpen { .. })
        ));
        let refused = Error::<Failure>::from(Rejection::Timeout { limit: secs(1) });
        assert_eq!(
            refused.rejection(),
            Some(&Rejection::Timeout { limit: secs(1) })
        );
    })
    .await;
}

#[test]
fn any_other_error_goes_through_call_err() {
    #[resilient(retry(max = 2, base = "0s"))]
    fn parse(text: &str) -> Result<u32, Error<std::num::ParseIntError>> {
        let number: u32 = text.parse().call_err()?;
        Ok(number)
    }

    steadfast::Registry::new().scope_blocking(|| {
        assert_eq!(parse("7"), Ok(7));
        let error = parse("x").unwrap_err();
        assert!(matches!(error, Error::Failed { attempts: 2, .. }));
        assert_eq!(
            error.to_string(),
            "invalid digit found in string (after 2 attempts)"
        );
        assert!(error.source().unwrap().is::<std::num::ParseIntError>());
    });
}

#[test]
fn our_error_shows_the_rejection_it_holds() {
    let rejection = Rejection::Timeout { limit: secs(5) };
    let error = Error::<io::Error>::Rejected(rejection);
    assert_eq!(error.to_string(), "timed out after 5s");
    let once = Error::Failed {
        source: io::Error::other("gone"),
        attempts: 1,
    };
    assert_eq!(once.to_string(), "gone (after 1 attempt)");
    assert_eq!(Class::of(&once), Class::Transient);
}
