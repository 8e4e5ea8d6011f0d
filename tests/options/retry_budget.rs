//! What retries may add to the load.

use steadfast::resilient;
use steadfast_tests::{Dependency, Failure, secs};
use tokio::time::advance;

use super::behaviour;

/// How many retries a number of failing calls have.
async fn retries(calls: usize, call: impl AsyncFn(&Dependency) -> Result<usize, Failure>) -> usize {
    let dependency = Dependency::playing(&"F".repeat(10 * calls));
    for _ in 0..calls {
        call(&dependency).await.unwrap_err();
    }
    dependency.runs() - calls
}

behaviour!(
    retry_budget_is_the_share_that_retries_may_add,
    "retry.budget",
    async {
        #[resilient(retry(max = 9, base = "0s", budget = "30%", budget_min = 0))]
        async fn third(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        #[resilient(retry(max = 9, base = "0s", budget = 1.0, budget_min = 0))]
        async fn doubled(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        #[resilient(retry(max = 9, base = "0s"))]
        async fn without(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        assert_eq!(retries(100, third).await, 30);
        assert_eq!(retries(100, doubled).await, 100);
        assert_eq!(retries(100, without).await, 800);
    }
);

behaviour!(
    retry_budget_min_is_how_many_a_second_need_no_calls,
    "retry.budget_min",
    async {
        #[resilient(retry(max = 9, base = "0s", budget = 0.1, budget_min = 2))]
        async fn few(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        #[resilient(retry(max = 9, base = "0s", budget = 0.1))]
        async fn by_default(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        // 10 s of them, and a tenth of the calls.
        assert_eq!(retries(100, few).await, 20 + 10);
        assert_eq!(retries(100, by_default).await, 100 + 10);
        advance(secs(20)).await;
        assert_eq!(retries(100, few).await, 20 + 10);
    }
);
