//! Limits: calls per time, with a turn to wait for and for each customer; calls at a time; a breaker
//! for each host.
//!
//! `cargo run -p steadfast-examples --bin limits`

use std::fmt::Display;
use std::io;
use std::time::Duration;

use steadfast::{Rejection, registry, resilient};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// Three at once, then one every 200 ms. A caller waits for its turn, but no longer than 500 ms.
#[resilient(rate_limit(name = "reports", max = 5, per = "1s", burst = 3, wait = "500ms"))]
async fn report() -> Result<&'static str, Rejection> {
    Ok("here is the report")
}

/// Each customer has a limit of its own.
#[resilient(rate_limit(name = "searches", max = 2, per = "1m", key = customer))]
async fn search(customer: &str) -> Result<String, Rejection> {
    Ok(format!("{customer} finds what it sought"))
}

/// Two at a time; the others wait in line, three of them at the most.
#[resilient(bulkhead(name = "exports", max = 2, wait = "1s", queue = 3))]
async fn export() -> Result<&'static str, Rejection> {
    sleep(Duration::from_millis(300)).await;
    Ok("exported")
}

/// A host that fails does not close the way to the others.
#[resilient(breaker(name = "hosts", key = host, failures = 2))]
async fn fetch(host: &str) -> io::Result<&'static str> {
    match host {
        "b.example" => Err(io::ErrorKind::ConnectionReset.into()),
        _ => Ok("fetched"),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!("Seven callers want a report; three may have it at once, then one every 200 ms:");
    all_at_once(7, || async { told(report().await) }).await;
    let status = registry().rate_limit("reports").status();
    println!("  used: {}, left: {}", status.used, status.left);

    println!("\nTwo searches a minute, for each customer:");
    for customer in ["ann", "ann", "ann", "bob"] {
        println!("  {}", told(search(customer).await));
    }

    println!("\nSix exports at once, two places, three who may wait:");
    all_at_once(6, || async { told(export().await) }).await;

    println!("\nA breaker for each host:");
    for host in [
        "a.example",
        "b.example",
        "b.example",
        "b.example",
        "a.example",
    ] {
        println!("  {host}: {}", told(fetch(host).await));
    }
    let keys = registry().breaker("hosts").status().keys;
    println!("  open for {} of {} hosts", keys.open, keys.held);
}

/// Calls so many times, all at once, and shows each answer when it comes.
async fn all_at_once<F>(times: u32, call: impl Fn() -> F)
where
    F: Future<Output = String> + Send + 'static,
{
    let began = Instant::now();
    let mut calls = JoinSet::new();
    for _ in 0..times {
        calls.spawn(call());
    }
    while let Some(answer) = calls.join_next().await {
        let millis = (began.elapsed().as_millis() + 20) / 100 * 100;
        let answer = answer.expect("a call that does not panic");
        println!("  after {millis:>3} ms: {answer}");
    }
}

fn told(result: Result<impl Display, impl Display>) -> String {
    match result {
        Ok(answer) => answer.to_string(),
        Err(error) => format!("no: {error}"),
    }
}
