//! 1 and 2: what guards refuse, and what comes of it.

use steadfast::{Class, Name, Rejection, State, registry, resilient};
use steadfast_tests::{Dependency, Failure, TRANSIENT, apart, is_open, ms, poll_once, secs};
use tokio::time::Instant;

// 1. An open breaker refuses at once: nothing awaited.
#[tokio::test(start_paused = true)]
async fn an_open_breaker_refuses_at_once_and_awaits_nothing() {
    #[resilient(breaker = "guards.at_once", retry(max = 5), timeout = "5s")]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        registry().breaker("guards.at_once").force_open();
        let dependency = Dependency::playing("");
        let mut refused = std::pin::pin!(call(&dependency));
        let result = poll_once(refused.as_mut());
        let rejection = Rejection::CircuitOpen {
            breaker: Name::new("guards.at_once").unwrap(),
            retry_in: None,
        };
        assert_eq!(
            result,
            std::task::Poll::Ready(Err(Failure::Rejected(rejection)))
        );
        assert_eq!(dependency.runs(), 0);
    })
    .await;
}
