//! Breakers that a fleet shares: several registries of this process stand for several instances, on
//! one real Redis. The drills do the same with processes of their own.

mod away;
mod circuit;
mod config;
mod operate;
mod wrong;

use std::time::Duration;

use steadfast::{Breaker, Registry, Setup, SetupError, State, Steadfast, resilient};
use steadfast_tests::redis::wait_for;
use steadfast_tests::{Dependency, Failure, secs};

#[resilient(
    name = "fleet.call",
    breaker(
        name = "fleet.es",
        scope = "shared",
        failures = 4,
        recovery = "500ms",
        half_open = 2,
        close_after = 2
    )
)]
async fn call(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

#[resilient(
    name = "fleet.sync",
    breaker(
        name = "fleet.sync",
        scope = "shared",
        failures = 1,
        recovery = "200ms",
        close_after = 1
    )
)]
fn sync(ok: bool) -> std::io::Result<()> {
    if ok {
        Ok(())
    } else {
        Err(std::io::Error::other("no"))
    }
}

/// What stands for a process: a registry of its own, and its link to Redis.
struct Instance {
    registry: Registry,
    steadfast: Steadfast,
}

fn registry(variables: &[(&str, &str)]) -> Registry {
    let registry = Registry::new();
    registry.know_only("fleet.");
    registry.set_variables(variables.iter().copied());
    registry
}

async fn start(with: impl FnOnce(Setup) -> Setup) -> Result<Instance, SetupError> {
    start_in(registry(&[]), with).await
}

async fn start_in(
    registry: Registry,
    with: impl FnOnce(Setup) -> Setup,
) -> Result<Instance, SetupError> {
    let start = async { with(steadfast::setup()).start().await };
    let steadfast = registry.scope(start).await?;
    Ok(Instance {
        registry,
        steadfast,
    })
}

impl Instance {
    async fn at(url: &str) -> Self {
        start(|setup| setup.redis(url)).await.unwrap()
    }

    fn breaker(&self) -> Breaker {
        self.registry.breaker("fleet.es")
    }

    /// Calls for each letter of a script.
    async fn play(&self, letters: &str) {
        let dependency = Dependency::playing(letters);
        for _ in letters.chars() {
            let _ = self.registry.scope(call(&dependency)).await;
        }
    }

    /// Waits for what comes over the network.
    async fn sees(&self, state: State) {
        let breaker = self.breaker();
        let came = tokio::time::timeout(secs(10), async {
            while breaker.state() != state {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        let waited = came.await;
        assert!(
            waited.is_ok(),
            "{state} did not come: {:?}",
            breaker.status()
        );
    }

    fn is_connected(&self) -> bool {
        self.registry
            .redis_status()
            .is_some_and(|status| status.connected)
    }

    async fn connects(&self) {
        self.connection(true).await;
    }

    async fn loses(&self) {
        self.connection(false).await;
    }

    async fn connection(&self, there: bool) {
        let registry = self.registry.clone();
        let breaker = self.breaker();
        let so = move || {
            let status = registry.redis_status().unwrap();
            status.connected == there && breaker.status().degraded != there
        };
        let came = tokio::task::spawn_blocking(move || wait_for(secs(10), so));
        assert!(came.await.unwrap(), "{:?}", self.registry.redis_status());
    }
}
