//! Bulkheads: how many at a time, and who may wait.

use std::pin::pin;

use steadfast::{Bulkhead, Place, registry, resilient};
use steadfast_tests::{Dependency, Failure, ms, poll_once, secs};
use tokio::time::{Instant, sleep};

use super::behaviour;

/// A bulkhead that an annotated function declares.
macro_rules! declared {
    ($name:literal $(, $option:ident = $value:tt)*) => {{
        #[resilient(bulkhead(name = $name $(, $option = $value)*))]
        #[allow(dead_code)] // only declares
        fn declares() -> Result<(), Failure> {
            Ok(())
        }
        registry().bulkhead($name)
    }};
}

/// All places there are.
fn all(bulkhead: &Bulkhead) -> Vec<Place> {
    std::iter::from_fn(|| bulkhead.try_enter().ok()).collect()
}

behaviour!(
    bulkhead_name_is_what_calls_share_it_by,
    "bulkhead.name",
    async {
        #[resilient(bulkhead(name = "options.shared_places", max = 1, wait = "0s"))]
        async fn one(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        #[resilient(bulkhead(name = "options.shared_places", wait = "0s"))]
        async fn other(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        let hanging = Dependency::playing("H");
        let mut inside = pin!(one(&hanging));
        assert!(poll_once(inside.as_mut()).is_pending());
        assert!(other(&hanging).await.is_err());
    }
);

behaviour!(
    bulkhead_name_is_the_calls_unless_given,
    "bulkhead.name",
    async {
        #[resilient(name = "options.own_places", bulkhead(max = 1))]
        async fn call() -> Result<u32, Failure> {
            Ok(registry().bulkhead("options.own_places").status().active)
        }

        assert_eq!(call().await, Ok(1));
    }
);

behaviour!(bulkhead_max_is_how_many_at_a_time, "bulkhead.max", async {
    assert_eq!(all(&declared!("options.places", max = 3)).len(), 3);
    assert_eq!(all(&declared!("options.default_places")).len(), 10);
});

/// How long a call waits in vain.
async fn waited(call: impl Future<Output = Result<usize, Failure>>) -> u128 {
    let began = Instant::now();
    call.await.unwrap_err();
    began.elapsed().as_millis()
}

behaviour!(
    bulkhead_wait_is_the_longest_wait_for_a_place,
    "bulkhead.wait",
    async {
        #[resilient(bulkhead(name = "options.place_wait", max = 1, wait = "300ms"))]
        async fn briefly(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        #[resilient(bulkhead = "options.place_wait")]
        async fn by_default(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        #[resilient(bulkhead(name = "options.place_wait", wait = "0s"))]
        async fn at_once(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        let _place = registry()
            .bulkhead("options.place_wait")
            .try_enter()
            .unwrap();
        let dependency = Dependency::playing("");
        assert_eq!(waited(briefly(&dependency)).await, 300);
        assert_eq!(waited(by_default(&dependency)).await, 5000);
        assert_eq!(waited(at_once(&dependency)).await, 0);
    }
);

behaviour!(
    bulkhead_queue_is_how_many_may_wait,
    "bulkhead.queue",
    async {
        #[resilient(bulkhead(name = "options.queue", max = 1, queue = 1))]
        async fn queued(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        let place = registry().bulkhead("options.queue").try_enter().unwrap();
        let dependency = Dependency::playing("");
        let mut first = pin!(queued(&dependency));
        assert!(poll_once(first.as_mut()).is_pending());
        assert_eq!(waited(queued(&dependency)).await, 0);
        drop(place);
        assert_eq!(first.await, Ok(1));
    }
);

behaviour!(
    bulkhead_queue_is_unbounded_unless_given,
    "bulkhead.queue",
    async {
        let bulkhead = declared!("options.unbounded", max = 1);
        let _place = bulkhead.try_enter().unwrap();
        let mut waiting: Vec<_> = (0..10_000).map(|_| Box::pin(bulkhead.enter())).collect();
        for one in &mut waiting {
            assert!(poll_once(one.as_mut()).is_pending());
        }
        assert_eq!(bulkhead.status().waiting, 10_000);
    }
);

behaviour!(
    bulkhead_guards_attempts_unless_calls,
    "bulkhead.guards",
    async {
        #[resilient(
            bulkhead(name = "options.place_call", guards = "call"),
            retry(max = 2, base = "1s", jitter = "none")
        )]
        async fn around(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        #[resilient(
            bulkhead = "options.place_attempt",
            retry(max = 2, base = "1s", jitter = "none")
        )]
        async fn inside(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        let (one, other) = (Dependency::playing("F"), Dependency::playing("F"));
        let active = |name| registry().bulkhead(name).status().active;
        let (_, _, in_pause) = tokio::join!(around(&one), inside(&other), async {
            sleep(ms(500)).await;
            (
                active("options.place_call"),
                active("options.place_attempt"),
            )
        });
        assert_eq!(in_pause, (1, 0));
        assert_eq!(active("options.place_call"), 0);
        assert_eq!(one.starts(), [secs(0), secs(1)]);
    }
);
