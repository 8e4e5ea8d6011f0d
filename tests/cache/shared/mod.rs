//! Answers that instances share: several registries of this process stand for several instances, on one
//! real Redis. Another instance is also what a process is after a restart.

mod away;
mod fleet;
mod kept;
mod served;
mod values;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use steadfast::{CacheCounts, Events, Registry, Steadfast, resilient};
use steadfast_tests::redis::{Reply, Server};
use steadfast_tests::{Dependency, Failure, ms, secs, site};

/// Says which option a test is about: see `options`.
macro_rules! shows {
    ($option:literal, $test:ident) => {
        inventory::submit! {
            crate::options::Tested { option: $option, test: stringify!($test), run: $test }
        }
    };
}
use shows;

/// What the dependency answers here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Price {
    run: usize,
}

async fn ask(dependency: &Dependency) -> Result<Price, Failure> {
    let run = dependency.ask().await?;
    Ok(Price { run })
}

#[resilient(
    name = "afar.price",
    cache(key = (shop, id), fresh = "1m", stale = "1h", store = "redis")
)]
async fn price(dependency: Arc<Dependency>, shop: &str, id: u32) -> Result<Price, Failure> {
    let _ = (shop, id);
    ask(&dependency).await
}

/// Old soon, and of use for long.
#[resilient(
    name = "afar.soon",
    cache(key = id, fresh = "50ms", stale = "1h", store = "redis")
)]
async fn soon(dependency: Arc<Dependency>, id: u32) -> Result<Price, Failure> {
    let _ = id;
    ask(&dependency).await
}

#[resilient(
    name = "afar.good",
    fallback(kind = "cached", key = id, ttl = "1h", store = "redis")
)]
async fn good(dependency: &Dependency, id: &str) -> Result<Price, Failure> {
    let _ = id;
    ask(dependency).await
}

/// What stands for a process: a registry of its own, and its link to Redis.
struct Instance {
    registry: Registry,
    steadfast: Steadfast,
}

impl Instance {
    /// One that is connected.
    async fn at(server: &Server) -> Self {
        let instance = Self::at_url(&server.url()).await;
        instance.connects().await;
        instance
    }

    async fn at_url(url: &str) -> Self {
        let registry = registry(&[]);
        let setup = async { steadfast::setup().redis(url).start().await };
        let steadfast = registry.scope(setup).await.unwrap();
        Self {
            registry,
            steadfast,
        }
    }

    async fn of<T>(&self, call: impl Future<Output = T>) -> T {
        self.registry.scope(call).await
    }

    fn is_connected(&self) -> bool {
        let status = self.registry.redis_status();
        status.is_some_and(|status| status.connected)
    }

    async fn connects(&self) {
        eventually("a connection", || self.is_connected()).await;
    }

    async fn loses(&self) {
        eventually("the loss of the connection", || !self.is_connected()).await;
    }

    /// What the cache of a function did here.
    fn counts(&self, name: &str) -> CacheCounts {
        let counts = || site(name).cache().expect("it has a cache");
        self.registry.scope_blocking(counts)
    }
}

fn registry(variables: &[(&str, &str)]) -> Registry {
    let registry = Registry::new();
    registry.know_only("afar.");
    registry.set_variables(variables.iter().copied());
    registry
}

/// Waits for what comes over the network.
async fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let came = tokio::time::timeout(secs(20), async {
        while !so() {
            tokio::time::sleep(ms(5)).await;
        }
    });
    assert!(came.await.is_ok(), "{what} did not come");
}

/// The keys there are, but for those that say which instances there are.
fn keys(server: &Server) -> Vec<String> {
    let keys = server.command(&["KEYS", "*"]);
    let keys = keys.items().iter().map(Reply::text);
    let mut keys: Vec<_> = keys.filter(|key| !key.contains("instances")).collect();
    keys.sort();
    keys
}

/// Waits for so many answers in Redis, with no lease beside them; their keys.
async fn told(server: &Server, answers: usize) -> Vec<String> {
    eventually("an answer in Redis", || {
        let keys = keys(server);
        keys.len() == answers && keys.iter().all(|key| !key.ends_with(":l"))
    })
    .await;
    keys(server)
}

/// What is kept under a key.
fn data(server: &Server, key: &str) -> String {
    server.command(&["HGET", key, "d"]).text()
}

/// Listens with room for what all tests of this process report meanwhile.
fn listen() -> Events {
    Events::with_capacity(1 << 16)
}

/// Waits for an event whose text has all of these in it.
async fn hears(events: &mut Events, words: [&str; 3]) {
    let came = tokio::time::timeout(secs(20), async {
        loop {
            let text = format!("{:?}", events.recv().await.kind);
            if words.iter().all(|word| text.contains(word)) {
                return;
            }
        }
    });
    assert!(came.await.is_ok(), "no event has {words:?}");
}
