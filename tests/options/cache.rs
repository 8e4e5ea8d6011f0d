//! What each option of a cache does.

use std::sync::Arc;

use steadfast::{CacheCounts, registry, resilient};
use steadfast_tests::{Dependency, Failure, TRANSIENT, ms, secs, site};
use tokio::time::{advance, sleep};

use super::behaviour;

fn counts(name: &str) -> CacheCounts {
    site(name).cache().expect("it has a cache")
}

behaviour!(
    cache_key_tells_one_answer_from_another,
    "cache.key",
    async {
        #[resilient(cache(key = (shop, id)))]
        async fn price(dependency: &Dependency, shop: &str, id: u32) -> Result<usize, Failure> {
            let _ = (shop, id);
            dependency.ask().await
        }

        let dependency = Dependency::playing("");
        for _ in 0..3 {
            assert_eq!(price(&dependency, "a", 1).await, Ok(1));
            assert_eq!(price(&dependency, "a", 2).await, Ok(2));
            assert_eq!(price(&dependency, "b", 1).await, Ok(3));
        }
        assert_eq!(dependency.runs(), 3);
    }
);

behaviour!(cache_key_sees_self_and_patterns, "cache.key", async {
    struct Shop {
        name: &'static str,
        dependency: Dependency,
    }

    impl Shop {
        #[resilient(retry(max = 2, base = "0s"), cache(key = (self.name, id)))]
        async fn price(&self, (id, _): (u32, String)) -> Result<usize, Failure> {
            let _ = id;
            self.dependency.ask().await
        }
    }

    let shop = Shop {
        name: "a",
        dependency: Dependency::playing("F"),
    };
    assert_eq!(shop.price((1, "x".into())).await, Ok(2));
    assert_eq!(shop.price((1, "y".into())).await, Ok(2));
    assert_eq!(shop.price((2, "y".into())).await, Ok(3));
});

behaviour!(
    cache_fresh_is_how_long_an_answer_skips_the_call,
    "cache.fresh",
    async {
        #[resilient(name = "cache.fresh", cache(key = id, fresh = "5m"))]
        async fn price(dependency: &Dependency, id: u32) -> Result<usize, Failure> {
            let _ = id;
            dependency.ask().await
        }

        let dependency = Dependency::playing("");
        assert_eq!(price(&dependency, 1).await, Ok(1));
        advance(ms(299_999)).await;
        assert_eq!(price(&dependency, 1).await, Ok(1));
        advance(ms(1)).await;
        assert_eq!(price(&dependency, 1).await, Ok(2));
        let counts = counts("cache.fresh");
        assert_eq!((counts.hits, counts.misses, counts.stale), (1, 2, 0));
    }
);

behaviour!(cache_fresh_is_a_minute_by_default, "cache.fresh", async {
    #[resilient(cache(key = ()))]
    async fn price(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    let dependency = Dependency::playing("");
    assert_eq!(price(&dependency).await, Ok(1));
    advance(ms(59_999)).await;
    assert_eq!(price(&dependency).await, Ok(1));
    advance(ms(1)).await;
    assert_eq!(price(&dependency).await, Ok(2));
});

behaviour!(
    cache_fresh_may_be_shorter_than_a_coarse_clocks_grain,
    "cache.fresh",
    async {
        #[resilient(cache(key = (), fresh = "2ms"))]
        async fn price(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        let dependency = Dependency::playing("");
        assert_eq!(price(&dependency).await, Ok(1));
        advance(ms(1)).await;
        assert_eq!(price(&dependency).await, Ok(1));
        advance(ms(1)).await;
        assert_eq!(price(&dependency).await, Ok(2));
    }
);

behaviour!(
    cache_stale_serves_an_old_answer_at_once_while_one_refresh_runs,
    "cache.stale",
    async {
        #[resilient(
            name = "cache.stale",
            cache(key = id, fresh = "5m", stale = "1h")
        )]
        async fn price(dependency: &Arc<Dependency>, id: u32) -> Result<usize, Failure> {
            let _ = id;
            dependency.ask().await
        }

        let dependency = Arc::new(Dependency::playing("").taking(secs(10)));
        assert_eq!(price(&dependency, 1).await, Ok(1));
        advance(secs(300)).await;
        for _ in 0..5 {
            assert_eq!(price(&dependency, 1).await, Ok(1));
            advance(secs(1)).await;
        }
        assert_eq!(dependency.runs(), 2);
        sleep(secs(10)).await;
        assert_eq!(price(&dependency, 1).await, Ok(2));
        let counts = counts("cache.stale");
        assert_eq!((counts.misses, counts.stale, counts.hits), (1, 5, 1));
        assert_eq!((counts.refreshes, counts.failed_refreshes), (1, 0));
    }
);

behaviour!(
    cache_stale_keeps_the_old_answer_where_the_refresh_fails_and_serves_nothing_older,
    "cache.stale",
    async {
        #[resilient(
            name = "cache.stale_fails",
            cache(key = id, fresh = "5m", stale = "1h")
        )]
        async fn price(dependency: Arc<Dependency>, id: u32) -> Result<usize, Failure> {
            let _ = id;
            dependency.ask().await
        }

        let dependency = Arc::new(Dependency::playing("S"));
        assert_eq!(price(dependency.clone(), 1).await, Ok(1));
        dependency.then(&"F".repeat(100));
        advance(secs(300)).await;
        for minute in 0..60 {
            assert_eq!(price(dependency.clone(), 1).await, Ok(1), "{minute}");
            sleep(secs(60)).await;
        }
        assert_eq!(price(dependency.clone(), 1).await, Err(TRANSIENT));
        let counts = counts("cache.stale_fails");
        assert_eq!((counts.stale, counts.failed_refreshes), (60, 60));
    }
);

