//! Rejections as HTTP answers.

use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get as get_route;
use steadfast::{Error, Name, Rejection, resilient};
use steadfast_tests::{ms, secs};

use super::sockets::{Server, client, get, parts};

fn limited(retry_in: Option<Duration>) -> Rejection {
    let limiter = Name::new("api").unwrap();
    Rejection::RateLimited { limiter, retry_in }
}

/// Each rejection that is not for tests alone, with its status, `Retry-After` and text.
fn all() -> Vec<(Rejection, u16, Option<&'static str>, &'static str)> {
    let name = Name::new("es").unwrap();
    let open = |retry_in| Rejection::CircuitOpen {
        breaker: name,
        retry_in,
    };
    let full = Rejection::BulkheadFull {
        bulkhead: name,
        max: 8,
    };
    let late = Rejection::DeadlineExceeded { limit: secs(9) };
    let gone = Rejection::LimiterUnavailable { limiter: name };
    let soon = limited(Some(ms(1001)));
    vec![
        (open(None), 503, None, "circuit es is open"),
        (
            open(Some(secs(12))),
            503,
            Some("12"),
            "circuit es is open; retry in 12s",
        ),
        (
            Rejection::Timeout { limit: ms(80) },
            504,
            None,
            "timed out after 80ms",
        ),
        (late, 504, None, "deadline of 9s exceeded"),
        (
            soon,
            429,
            Some("2"),
            "rate limit api is used up; retry in 1001ms",
        ),
        (gone, 503, None, "rate limit es is unavailable"),
        (full, 503, None, "bulkhead es is full (8 at a time)"),
        (
            Rejection::Queued { id: "1-0".into() },
            202,
            None,
            "queued as 1-0",
        ),
    ]
}

#[test]
fn retry_after_is_in_whole_seconds_rounded_up() {
    let cases = [
        (Duration::ZERO, "0"),
        (Duration::from_nanos(1), "1"),
        (ms(999), "1"),
        (secs(1), "1"),
        (secs(1) + Duration::from_nanos(1), "2"),
        (secs(3600), "3600"),
        (Duration::MAX, "18446744073709551615"),
    ];
    for (time, text) in cases {
        assert_eq!(limited(Some(time)).retry_after().unwrap(), text);
    }
    assert_eq!(limited(None).retry_after(), None);
    assert_eq!(Rejection::Timeout { limit: secs(1) }.retry_after(), None);
}

#[tokio::test]
async fn every_rejection_is_an_answer_over_a_real_socket() {
    let handler = |Path(nth): Path<usize>| async move {
        let (rejection, ..) = all().swap_remove(nth);
        Err::<(), _>(rejection)
    };
    let server = Server::of(Router::new().route("/{nth}", get_route(handler))).await;
    let client = client();
    for (nth, (rejection, status, retry_after, text)) in all().into_iter().enumerate() {
        let answer = client
            .get(format!("{}{nth}", server.url()))
            .send()
            .await
            .unwrap();
        let kind = answer.headers()["content-type"].to_str().unwrap();
        assert_eq!(kind, "text/plain; charset=utf-8");
        let expected = (status, retry_after.map(str::to_owned), text.to_owned());
        assert_eq!(parts(answer).await, expected, "{rejection:?}");
        assert_eq!(
            (rejection.status().as_u16(), rejection.http_status()),
            (status, status)
        );
    }
}

#[tokio::test]
async fn a_handler_passes_a_rejection_on_with_a_question_mark() {
    #[resilient(
        name = "answers.once",
        rate_limit(name = "answers.once", max = 1, per = "60s")
    )]
    async fn once() -> Result<&'static str, Error<StatusCode>> {
        Ok("served")
    }
    async fn handler() -> Result<String, Error<StatusCode>> {
        Ok(once().await?.to_uppercase())
    }

    let server = Server::of(Router::new().route("/", get_route(handler))).await;
    assert_eq!(get(&server).await, (200, None, "SERVED".into()));
    let (status, retry_after, _) = get(&server).await;
    assert_eq!((status, retry_after.as_deref()), (429, Some("60")));
}

#[tokio::test]
async fn an_error_of_the_functions_own_answers_for_itself() {
    #[resilient(name = "answers.own")]
    async fn handler() -> Result<(), Error<StatusCode>> {
        Err(StatusCode::IM_A_TEAPOT.into())
    }

    let server = Server::of(Router::new().route("/", get_route(handler))).await;
    assert_eq!(get(&server).await.0, 418);
}
