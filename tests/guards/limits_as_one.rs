//! A rate limit and a bulkhead under one name.

use std::time::Duration;

use steadfast::{Registry, Rejection, registry, resilient};
use steadfast_tests::{Failure, ms, secs};
use tokio::time::{sleep, timeout};

#[resilient(
    rate_limit(name = "as_one.model", max = 3, per = "30s"),
    bulkhead(name = "as_one.model", max = 2, wait = "1s")
)]
async fn model(takes: Duration) -> Result<(), Failure> {
    sleep(takes).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn both_show_as_one_to_who_asks_for_the_name() {
    let show = async {
        let limits = registry().limits("as_one.model").unwrap();
        assert_eq!(
            limits.status().to_string(),
            "as_one.model: 0 of 3 used, all back in 0s; 0 of 2 inside, 0 wait"
        );
        let call = tokio::spawn(registry().scope(model(secs(1))));
        sleep(ms(1)).await;
        assert_eq!(
            limits.status().to_string(),
            "as_one.model: 1 of 3 used, all back in 10s; 1 of 2 inside, 0 wait"
        );
        call.await.unwrap().unwrap();
    };
    Registry::new().scope(show).await;
}

#[tokio::test(start_paused = true)]
async fn calls_and_who_enters_by_hand_share_tokens_and_places() {
    let share = async {
        let limits = registry().limits("as_one.model").unwrap();
        let place = limits.try_enter().unwrap();
        model(ms(0)).await.unwrap();
        let last = limits.enter().await.unwrap();
        let Err(Rejection::RateLimited { limiter, .. }) = limits.try_enter() else {
            panic!("three tokens are used");
        };
        assert_eq!(&*limiter, "as_one.model");
        drop((place, last));
        assert_eq!(limits.status().bulkhead.unwrap().active, 0);
    };
    Registry::new().scope(share).await;
}

#[tokio::test(start_paused = true)]
async fn a_token_for_which_there_is_no_place_is_given_back() {
    let give_back = async {
        let limits = registry().limits("as_one.model").unwrap();
        let inside = (limits.try_enter().unwrap(), limits.try_enter().unwrap());
        assert!(matches!(
            limits.try_enter(),
            Err(Rejection::BulkheadFull { .. })
        ));
        assert_eq!(limits.status().rate_limit.unwrap().left, 1);
        // Nor does one who stops waiting for a place spend it.
        assert!(timeout(ms(5), limits.enter()).await.is_err());
        assert_eq!(limits.status().rate_limit.unwrap().left, 1);
        drop(inside);
        assert!(limits.try_enter().is_ok());
    };
    Registry::new().scope(give_back).await;
}

#[tokio::test]
async fn a_name_that_only_one_of_them_has_shows_that_one() {
    let show = async {
        let _ = registry().bulkhead("as_one.places");
        let limits = registry().limits("as_one.places").unwrap();
        assert!(limits.rate_limit().is_none());
        let _place = limits.try_enter().unwrap();
        assert_eq!(
            limits.status().to_string(),
            "as_one.places: 1 of 10 inside, 0 wait"
        );
        assert!(registry().limits("as_one.nobody").is_none());
        let names = registry().all_limits();
        let names: Vec<_> = names
            .iter()
            .map(|limits| limits.name().to_string())
            .collect();
        assert_eq!(names, ["as_one.places"]);
    };
    Registry::new().scope(show).await;
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_a_turn_ends_at_its_bound() {
    let wait = async {
        let limit = registry().rate_limit("as_one.model");
        for _ in 0..3 {
            limit.acquire_within(Duration::ZERO).await.unwrap();
        }
        assert!(limit.acquire_within(ms(9_999)).await.is_err());
        limit.acquire_within(secs(10)).await.unwrap();
        limit
            .acquire_within_for("ann", Duration::ZERO)
            .await
            .unwrap();
    };
    let _ = registry().limits("as_one.model"); // declared above
    let began = tokio::time::Instant::now();
    Registry::new().scope(wait).await;
    assert_eq!(began.elapsed(), secs(10));
}
