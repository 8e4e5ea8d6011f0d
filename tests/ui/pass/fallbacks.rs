//! Fallbacks: sync and async, of functions and methods, with and without retry.
#![deny(warnings)]

use std::io;

use async_trait::async_trait;
use steadfast::{Class, Retrying, resilient};

fn broken<T>() -> io::Result<T> {
    Err(io::ErrorKind::ConnectionReset.into())
}

struct NoClone(u32);

#[resilient(fallback = instead)]
async fn once(order: String, mut items: Vec<u32>, (a, b): (u32, u32), _: u8, text: &str) -> io::Result<usize> {
    items.push(a + b + u32::try_from(text.len()).unwrap_or(0));
    drop(order);
    broken()
}

fn instead(order: String, items: Vec<u32>, pair: (u32, u32), _: u8, text: &str, error: io::Error) -> io::Result<usize> {
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    assert_eq!((items.len(), pair), (0, (1, 2)));
    Ok(order.len() + text.len())
}

#[resilient(retry(max = 2, base = "1ms", share(order), notify = noted), fallback(with = later, on = "error"), classify = class)]
async fn repeated(order: NoClone, sink: &mut Vec<u32>) -> io::Result<u32> {
    sink.push(order.0);
    broken()
}

async fn later(order: NoClone, sink: &mut Vec<u32>, _: io::Error) -> io::Result<u32> {
    tokio::task::yield_now().await;
    sink.push(100);
    Ok(order.0)
}

fn noted(retrying: &Retrying<'_>) {
    assert_eq!(retrying.attempt, 1);
}

fn class(_: &io::Error) -> Class {
    Class::Transient
}

#[resilient(fallback(kind = "default"))]
async fn by_default() -> io::Result<Vec<u32>> {
    broken()
}

#[resilient(retry(max = 2, base = "1ms"), fallback = blocking_instead)]
fn blocking(items: Vec<u32>) -> io::Result<usize> {
    drop(items);
    broken()
}

fn blocking_instead(items: Vec<u32>, _: io::Error) -> io::Result<usize> {
    Ok(items.len())
}

#[derive(Clone)]
struct Service(u32);

impl Service {
    #[resilient(fallback = Self::instead)]
    async fn by_reference(&self, n: u32) -> io::Result<u32> {
        assert_eq!(n, 1);
        broken()
    }

    async fn instead(&self, n: u32, _: io::Error) -> io::Result<u32> {
        tokio::task::yield_now().await;
        Ok(self.0 + n)
    }

    #[resilient(retry(max = 2, base = "1ms"), fallback = Self::instead_by_value)]
    async fn by_value(mut self) -> io::Result<u32> {
        self.0 += 1;
        broken()
    }

    #[allow(clippy::unused_self)]
    fn instead_by_value(self, _: io::Error) -> io::Result<u32> {
        Ok(self.0)
    }

    #[resilient(retry(max = 2, base = "1ms"), fallback = Self::instead_by_mutable)]
    async fn by_mutable(&mut self) -> io::Result<u32> {
        self.0 += 1;
        broken()
    }

    fn instead_by_mutable(&mut self, _: io::Error) -> io::Result<u32> {
        self.0 += 10;
        Ok(self.0)
    }
}

#[async_trait]
trait Boxed {
    async fn boxed(&self, text: String) -> io::Result<String>;
}

#[async_trait]
impl Boxed for Service {
    #[resilient(retry(max = 2, base = "1ms"), fallback = Self::boxed_instead)]
    async fn boxed(&self, text: String) -> io::Result<String> {
        drop(text);
        broken()
    }
}

impl Service {
    fn boxed_instead(&self, text: String, _: io::Error) -> io::Result<String> {
        Ok(format!("{text}{}", self.0))
    }
}

#[tokio::main]
async fn main() {
    let spawned = tokio::spawn(async {
        assert_eq!(once("abc".into(), vec![], (1, 2), 0, "d").await.unwrap(), 4);
        let mut sink = vec![];
        assert_eq!(repeated(NoClone(1), &mut sink).await.unwrap(), 1);
        assert_eq!(sink, [1, 1, 100]);
        assert!(by_default().await.unwrap().is_empty());
        let mut service = Service(1);
        assert_eq!(service.by_reference(1).await.unwrap(), 2);
        assert_eq!(service.clone().by_value().await.unwrap(), 1);
        assert_eq!(service.by_mutable().await.unwrap(), 13);
        assert_eq!(service.boxed("x".into()).await.unwrap(), "x13");
    });
    spawned.await.unwrap();
    assert_eq!(blocking(vec![1]).unwrap(), 1);
}