behaviour!(cache_stale_works_for_methods, "cache.stale", async {
    #[derive(Clone)]
    struct Shop {
        tax: usize,
        dependency: Arc<Dependency>,
    }

    impl Shop {
        #[resilient(
            breaker(name = "shop", key = self.tax),
            retry(max = 2, base = "0s"),
            fallback = Self::unknown,
            cache(key = (self.tax, name), fresh = "1m", stale = "1h")
        )]
        async fn price(&self, name: &str, tags: Vec<String>) -> Result<usize, Failure> {
            let _ = (name, tags);
            Ok(self.dependency.ask().await? + self.tax)
        }

        #[expect(clippy::unused_async)]
        async fn unknown(&self, _: &str, tags: Vec<String>, _: Failure) -> Result<usize, Failure> {
            Ok(self.tax * 1000 + tags.len())
        }
    }

    let shop = Shop {
        tax: 10,
        dependency: Arc::new(Dependency::playing("FFS")),
    };
    let tags = || vec!["new".to_owned()];
    assert_eq!(shop.price("x", tags()).await, Ok(10_001), "the fallback's");
    assert_eq!(shop.price("x", tags()).await, Ok(13), "which is not kept");
    advance(secs(60)).await;
    assert_eq!(shop.price("x", tags()).await, Ok(13));
    sleep(secs(1)).await;
    assert_eq!(shop.price("x", tags()).await, Ok(14));
});

behaviour!(
    cache_stale_refreshes_sync_functions_behind_their_callers_too,
    "cache.stale",
    async {
        #[resilient(
            name = "cache.stale_sync",
            cache(key = (), fresh = "1m", stale = "1h")
        )]
        fn price(dependency: &Arc<Dependency>) -> Result<usize, Failure> {
            dependency.ask_now()
        }

        let dependency = Arc::new(Dependency::playing(""));
        assert_eq!(price(&dependency), Ok(1));
        advance(secs(60)).await;
        assert_eq!(price(&dependency), Ok(1));
        while counts("cache.stale_sync").refreshes == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(price(&dependency), Ok(2));
    }
);

behaviour!(
    cache_max_bounds_the_answers_and_the_least_used_makes_room,
    "cache.max",
    async {
        #[resilient(name = "cache.max", cache(key = id, max = 2))]
        async fn price(dependency: &Dependency, id: u32) -> Result<usize, Failure> {
            let _ = id;
            dependency.ask().await
        }

        let dependency = Dependency::playing("");
        assert_eq!(price(&dependency, 1).await, Ok(1));
        assert_eq!(price(&dependency, 2).await, Ok(2));
        assert_eq!(price(&dependency, 1).await, Ok(1));
        assert_eq!(price(&dependency, 3).await, Ok(3));
        assert_eq!(counts("cache.max").kept, 2);
        assert_eq!(price(&dependency, 1).await, Ok(1));
        assert_eq!(price(&dependency, 2).await, Ok(4));
    }
);

behaviour!(
    cache_weigh_makes_max_a_bound_on_what_answers_weigh,
    "cache.weigh",
    async {
        #[resilient(cache(key = length, max = 10, weigh = length_of))]
        async fn text(dependency: &Dependency, length: usize) -> Result<String, Failure> {
            dependency.ask().await?;
            Ok("x".repeat(length))
        }

        #[expect(
            clippy::ptr_arg,
            reason = "what weighs an answer takes what the call returns"
        )]
        fn length_of(text: &String) -> u32 {
            u32::try_from(text.len()).unwrap_or(u32::MAX)
        }

        let dependency = Dependency::playing("");
        for (length, runs) in [(6, 1), (4, 2), (6, 2), (4, 2), (11, 3), (11, 4), (6, 4)] {
            assert_eq!(text(&dependency, length).await.unwrap().len(), length);
            assert_eq!(dependency.runs(), runs, "{length}");
        }
        text(&dependency, 5).await.unwrap();
        text(&dependency, 4).await.unwrap();
        assert_eq!(dependency.runs(), 6, "4 made room for 5, and then 6 for 4");
    }
);

behaviour!(
    cache_key_of_a_generic_function_tells_types_apart,
    "cache.key",
    async {
        #[resilient(cache(key = id), classify = transient)]
        async fn parsed<T>(dependency: &Dependency, id: u32) -> Result<T, Failure>
        where
            T: From<u8> + Clone + Send + Sync + 'static,
        {
            let _ = id;
            let run = dependency.ask().await?;
            Ok(T::from(u8::try_from(run).unwrap_or(0)))
        }

        fn transient(_: &Failure) -> steadfast::Class {
            steadfast::Class::Transient
        }

        let dependency = Dependency::playing("");
        assert_eq!(parsed::<u32>(&dependency, 1).await, Ok(1));
        assert_eq!(parsed::<u64>(&dependency, 1).await, Ok(2));
        assert_eq!(parsed::<u32>(&dependency, 1).await, Ok(1));
    }
);

behaviour!(
    cache_fresh_answers_come_before_every_guard,
    "cache.fresh",
    async {
        #[resilient(
            name = "cache.first",
            breaker = "cache.first",
            rate_limit(name = "cache.first", max = 1),
            cache(key = ())
        )]
        async fn price(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        let dependency = Dependency::playing("");
        assert_eq!(price(&dependency).await, Ok(1));
        registry().breaker("cache.first").force_open();
        for _ in 0..10 {
            assert_eq!(price(&dependency).await, Ok(1));
        }
        assert_eq!(site("cache.first").calls().ok, 1);
        advance(secs(60)).await;
        assert!(price(&dependency).await.is_err());
    }
);
