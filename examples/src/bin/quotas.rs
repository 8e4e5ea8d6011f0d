//! Three quotas as services have them: a language model that takes 50 calls a minute and 5 at a time,
//! speech that takes 20 at a time, and a server that gives each user 200 requests an hour.
//!
//! `cargo run -p steadfast-examples --bin quotas`
//!
//! Each holds for this process. With `scope = "shared"` and a Redis in the setup the same numbers hold for
//! all processes together.

use std::error::Error;
use std::time::Duration;

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::{Router, routing::get};
use steadfast::tower::LimitLayer;
use steadfast::{Policy, PolicyError, RateLimit, Rejection, registry, resilient};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;

type AnyError = Box<dyn Error + Send + Sync>;

/// A call too many is refused at once when the minute's tokens are used, and waits for a place when
/// five others are inside.
#[resilient(
    rate_limit(name = "language-model", max = 50, per = "1m"),
    bulkhead(name = "language-model", max = 5, wait = "5s")
)]
async fn complete(prompt: u32) -> Result<String, Rejection> {
    sleep(Duration::from_millis(20)).await;
    Ok(format!("completion {prompt}"))
}

/// Twenty at a time, the others in line behind them.
#[resilient(bulkhead(name = "speech", max = 20, wait = "5s"))]
async fn speak() -> Result<(), Rejection> {
    sleep(Duration::from_millis(50)).await;
    Ok(())
}

/// Two hundred an hour, for whoever the key says.
fn per_user() -> Result<RateLimit, PolicyError> {
    const HOUR: Duration = Duration::from_secs(3600);
    Policy::builder("inbound")
        .rate_limit("users", |limit| limit.max(200).per(HOUR))
        .build()?;
    Ok(registry().rate_limit("users"))
}

async fn serve() -> Result<String, AnyError> {
    let user = |request: &Request| request.headers().get("x-user").cloned();
    let layer = LimitLayer::new(&per_user()?).key(user);
    let app = Router::new()
        .route("/", get(|| async { "hello" }))
        .layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, app).await });
    Ok(url)
}

/// Makes so many calls at once; how many were served.
async fn all_at_once<F, T>(times: u32, call: impl Fn(u32) -> F) -> usize
where
    F: Future<Output = Result<T, Rejection>> + Send + 'static,
    T: Send + 'static,
{
    let calls: JoinSet<_> = (0..times).map(call).collect();
    let ended = calls.join_all().await;
    ended.iter().filter(|result| result.is_ok()).count()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), AnyError> {
    println!("Seventy prompts at once, 50 a minute, 5 at a time:");
    let under_way = tokio::spawn(all_at_once(70, complete));
    sleep(Duration::from_millis(10)).await;
    let model = registry()
        .limits("language-model")
        .ok_or("it is annotated")?;
    println!("  {}", model.status());
    println!("  served: {} of 70", under_way.await?);
    println!("  {}", model.status());

    println!("Thirty texts to speak at once, 20 at a time:");
    let under_way = tokio::spawn(all_at_once(30, |_| speak()));
    sleep(Duration::from_millis(10)).await;
    println!(
        "  {}",
        registry()
            .limits("speech")
            .ok_or("it is annotated")?
            .status()
    );
    println!("  served: {} of 30", under_way.await?);

    println!("Two users of a server, 200 requests an hour each:");
    let (url, http) = (
        serve().await?,
        reqwest::Client::builder().no_proxy().build()?,
    );
    for (user, requests) in [("ann", 201), ("bob", 1)] {
        let mut last = None;
        for _ in 0..requests {
            last = Some(http.get(&url).header("x-user", user).send().await?);
        }
        let last = last.ok_or("at least one")?;
        println!(
            "  {user}, request {requests}: {}{}",
            last.status(),
            told(last.headers())
        );
    }
    Ok(())
}

/// What the answer says of the quota.
fn told(headers: &HeaderMap) -> String {
    let names = ["ratelimit-limit", "ratelimit-remaining", "retry-after"];
    let told = names.map(|name| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.map_or(String::new(), |value| format!(", {name}: {value}"))
    });
    told.concat()
}
