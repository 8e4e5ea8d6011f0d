//! Trait methods: native, and through `#[async_trait]`.
#![deny(warnings)]

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use steadfast::resilient;

trait Native: Send {
    fn name(&self) -> String;

    #[resilient(breaker = "traits", retry)]
    fn blocking(&mut self, n: u32) -> io::Result<u32> {
        Ok(n + u32::try_from(self.name().len()).unwrap_or(0))
    }

    fn later(&self, n: u32) -> impl Future<Output = io::Result<u32>> + Send;

    #[resilient(breaker = "traits", retry, timeout = "5s")]
    fn by_default(&mut self, text: String) -> impl Future<Output = io::Result<String>> + Send {
        async move { Ok(text + &self.name()) }
    }
}

#[allow(async_fn_in_trait)]
trait NativeAsync {
    async fn ask(&self, n: u32) -> io::Result<u32>;

    #[resilient(breaker = "traits", retry)]
    async fn ask_twice(&mut self, text: String) -> io::Result<u32> {
        let first = self.ask(u32::try_from(text.len()).unwrap_or(0)).await?;
        self.ask(first).await
    }
}

impl NativeAsync for One {
    #[resilient(retry)]
    async fn ask(&self, n: u32) -> io::Result<u32> {
        Ok(self.0 + n)
    }
}

struct One(u32);

impl Native for One {
    fn name(&self) -> String {
        "one".into()
    }

    #[resilient(breaker = "traits", retry)]
    async fn later(&self, n: u32) -> io::Result<u32> {
        tokio::task::yield_now().await;
        Ok(self.0 + n)
    }
}

#[async_trait]
trait Boxed {
    async fn by_reference(&self, text: &str, owned: String) -> io::Result<String>;
    async fn by_mutable_reference(&mut self, (a, b): (u32, u32), c: Vec<u32>) -> io::Result<u32>;
    async fn by_value(self, n: u32) -> io::Result<u32>;
    async fn by_arc(self: Arc<Self>, mut n: u32) -> Result<u32, anyhow::Error>;

    #[resilient(breaker = "traits", retry(max = 2), timeout = "5s")]
    async fn by_default(&mut self, text: String, generic: impl Into<u32> + Clone + Send) -> io::Result<u32>
    where
        Self: Sized,
    {
        let n = self.by_mutable_reference((1, 2), vec![]).await?;
        Ok(n + generic.into() + u32::try_from(text.len()).unwrap_or(0))
    }
}

#[async_trait]
impl Boxed for One {
    #[resilient(breaker = "traits", retry, timeout = "5s")]
    async fn by_reference(&self, text: &str, owned: String) -> io::Result<String> {
        tokio::task::yield_now().await;
        Ok(format!("{}{text}{owned}", self.0))
    }

    #[resilient(retry)]
    async fn by_mutable_reference(&mut self, (a, mut b): (u32, u32), c: Vec<u32>) -> io::Result<u32> {
        b += 1;
        self.0 += a + b + c.into_iter().sum::<u32>();
        Ok(self.0)
    }

    #[resilient(breaker = "traits")]
    async fn by_value(mut self, n: u32) -> io::Result<u32> {
        self.0 += n;
        Ok(self.0)
    }

    #[resilient(retry)]
    async fn by_arc(self: Arc<Self>, mut n: u32) -> Result<u32, anyhow::Error> {
        n += 1;
        let parsed: u32 = "5".parse()?;
        Ok(self.0 + n + parsed)
    }
}

#[async_trait(?Send)]
trait Local {
    async fn local(&self) -> io::Result<u32>;
}

#[async_trait(?Send)]
impl Local for std::rc::Rc<u32> {
    #[resilient(retry)]
    async fn local(&self) -> io::Result<u32> {
        Ok(**self)
    }
}

trait ByHand {
    fn call(&self, n: u32) -> Pin<Box<dyn Future<Output = io::Result<u32>> + Send + '_>>;
}

impl ByHand for One {
    #[resilient(breaker = "traits", retry)]
    fn call(&self, n: u32) -> Pin<Box<dyn Future<Output = io::Result<u32>> + Send + '_>> {
        if n > 9 {
            return Box::pin(async { Ok(0) });
        }
        Box::pin(async move { Ok(self.0 + n) })
    }
}

#[tokio::main]
async fn main() {
    let spawned = tokio::spawn(async {
        let mut one = One(1);
        assert_eq!(one.blocking(1).unwrap(), 4);
        assert_eq!(one.later(1).await.unwrap(), 2);
        assert_eq!(Native::by_default(&mut one, "x".into()).await.unwrap(), "xone");
        assert_eq!(one.ask_twice("abc".into()).await.unwrap(), 5);
        assert_eq!(one.by_reference("a", "b".into()).await.unwrap(), "1ab");
        assert_eq!(one.by_mutable_reference((1, 2), vec![3]).await.unwrap(), 8);
        assert_eq!(Boxed::by_default(&mut one, "x".into(), 1_u32).await.unwrap(), 14);
        assert_eq!(one.call(1).await.unwrap(), 13);
        assert_eq!(one.call(10).await.unwrap(), 0);
        assert_eq!(One(3).by_value(1).await.unwrap(), 4);
        assert_eq!(Arc::new(One(3)).by_arc(1).await.unwrap(), 10);
    });
    spawned.await.unwrap();
    assert_eq!(std::rc::Rc::new(7).local().await.unwrap(), 7);
}
