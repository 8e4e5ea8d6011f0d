//! The time a call has left, carried over HTTP.

use std::io;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, HeaderValue, Request};
use axum::routing::get as get_route;
use steadfast::axum::TimeLeft;
use steadfast::http::{TIME_LEFT, read_time_left, write_time_left};
use steadfast::{Rejection, current, resilient};
use steadfast_tests::{ms, secs};
use tokio::time::{Instant, advance};

use super::sockets::{Server, client, parts};

#[resilient(name = "hops.hanging")]
async fn hanging() -> Result<String, Rejection> {
    std::future::pending().await
}

/// A service whose own call hangs, without a limit of its own.
async fn inner_service() -> Server {
    let handler = |time: TimeLeft| time.scope(hanging());
    Server::of(Router::new().route("/", get_route(handler))).await
}

fn headers_within(limit: std::time::Duration) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let call = current().within(limit);
    let write = call.scope(async { write_time_left(&mut headers) });
    futures_now(write);
    headers
}

/// Runs a future that awaits nothing.
fn futures_now<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    match steadfast_tests::poll_once(future.as_mut()) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("it awaits something"),
    }
}

#[tokio::test]
async fn the_inner_services_call_ends_when_the_outer_callers_time_is_up() {
    let server = inner_service().await;
    let began = Instant::now();
    // Nothing cuts this request from the outside: it is the inner call that ends.
    let request = client().get(server.url()).headers(headers_within(ms(300)));
    let (status, _, text) = parts(request.send().await.unwrap()).await;
    assert_eq!(status, 504, "{text}");
    assert!(
        text.starts_with("deadline of ") && text.ends_with("ms exceeded"),
        "{text}"
    );
    let took = began.elapsed();
    assert!(took >= ms(250) && took < secs(10), "{took:?}");
}

#[tokio::test]
async fn an_annotated_call_tells_the_service_what_its_deadline_leaves() {
    #[resilient(name = "hops.outer", deadline = "5s")]
    async fn ask(url: String) -> anyhow::Result<String> {
        let mut headers = HeaderMap::new();
        write_time_left(&mut headers);
        let answer = client().get(url).headers(headers).send().await?;
        Ok(answer.text().await?)
    }

    let handler =
        |time: TimeLeft| async move { format!("{:?}", time.get().map(|left| left <= secs(5))) };
    let server = Server::of(Router::new().route("/", get_route(handler))).await;
    assert_eq!(ask(server.url()).await.unwrap(), "Some(true)");
    let without = client().get(server.url()).send().await.unwrap();
    assert_eq!(without.text().await.unwrap(), "None");
}

#[tokio::test(start_paused = true)]
async fn each_attempt_tells_what_is_left_then_by_the_nearest_limit() {
    #[resilient(
        name = "hops.attempts",
        retry(max = 3, base = "1s", factor = 1.0, jitter = "none"),
        timeout = "2s",
        deadline = "3500ms"
    )]
    async fn ask(told: &mut Vec<String>) -> io::Result<()> {
        let mut headers = HeaderMap::new();
        write_time_left(&mut headers);
        told.push(headers[TIME_LEFT].to_str().unwrap().to_owned());
        Err(io::ErrorKind::ConnectionReset.into())
    }

    let mut told = Vec::new();
    ask(&mut told).await.unwrap_err();
    assert_eq!(told, ["2000", "2000", "1500"]);
}

#[tokio::test(start_paused = true)]
async fn a_nested_call_tells_what_the_calls_around_it_leave() {
    #[resilient(name = "hops.around", timeout = "2s")]
    async fn around() -> io::Result<String> {
        inside().await
    }
    #[resilient(name = "hops.inside", timeout = "1m", deadline = "1h")]
    async fn inside() -> io::Result<String> {
        let mut headers = HeaderMap::new();
        write_time_left(&mut headers);
        Ok(headers[TIME_LEFT].to_str().unwrap().to_owned())
    }

    assert_eq!(around().await.unwrap(), "2000");
    assert_eq!(inside().await.unwrap(), "60000");
}

#[test]
fn without_a_limit_nothing_is_written() {
    let mut headers = HeaderMap::new();
    write_time_left(&mut headers);
    assert!(headers.is_empty());
}

#[test]
fn what_is_no_number_of_milliseconds_is_no_limit() {
    let read = |text: &'static str| {
        let value = HeaderValue::from_static(text);
        read_time_left(&[(TIME_LEFT, value)].into_iter().collect())
    };
    for nonsense in ["", "soon", "-5", "1.5", "5s", "99999999999999999999"] {
        assert_eq!(read(nonsense), None, "{nonsense}");
    }
    assert_eq!(read(" 1500 "), Some(ms(1500)));
    assert_eq!(read("0"), Some(ms(0)));
    assert_eq!(read_time_left(&HeaderMap::new()), None);
}

#[tokio::test(start_paused = true)]
async fn the_time_runs_from_when_the_head_was_read() {
    let request = Request::builder()
        .header(TIME_LEFT, "1000")
        .body(())
        .unwrap();
    let (mut parts, ()) = request.into_parts();
    let time = TimeLeft::from_request_parts(&mut parts, &()).await.unwrap();
    advance(ms(400)).await;
    assert_eq!(time.get(), Some(ms(600)));
    let began = Instant::now();
    let late = Rejection::DeadlineExceeded { limit: secs(1) };
    assert_eq!(time.scope(hanging()).await, Err(late));
    assert_eq!(began.elapsed(), ms(600));
}

#[tokio::test(start_paused = true)]
async fn a_caller_whose_time_is_up_already_is_not_waited_for() {
    let request = Request::builder().header(TIME_LEFT, "0").body(()).unwrap();
    let (mut parts, ()) = request.into_parts();
    let time = TimeLeft::from_request_parts(&mut parts, &()).await.unwrap();
    let began = Instant::now();
    assert!(time.scope(hanging()).await.is_err());
    assert_eq!(began.elapsed(), ms(0));
}
