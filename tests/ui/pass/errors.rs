//! Return types: aliases, and errors of every kind that takes a rejection.
#![deny(warnings)]

use std::io;

use steadfast::{CallErr as _, Class, Classify, Rejection, resilient};

type Result<T, E = Failure> = std::result::Result<T, E>;
type Plain = Result<u32>;

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("connection")]
    Connection(#[from] io::Error),
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

#[derive(Debug)]
struct Declined;

impl Classify for Declined {
    fn classify(&self) -> Class {
        Class::Expected
    }
}

fn io_error() -> io::Result<u32> {
    Err(io::ErrorKind::NotFound.into())
}

#[resilient(breaker = "errors", retry(max = 1), timeout = "5s")]
async fn of_thiserror() -> Result<u32> {
    Ok(io_error()?)
}

#[resilient(retry(max = 1))]
async fn through_an_alias_without_arguments() -> Plain {
    Ok(io_error()?)
}

#[resilient(retry(max = 1))]
async fn of_io() -> io::Result<u32> {
    Ok(io_error()?)
}

#[resilient(retry(max = 1))]
async fn of_anyhow() -> anyhow::Result<u32> {
    Ok(io_error()?)
}

#[resilient(retry(max = 1))]
async fn of_eyre() -> eyre::Result<u32> {
    Ok(io_error()?)
}

#[resilient(retry(max = 1))]
async fn of_a_box() -> Result<u32, Box<dyn std::error::Error + Send + Sync>> {
    Ok(io_error()?)
}

#[resilient(retry(max = 1))]
async fn of_steadfast() -> Result<u32, steadfast::Error<Declined>> {
    Err(Declined)?
}

#[resilient(retry(max = 1))]
async fn of_steadfast_around_any_error() -> Result<u32, steadfast::Error<io::Error>> {
    Ok(io_error().call_err()?)
}

#[resilient(retry(max = 1))]
async fn generic<E: From<Rejection> + Classify>(error: fn() -> E) -> Result<u32, E> {
    Err(error())
}

#[resilient(retry(max = 1), classify = anything)]
async fn generic_with_classify<E: From<Rejection>>(error: fn() -> E) -> Result<u32, E> {
    Err(error())
}

fn anything<E>(_: &E) -> Class {
    Class::Permanent
}

#[resilient(breaker = "errors", retry(max = 1))]
fn blocking() -> Result<u32> {
    Ok(io_error()?)
}

#[resilient(retry(max = 1))]
async fn never_succeeds() -> io::Result<std::convert::Infallible> {
    io_error()?;
    unreachable!()
}

#[tokio::main]
async fn main() {
    let spawned = tokio::spawn(async {
        assert!(matches!(of_thiserror().await, Err(Failure::Connection(_))));
        assert!(matches!(through_an_alias_without_arguments().await, Err(Failure::Connection(_))));
        assert_eq!(of_io().await.unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(of_anyhow().await.unwrap_err().is::<io::Error>());
        assert!(of_eyre().await.unwrap_err().is::<io::Error>());
        assert!(of_a_box().await.unwrap_err().is::<io::Error>());
        assert!(matches!(
            of_steadfast().await,
            Err(steadfast::Error::Failed { source: Declined, attempts: 1, .. })
        ));
        assert!(of_steadfast_around_any_error().await.is_err());
        let declined: fn() -> steadfast::Error<Declined> = || Declined.into();
        assert!(generic_with_classify(declined).await.is_err());
        assert!(never_succeeds().await.is_err());
    });
    spawned.await.unwrap();
    assert!(matches!(blocking(), Err(Failure::Connection(_))));
    let _ = generic::<Held>;
}

struct Held;

impl From<Rejection> for Held {
    fn from(_: Rejection) -> Self {
        Self
    }
}

impl Classify for Held {
    fn classify(&self) -> Class {
        Class::Ignored
    }
}
