//! Work that is done later, on a real Redis.

mod cluster;
mod crash;
mod enqueued;
mod spool;
mod worker;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use steadfast::outbox::OutboxError;
use steadfast::{Backoff, Jitter, Outbox, Registry, Steadfast};
use steadfast_tests::redis::Server;
use steadfast_tests::{ms, secs};

/// The work of these tests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Payment {
    order: u64,
}

/// What stands for a process: a registry of its own, and its link to Redis.
struct Shop {
    registry: Registry,
    steadfast: Steadfast,
}

impl Shop {
    async fn at(server: &Server) -> Self {
        Self::at_url(&server.url()).await
    }

    async fn at_url(url: &str) -> Self {
        let registry = Registry::new();
        registry.know_only("outbox.");
        let setup = async { steadfast::setup().redis(url).start().await };
        let steadfast = registry.scope(setup).await.unwrap();
        Self {
            registry,
            steadfast,
        }
    }

    fn is_connected(&self) -> bool {
        self.registry.redis_status().is_some_and(|it| it.connected)
    }

    async fn connects(&self) {
        eventually("a connection", || self.is_connected()).await;
    }

    async fn loses(&self) {
        eventually("the loss of the connection", || !self.is_connected()).await;
    }

    async fn outbox(&self) -> Outbox<Payment> {
        let open = Outbox::<Payment>::open("payments");
        self.registry.scope(open).await.unwrap()
    }

    /// Runs a worker on a task of its own, whose handler ends as `how` says.
    fn work(
        &self,
        outbox: &Outbox<Payment>,
        how: impl Fn(u64) -> Result<(), std::io::Error> + Send + Sync + 'static,
    ) -> Worker {
        self.work_noting(Arc::default(), outbox, how)
    }

    /// The same, with the orders it had noted where others note theirs.
    fn work_noting(
        &self,
        done: Arc<Mutex<Vec<u64>>>,
        outbox: &Outbox<Payment>,
        how: impl Fn(u64) -> Result<(), std::io::Error> + Send + Sync + 'static,
    ) -> Worker {
        let (noted, how) = (done.clone(), Arc::new(how));
        let worker = outbox
            .worker(move |payment: Payment| {
                let (noted, how) = (noted.clone(), how.clone());
                async move {
                    noted.lock().unwrap().push(payment.order);
                    how(payment.order)
                }
            })
            .max_attempts(3)
            .backoff(Backoff::new(ms(50)).jitter(Jitter::None))
            .claim_after(ms(500));
        let registry = self.registry.clone();
        let task = tokio::spawn(async move { registry.scope(worker.into_future()).await });
        Worker { task, done }
    }
}

/// A worker at work; it stops when dropped.
struct Worker {
    task: tokio::task::JoinHandle<Result<(), OutboxError>>,
    done: Arc<Mutex<Vec<u64>>>,
}

impl Worker {
    /// The orders that its handler had, in order.
    fn had(&self) -> Vec<u64> {
        self.done.lock().unwrap().clone()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Waits for what comes over the network.
async fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let came = tokio::time::timeout(secs(20), async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(came.await.is_ok(), "{what} did not come");
}

async fn emptied(outbox: &Outbox<Payment>) {
    let came = tokio::time::timeout(secs(20), async {
        loop {
            if let Ok(depth) = outbox.depth().await
                && (depth.waiting, depth.delayed) == (0, 0)
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(came.await.is_ok(), "the queue was not emptied");
}
