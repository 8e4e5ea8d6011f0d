//! Functions that return a future.
#![deny(warnings)]

use std::future::{Future, ready};
use std::io;
use std::pin::Pin;

use steadfast::resilient;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

#[derive(Clone)]
struct Client(String);

impl Client {
    #[resilient(breaker = "futures", timeout = "5s")]
    fn once(&self, path: String) -> impl Future<Output = io::Result<String>> + Send {
        async move {
            let sent: usize = path.len();
            Ok(format!("{}/{path}/{sent}", self.0))
        }
    }

    /// What stands before the block runs once, so that the future need not borrow `self`.
    #[resilient(breaker = "futures", retry(max = 2))]
    fn detached(&self, path: String) -> impl Future<Output = io::Result<String>> + Send + use<> {
        let client = self.clone();
        let (mut calls, unused) = (0, 1);
        let _ = unused;
        async move {
            calls += 1;
            Ok(format!("{}/{path}/{calls}", client.0))
        }
    }

    #[resilient(retry)]
    fn boxed<'a>(&'a mut self, more: &'a str) -> BoxFuture<'a, io::Result<usize>> {
        Box::pin(async move {
            self.0.push_str(more);
            Ok(self.0.len())
        })
    }
}

#[resilient(retry)]
fn ready_made(n: u32) -> impl Future<Output = io::Result<u32>> + Send {
    ready(Ok(n))
}

#[resilient(breaker = "futures")]
fn chosen(n: u32) -> BoxFuture<'static, io::Result<u32>> {
    if n > 3 {
        return Box::pin(ready(Ok(3)));
    }
    let later = async move { Ok(n) };
    Box::pin(later)
}

#[resilient(retry)]
fn with_pattern((a, mut b): (u32, u32)) -> impl Future<Output = Result<u32, anyhow::Error>> + Send {
    async move {
        b += "1".parse::<u32>()?;
        Ok(a + b)
    }
}

#[tokio::main]
async fn main() {
    let spawned = tokio::spawn(async {
        let mut client = Client("host".into());
        assert_eq!(client.once("a".into()).await.unwrap(), "host/a/1");
        assert_eq!(client.detached("b".into()).await.unwrap(), "host/b/1");
        assert_eq!(client.boxed("s").await.unwrap(), 5);
        assert_eq!(ready_made(1).await.unwrap(), 1);
        assert_eq!(chosen(1).await.unwrap(), 1);
        assert_eq!(chosen(9).await.unwrap(), 3);
        assert_eq!(with_pattern((1, 2)).await.unwrap(), 4);
    });
    spawned.await.unwrap();
}
