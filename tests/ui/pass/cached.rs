//! Caches and last good answers around every kind of function.
#![deny(warnings)]

use std::hash::Hash;
use std::io;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use steadfast::resilient;

struct NoClone(u32);

#[resilient(cache(key = id, fresh = "5m"))]
async fn fresh(client: &NoClone, sink: &mut Vec<u32>, id: u32, _: NoClone) -> io::Result<u32> {
    sink.push(id);
    Ok(client.0 + id)
}

#[resilient(cache(key = (name, path, &items), stale = "1h"), retry(max = 2), timeout = "1s")]
async fn behind(name: &str, path: &Path, items: Vec<u32>, shared: &Arc<NoClone>) -> io::Result<String> {
    Ok(format!("{name} {} {} {}", path.display(), items.len(), shared.0))
}

#[resilient(cache(key = owned.0, stale = "1h"))]
async fn owned(owned: NoClone, (a, b): (u32, u32), closure: impl FnOnce() -> u32 + Send + 'static) -> io::Result<u32> {
    Ok(owned.0 + a + b + closure())
}

#[resilient(cache(key = id, stale = "1h"), fallback(kind = "cached", key = id), classify = transient)]
async fn generic<K, V>(id: K, value: V) -> io::Result<V>
where
    K: Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let _ = id;
    Ok(value)
}

fn transient(_: &io::Error) -> steadfast::Class {
    steadfast::Class::Transient
}

#[resilient(cache(key = id, stale = "1h", weigh = one), fallback(kind = "cached", key = id, weigh = one))]
fn sync(id: u32) -> io::Result<u32> {
    let double = |id: u32| -> io::Result<u32> { Ok(id * 2) };
    let id = double(id)?;
    if id > 100 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(id)
}

fn one(_: &u32) -> u32 {
    1
}

#[resilient(cache(key = id, stale = "1h"))]
fn future(id: u32) -> impl Future<Output = io::Result<u32>> + Send {
    let doubled = id * 2;
    async move { Ok(doubled) }
}

#[derive(Clone)]
struct Shop {
    id: u32,
}

impl Shop {
    #[resilient(
        cache(key = (self.id, name), stale = "1h"),
        breaker(name = "shops", key = self.id),
        retry(max = 2),
        fallback = Self::instead
    )]
    async fn price(&self, name: &str, count: u32) -> io::Result<String> {
        let shown = format!("{self}");
        let all = async { Ok::<_, io::Error>(self.id) }.await?;
        Ok(format!("{shown} {all} {name} {count}"))
    }

    fn instead(&self, name: &str, _: u32, error: io::Error) -> io::Result<String> {
        if name.is_empty() { Err(error) } else { Ok(self.id.to_string()) }
    }

    #[resilient(fallback(kind = "cached", key = self.id))]
    async fn changed(&mut self) -> io::Result<u32> {
        self.id += 1;
        Ok(self.id)
    }

    #[resilient(cache(key = self.id, stale = "1m"))]
    async fn shared(self: Arc<Self>, extra: u32) -> io::Result<u32> {
        Ok(self.id + extra)
    }
}

impl std::fmt::Display for Shop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "shop {}", self.id)
    }
}

#[async_trait]
trait Pages {
    async fn page(&self, name: &str) -> io::Result<String>;
}

#[async_trait]
impl Pages for Shop {
    #[resilient(cache(key = (self.id, name), stale = "1h"), fallback(kind = "cached", key = name))]
    async fn page(&self, name: &str) -> io::Result<String> {
        Ok(format!("{} {name}", self.id))
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Page(String);

#[resilient(
    cache(key = (name, &items), stale = "1h", store = "redis", weigh = weight),
    fallback(kind = "cached", key = name, store = "redis", weigh = weight),
    retry(max = 2)
)]
async fn afar(name: &str, items: Vec<u32>, shared: &Arc<NoClone>) -> io::Result<Page> {
    Ok(Page(format!("{name} {} {}", items.len(), shared.0)))
}

fn weight(page: &Page) -> u32 {
    u32::try_from(page.0.len()).unwrap_or(u32::MAX)
}

