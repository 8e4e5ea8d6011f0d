//! Rate limits, bulkheads, breakers by key, retry budgets, nested deadlines: each sentence of the
//! contract on them, as a fact.
//!
//! The numbers in the comments are those of the contract's section 3, but where they say
//! otherwise.
#![allow(clippy::unchecked_time_subtraction)] // a test knows its times

mod allocations;
mod blocking;
mod budget;
mod current;
mod keyed_breakers;
mod keyed_limits;
mod levels;
mod limits_as_one;
mod nested;
mod order;
mod pairs;
mod places;
mod queues;
mod refusals;
mod stress;
mod tokens;
mod waits;
mod waits_and_deadlines;

use std::time::Duration;

use steadfast::{Name, Rejection, registry};
use steadfast_tests::Failure;
use tokio::task::JoinHandle;

/// An async function with this policy, which asks a dependency.
macro_rules! guarded {
    ($($policy:tt)*) => {{
        #[steadfast::resilient($($policy)*)]
        async fn call(
            dependency: &steadfast_tests::Dependency,
        ) -> Result<usize, steadfast_tests::Failure> {
            dependency.ask().await
        }
        call
    }};
}
use guarded;

/// Runs a call as a task of its own, in the registry of the test.
fn spawn<F>(call: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(registry().scope(call))
}

/// Runs calls at once, each as a task of its own, and gives their results in the order they came.
async fn crowd<F>(calls: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let tasks: Vec<_> = calls.into_iter().map(spawn).collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.expect("no call panics"));
    }
    results
}

fn rate_limited(limiter: &str, retry_in: Duration) -> Failure {
    Failure::Rejected(Rejection::RateLimited {
        limiter: Name::new(limiter).unwrap(),
        retry_in: Some(retry_in),
    })
}

fn bulkhead_full(bulkhead: &str, max: u32) -> Failure {
    Failure::Rejected(Rejection::BulkheadFull {
        bulkhead: Name::new(bulkhead).unwrap(),
        max,
    })
}

fn cut(limit: Duration) -> Failure {
    Failure::Rejected(Rejection::DeadlineExceeded { limit })
}

/// Whether a call was refused by a rate limit.
fn is_limited<T>(result: &Result<T, Failure>) -> bool {
    matches!(
        result,
        Err(Failure::Rejected(Rejection::RateLimited { .. }))
    )
}

/// Random numbers that are the same in every run (Vigna's splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}
