//! Limits and bulkheads that a fleet shares: several registries of this process stand for several
//! instances, on one real Redis. The drills do the same with processes of their own.

mod calls;
mod failover;
mod faults;
mod inbound;
mod leases;
mod outage;
mod places;
mod seen;
mod strict;

use std::time::Duration;

use steadfast::options::{RateLimitPatch, Scope};
use steadfast::{Policy, RateLimit, Registry, Rejection, Setup, Steadfast};
use steadfast_tests::redis::{Server, wait_for};

/// Says which option a test is about: see `options`.
macro_rules! shows {
    ($option:literal, $test:ident) => {
        inventory::submit! {
            crate::options::Tested { option: $option, test: stringify!($test), run: $test }
        }
    };
}
use shows;

/// What stands for a process: a registry of its own, and its link to Redis.
struct Instance {
    registry: Registry,
    steadfast: Steadfast,
}

impl Instance {
    async fn at(url: &str) -> Self {
        Self::with(|setup| setup.redis(url)).await
    }

    async fn with(with: impl FnOnce(Setup) -> Setup) -> Self {
        Self::with_variables(&[], with).await
    }

    async fn with_variables(variables: &[(&str, &str)], with: impl FnOnce(Setup) -> Setup) -> Self {
        let registry = Registry::new();
        registry.know_only("nothing here.");
        registry.set_variables(variables.iter().copied());
        let start = async { with(steadfast::setup()).start().await };
        let steadfast = registry.scope(start).await.unwrap();
        Self {
            registry,
            steadfast,
        }
    }

    /// A shared limit of this instance.
    fn limit(
        &self,
        name: &str,
        options: impl FnOnce(RateLimitPatch) -> RateLimitPatch,
    ) -> RateLimit {
        let policy = Policy::builder(&format!("defines.{name}")).registry(&self.registry);
        policy
            .rate_limit(name, |limit| options(limit).scope(Scope::Shared))
            .build()
            .unwrap();
        self.registry.rate_limit(name)
    }
}

/// So many instances.
async fn instances(server: &Server, count: usize) -> Vec<Instance> {
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(Instance::at(&server.url()).await);
    }
    all
}

/// Whether there is a token now.
async fn takes(limit: &RateLimit) -> bool {
    limit.acquire_within(Duration::ZERO).await.is_ok()
}

/// How many tokens there are at once, of so many that are asked for.
async fn at_once(limit: &RateLimit, asked: usize) -> usize {
    let mut taken = 0;
    for _ in 0..asked {
        taken += usize::from(takes(limit).await);
    }
    taken
}

/// Waits until all of them know how many they are.
fn know_each_other(fleet: &[Instance]) {
    let all = u32::try_from(fleet.len()).unwrap();
    let count = |instance: &Instance| instance.registry.redis_status().unwrap().instances;
    let known = wait_for(Duration::from_secs(20), || {
        fleet.iter().all(|it| count(it) == all)
    });
    assert!(known, "their heartbeats were heard");
}

fn retry_in(refused: &Rejection) -> Duration {
    refused.retry_in().expect("it says when to come back")
}

/// Really, since Redis and its clock are real.
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}
