//! `#[instrument]` on either side.
#![deny(warnings)]

use std::io;

use async_trait::async_trait;
use steadfast::resilient;
use tracing::instrument;

#[instrument]
#[resilient(breaker = "instrument", retry, timeout = "5s")]
async fn outside(n: u32, text: String) -> io::Result<usize> {
    let len = async { io::Result::Ok(text.len()) }.await?;
    Ok(len + usize::try_from(n).unwrap_or(0))
}

#[resilient(breaker = "instrument", retry, timeout = "5s")]
#[instrument(skip(text), err)]
async fn inside(n: u32, text: String) -> io::Result<usize> {
    let len = async { io::Result::Ok(text.len()) }.await?;
    Ok(len + usize::try_from(n).unwrap_or(0))
}

#[instrument]
#[resilient(retry)]
fn blocking_outside(mut items: Vec<u32>) -> io::Result<usize> {
    items.push(1);
    Ok(items.len())
}

#[resilient(retry)]
#[instrument]
fn blocking_inside(mut items: Vec<u32>) -> io::Result<usize> {
    items.push(1);
    Ok(items.len())
}

#[async_trait]
trait Service {
    async fn outside(&mut self, text: String) -> io::Result<usize>;
    async fn inside(&mut self, text: String) -> io::Result<usize>;
}

#[async_trait]
impl Service for Vec<u32> {
    #[instrument]
    #[resilient(retry, timeout = "5s")]
    async fn outside(&mut self, text: String) -> io::Result<usize> {
        self.push(1);
        Ok(self.len() + text.len())
    }

    #[resilient(retry, timeout = "5s")]
    #[instrument]
    async fn inside(&mut self, text: String) -> io::Result<usize> {
        self.push(1);
        Ok(self.len() + text.len())
    }
}

#[tokio::main]
async fn main() {
    let spawned = tokio::spawn(async {
        assert_eq!(outside(1, "a".into()).await.unwrap(), 2);
        assert_eq!(inside(1, "a".into()).await.unwrap(), 2);
        let mut items = vec![];
        assert_eq!(items.outside("a".into()).await.unwrap(), 2);
        assert_eq!(items.inside("a".into()).await.unwrap(), 3);
    });
    spawned.await.unwrap();
    assert_eq!(blocking_outside(vec![]).unwrap(), 1);
    assert_eq!(blocking_inside(vec![]).unwrap(), 1);
}
