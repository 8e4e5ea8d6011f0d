//! What the demo's shop saves while its dependencies are sick, over real sockets and on a real Redis:
//! pages out of its cache, parts that can be spared, letters in a queue.

use std::sync::Arc;
use std::time::Duration;

use steadfast::outbox::Outbox;
use steadfast::{Registry, Rejection, registry};
use steadfast_examples::checkout::calls::{EMAILS, PRODUCT, pitch, product};
use steadfast_examples::checkout::{
    Api, Arm, CallError, Letter, Letters, Mailed, Order, Pitch, Shop,
};
use steadfast_examples::dependency::{Dependency, PerDependency};
use steadfast_examples::upstream::{Behaviour, Timeline, Upstream};
use steadfast_tests::redis::Server;
use steadfast_tests::{apart, fallbacks, ms, secs};
use tokio::time::{Instant, sleep, timeout};

/// What a healthy stand-in answers, whoever it stands for.
const BODY: &str = r#"{"id":"ch_1","name":"tea","cents":790,"text":"It is good."}"#;
/// How long the answers of a product's cache serve.
const FRESH: &str = "STEADFAST_CALL__STEADFAST_EXAMPLES_CHECKOUT_CALLS_PRODUCT__CACHE__FRESH";
const STALE: &str = "STEADFAST_CALL__STEADFAST_EXAMPLES_CHECKOUT_CALLS_PRODUCT__CACHE__STALE";

async fn upstream(timeline: Timeline) -> Upstream {
    let started = Upstream::start_at(timeline, 1, Instant::now(), BODY);
    started.await.unwrap()
}

async fn healthy() -> Upstream {
    upstream(Timeline::always(Behaviour::healthy())).await
}

/// All dependencies, this stand-in for each.
fn api(upstream: &Upstream) -> Api {
    Api::new(PerDependency::from_fn(|_| upstream.url())).unwrap()
}

fn order() -> Order {
    Order {
        id: 7,
        customer: "ada@example.com".into(),
        cents: 1999,
    }
}

/// A registry that knows the demo's calls alone.
fn demos_registry() -> Registry {
    let registry = Registry::new();
    registry.know_only("steadfast_examples::");
    registry
}

/// Asks for a product, and again when the catalog has failed, after a while; gives what the cache served
/// fresh and old, and what the fallback gave.
async fn asked_again(fresh: &str, stale: &str) -> (u64, u64, u64) {
    let registry = demos_registry();
    registry.set_variables([(FRESH, fresh), (STALE, stale)]);
    let asking = async {
        let upstream = healthy().await;
        let api = api(&upstream);
        let first = product(&api, 7).await.unwrap();
        upstream.switch(Timeline::sick(Behaviour::failing(503)));
        sleep(ms(50)).await;
        assert_eq!(product(&api, 7).await.unwrap(), first);
        let totals = steadfast::registry().totals();
        let cache = totals.caches.iter().find(|(name, _)| *name == PRODUCT);
        let cache = cache.unwrap().1;
        (cache.hits, cache.stale, fallbacks(PRODUCT))
    };
    registry.scope(asking).await
}

#[tokio::test]
async fn a_product_is_served_fresh_then_old_then_by_the_last_good_answer() {
    assert_eq!(asked_again("1h", "1h").await, (1, 0, 0));
    assert_eq!(asked_again("1ms", "1h").await, (0, 1, 0));
    assert_eq!(asked_again("1ms", "1ms").await, (0, 0, 1));
}

