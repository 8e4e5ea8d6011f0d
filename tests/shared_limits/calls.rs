//! Annotated functions under shared limits.

use steadfast::{Rejection, registry, resilient};
use steadfast_tests::redis::Server;
use steadfast_tests::{Failure, ms, secs};

use super::{Instance, pause};

#[resilient(
    name = "limited.call",
    rate_limit(name = "limited.tokens", scope = "shared", max = 3, per = "100s"),
    bulkhead(name = "limited.places", scope = "shared", max = 2, wait = "0s")
)]
async fn call(takes: std::time::Duration) -> Result<(), Failure> {
    pause(takes).await;
    Ok(())
}

#[resilient(
    name = "limited.sync",
    rate_limit(name = "limited.sync", scope = "shared", max = 2, per = "100s", key = user)
)]
fn sync(user: &str) -> std::io::Result<usize> {
    Ok(user.len())
}

#[resilient(
    name = "limited.watched",
    mode = "observe",
    rate_limit(name = "limited.watched", scope = "shared", max = 1, per = "100s"),
    bulkhead(name = "limited.watched", scope = "shared", max = 1)
)]
async fn watched(takes: std::time::Duration) -> Result<(), Failure> {
    pause(takes).await;
    Ok(())
}

async fn instance(server: &Server) -> Instance {
    let registry = steadfast::Registry::new();
    registry.know_only("limited.");
    registry.set_variables::<&str, &str>([]);
    let start = async { steadfast::setup().redis(server.url()).start().await };
    let steadfast = registry.scope(start).await.unwrap();
    Instance {
        registry,
        steadfast,
    }
}

fn rejection(result: Result<(), Failure>) -> Rejection {
    match result {
        Err(Failure::Rejected(rejection)) => rejection,
        other => panic!("{other:?} is no rejection"),
    }
}

#[tokio::test]
async fn calls_of_all_instances_share_tokens() {
    let server = Server::start();
    let (one, other) = (instance(&server).await, instance(&server).await);
    for instance in [&one, &other, &one] {
        instance.registry.scope(call(ms(0))).await.unwrap();
    }
    for instance in [&one, &other] {
        let refused = rejection(instance.registry.scope(call(ms(0))).await);
        assert!(
            matches!(refused, Rejection::RateLimited { .. }),
            "{refused}"
        );
        assert!(refused.retry_in().is_some_and(|time| time > secs(20)));
    }
}

#[tokio::test]
async fn a_token_for_which_there_is_no_place_serves_the_next_call() {
    let server = Server::start();
    let instance = instance(&server).await;
    let run = async {
        let calls = [(), ()].map(|()| tokio::spawn(registry().scope(call(ms(300)))));
        pause(ms(100)).await;
        for _ in 0..3 {
            let refused = rejection(call(ms(0)).await);
            assert!(
                matches!(refused, Rejection::BulkheadFull { .. }),
                "{refused}"
            );
        }
        for call in calls {
            call.await.unwrap().unwrap();
        }
        call(ms(0)).await.unwrap();
        assert!(matches!(
            rejection(call(ms(0)).await),
            Rejection::RateLimited { .. }
        ));
        assert_eq!(
            registry()
                .limits("limited.places")
                .unwrap()
                .status()
                .bulkhead
                .unwrap()
                .active,
            0
        );
    };
    instance.registry.scope(run).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sync_functions_share_tokens_by_key() {
    let server = Server::start();
    let (one, other) = (instance(&server).await, instance(&server).await);
    let ask = |instance: &Instance, user: &'static str| {
        let registry = instance.registry.clone();
        async move {
            let asked = move || registry.scope_blocking(|| sync(user).is_ok());
            tokio::task::spawn_blocking(asked).await.unwrap()
        }
    };
    assert!(ask(&one, "ann").await && ask(&other, "ann").await);
    assert!(!ask(&one, "ann").await && !ask(&other, "ann").await);
    assert!(ask(&one, "bob").await);
}

#[tokio::test]
async fn who_only_observes_lets_all_through_and_counts() {
    let server = Server::start();
    let instance = instance(&server).await;
    let run = async {
        let first = tokio::spawn(registry().scope(watched(ms(300))));
        pause(ms(100)).await;
        for _ in 0..3 {
            watched(ms(0)).await.unwrap();
        }
        first.await.unwrap().unwrap();
        let counts = steadfast::sites()
            .find(|site| site.name() == "limited.watched")
            .unwrap()
            .calls();
        // Each of three had neither token nor place.
        assert_eq!((counts.ok, counts.would_reject), (4, 6));
    };
    instance.registry.scope(run).await;
}

#[tokio::test]
async fn a_call_that_was_made_before_the_setup_is_shared_after_it() {
    let server = Server::start();
    let registry = steadfast::Registry::new();
    registry.know_only("limited.");
    registry.set_variables::<&str, &str>([]);
    registry.scope(call(ms(0))).await.unwrap();
    let start = async { steadfast::setup().redis(server.url()).start().await };
    let steadfast = registry.scope(start).await.unwrap();
    let early = Instance {
        registry,
        steadfast,
    };
    let late = instance(&server).await;
    for instance in [&early, &late, &early] {
        instance.registry.scope(call(ms(0))).await.unwrap();
    }
    assert!(late.registry.scope(call(ms(0))).await.is_err());
}
