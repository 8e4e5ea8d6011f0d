//! Policies made by hand and annotated functions share what they name alike.

use steadfast::{Name, Policy, Rejection, State, registry, resilient};
use steadfast_tests::{Dependency, Failure, apart, is_open, secs};

#[resilient(
    name = "shared.annotated",
    breaker(name = "shared.es", failures = 2, recovery = "7s"),
    rate_limit(name = "shared.quota", max = 3, per = "60s"),
    bulkhead(name = "shared.places", max = 1, wait = "0s")
)]
async fn annotated(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_only_names_a_breaker_takes_the_codes_definition() {
    apart(async {
        let policy = Policy::builder("shared.by.hand")
            .breaker("shared.es", |breaker| breaker)
            .build()
            .unwrap();
        let dependency = Dependency::playing("FF");
        policy.call(|| dependency.ask()).await.unwrap_err();
        annotated(&dependency).await.unwrap_err();
        let breaker = registry().breaker("shared.es").status();
        assert_eq!(
            (breaker.state, breaker.retry_in),
            (State::Open, Some(secs(7)))
        );
        assert!(is_open(&policy.call(|| dependency.ask()).await));
        assert!(is_open(&annotated(&dependency).await));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_policy_spends_the_tokens_and_takes_the_places_of_annotated_calls() {
    apart(async {
        let policy = Policy::builder("shared.by.hand")
            .rate_limit("shared.quota", |limit| limit)
            .bulkhead("shared.places", |bulkhead| bulkhead.wait(secs(0)))
            .build()
            .unwrap();
        let dependency = Dependency::playing("").taking(secs(1));
        let (first, second) =
            tokio::join!(policy.call(|| dependency.ask()), annotated(&dependency));
        let full = Rejection::BulkheadFull {
            bulkhead: Name::new("shared.places").unwrap(),
            max: 1,
        };
        assert_eq!((first, second), (Ok(1), Err(full.into())));
        // The token of the one that found no place came back.
        assert_eq!(annotated(&dependency).await, Ok(2));
        assert_eq!(policy.call(|| dependency.ask()).await, Ok(3));
        let spent = annotated(&dependency).await;
        assert!(
            matches!(spent, Err(Failure::Rejected(Rejection::RateLimited { .. }))),
            "{spent:?}"
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn two_policies_with_one_name_count_apart_and_share_by_the_breakers_name() {
    apart(async {
        let policy = || {
            let builder = Policy::builder("shared.twice");
            builder
                .breaker("shared.own", |breaker| breaker.failures(2))
                .build()
                .unwrap()
        };
        let (one, other) = (policy(), policy());
        let dependency = Dependency::playing("FF");
        one.call(|| dependency.ask()).await.unwrap_err();
        other.call(|| dependency.ask()).await.unwrap_err();
        assert_eq!((one.calls().transient, other.calls().transient), (1, 1));
        assert!(is_open(&one.call(|| dependency.ask()).await));
    })
    .await;
}
