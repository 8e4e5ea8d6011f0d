//! One policy without the attribute, as middleware: around a client, and in front of a server.
//!
//! `cargo run -p steadfast-examples --bin tower`

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::{Router, routing::get};
use steadfast::tower::{BoxError, PolicyLayer};
use steadfast::{Class, Policy, PolicyError};
use tokio::net::TcpListener;
use tower::{Service, ServiceBuilder, ServiceExt};

/// In front of the server: three requests a minute from each client. A request too many is answered
/// with 429 and `Retry-After`.
fn inbound() -> Result<Policy, PolicyError> {
    Policy::builder("search-server")
        .rate_limit("clients", |limit| limit.max(3).per(Duration::from_secs(60)))
        .build()
}

/// Around the client: three attempts, and a breaker that opens after four failures. A `Retry-After`
/// above the cap of a second is not waited for: the answer comes back at once.
fn outbound() -> Result<Policy, PolicyError> {
    Policy::builder("search")
        .breaker("search", |breaker| breaker.failures(4))
        .retry(|retry| {
            retry
                .max(3)
                .base(Duration::from_millis(20))
                .cap(Duration::from_secs(1))
        })
        .timeout(Duration::from_secs(2))
        .build()
}

/// Fails until it has been asked three times.
async fn search() -> (StatusCode, &'static str) {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    match ASKED.fetch_add(1, Ordering::Relaxed) {
        0 | 1 => (StatusCode::SERVICE_UNAVAILABLE, "warming up"),
        _ => (StatusCode::OK, "seven hits"),
    }
}

/// The server, its limit around every route.
async fn serve() -> Result<String, BoxError> {
    let client_of = |request: &Request| request.headers().get("x-client").cloned();
    let layer = PolicyLayer::new(inbound()?)
        .limit_key(client_of)
        .answering();
    let app = Router::new().route("/", get(search)).layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, app).await });
    Ok(url)
}

/// What an answer means: what may pass by itself is retried, and counts as a failure.
fn class_of(answer: &reqwest::Response) -> Option<Class> {
    let status = answer.status();
    let failed = status.is_client_error() || status.is_server_error();
    failed.then(|| Class::from_http(status.as_u16(), retry_after(answer)))
}

fn retry_after(answer: &reqwest::Response) -> Option<&str> {
    answer.headers().get("retry-after")?.to_str().ok()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let url = serve().await?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let policy = outbound()?;
    let layer = PolicyLayer::new(policy.clone())
        .clone_request(reqwest::Request::try_clone)
        .classify_response(class_of);
    let mut client = ServiceBuilder::new().layer(layer).service(http);

    println!("Three searches. The server fails twice before it answers:");
    for customer in ["ann", "ann", "bob"] {
        let mut request = reqwest::Request::new(reqwest::Method::GET, url.parse()?);
        request.headers_mut().insert("x-client", customer.parse()?);
        match client.ready().await?.call(request).await {
            Ok(answer) => {
                let wait = retry_after(&answer).map(|time| format!(" (Retry-After: {time})"));
                let (status, wait) = (answer.status(), wait.unwrap_or_default());
                println!("  {customer}: {status}{wait}: {}", answer.text().await?);
            }
            Err(error) => println!("  {customer}: {error}"),
        }
    }
    println!("How they ended: {:?}", policy.calls());
    Ok(())
}
