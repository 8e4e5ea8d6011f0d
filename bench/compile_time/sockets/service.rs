//! One service of twenty, with ten functions; `@` stands for its number.

use std::hint::black_box;
use std::path::Path;

use serde::{Deserialize, Serialize};
use steadfast::resilient;

use crate::net::{Call, Client, Failure, done};

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
    let body = serde_json::to_vec(order)?;
    let answer = client.send("/@/charges", &body).await?;
    let receipt: Receipt = serde_json::from_slice(&answer)?;
    let due = order.cents();
    if receipt.cents != due {
        return Err(Failure::Amount(receipt.cents, due));
    }
    Ok(receipt)
}

#[resilient(breaker = "payments@", retry(max = 5), timeout = "5s")]
pub async fn submit(client: Client, mut order: Order) -> Result<Receipt, Failure> {
    order.lines.retain(|line| line.pieces > 0);
    let body = serde_json::to_vec(&order)?;
    let answer = client.send("/@/orders", &body).await?;
    Ok(serde_json::from_slice(&answer)?)
}

#[resilient(breaker = "payments@", retry(max = 3), timeout = "1s")]
pub async fn status(client: &Client, id: u64) -> Result<Option<String>, Failure> {
    let path = format!("/@/orders/{id}");
    let answer = client.send(&path, &[]).await?;
    let receipt: Receipt = serde_json::from_slice(&answer)?;
    Ok(receipt.note.filter(|_| receipt.order == id))
}

#[resilient(breaker = "search@", retry(max = 2), timeout = "500ms", deadline = "1s")]
pub async fn search(
    client: &Client,
    words: &[&str],
    limit: Option<usize>,
) -> Result<Vec<Order>, Failure> {
    let body = serde_json::to_vec(words)?;
    let answer = client.send("/@/search", &body).await?;
    let mut found: Vec<Order> = serde_json::from_slice(&answer)?;
    found.sort_by_key(Order::cents);
    found.truncate(limit.unwrap_or(20));
    Ok(found)
}

#[resilient(breaker = "payments@", timeout = "3s")]
pub async fn cancel(client: &Client, id: u64, reason: String) -> Result<(), Failure> {
    let path = format!("/@/orders/{id}/cancel");
    client.send(&path, reason.as_bytes()).await?;
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
        let answer = self.client.send(&path, &cents.to_be_bytes()).await?;
        Ok(serde_json::from_slice(&answer)?)
    }

    #[resilient(breaker = "gateway@", retry(max = 3), timeout = "2s")]
    pub async fn capture(&mut self, receipts: &[Receipt]) -> Result<u64, Failure> {
        let mut cents = 0;
        for receipt in receipts {
            let body = serde_json::to_vec(receipt)?;
            let answer = self.client.send("/@/captures", &body).await?;
            let captured: Receipt = serde_json::from_slice(&answer)?;
            self.sent += 1;
            cents += captured.cents;
        }
        Ok(cents)
    }

    #[resilient(breaker = "gateway@", retry(max = 3), timeout = "2s")]
    pub async fn dearest<'a>(&self, lines: &'a [Line]) -> Result<Option<&'a Line>, Failure> {
        let body = serde_json::to_vec(lines)?;
        let answer = self.client.send("/@/prices", &body).await?;
        let prices: Vec<u64> = serde_json::from_slice(&answer)?;
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
