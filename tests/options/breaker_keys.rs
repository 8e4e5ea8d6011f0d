//! Breakers by key.

use steadfast::{State, registry, resilient};
use steadfast_tests::{Dependency, Failure, is_open};

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
        assert!(is_open(&call("two", &dependency).await), "as long as the first");
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

        #[resilient(breaker(name = "options.many_keys", key = host, failures = 1))]
        async fn many(host: u32, dependency: &Dependency) -> Result<usize, Failure> {
            let _ = host;
            dependency.ask().await
        }

        let failing = Dependency::playing(&"F".repeat(20_000));
        for host in 0..3 {
            few(host, &failing).await.unwrap_err();
        }
        // Two are kept; the third was not guarded.
        let open = async |host| is_open(&few(host, &failing).await);
        assert!(open(0).await && open(1).await && !open(2).await);
        for host in 0..10_001 {
            many(host, &failing).await.unwrap_err();
        }
        assert!(is_open(&many(9_999, &failing).await));
        assert!(!is_open(&many(10_000, &failing).await));
        let held = |name| registry().breaker(name).status().keys.held;
        assert_eq!(held("options.few_keys"), 2);
        assert_eq!(held("options.many_keys"), 10_000);
    }
);
