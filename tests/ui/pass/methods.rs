//! Methods with every receiver, async and sync.
#![deny(warnings)]

use std::io;
use std::pin::Pin;
use std::sync::Arc;

use steadfast::resilient;

#[derive(Clone, Debug, Default)]
struct Service {
    calls: Vec<u32>,
}

impl Service {
    async fn ask(&self) -> io::Result<usize> {
        tokio::task::yield_now().await;
        Ok(self.calls.len())
    }

    #[resilient(retry, timeout = "5s")]
    async fn associated(n: u32) -> io::Result<u32> {
        Ok(n)
    }

    #[resilient(breaker = "methods", retry)]
    async fn by_reference(&self, n: usize) -> io::Result<usize> {
        Ok(self.ask().await? + n)
    }

    #[resilient(retry, timeout = "5s")]
    async fn by_mutable_reference(&mut self, n: u32, text: String) -> io::Result<usize> {
        self.calls.push(n);
        self.calls.extend(text.bytes().map(u32::from));
        let this = self;
        this.ask().await
    }

    #[resilient(breaker = "methods")]
    async fn by_mutable_reference_once(&mut self, n: u32) -> io::Result<&mut Vec<u32>> {
        self.calls.push(n);
        Ok(&mut self.calls)
    }

    #[resilient(retry)]
    async fn by_value(self) -> io::Result<Self> {
        self.ask().await?;
        Ok(self)
    }

    #[resilient(retry)]
    async fn by_mutable_value(mut self, n: u32) -> io::Result<Self> {
        assert_eq!(self.ask().await?, self.calls.len());
        self.calls.push(n);
        Ok(self)
    }

    #[resilient(retry(share(self)))]
    async fn by_shared_value(self) -> io::Result<usize> {
        self.ask().await
    }

    #[resilient(breaker = "methods")]
    async fn by_value_once(self) -> io::Result<Self> {
        Ok(self)
    }

    #[resilient(retry)]
    async fn by_arc(self: Arc<Self>) -> io::Result<Arc<Self>> {
        self.ask().await?;
        Ok(self)
    }

    #[resilient(retry)]
    async fn by_box(self: Box<Self>) -> io::Result<Service> {
        Ok(*self)
    }

    #[resilient(retry)]
    async fn by_pin(self: Pin<&mut Self>, n: u32) -> io::Result<usize> {
        let this = self.get_mut();
        this.calls.push(n);
        this.ask().await
    }

    #[resilient(retry)]
    async fn by_typed_reference(self: &Self) -> io::Result<usize> {
        self.ask().await
    }

    #[resilient(retry)]
    async fn by_typed_mutable_reference(self: &mut Self) -> io::Result<usize> {
        self.calls.clear();
        self.ask().await
    }

    #[resilient(retry)]
    async fn renames_only_its_own_self(&mut self) -> io::Result<String> {
        mod inner {
            pub(super) fn one() -> u32 {
                self::two() - 1
            }
            pub(super) fn two() -> u32 {
                2
            }
        }
        struct Other(u32);
        impl Other {
            fn get(&self) -> u32 {
                self.0
            }
        }
        self.calls.push(Other(3).get() + inner::one() + inner::two());
        let mut add = |n| self.calls.push(n);
        add(4);
        Ok(format!("{:?}", self.calls))
    }

    #[resilient(retry)]
    async fn speaks_of_itself_in_macros(&mut self) -> io::Result<String> {
        let text = format!("{self:?} {{self}}");
        tokio::select! {
            asked = self.ask() => Ok(format!("{text} {}", asked?)),
            () = std::future::pending() => unreachable!("{self:?}"),
        }
    }

    #[resilient(retry(base = "1ms"))]
    fn blocking(&mut self, n: u32) -> io::Result<usize> {
        self.calls.push(n);
        Ok(self.calls.len())
    }

    #[resilient(breaker = "methods")]
    fn blocking_borrow(&mut self) -> io::Result<&mut u32> {
        self.calls.last_mut().ok_or_else(|| io::Error::other("empty"))
    }

    #[resilient(retry)]
    fn blocking_value(mut self) -> io::Result<Self> {
        self.calls.push(0);
        Ok(self)
    }

    #[resilient(retry)]
    fn blocking_reference(&self) -> io::Result<&[u32]> {
        Ok(&self.calls)
    }
}

/// A type with parameters, whose methods have some of their own.
struct Cache<'a, T, const N: usize>([&'a T; N]);

impl<'a, T: PartialEq + Sync, const N: usize> Cache<'a, T, N> {
    #[resilient(breaker = "methods", retry(max = 2))]
    async fn find<P>(&self, wanted: P) -> io::Result<Option<&'a T>>
    where
        P: Fn(&T) -> bool + Clone + Send,
    {
        Ok(self.0.iter().find(|item| wanted(item)).copied())
    }
}

#[tokio::main]
async fn main() {
    let spawned = tokio::spawn(async {
        let mut service = Service::default();
        assert_eq!(Service::associated(1).await.unwrap(), 1);
        assert_eq!(service.by_reference(1).await.unwrap(), 1);
        assert_eq!(service.by_mutable_reference(1, "ab".into()).await.unwrap(), 3);
        service.by_mutable_reference_once(2).await.unwrap().push(3);
        let service = service.by_value().await.unwrap().by_mutable_value(4).await.unwrap();
        assert_eq!(service.calls, [1, 97, 98, 2, 3, 4]);
        assert_eq!(service.clone().by_shared_value().await.unwrap(), 6);
        let service = service.by_value_once().await.unwrap();
        let service = Arc::new(service).by_arc().await.unwrap();
        let mut service = Box::new((*service).clone()).by_box().await.unwrap();
        assert_eq!(Pin::new(&mut service).by_pin(5).await.unwrap(), 7);
        assert_eq!(service.by_typed_reference().await.unwrap(), 7);
        assert_eq!(service.by_typed_mutable_reference().await.unwrap(), 0);
        assert_eq!(service.renames_only_its_own_self().await.unwrap(), "[6, 4]");
        let said = service.speaks_of_itself_in_macros().await.unwrap();
        assert_eq!(said, "Service { calls: [6, 4] } {self} 2");
        let cache = Cache([&1, &2]);
        assert_eq!(cache.find(|n| n % 2 == 0).await.unwrap(), Some(&2));
    });
    spawned.await.unwrap();
    let mut service = Service::default();
    assert_eq!(service.blocking(1).unwrap(), 1);
    *service.blocking_borrow().unwrap() += 1;
    assert_eq!(service.blocking_value().unwrap().blocking_reference().unwrap(), [2, 0]);
}