#[tokio::test]
async fn a_product_that_was_never_seen_has_no_page() {
    apart(async {
        let upstream = upstream(Timeline::sick(Behaviour::failing(503))).await;
        let error = product(&api(&upstream), 8).await.unwrap_err();
        assert!(matches!(error, CallError::Status { .. }), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_page_without_words_of_the_language_model_is_a_page() {
    apart(async {
        let (well, sick) = (
            healthy().await,
            upstream(Timeline::sick(Behaviour::failing(503))).await,
        );
        let url = |dependency| match dependency {
            Dependency::Llm => sick.url(),
            _ => well.url(),
        };
        let api = Api::new(PerDependency::from_fn(url)).unwrap();
        assert_eq!(pitch(&api, 7).await.unwrap(), Pitch::default());
        let page = Shop::new(Arm::Guarded, api.clone()).page(7).await.unwrap();
        assert_eq!((&*page.product.name, &*page.pitch), ("tea", ""));
        let without = Shop::new(Arm::Bare, api).page(7).await;
        assert!(matches!(without, Err(CallError::Status { .. })));
    })
    .await;
}

#[tokio::test]
async fn a_letter_that_can_not_go_out_is_queued_and_goes_out_once() {
    let server = Server::start();
    let demos = demos_registry();
    let setup = async { steadfast::setup().redis(server.url()).start().await };
    demos.scope(setup).await.unwrap();
    let (well, email) = (
        healthy().await,
        upstream(Timeline::sick(Behaviour::hanging())).await,
    );
    let url = |dependency| match dependency {
        Dependency::Email => email.url(),
        _ => well.url(),
    };
    let shop = Shop::new(Arm::Guarded, Api::new(PerDependency::from_fn(url)).unwrap());
    let confirmation = demos.scope(shop.check_out(&order())).await.unwrap();
    assert_eq!(confirmation.degraded, [Dependency::Email]);
    let bag = shop.letters().bag();
    assert_eq!((bag.written, bag.sent), (1, 0));
    assert_eq!(bag.queued, [0].into());

    email.switch(Timeline::always(Behaviour::healthy()));
    let outbox = demos.scope(Outbox::<Letter>::open(EMAILS)).await.unwrap();
    let api = shop.api().clone();
    let worker = outbox.worker(move |letter: Letter| {
        let api = api.clone();
        async move { api.mail(&letter).await }
    });
    let work = tokio::spawn(demos.scope(worker.into_future()));
    let delivered = async {
        while outbox.counts().delivered == 0 {
            sleep(ms(5)).await;
        }
    };
    timeout(secs(20), delivered).await.expect("it is delivered");
    assert_eq!(email.accepted(), [("0".to_owned(), 1)].into());
    work.abort();
}

#[tokio::test]
async fn a_worker_knows_an_open_breaker_behind_the_demos_error() {
    let server = Server::start();
    let demos = demos_registry();
    let setup = async { steadfast::setup().redis(server.url()).start().await };
    demos.scope(setup).await.unwrap();
    let upstream = healthy().await;
    let api = api(&upstream);
    let working = async {
        registry().breaker("email").force_open();
        let outbox = Outbox::<Letter>::open(EMAILS).await.unwrap();
        let letter = Letters::default().write(&order());
        outbox.push(&letter).await.unwrap();
        let (asked, tell) = tokio::sync::watch::channel(0);
        let asked = Arc::new(asked);
        let worker = outbox
            .worker(move |letter: Letter| {
                let (api, asked) = (api.clone(), asked.clone());
                async move {
                    asked.send_modify(|times| *times += 1);
                    api.mail(&letter).await
                }
            })
            .max_attempts(1);
        let working = tokio::spawn(registry().scope(worker.into_future()));
        let mut tell = tell;
        let refused = tell.wait_for(|times| *times >= 1);
        timeout(secs(20), refused).await.unwrap().unwrap();
        registry().breaker("email").release();
        while outbox.counts().delivered == 0 {
            assert_eq!(outbox.counts().dead, 0, "a refusal counts as no attempt");
            sleep(ms(5)).await;
        }
        working.abort();
    };
    let ended = timeout(LONGEST, demos.scope(working)).await;
    assert!(ended.is_ok(), "the test hangs");
}

/// What a test may take at most, on a busy machine too.
const LONGEST: Duration = secs(20);

#[tokio::test]
async fn without_a_redis_the_call_fails_with_its_own_error_and_the_letter_is_lost() {
    apart(async {
        let upstream = upstream(Timeline::sick(Behaviour::failing(503))).await;
        let letters = Letters::default();
        let letter = letters.write(&order());
        let result = api(&upstream).mail(&letter).await;
        assert!(matches!(result, Err(CallError::Status { .. })));
        assert_eq!(letters.note(&letter, &result), Mailed::Never);
        let queued = Err(CallError::Rejected(Rejection::Queued { id: "x".into() }));
        assert_eq!(letters.note(&letter, &queued), Mailed::Later);
    })
    .await;
}
