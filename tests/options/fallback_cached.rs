//! What the options of the last good answer do.

use steadfast::{registry, resilient};
use steadfast_tests::{Dependency, Failure, TRANSIENT, fallbacks, ms, secs, site};
use tokio::time::advance;

use super::behaviour;

behaviour!(
    fallback_kind_cached_answers_with_the_last_good_answer,
    "fallback.kind",
    async {
        #[resilient(
            name = "kept.last",
            timeout = "1s",
            fallback(kind = "cached", key = id)
        )]
        async fn call(dependency: &Dependency, id: u32) -> Result<usize, Failure> {
            let _ = id;
            dependency.ask().await
        }

        let dependency = Dependency::playing("FSSFTRPHEI");
        assert_eq!(call(&dependency, 1).await, Err(TRANSIENT), "none is kept");
        assert_eq!(call(&dependency, 1).await, Ok(2));
        assert_eq!(call(&dependency, 1).await, Ok(3));
        for _ in ["F", "T", "R", "P", "H"] {
            assert_eq!(call(&dependency, 1).await, Ok(3));
        }
        for _ in ["E", "I"] {
            assert!(call(&dependency, 1).await.is_err());
        }
        assert_eq!(fallbacks("kept.last"), 5);
        assert_eq!(site("kept.last").calls().ok, 2);
    }
);

behaviour!(
    fallback_key_tells_one_answer_from_another,
    "fallback.key",
    async {
        #[derive(Hash, PartialEq, Eq)]
        struct Product {
            shop: &'static str,
            id: u32,
        }

        #[resilient(fallback(kind = "cached", key = product))]
        async fn call(dependency: &Dependency, product: Product) -> Result<usize, Failure> {
            let _ = product.id;
            dependency.ask().await
        }

        let of = |id| Product { shop: "a", id };
        let dependency = Dependency::playing("SSFFF");
        assert_eq!(call(&dependency, of(1)).await, Ok(1));
        assert_eq!(call(&dependency, of(2)).await, Ok(2));
        assert_eq!(call(&dependency, of(1)).await, Ok(1));
        assert_eq!(call(&dependency, of(2)).await, Ok(2));
        assert_eq!(call(&dependency, of(3)).await, Err(TRANSIENT));
    }
);

behaviour!(
    fallback_ttl_is_how_old_an_answer_may_be,
    "fallback.ttl",
    async {
        #[resilient(fallback(kind = "cached", key = (), ttl = "10s"))]
        async fn short(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        #[resilient(fallback(kind = "cached", key = ()))]
        async fn by_default(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        let dependency = Dependency::playing("SFFF");
        assert_eq!(short(&dependency).await, Ok(1));
        advance(ms(9_999)).await;
        assert_eq!(short(&dependency).await, Ok(1));
        advance(ms(1)).await;
        assert_eq!(short(&dependency).await, Err(TRANSIENT));

        let dependency = Dependency::playing("SFFF");
        assert_eq!(by_default(&dependency).await, Ok(1));
        advance(ms(3_599_999)).await;
        assert_eq!(by_default(&dependency).await, Ok(1));
        advance(ms(1)).await;
        assert_eq!(by_default(&dependency).await, Err(TRANSIENT));
    }
);

behaviour!(
    fallback_max_bounds_the_answers_that_are_kept,
    "fallback.max",
    async {
        #[resilient(fallback(kind = "cached", key = id, max = 2))]
        async fn call(dependency: &Dependency, id: u32) -> Result<usize, Failure> {
            let _ = id;
            dependency.ask().await
        }

        let dependency = Dependency::playing("SSSFFF");
        for id in 1..=3 {
            assert_eq!(call(&dependency, id).await, Ok(id as usize));
        }
        assert_eq!(call(&dependency, 1).await, Err(TRANSIENT));
        assert_eq!(call(&dependency, 2).await, Ok(2));
        assert_eq!(call(&dependency, 3).await, Ok(3));
    }
);

behaviour!(
    fallback_weigh_makes_max_a_bound_on_what_answers_weigh,
    "fallback.weigh",
    async {
        #[resilient(fallback(kind = "cached", key = id, max = 10, weigh = weight))]
        async fn call(dependency: &Dependency, id: u32) -> Result<usize, Failure> {
            let _ = id;
            dependency.ask().await
        }

        #[expect(
            clippy::trivially_copy_pass_by_ref,
            reason = "what weighs an answer sees what the call returns"
        )]
        fn weight(_: &usize) -> u32 {
            6
        }

        let dependency = Dependency::playing("SSFF");
        assert_eq!(call(&dependency, 1).await, Ok(1));
        assert_eq!(call(&dependency, 2).await, Ok(2));
        assert_eq!(call(&dependency, 1).await, Err(TRANSIENT), "2 × 6 > 10");
        assert_eq!(call(&dependency, 2).await, Ok(2));
    }
);

behaviour!(
    fallback_on_rejected_gives_the_last_good_answer_for_refusals_alone,
    "fallback.on",
    async {
        #[resilient(
            breaker = "kept.rejected",
            fallback(kind = "cached", key = (), on = "rejected")
        )]
        async fn call(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        let dependency = Dependency::playing("SF");
        assert_eq!(call(&dependency).await, Ok(1));
        assert_eq!(call(&dependency).await, Err(TRANSIENT));
        registry().breaker("kept.rejected").force_open();
        assert_eq!(call(&dependency).await, Ok(1));
    }
);

behaviour!(
    fallback_kind_cached_works_for_sync_methods_with_retry,
    "fallback.kind",
    async {
        struct Shop<'d>(&'d Dependency, u32);

        impl Shop<'_> {
            #[resilient(
                retry(max = 2, base = "0s"),
                fallback(kind = "cached", key = self.1)
            )]
            fn price(&mut self) -> Result<usize, Failure> {
                self.0.ask_now()
            }
        }

        let dependency = Dependency::playing("FSFFFF");
        assert_eq!(Shop(&dependency, 1).price(), Ok(2));
        assert_eq!(Shop(&dependency, 1).price(), Ok(2));
        assert_eq!(Shop(&dependency, 2).price(), Err(TRANSIENT));
        assert_eq!(dependency.runs(), 6);
    }
);

behaviour!(
    fallback_kind_cached_and_a_cache_go_together,
    "fallback.kind",
    async {
        #[resilient(
            cache(key = (), fresh = "1m"),
            fallback(kind = "cached", key = (), ttl = "1h")
        )]
        async fn call(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        let dependency = Dependency::playing("SFS");
        assert_eq!(call(&dependency).await, Ok(1));
        assert_eq!(call(&dependency).await, Ok(1));
        advance(secs(60)).await;
        assert_eq!(call(&dependency).await, Ok(1), "the last good one");
        assert_eq!(call(&dependency).await, Ok(3), "which was not kept anew");
    }
);
