//! Limits by key: one for each, so many kept, none reset while it is in use.

use std::collections::HashMap;

use steadfast::{registry, resilient};
use steadfast_tests::{Dependency, Failure, apart, ms, pass, secs};
use tokio::time::Instant;

use super::{Random, is_limited, rate_limited};

#[resilient(rate_limit(name = "keyed.user", max = 2, per = "1m", key = user))]
async fn ask(user: &str, dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

// The words: keys do not touch each other.
#[tokio::test(start_paused = true)]
async fn one_keys_calls_take_nothing_from_another() {
    apart(async {
        let dependency = Dependency::playing("");
        for user in ["ann", "bob"] {
            for _ in 0..2 {
                ask(user, &dependency).await.unwrap();
            }
            for _ in 0..3 {
                let refused = Err(rate_limited("keyed.user", secs(30)));
                assert_eq!(ask(user, &dependency).await, refused);
            }
        }
        let limit = registry().rate_limit("keyed.user");
        assert_eq!(limit.status_for("ann").left, 0);
        assert_eq!(limit.status_for("cy").left, 2);
        assert_eq!(limit.status().keys, 2);
    })
    .await;
}

// The same for many, against a bucket of each one's own.
#[tokio::test(start_paused = true)]
async fn each_key_has_a_bucket_as_if_it_were_alone() {
    apart(async {
        let limit = registry().rate_limit("keyed.user");
        let mut random = Random(4);
        // Tokens and the time they were counted, in milliseconds: 1 flows in each 30,000.
        let mut buckets: HashMap<u64, (u64, u64)> = HashMap::new();
        let began = Instant::now();
        for _ in 0..200_000 {
            pass(ms(random.below(800)));
            let (user, now) = (random.below(50), began.elapsed().as_millis() as u64);
            let (tokens, since) = buckets.entry(user).or_insert((60_000, now));
            *tokens = (*tokens + now - *since).min(60_000);
            *since = now;
            let admitted = *tokens >= 30_000;
            if admitted {
                *tokens -= 30_000;
            }
            assert_eq!(limit.try_acquire_for(&user).is_ok(), admitted);
        }
    })
    .await;
}

// A key that the attribute sees and one that a handle is given are the same, borrowed or owned.
#[tokio::test(start_paused = true)]
async fn a_handle_and_a_call_mean_the_same_key() {
    #[resilient(rate_limit(name = "keyed.pair", max = 1, per = "1m", key = (tenant, route)))]
    async fn paired(tenant: String, route: &str) -> Result<usize, Failure> {
        Ok(tenant.len() + route.len())
    }

    apart(async {
        let limit = registry().rate_limit("keyed.pair");
        limit.try_acquire_for(&("acme", "/pay")).unwrap();
        assert!(is_limited(&paired("acme".into(), "/pay").await));
        assert_eq!(paired("acme".into(), "/p").await, Ok(6));
        assert_eq!(paired("acm".into(), "e/pay").await, Ok(8));
        assert_eq!(limit.status_for(&("acme".to_owned(), "/p")).used, 1);
        assert_eq!(limit.status().keys, 3);
    })
    .await;
}

#[resilient(rate_limit(name = "keyed.bounded", max = 3, per = "30s", max_keys = 1000, key = user))]
async fn bounded(user: u64) -> Result<(), Failure> {
    let _ = user;
    Ok(())
}

// The words: 1,000,000 distinct keys stay within `max_keys` memory.
#[tokio::test(start_paused = true)]
async fn a_million_distinct_keys_stay_within_max_keys() {
    apart(async {
        let limit = registry().rate_limit("keyed.bounded");
        let (mut admitted, mut most) = (0, 0);
        for user in 0..1_000_000_u64 {
            // A thousand keys a second or so: more than make room again within their 10 s.
            if user % 1000 == 0 {
                pass(secs(1));
            }
            admitted += u32::from(limit.try_acquire_for(&user).is_ok());
            most = most.max(limit.status().keys);
        }
        assert_eq!(most, 1000);
        // Each key takes its place for 10 s, so a hundred thousand of them had one.
        assert!((95_000..=101_000).contains(&admitted), "{admitted}");
    })
    .await;
}

// 10 of the contract: a new key over `max_keys` is `RateLimited`, and told when to come back.
#[tokio::test(start_paused = true)]
async fn a_new_key_over_max_keys_is_rate_limited_until_one_makes_room() {
    apart(async {
        for user in 0..1000 {
            bounded(user).await.unwrap();
            pass(ms(1));
        }
        let refused = Err(rate_limited("keyed.bounded", secs(9)));
        assert_eq!(bounded(1000).await, refused);
        assert_eq!(bounded(7).await, Ok(()), "a known key is served");
        pass(secs(9) - ms(1));
        assert!(is_limited(&bounded(1000).await));
        pass(ms(1));
        assert_eq!(bounded(1000).await, Ok(()), "key 0 is full again");
        assert!(is_limited(&bounded(1001).await));
    })
    .await;
}

// Eviction never resets a busy key: whatever others do, it gets what it would get alone.
#[tokio::test(start_paused = true)]
async fn no_flood_of_keys_resets_a_busy_one() {
    apart(async {
        let limit = registry().rate_limit("keyed.bounded");
        let began = Instant::now();
        let mut admitted = 0;
        for other in 1..200_000_u64 {
            if other % 100 == 0 {
                pass(ms(50));
            }
            let _ = limit.try_acquire_for(&other);
            admitted += u32::from(limit.try_acquire_for(&0_u64).is_ok());
        }
        // Three at first, then one each 10 s.
        let flowed = u32::try_from(began.elapsed().as_secs() / 10).unwrap();
        assert_eq!(admitted, 3 + flowed);
    })
    .await;
}

// The same for windows, of which each call counts until it is out.
#[tokio::test(start_paused = true)]
async fn a_window_makes_room_only_once_it_is_empty() {
    #[resilient(rate_limit(
        name = "keyed.window", max = 5, per = "10s", algorithm = "sliding_window", max_keys = 2,
        key = user
    ))]
    async fn windowed(user: &str) -> Result<(), Failure> {
        let _ = user;
        Ok(())
    }

    apart(async {
        windowed("ann").await.unwrap();
        windowed("bob").await.unwrap();
        pass(secs(6));
        windowed("ann").await.unwrap();
        let refused = Err(rate_limited("keyed.window", secs(4)));
        assert_eq!(windowed("cy").await, refused);
        pass(secs(4));
        windowed("cy").await.unwrap(); // in the place of bob
        let limit = registry().rate_limit("keyed.window");
        assert_eq!(limit.status_for("ann").used, 1);
        assert_eq!(
            windowed("dan").await,
            Err(rate_limited("keyed.window", secs(6)))
        );
    })
    .await;
}

// Who waits for a key's token keeps the key.
#[tokio::test(start_paused = true)]
async fn a_key_that_someone_waits_for_is_not_forgotten() {
    #[resilient(rate_limit(
        name = "keyed.waiting", max = 1, per = "10s", wait = "1m", max_keys = 1, key = user
    ))]
    async fn waiting(user: &str) -> Result<(), Failure> {
        let _ = user;
        Ok(())
    }

    apart(async {
        waiting("ann").await.unwrap();
        let mut second = Box::pin(waiting("ann"));
        assert!(steadfast_tests::poll_once(second.as_mut()).is_pending());
        pass(secs(10)); // her bucket is full, but she is to have the token
        assert!(is_limited(&waiting("bob").await));
        second.await.unwrap();
        let limit = registry().rate_limit("keyed.waiting");
        assert_eq!(limit.status_for("ann").left, 0);
    })
    .await;
}
