//! The customers: checkouts at a constant rate, whatever becomes of the earlier ones (an open loop),
//! so that a service that stalls meets the same crowd as one that does not.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::checkout::{Confirmation, Order};
use crate::upstream::draw::{Lane, bits};

mod recorder;
mod recovery;

pub use recorder::{Recorder, Second, Tally, Totals};
pub use recovery::{Bucket, PROMPT, STRETCH, recovery};

/// How long a customer waits before giving up.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A crowd of customers for one checkout service.
#[derive(Debug)]
pub struct Load {
    /// Where to check out.
    pub url: String,
    /// Checkouts a second.
    pub rate: u32,
    /// From the first customer to the last.
    pub length: Duration,
    /// When the first one comes.
    pub began: Instant,
    /// What is bought, and by whom.
    pub seed: u64,
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

/// How a checkout ended, as its customer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With everything.
    Full,
    /// Paid and stored, without the mail or the words of thanks.
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
            let asked = ask(client.clone(), self.url.clone(), order(self.seed, number));
            let customer = Customer {
                due,
                arrival: due - self.began,
                doors: doors.clone(),
                recorder: Arc::clone(&recorder),
            };
            recorder.sent();
            customers.spawn(customer.check_out(asked));
        }
        while customers.join_next().await.is_some() {}
    }

    fn customers(&self) -> u64 {
        (f64::from(self.rate) * self.length.as_secs_f64()).round() as u64
    }
}

/// Waits for one checkout.
struct Customer {
    due: Instant,
    arrival: Duration,
    doors: watch::Receiver<Doors>,
    recorder: Arc<Recorder>,
}

impl Customer {
    async fn check_out(mut self, asked: impl Future<Output = Outcome>) {
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

async fn ask(client: reqwest::Client, url: String, order: Order) -> Outcome {
    let Ok(response) = client.post(url).json(&order).send().await else {
        return Outcome::Failed;
    };
    if !response.status().is_success() {
        return Outcome::Failed;
    }
    match response.json::<Confirmation>().await {
        Ok(confirmation) if confirmation.degraded.is_empty() => Outcome::Full,
        Ok(_) => Outcome::Degraded,
        Err(_) => Outcome::Failed,
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
            rate: 40,
            length: Duration::from_millis(7500),
            began: Instant::now(),
            seed: 1,
        };
        assert_eq!(load.customers(), 300);
    }
}
