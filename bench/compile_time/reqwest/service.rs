//! One service of twenty, with ten functions; `@` stands for its number.

use std::hint::black_box;
use std::path::Path;

use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use steadfast::resilient;

use crate::net::{Call, Client, Failure, accepted, done};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    sku: String,
    pieces: u64,
    cents: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    id: u64,
    customer: String,
    lines: Vec<Line>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Receipt {
    order: u64,
    cents: u64,
    note: Option<String>,
}

impl Order {
    fn cents(&self) -> u64 {
        self.lines.iter().map(|line| line.pieces * line.cents).sum()
    }
}

#[resilient(breaker = "payments@", retry(max = 3, base = "50ms"), timeout = "2s")]
pub async fn charge(client: &Client, order: &Order) -> Result<Receipt, Failure> {
    let request = client.post("/@/charges").header("Idempotency-Key", order.id);
    let response = request.json(order).send().await?;
    let receipt: Receipt = accepted(response)?.json().await?;
    let due = order.cents();
    if receipt.cents != due {
        return Err(Failure::Amount(receipt.cents, due));
    }
    Ok(receipt)
}

#[resilient(breaker = "payments@", retry(max = 5), timeout = "5s")]
pub async fn submit(client: Client, mut order: Order) -> Result<Receipt, Failure> {
    order.lines.retain(|line| line.pieces > 0);
    let response = client.post("/@/orders").json(&order).send().await?;
    Ok(accepted(response)?.json().await?)
}

#[resilient(breaker = "payments@", retry(max = 3), timeout = "1s")]
pub async fn status(client: &Client, id: u64) -> Result<Option<String>, Failure> {
    let response = client.get(&format!("/@/orders/{id}")).send().await?;
    if response.status() == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    let receipt: Receipt = accepted(response)?.json().await?;
    Ok(receipt.note.filter(|_| receipt.order == id))
}

#[resilient(breaker = "search@", retry(max = 2), timeout = "500ms", deadline = "1s")]
pub async fn search(
    client: &Client,
    words: &[&str],
    limit: Option<usize>,
) -> Result<Vec<Order>, Failure> {
    let response = client.post("/@/search").json(words).send().await?;
    let mut found: Vec<Order> = accepted(response)?.json().await?;
    found.sort_by_key(Order::cents);
    found.truncate(limit.unwrap_or(20));
    Ok(found)
}

#[resilient(breaker = "payments@", timeout = "3s")]
pub async fn cancel(client: &Client, id: u64, reason: String) -> Result<(), Failure> {
    let request = client.post(&format!("/@/orders/{id}/cancel"));
    accepted(request.body(reason).send().await?)?;
    Ok(())
}

pub struct Gateway {
    client: Client,
    currency: String,
    sent: u64,
}

impl Gateway {
    #[resilient(breaker = "gateway@", retry(max = 3), timeout = "2s")]
    pub async fn refund(&self, receipt: &Receipt, cents: u64) -> Result<Receipt, Failure> {
        if cents > receipt.cents {
            return Err(Failure::Amount(cents, receipt.cents));
        }
        let path = format!("/@/refunds/{}/{}", receipt.order, self.currency);
        let response = self.client.post(&path).json(&cents).send().await?;
        Ok(accepted(response)?.json().await?)
    }

    #[resilient(breaker = "gateway@", retry(max = 3), timeout = "2s")]
    pub async fn capture(&mut self, receipts: &[Receipt]) -> Result<u64, Failure> {
        let mut cents = 0;
        for receipt in receipts {
            let request = self.client.post("/@/captures").json(receipt);
            let captured: Receipt = accepted(request.send().await?)?.json().await?;
            self.sent += 1;
            cents += captured.cents;
        }
        Ok(cents)
    }

    #[resilient(breaker = "gateway@", retry(max = 3), timeout = "2s")]
    pub async fn dearest<'a>(&self, lines: &'a [Line]) -> Result<Option<&'a Line>, Failure> {
        let response = self.client.post("/@/prices").json(lines).send().await?;
        let prices: Vec<u64> = accepted(response)?.json().await?;
        let priced = lines.iter().zip(prices);
        Ok(priced.max_by_key(|(_, price)| *price).map(|(line, _)| line))
    }
}

#[resilient(breaker = "files@", retry(max = 2))]
pub fn load(path: &Path) -> Result<Vec<Order>, Failure> {
    let text = std::fs::read_to_string(path)?;
    let orders = text.lines().map(serde_json::from_str);
    Ok(orders.collect::<Result<_, _>>()?)
}

#[resilient(breaker = "files@")]
pub fn store(path: &Path, order: &Order) -> Result<u64, Failure> {
    let text = serde_json::to_string_pretty(order)?;
    std::fs::write(path, &text)?;
    Ok(text.len() as u64)
}

fn order() -> Order {
    let line = Line {
        sku: black_box("@").into(),
        pieces: black_box(2),
        cents: black_box(995),
    };
    Order {
        id: black_box(7),
        customer: black_box("c").into(),
        lines: vec![line],
    }
}

fn receipt() -> Receipt {
    Receipt {
        order: black_box(7),
        cents: black_box(1990),
        note: None,
    }
}

fn gateway(client: Client) -> Gateway {
    Gateway {
        client,
        currency: black_box("EUR").into(),
        sent: 0,
    }
}

pub const CALLS: [Call; 10] = [
    |client| Box::pin(async move { done(charge(&client, &order()).await) }),
    |client| Box::pin(async move { done(submit(client, order()).await) }),
    |client| Box::pin(async move { done(status(&client, order().id).await) }),
    |client| Box::pin(async move { done(search(&client, &["a", "b"], Some(5)).await) }),
    |client| Box::pin(async move { done(cancel(&client, order().id, "late".into()).await) }),
    |client| Box::pin(async move { done(gateway(client).refund(&receipt(), 5).await) }),
    |client| Box::pin(async move { done(gateway(client).capture(&[receipt()]).await) }),
    |client| Box::pin(async move { done(gateway(client).dearest(&order().lines).await) }),
    |_| Box::pin(async move { done(load(Path::new(black_box("@.jsonl")))) }),
    |_| Box::pin(async move { done(store(Path::new(black_box("@.jsonl")), &order())) }),
];
