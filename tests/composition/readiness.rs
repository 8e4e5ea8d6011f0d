//! `poll_ready`: a service is never called before it said that it is ready.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use steadfast::tower::PolicyLayer;
use steadfast::{Policy, PolicyBuilder, Rejection};
use steadfast_tests::{apart, ms, secs};
use tower::{Layer, Service, ServiceExt};

/// A service that is ready at the second poll, for one call, and panics when called unready. A
/// clone is unready.
struct Picky {
    polls: u32,
    ready: bool,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    calls: AtomicU32,
    polls: AtomicU32,
    /// How many calls fail, from the first.
    failing: AtomicU32,
    /// Whether to be ready no more after the first call, and how.
    afterwards: AtomicU32,
}

const HANGS: u32 = 1;
const FAILS: u32 = 2;

impl Picky {
    fn new() -> (Self, Arc<Seen>) {
        let seen = Arc::<Seen>::default();
        let picky = Self {
            polls: 0,
            ready: false,
            seen: seen.clone(),
        };
        (picky, seen)
    }
}

impl Clone for Picky {
    fn clone(&self) -> Self {
        Self {
            polls: 0,
            ready: false,
            seen: self.seen.clone(),
        }
    }
}

impl Service<u32> for Picky {
    type Response = u32;
    type Error = io::Error;
    type Future = std::future::Ready<io::Result<u32>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.seen.polls.fetch_add(1, Ordering::Relaxed);
        if self.seen.calls.load(Ordering::Relaxed) > 0 {
            match self.seen.afterwards.load(Ordering::Relaxed) {
                HANGS => return Poll::Pending,
                FAILS => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                _ => {}
            }
        }
        self.polls += 1;
        if self.polls % 2 == 1 {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u32) -> Self::Future {
        assert!(
            std::mem::take(&mut self.ready),
            "called before it was ready"
        );
        let call = self.seen.calls.fetch_add(1, Ordering::Relaxed);
        let fails = call < self.seen.failing.load(Ordering::Relaxed);
        std::future::ready(if fails {
            Err(io::ErrorKind::ConnectionReset.into())
        } else {
            Ok(request + 1)
        })
    }
}

fn policy(name: &str) -> PolicyBuilder {
    Policy::builder(name).retry(|retry| retry.max(3).base(ms(0)))
}

fn repeating(builder: PolicyBuilder) -> PolicyLayer<u32, u32> {
    PolicyLayer::new(builder.build().unwrap()).clone_request(|request| Some(*request))
}

#[tokio::test(start_paused = true)]
async fn each_attempt_waits_until_the_service_is_ready() {
    apart(async {
        let (picky, seen) = Picky::new();
        seen.failing.store(2, Ordering::Relaxed);
        let service = repeating(policy("readiness.each")).layer(picky);
        assert_eq!(service.oneshot(7).await.unwrap(), 8);
        assert_eq!(seen.calls.load(Ordering::Relaxed), 3);
        assert_eq!(seen.polls.load(Ordering::Relaxed), 6);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_service_is_called_again_after_it_was_asked_again() {
    apart(async {
        let (picky, seen) = Picky::new();
        let mut service = repeating(policy("readiness.again")).layer(picky);
        for _ in 0..3 {
            let answer = service.ready().await.unwrap().call(1);
            assert_eq!(answer.await.unwrap(), 2);
        }
        assert_eq!(seen.calls.load(Ordering::Relaxed), 3);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn clones_of_a_guarded_service_are_asked_on_their_own() {
    apart(async {
        let (picky, _) = Picky::new();
        let service = repeating(policy("readiness.clones")).layer(picky);
        let calls = (0..5).map(|request| tokio::spawn(service.clone().oneshot(request)));
        for (request, call) in (0..).zip(calls.collect::<Vec<_>>()) {
            assert_eq!(call.await.unwrap().unwrap(), request + 1);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn being_unready_for_long_is_within_the_attempts_timeout() {
    apart(async {
        let (picky, seen) = Picky::new();
        seen.failing.store(1, Ordering::Relaxed);
        seen.afterwards.store(HANGS, Ordering::Relaxed);
        let service = repeating(policy("readiness.hangs").timeout(secs(1))).layer(picky);
        let error = service.oneshot(7).await.unwrap_err();
        let rejection = error.downcast_ref::<Rejection>();
        assert_eq!(rejection, Some(&Rejection::Timeout { limit: secs(1) }));
        assert_eq!(seen.calls.load(Ordering::Relaxed), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn failing_to_get_ready_again_is_a_failed_attempt() {
    apart(async {
        let (picky, seen) = Picky::new();
        seen.failing.store(1, Ordering::Relaxed);
        seen.afterwards.store(FAILS, Ordering::Relaxed);
        let builder = policy("readiness.fails").breaker("readiness.es", |breaker| breaker);
        let service = repeating(builder).layer(picky);
        let error = service.oneshot(7).await.unwrap_err();
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        assert_eq!(kind, Some(io::ErrorKind::ConnectionReset));
        assert_eq!(seen.calls.load(Ordering::Relaxed), 1);
        let breaker = steadfast::registry().breaker("readiness.es");
        assert_eq!(breaker.status().failures, 3);
    })
    .await;
}
