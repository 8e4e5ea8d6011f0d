//! The tower layer: which requests are repeated, and which answers are failures.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use steadfast::tower::PolicyLayer;
use steadfast::{Class, Policy, PolicyBuilder, Rejection, registry};
use steadfast_tests::{Dependency, Failure, apart, ms};
use tower::{Layer, Service, ServiceExt, service_fn};

/// A request that counts its clones.
#[derive(Default)]
struct Request {
    clones: Arc<AtomicU32>,
}

impl Request {
    fn repeat(&self) -> Self {
        self.clones.fetch_add(1, Ordering::Relaxed);
        Self {
            clones: self.clones.clone(),
        }
    }
}

fn retrying(name: &str) -> PolicyBuilder {
    Policy::builder(name).retry(|retry| retry.max(3).base(ms(0)))
}

fn asking(
    dependency: &Arc<Dependency>,
) -> impl Service<Request, Response = usize, Error = Failure, Future: Send> + Clone + Send + use<> {
    let dependency = dependency.clone();
    service_fn(move |_| {
        let dependency = dependency.clone();
        async move { dependency.ask().await }
    })
}

/// How often a dependency that fails is asked, and how often the request is cloned for it.
async fn runs_and_clones(policy: PolicyBuilder, script: &str) -> (usize, u32) {
    let dependency = Arc::new(Dependency::playing(script));
    let layer = PolicyLayer::new(policy.build().unwrap())
        .clone_request(|request: &Request| Some(request.repeat()));
    let request = Request::default();
    let clones = request.clones.clone();
    let _ = layer.layer(asking(&dependency)).oneshot(request).await;
    (dependency.runs(), clones.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn a_request_that_nobody_can_clone_has_one_attempt() {
    apart(async {
        let policy = retrying("repeats.none").build().unwrap();
        let dependency = Arc::new(Dependency::playing("FFF"));
        let layers = [
            PolicyLayer::new(policy.clone()),
            PolicyLayer::new(policy).clone_request(|_| None),
        ];
        for (nth, layer) in (1..).zip(layers) {
            let service = layer.layer(asking(&dependency));
            let error = service.oneshot(Request::default()).await.unwrap_err();
            assert!(error.is::<Failure>(), "{error}");
            assert_eq!(dependency.runs(), nth);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_request_is_cloned_only_where_another_attempt_may_follow() {
    apart(async {
        assert_eq!(
            runs_and_clones(retrying("repeats.some"), "FFF").await,
            (3, 2)
        );
        assert_eq!(runs_and_clones(retrying("repeats.some"), "S").await, (1, 1));
        let no_retry = Policy::builder("repeats.no.retry");
        assert_eq!(runs_and_clones(no_retry, "F").await, (1, 0));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_request_may_stop_being_repeatable() {
    apart(async {
        let dependency = Arc::new(Dependency::playing("FFF"));
        let policy = retrying("repeats.once").build().unwrap();
        let once = |request: &Request| {
            let clones = request.clones.load(Ordering::Relaxed);
            (clones == 0).then(|| request.repeat())
        };
        let service = PolicyLayer::new(policy)
            .clone_request(once)
            .layer(asking(&dependency));
        service.oneshot(Request::default()).await.unwrap_err();
        assert_eq!(dependency.runs(), 2);
    })
    .await;
}

/// A service that answers with these statuses, one after another.
fn answering(
    statuses: &[u16],
) -> impl Service<(), Response = u16, Error = Infallible, Future: Send> + Clone + Send + use<> {
    let statuses: Arc<[u16]> = statuses.into();
    let next = Arc::new(AtomicU32::new(0));
    service_fn(move |()| {
        let nth = next.fetch_add(1, Ordering::Relaxed) as usize;
        std::future::ready(Ok(statuses[nth]))
    })
}

fn by_status(builder: PolicyBuilder) -> PolicyLayer<(), u16> {
    PolicyLayer::new(builder.build().unwrap())
        .clone_request(|()| Some(()))
        .classify_response(|status| (*status >= 400).then(|| Class::from_http_status(*status)))
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_a_failure_is_retried() {
    apart(async {
        let service = by_status(retrying("repeats.answers")).layer(answering(&[503, 500, 200]));
        assert_eq!(service.oneshot(()).await.unwrap(), 200);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_last_answer_is_the_answer_though_it_is_a_failure() {
    apart(async {
        let layer = by_status(retrying("repeats.last"));
        let service = layer.clone().layer(answering(&[503, 500, 502]));
        assert_eq!(service.oneshot(()).await.unwrap(), 502);
        // Not to be retried: 404 is a proper answer, 401 permanent.
        for status in [404, 401] {
            let service = layer.clone().layer(answering(&[status]));
            assert_eq!(service.oneshot(()).await.unwrap(), status);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_a_failure_counts_for_the_breaker() {
    apart(async {
        let builder = Policy::builder("repeats.counted");
        let builder = builder.breaker("repeats.es", |breaker| breaker.failures(2));
        let service = by_status(builder).layer(answering(&[404, 503, 503]));
        for status in [404, 503, 503] {
            assert_eq!(service.clone().oneshot(()).await.unwrap(), status);
        }
        let error = service.oneshot(()).await.unwrap_err();
        assert!(matches!(
            error.downcast_ref(),
            Some(Rejection::CircuitOpen { .. })
        ));
        assert_eq!(registry().breaker("repeats.es").status().failures, 2);
    })
    .await;
}
