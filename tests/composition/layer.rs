//! The tower layer: the same policies around a service.

use std::io;
use std::pin::pin;
use std::sync::Arc;

use steadfast::tower::{BoxError, Guarded, PolicyLayer};
use steadfast::{Name, Policy, Rejection, State, registry};
use steadfast_tests::{Dependency, Failure, apart, ms, poll_once, secs};
use tower::{Layer, Service, ServiceExt, service_fn};

/// A service that asks a dependency, whatever the request.
fn asking(
    dependency: &Arc<Dependency>,
) -> impl Service<&'static str, Response = usize, Error = Failure, Future: Send> + Clone + Send + use<>
{
    let dependency = dependency.clone();
    service_fn(move |_| {
        let dependency = dependency.clone();
        async move { dependency.ask().await }
    })
}

fn playing(script: &str) -> Arc<Dependency> {
    Arc::new(Dependency::playing(script))
}

fn rejection(result: Result<usize, BoxError>) -> Rejection {
    let error = result.expect_err("a rejection");
    *error.downcast::<Rejection>().expect("a rejection")
}

fn breaking() -> Policy {
    let policy = Policy::builder("layer.breaking");
    policy
        .breaker("layer.es", |breaker| breaker.failures(2))
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_refuses_and_the_service_is_not_called() {
    apart(async {
        let dependency = playing("FFFF");
        let service = PolicyLayer::new(breaking()).layer(asking(&dependency));
        for _ in 0..2 {
            let error = service.clone().oneshot("search").await.unwrap_err();
            assert!(error.is::<Failure>(), "{error}");
        }
        let open = rejection(service.oneshot("search").await);
        let breaker = Name::new("layer.es").unwrap();
        let retry_in = Some(secs(30));
        assert_eq!(open, Rejection::CircuitOpen { breaker, retry_in });
        assert_eq!(dependency.runs(), 2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn state_is_kept_where_layer_and_policy_are_made_anew_for_each_request() {
    apart(async {
        let dependency = playing("FFFF");
        let ask = || {
            let layer = PolicyLayer::new(breaking());
            layer.layer(asking(&dependency)).oneshot("search")
        };
        for _ in 0..2 {
            assert!(ask().await.unwrap_err().is::<Failure>());
        }
        assert!(matches!(
            rejection(ask().await),
            Rejection::CircuitOpen { .. }
        ));
        assert_eq!(dependency.runs(), 2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn clones_of_a_layer_share_the_policy() {
    apart(async {
        let policy = Policy::builder("layer.clones").build().unwrap();
        let layer = PolicyLayer::new(policy.clone());
        for script in ["S", "S", "E"] {
            let service = layer.clone().layer(asking(&playing(script)));
            let _ = service.oneshot("search").await;
        }
        assert_eq!((policy.calls().ok, policy.calls().transient), (2, 1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_hanging_service_is_cut_and_a_waiting_call_refused() {
    apart(async {
        let policy = Policy::builder("layer.limits")
            .bulkhead("layer.places", |bulkhead| bulkhead.max(1).wait(secs(0)))
            .timeout(secs(3))
            .build()
            .unwrap();
        let dependency = playing("H");
        let service = PolicyLayer::new(policy).layer(asking(&dependency));
        let (first, second) = tokio::join!(
            service.clone().oneshot("search"),
            service.clone().oneshot("search"),
        );
        assert_eq!(rejection(first), Rejection::Timeout { limit: secs(3) });
        let full = Rejection::BulkheadFull {
            bulkhead: Name::new("layer.places").unwrap(),
            max: 1,
        };
        assert_eq!(rejection(second), full);
        assert_eq!((dependency.runs(), dependency.dropped()), (1, 1));
        assert_eq!(service.oneshot("search").await.unwrap(), 2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_counts_as_nothing_and_gives_its_place_back() {
    apart(async {
        let policy = Policy::builder("layer.dropped")
            .breaker("layer.es", |breaker| breaker.failures(2))
            .bulkhead("layer.places", |bulkhead| bulkhead.max(1))
            .build()
            .unwrap();
        let dependency = playing("H");
        let service = PolicyLayer::new(policy).layer(asking(&dependency));
        {
            let mut call = pin!(service.oneshot("search"));
            assert!(poll_once(call.as_mut()).is_pending());
            assert_eq!(registry().bulkhead("layer.places").status().active, 1);
        }
        assert_eq!(dependency.dropped(), 1);
        assert_eq!(registry().bulkhead("layer.places").status().active, 0);
        assert_eq!(registry().breaker("layer.es").status().failures, 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_limit_by_key_holds_for_each_key() {
    apart(async {
        let policy = Policy::builder("layer.clients")
            .rate_limit("layer.clients", |limit| limit.max(2).per(secs(60)))
            .build()
            .unwrap();
        let layer = PolicyLayer::new(policy).limit_key(|client: &&str| client.to_string());
        let service = layer.layer(asking(&playing("")));
        let ask = |client| service.clone().oneshot(client);
        for _ in 0..2 {
            ask("ann").await.unwrap();
        }
        let spent = rejection(ask("ann").await);
        assert_eq!(spent.retry_in(), Some(secs(30)));
        assert!(ask("bob").await.is_ok());
        let limit = registry().rate_limit("layer.clients");
        assert!(limit.try_acquire_for("ann").is_err() && limit.try_acquire_for("bob").is_ok());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_breaker_by_key_opens_for_its_key_alone() {
    apart(async {
        let policy = Policy::builder("layer.hosts")
            .breaker("layer.hosts", |breaker| breaker.failures(1))
            .build()
            .unwrap();
        let layer = PolicyLayer::new(policy).breaker_key(|host: &&str| host.to_string());
        let dependency = playing("FS");
        let service = layer.layer(asking(&dependency));
        let ask = |host| service.clone().oneshot(host);
        assert!(ask("bad").await.unwrap_err().is::<Failure>());
        assert!(matches!(
            rejection(ask("bad").await),
            Rejection::CircuitOpen { .. }
        ));
        assert_eq!(ask("good").await.unwrap(), 2);
        let breaker = registry().breaker("layer.hosts");
        assert_eq!(breaker.for_key("bad").unwrap().state(), State::Open);
    })
    .await;
}

#[test]
#[should_panic(expected = "`limit_key` without a rate limit in the policy \"layer.bare\"")]
fn a_limit_key_without_a_limit_is_refused() {
    let policy = Policy::builder("layer.bare").build().unwrap();
    let _ = PolicyLayer::<u32, u32>::new(policy).limit_key(|request| *request);
}

#[test]
#[should_panic(expected = "`breaker_key` without a breaker in the policy \"layer.bare\"")]
fn a_breaker_key_without_a_breaker_is_refused() {
    let policy = Policy::builder("layer.bare").build().unwrap();
    let _ = PolicyLayer::<u32, u32>::new(policy).breaker_key(|request| *request);
}

#[test]
fn layers_and_services_show_their_policy() {
    let policy = Policy::builder("layer.shown")
        .timeout(ms(5))
        .build()
        .unwrap();
    let layer = PolicyLayer::<u32, u32>::new(policy);
    let service: Guarded<&str, u32, u32> = layer.layer("inner");
    for text in [format!("{layer:?}"), format!("{service:?}")] {
        assert!(
            text.contains("layer.shown") && text.contains("5ms"),
            "{text}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn errors_are_classified_along_their_chain() {
    apart(async {
        let policy = breaking();
        let service = PolicyLayer::new(policy.clone()).layer(service_fn(|()| async {
            Err::<(), _>(io::Error::from(io::ErrorKind::NotFound))
        }));
        for _ in 0..5 {
            let error = service.clone().oneshot(()).await.unwrap_err();
            assert!(error.is::<io::Error>(), "{error}");
        }
        assert_eq!(policy.calls().expected, 5);
        assert_eq!(registry().breaker("layer.es").state(), State::Closed);
    })
    .await;
}