#[resilient(
    cache(key = id, stale = "1h", store = "redis"),
    fallback(kind = "cached", key = id, store = "redis"),
    classify = transient
)]
async fn afar_generic<K, V>(id: K, (value, _): (V, u8)) -> io::Result<V>
where
    K: Hash + Serialize + Clone + Send + Sync + 'static,
    V: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let _ = id;
    Ok(value)
}

#[resilient(cache(key = id, stale = "1h", store = "redis"), fallback(kind = "cached", key = id, store = "redis"))]
fn afar_sync(id: u32) -> io::Result<u32> {
    Ok(id)
}

/// An error that stays on its thread, which no await meets.
#[derive(Debug)]
struct Local(#[allow(dead_code)] std::rc::Rc<str>);

impl From<steadfast::Rejection> for Local {
    fn from(rejection: steadfast::Rejection) -> Self {
        Self(rejection.to_string().into())
    }
}

#[resilient(cache(key = id, stale = "1h"))]
async fn local(id: u32) -> Result<u32, Local> {
    Ok(id)
}

#[resilient(cache(key = id, stale = "1h", store = "redis"))]
async fn afar_local(id: u32) -> Result<u32, Local> {
    Ok(id)
}

impl Shop {
    #[resilient(cache(key = self.id, store = "redis"), fallback(kind = "cached", key = self.id, store = "redis"))]
    async fn afar(&mut self) -> io::Result<u32> {
        self.id += 1;
        Ok(self.id)
    }
}

#[async_trait]
trait Afar {
    async fn page(&self, name: &str) -> io::Result<String>;
}

#[async_trait]
impl Afar for Shop {
    #[resilient(
        cache(key = (self.id, name), stale = "1h", store = "redis"),
        fallback(kind = "cached", key = name, store = "redis")
    )]
    async fn page(&self, name: &str) -> io::Result<String> {
        Ok(format!("afar {} {name}", self.id))
    }
}

trait Native {
    fn native(&self, name: &str) -> impl Future<Output = io::Result<String>> + Send;
}

impl Native for Shop {
    #[resilient(cache(key = (self.id, name), stale = "1h"))]
    async fn native(&self, name: &str) -> io::Result<String> {
        Ok(format!("{} {name}", self.id))
    }
}

fn sendable<T: Send>(it: T) -> T {
    it
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let mut sink = Vec::new();
        for _ in 0..2 {
            assert_eq!(fresh(&NoClone(1), &mut sink, 2, NoClone(3)).await.unwrap(), 3);
        }
        assert_eq!(sink, [2]);
        let text = sendable(behind("a", Path::new("b"), vec![1], &Arc::new(NoClone(4)))).await;
        assert_eq!(text.unwrap(), "a b 1 4");
        assert_eq!(sendable(owned(NoClone(1), (2, 3), || 4)).await.unwrap(), 10);
        assert_eq!(generic("k", 5_u8).await.unwrap(), 5);
        assert_eq!(generic("k", "five").await.unwrap(), "five");
        assert_eq!(sync(4).unwrap(), 8);
        assert!(sync(400).is_err());
        assert_eq!(future(4).await.unwrap(), 8);
        let mut shop = Shop { id: 7 };
        assert_eq!(sendable(shop.price("x", 1)).await.unwrap(), "shop 7 7 x 1");
        assert_eq!(shop.changed().await.unwrap(), 8);
        assert_eq!(Arc::new(shop.clone()).shared(2).await.unwrap(), 10);
        assert_eq!(Pages::page(&shop, "y").await.unwrap(), "8 y");
        assert_eq!(shop.native("z").await.unwrap(), "8 z");
        let text = sendable(afar("a", vec![1], &Arc::new(NoClone(4)))).await;
        assert_eq!(text.unwrap().0, "a 1 4");
        assert_eq!(sendable(afar_generic("k", (5_u8, 1))).await.unwrap(), 5);
        assert_eq!(sendable(local(4)).await.unwrap(), 4);
        assert_eq!(sendable(afar_local(4)).await.unwrap(), 4);
        assert_eq!(afar_sync(4).unwrap(), 4);
        assert_eq!(sendable(shop.afar()).await.unwrap(), 9);
        assert_eq!(sendable(Afar::page(&shop, "y")).await.unwrap(), "afar 9 y");
    });
}
