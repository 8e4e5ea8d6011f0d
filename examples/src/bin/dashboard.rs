//! A page of several parts, each from a service of its own: what fails is marked unavailable, or shown
//! as it last was, and the page stands all the same.
//!
//! `cargo run -p steadfast-examples --bin dashboard`

use std::fmt::Display;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use steadfast::{registry, resilient};
use tokio::time::{Instant, sleep};

/// The services behind the page. While they are down, each request fails after 50 ms.
#[derive(Default)]
struct Services {
    down: AtomicBool,
    requests: AtomicU32,
}

impl Services {
    async fn ask<T>(&self, answer: T) -> io::Result<T> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_millis(50)).await;
        if self.down.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(answer)
    }
}

/// Balances change, and an old one is better than none, but not one of yesterday.
#[resilient(
    breaker = "ledger",
    fallback(kind = "cached", key = customer, ttl = "1h")
)]
async fn balance(services: &Services, customer: u32) -> io::Result<String> {
    services.ask(format!("balance of {customer}: 42.00")).await
}

/// News are fresh for 300 ms. After that the old ones are shown at once, and fetched anew behind.
#[resilient(breaker = "news", cache(key = (), fresh = "300ms", stale = "1h"))]
async fn news(services: &Arc<Services>) -> io::Result<Arc<str>> {
    services.ask("news: all is well".into()).await
}

/// Without offers the page shows none.
#[resilient(breaker = "offers", fallback(kind = "default"))]
async fn offers(services: &Services) -> io::Result<Vec<&'static str>> {
    services.ask(vec!["tea", "cake"]).await
}

/// Nothing stands in for the weather: where it fails, the page says so.
#[resilient(breaker = "weather", timeout = "1s")]
async fn weather(services: &Services) -> io::Result<&'static str> {
    services.ask("weather: sunny").await
}

/// One part of the page.
fn part<T: Display>(result: io::Result<T>) -> String {
    result.map_or_else(|why| format!("unavailable ({why})"), |it| it.to_string())
}

async fn page(services: &Arc<Services>, customer: u32) {
    let began = Instant::now();
    let (balance, news, offers, weather) = tokio::join!(
        balance(services, customer),
        news(services),
        offers(services),
        weather(services),
    );
    let offers = offers.map(|offers| format!("{} offers", offers.len()));
    for part in [part(balance), part(news), part(offers), part(weather)] {
        println!("  {part}");
    }
    let millis = (began.elapsed().as_millis() + 10) / 50 * 50;
    println!("  in about {millis} ms");
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let services = Arc::new(Services::default());
    println!("All is well:");
    page(&services, 7).await;

    println!("\nAll services are down:");
    services.down.store(true, Ordering::Relaxed);
    sleep(Duration::from_millis(300)).await;
    page(&services, 7).await;

    println!("\nStill down, and a customer nobody has asked for yet:");
    sleep(Duration::from_millis(100)).await;
    page(&services, 8).await;

    println!("\nWell again:");
    services.down.store(false, Ordering::Relaxed);
    page(&services, 8).await;

    println!(
        "\n{} requests; answered without one:",
        services.requests.load(Ordering::Relaxed)
    );
    let totals = registry().totals();
    for call in &totals.calls {
        let name = call.name.rsplit("::").next().unwrap_or_default();
        let cache = totals.caches.iter().find(|(name, _)| *name == call.name);
        let kept = cache.map_or(0, |(_, cache)| cache.hits + cache.stale);
        println!(
            "  {name}: {} by its fallback, {kept} from its cache",
            call.fallbacks
        );
    }
}
