//! One guarded call, against a server that falls sick and gets well again.
//!
//! `cargo run -p steadfast-examples --bin quickstart`

use std::time::Duration;

use serde::{Deserialize, Serialize};
use steadfast::resilient;
use steadfast_examples::upstream::{Behaviour, Timeline, Upstream};
use tokio::time::Instant;

#[resilient(
    breaker(name = "stripe", failures = 4, recovery = "500ms"),
    retry(max = 3, base = "20ms"),
    timeout = "200ms"
)]
async fn charge(client: &reqwest::Client, order: &Order) -> Result<Charge, PaymentError> {
    let answer = client.post(&order.url).json(order).send().await?;
    Ok(answer.error_for_status()?.json().await?)
}

#[derive(Debug, thiserror::Error)]
enum PaymentError {
    #[error(transparent)]
    Rejected(#[from] steadfast::Rejection), // a policy refused or cut the call
    #[error("payment failed: {0}")]
    Http(#[from] reqwest::Error), // a source, so that its class is found
}

#[derive(Debug, Serialize)]
struct Order {
    url: String,
    cents: u64,
}

#[derive(Debug, Deserialize)]
struct Charge {
    id: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Steadfast tells what it does through `tracing`.
    let events = tracing_subscriber::fmt().without_time();
    events.with_target(false).with_ansi(false).init();

    let well = || Timeline::always(Behaviour::healthy());
    let server = Upstream::start_at(well(), 1, Instant::now(), r#"{"id":"ch_1"}"#).await?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let order = Order {
        url: server.url(),
        cents: 999,
    };

    println!("The server is well:");
    show(charge(&client, &order).await, &server);

    println!("\nIt answers 503. A call is tried three times; at four failures the breaker opens:");
    server.switch(Timeline::sick(Behaviour::failing(503)));
    for _ in 0..3 {
        show(charge(&client, &order).await, &server);
    }

    println!("\nIt is well again. After half a second two probes pass, and the breaker closes:");
    server.switch(well());
    tokio::time::sleep(Duration::from_millis(500)).await;
    for _ in 0..2 {
        show(charge(&client, &order).await, &server);
    }

    println!("\nIt hangs. Each attempt is cut after 200 ms:");
    server.switch(Timeline::sick(Behaviour::hanging()));
    show(charge(&client, &order).await, &server);
    Ok(())
}

fn show(charged: Result<Charge, PaymentError>, server: &Upstream) {
    let answer = match charged {
        Ok(charge) => format!("charged: {}", charge.id),
        Err(error) => error.to_string(),
    };
    println!(
        "→ {answer} (the server was asked {} times so far)",
        server.hits().total
    );
}
