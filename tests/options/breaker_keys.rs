//! Breakers by key.

use steadfast::{State, registry, resilient};
use steadfast_tests::{Dependency, Failure, is_open, secs};
use tokio::time::advance;

use super::behaviour;

behaviour!(
    breaker_key_gives_each_value_a_breaker_of_its_own,
    "breaker.key",
    async {
        #[resilient(breaker(name = "options.breaker_key", key = host.len(), failures = 1))]
        async fn call(host: &str, dependency: &Dependency) -> Result<usize, Failure> {
            let _ = host;
            dependency.ask().await
        }

        let dependency = Dependency::playing("F");
        call("one", &dependency).await.unwrap_err();
        assert!(
            is_open(&call("two", &dependency).await),
            "as long as the first"
        );
        assert_eq!(call("three", &dependency).await, Ok(2));
        let breaker = registry().breaker("options.breaker_key");
        assert_eq!(breaker.for_key(&3_usize).unwrap().state(), State::Open);
        assert_eq!(breaker.state(), State::Closed);
    }
);

behaviour!(
    breaker_max_keys_bounds_what_is_kept,
    "breaker.max_keys",
    async {
        #[resilient(breaker(name = "options.few_keys", key = host, max_keys = 2, failures = 1))]
        async fn few(host: u32, dependency: &Dependency) -> Result<usize, Failure> {
            let _ = host;
            dependency.ask().await
        }

        let failing = Dependency::playing("FFFFF");
        for host in 0..3 {
            few(host, &failing).await.unwrap_err();
        }
        // Two are kept; the third was not guarded.
        let open = async |host| is_open(&few(host, &failing).await);
        assert!(open(0).await && open(1).await && !open(2).await);
        let breaker = registry().breaker("options.few_keys");
        assert_eq!(breaker.status().keys.held, 2);
    }
);

behaviour!(
    breaker_max_keys_is_10_000_unless_given,
    "breaker.max_keys",
    async {
        let breaker = registry().breaker("options.many_keys");
        // Those in use make no room.
        let used: Vec<_> = (0..=10_000)
            .map_while(|host| breaker.for_key(&host))
            .collect();
        assert_eq!((used.len(), breaker.status().keys.held), (10_000, 10_000));
        drop(used);
        advance(secs(1)).await;
        assert!(breaker.for_key(&10_000).is_some());
    }
);
