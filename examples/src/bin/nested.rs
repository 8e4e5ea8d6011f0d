//! Calls inside calls: a deadline reaches inward, into tasks and over HTTP.
//!
//! `cargo run -p steadfast-examples --bin nested`

use std::time::Duration;

use axum::{Router, http::HeaderMap, routing::get};
use steadfast::axum::TimeLeft;
use steadfast::http::write_time_left;
use steadfast::{Rejection, current, resilient};
use tokio::net::TcpListener;
use tokio::time::sleep;

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Rejected(#[from] Rejection),
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error("the price is not known yet")]
    Unknown,
}

/// The call that a customer waits for: one second, whatever happens inside.
#[resilient(deadline = "1s")]
async fn offer(url: &str) -> Result<String, Failure> {
    let stock = tokio::spawn(current().scope(stock())); // a task is inside only if told so
    let price = price().await?;
    let stock = stock.await.expect("a task that does not panic")?;
    let shipping = shipping(url).await?;
    Ok(format!("{price}, {stock}, {shipping}"))
}

/// Fails twice. All attempts show one key, so that a remote side can tell them from a new call.
#[resilient(retry(max = 3, base = "50ms", jitter = "none"))]
async fn price() -> Result<&'static str, Failure> {
    let (attempt, key) = (current().attempt(), current().idempotency_key());
    time_left(&format!("in attempt {attempt} at the price, key {key}"));
    match attempt {
        3 => Ok("9.99"),
        _ => Err(Failure::Unknown),
    }
}

#[resilient]
async fn stock() -> Result<&'static str, Failure> {
    time_left("for the stock, in a task of its own");
    Ok("in stock")
}

/// Asks a service, and tells it how long this call can wait.
#[resilient(timeout = "10s")] // far too long, but the deadline around is shorter
async fn shipping(url: &str) -> Result<String, Failure> {
    time_left("for the shipping");
    let mut headers = HeaderMap::new();
    write_time_left(&mut headers);
    let client = reqwest::Client::builder().no_proxy().build()?;
    let answer = client.get(url).headers(headers).send().await?;
    Ok(answer.text().await?)
}

/// The service behind it. Its work is a task, which goes on though the caller hangs up, but not for
/// longer than the caller has time.
async fn shipping_service(time: TimeLeft) -> Result<String, Rejection> {
    let work = async {
        let answer = carrier().await;
        println!("           the service has stopped too");
        answer
    };
    let task = tokio::spawn(time.scope(work));
    task.await.expect("a task that does not panic")
}

#[resilient]
async fn carrier() -> Result<String, Rejection> {
    time_left("in the service, by its caller's word");
    std::future::pending().await
}

/// In milliseconds, rounded up to full fifties.
fn time_left(place: &str) {
    let left = current().time_left().expect("a limit around").as_millis();
    println!("  {:>4} ms left {place}", left.div_ceil(50) * 50);
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let service = Router::new().route("/", get(shipping_service));
    tokio::spawn(async { axum::serve(listener, service).await });

    println!("An offer, within one second:");
    match offer(&url).await {
        Ok(offer) => println!("           the offer: {offer}"),
        Err(error) => println!("           no offer: {error}"),
    }
    sleep(Duration::from_millis(300)).await; // for the service to end
    Ok(())
}
