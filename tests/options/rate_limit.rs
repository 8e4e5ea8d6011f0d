//! Rate limits: how many, in which time, for whom.

use std::sync::Arc;

use steadfast::{RateLimit, registry, resilient};
use steadfast_tests::{Dependency, Failure, ms, secs};
use tokio::time::{Instant, advance};

use super::behaviour;

/// A limit that an annotated function declares.
macro_rules! declared {
    ($name:literal $(, $option:ident = $value:tt)*) => {{
        #[resilient(rate_limit(name = $name $(, $option = $value)*))]
        #[allow(dead_code)] // only declares
        fn declares() -> Result<(), Failure> {
            Ok(())
        }
        registry().rate_limit($name)
    }};
}

/// How many tokens there are at once.
fn at_once(limit: &RateLimit) -> usize {
    std::iter::repeat_with(|| limit.try_acquire())
        .take_while(Result::is_ok)
        .count()
}

behaviour!(
    rate_limit_name_is_what_calls_share_it_by,
    "rate_limit.name",
    async {
        #[resilient(rate_limit(name = "options.shared", max = 2))]
        async fn one() -> Result<(), Failure> {
            Ok(())
        }

        #[resilient(rate_limit = "options.shared")]
        async fn other() -> Result<(), Failure> {
            Ok(())
        }

        one().await.unwrap();
        other().await.unwrap();
        assert!(one().await.is_err() && other().await.is_err());
        assert_eq!(registry().rate_limit("options.shared").status().used, 2);
    }
);

behaviour!(
    rate_limit_name_is_the_calls_unless_given,
    "rate_limit.name",
    async {
        #[resilient(name = "options.own_limit", rate_limit(max = 1))]
        async fn call() -> Result<(), Failure> {
            Ok(())
        }

        call().await.unwrap();
        let Err(Failure::Rejected(refused)) = call().await else {
            panic!("there is one token")
        };
        assert!(
            refused.to_string().contains("options.own_limit"),
            "{refused}"
        );
        assert_eq!(registry().rate_limit("options.own_limit").status().left, 0);
    }
);

behaviour!(rate_limit_max_is_how_many_in_per, "rate_limit.max", async {
    assert_eq!(at_once(&declared!("options.max", max = 7)), 7);
    assert_eq!(at_once(&declared!("options.default_max")), 100);
});

behaviour!(rate_limit_per_is_the_time_of_max, "rate_limit.per", async {
    let limit = declared!("options.per", max = 4, per = "2s");
    let default = declared!("options.default_per", max = 4);
    assert_eq!((at_once(&limit), at_once(&default)), (4, 4));
    advance(secs(1)).await;
    assert_eq!((at_once(&limit), at_once(&default)), (2, 0));
    advance(secs(29)).await;
    assert_eq!((at_once(&limit), at_once(&default)), (4, 2));
});

behaviour!(
    rate_limit_burst_is_how_many_there_can_be_at_once,
    "rate_limit.burst",
    async {
        let small = declared!("options.small_burst", max = 10, per = "1s", burst = 3);
        let large = declared!("options.large_burst", max = 10, per = "1s", burst = 25);
        assert_eq!((at_once(&small), at_once(&large)), (3, 25));
        // The flow is the same.
        advance(ms(200)).await;
        assert_eq!((at_once(&small), at_once(&large)), (2, 2));
        advance(secs(60)).await;
        assert_eq!((at_once(&small), at_once(&large)), (3, 25));
    }
);

behaviour!(
    rate_limit_algorithm_is_a_steady_flow_or_an_exact_log,
    "rate_limit.algorithm",
    async {
        let bucket = declared!(
            "options.bucket",
            max = 4,
            per = "4s",
            algorithm = "token_bucket"
        );
        let window = declared!(
            "options.window",
            max = 4,
            per = "4s",
            algorithm = "sliding_window"
        );
        let default = declared!("options.default_algorithm", max = 4, per = "4s");
        let all = || [&bucket, &window, &default].map(at_once);
        assert_eq!(all(), [4, 4, 4]);
        advance(secs(2)).await;
        assert_eq!(all(), [2, 0, 2]);
        advance(secs(2)).await;
        assert_eq!(all(), [2, 4, 2]);
    }
);

behaviour!(
    rate_limit_key_gives_each_value_tokens_of_its_own,
    "rate_limit.key",
    async {
        #[resilient(rate_limit(name = "options.key", max = 1, key = id % 10))]
        async fn call(id: u32) -> Result<(), Failure> {
            let _ = id;
            Ok(())
        }

        for id in 0..10 {
            call(id).await.unwrap();
        }
        for id in 10..20 {
            assert!(call(id).await.is_err());
        }
        assert_eq!(registry().rate_limit("options.key").status().keys, 10);
    }
);

behaviour!(
    rate_limit_max_keys_bounds_what_is_kept,
    "rate_limit.max_keys",
    async {
        let limit = declared!("options.max_keys", max = 1, per = "1s", max_keys = 3);
        let default = declared!("options.default_max_keys", max = 1);
        for key in 0..3 {
            limit.try_acquire_for(&key).unwrap();
        }
        let refused = limit.try_acquire_for(&3).unwrap_err();
        assert_eq!(refused.retry_in(), Some(secs(1)));
        advance(secs(1)).await;
        limit.try_acquire_for(&3).unwrap();
        for key in 0..10_000 {
            default.try_acquire_for(&key).unwrap();
        }
        assert!(default.try_acquire_for(&10_000).is_err());
        assert_eq!((limit.status().keys, default.status().keys), (1, 10_000));
    }
);

#[resilient(rate_limit(name = "options.wait", max = 1, per = "1s", wait = "1s"))]
async fn patient(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

#[resilient(rate_limit = "options.wait")]
async fn impatient(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

behaviour!(
    rate_limit_wait_is_how_long_a_call_may_wait,
    "rate_limit.wait",
    async {
        let dependency = Arc::new(Dependency::playing(""));
        let began = Instant::now();
        patient(&dependency).await.unwrap();
        impatient(&dependency).await.unwrap_err();
        assert_eq!(began.elapsed(), secs(0), "it is 0s unless given");
        let (second, third) = tokio::join!(patient(&dependency), patient(&dependency));
        assert!(second.is_ok() && third.is_err());
        assert_eq!(dependency.starts(), [secs(0), secs(1)]);
    }
);

behaviour!(
    rate_limit_guards_attempts_unless_calls,
    "rate_limit.guards",
    async {
        #[resilient(
            rate_limit(name = "options.limit_call", guards = "call"),
            retry(base = "0s")
        )]
        async fn around(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        #[resilient(rate_limit = "options.limit_attempt", retry(base = "0s"))]
        async fn inside(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        around(&Dependency::playing("FF")).await.unwrap();
        inside(&Dependency::playing("FF")).await.unwrap();
        let used = |name| registry().rate_limit(name).status().used;
        assert_eq!(used("options.limit_call"), 1);
        assert_eq!(used("options.limit_attempt"), 3);
    }
);
