//! The customers: checkouts and product pages at constant rates, whatever becomes of the earlier ones (an open loop),
//! so that a service that stalls meets the same crowd as one that does not.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::checkout::{Confirmation, Order, Page};
use crate::upstream::draw::{Lane, bits};

mod recorder;
mod recovery;

pub use recorder::{Recorder, Second, Tally, Totals};
pub use recovery::{Bucket, PROMPT, STRETCH, recovery};

/// How long a customer waits before giving up.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The products that pages are about.
const PRODUCTS: u64 = 20;

/// A crowd of customers for one service.
#[derive(Debug)]
pub struct Load {
    /// Where the service is, without a slash at the end.
    pub url: String,
    /// What they come for.
    pub visits: Visits,
    /// Customers a second.
    pub rate: u32,
    /// From the first customer to the last.
    pub length: Duration,
    /// When the first one comes.
    pub began: Instant,
    /// What is bought, and by whom.
    pub seed: u64,
}

/// What customers come for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visits {
    /// To buy something.
    Checkouts,
    /// To look at something.
    Pages,
}

/// Whether the shop is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doors {
    /// Customers come.
    Open,
    /// Nobody new comes; those inside are served.
    Closing,
    /// Whoever is still inside leaves unanswered.
    Shut,
}

/// How a visit ended, as its customer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With everything.
    Full,
    /// Without a part that can be spared: the mail or the words of thanks, what speaks for the product.
    Degraded,
    /// With an error.
    Failed,
    /// With no answer within [`PATIENCE`], or before the run was over.
    Unanswered,
}

impl Load {
    /// Sends every customer, as long as the doors are open, and waits until each has an outcome.
    pub async fn run(self, recorder: Arc<Recorder>, mut doors: watch::Receiver<Doors>) {
        let client = client();
        let mut customers = JoinSet::new();
        for number in 0..self.customers() {
            let due = self.began + self.length.mul_f64(number as f64 / self.customers() as f64);
            tokio::select! {
                () = sleep_until(due) => {}
                _ = doors.wait_for(|doors| *doors >= Doors::Closing) => break,
            }
            while customers.try_join_next().is_some() {}
            let asked = self.ask(&client, number);
            let customer = Customer {
                due,
                arrival: due - self.began,
                doors: doors.clone(),
                recorder: Arc::clone(&recorder),
            };
            recorder.sent();
            customers.spawn(customer.wait(asked));
        }
        while customers.join_next().await.is_some() {}
    }

    fn customers(&self) -> u64 {
        (f64::from(self.rate) * self.length.as_secs_f64()).round() as u64
    }

    /// One visit, once it is polled.
    fn ask(
        &self,
        client: &reqwest::Client,
        number: u64,
    ) -> Pin<Box<dyn Future<Output = Outcome> + Send>> {
        let (client, url) = (client.clone(), &self.url);
        match self.visits {
            Visits::Checkouts => {
                let (url, order) = (format!("{url}/checkout"), order(self.seed, number));
                Box::pin(check_out(client, url, order))
            }
            Visits::Pages => {
                let product = bits(self.seed, number, Lane::Product) % PRODUCTS;
                Box::pin(look_at(client, format!("{url}/products/{product}")))
            }
        }
    }
}

/// Waits for the end of one visit.
struct Customer {
    due: Instant,
    arrival: Duration,
    doors: watch::Receiver<Doors>,
    recorder: Arc<Recorder>,
}

impl Customer {
    async fn wait(mut self, asked: impl Future<Output = Outcome>) {
        let outcome = tokio::select! {
            outcome = asked => outcome,
            () = sleep_until(self.due + PATIENCE) => Outcome::Unanswered,
            _ = self.doors.wait_for(|doors| *doors == Doors::Shut) => Outcome::Unanswered,
        };
        // From when it was due, not from when it was sent: a generator that falls behind must not
        // make the service look faster.
        self.recorder
            .ended(self.arrival, self.due.elapsed(), outcome);
    }
}

async fn check_out(client: reqwest::Client, url: String, order: Order) -> Outcome {
    let confirmation = answer::<Confirmation>(client.post(url).json(&order)).await;
    outcome(confirmation.map(|confirmation| confirmation.degraded.is_empty()))
}

async fn look_at(client: reqwest::Client, url: String) -> Outcome {
    let page = answer::<Page>(client.get(url)).await;
    outcome(page.map(|page| !page.pitch.is_empty()))
}

/// None where there is none, or an error.
async fn answer<T: DeserializeOwned>(request: reqwest::RequestBuilder) -> Option<T> {
    let response = request.send().await.ok()?;
    response.error_for_status().ok()?.json().await.ok()
}

fn outcome(whole: Option<bool>) -> Outcome {
    match whole {
        Some(true) => Outcome::Full,
        Some(false) => Outcome::Degraded,
        None => Outcome::Failed,
    }
}

fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy();
    builder
        .build()
        .expect("a client without TLS needs nothing that could be missing")
}

fn order(seed: u64, number: u64) -> Order {
    let bits = bits(seed, number, Lane::Order);
    Order {
        id: number,
        customer: format!("customer-{}@example.com", bits % 10_000),
        cents: 500 + bits % 20_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_orders() {
        assert_eq!(order(1, 7), order(1, 7));
        assert_ne!(order(1, 7), order(2, 7));
        assert_ne!(order(1, 7).cents, order(1, 8).cents);
    }

    #[test]
    fn the_rate_and_the_length_give_the_number_of_customers() {
        let load = Load {
            url: String::new(),
            visits: Visits::Checkouts,
            rate: 40,
            length: Duration::from_millis(7500),
            began: Instant::now(),
            seed: 1,
        };
        assert_eq!(load.customers(), 300);
    }
}
