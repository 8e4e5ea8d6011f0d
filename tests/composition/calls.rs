//! Calls under a policy made by hand.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use steadfast::testing::Fault;
use steadfast::{
    CallErr, Class, Policy, PolicyBuilder, Registry, Rejection, State, current, registry, resilient,
};
use steadfast_tests::{Dependency, Failure, TRANSIENT, apart, is_open, ms, poll_once, secs};
use tokio::time::Instant;

type Both = steadfast::Error<io::Error>;

fn builder() -> PolicyBuilder {
    Policy::builder("calls.search").breaker("calls.es", |breaker| breaker.failures(2))
}

fn retrying() -> Policy {
    let policy = builder().retry(|retry| retry.max(3).base(ms(0)));
    policy.build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_error_of_ours_says_how_many_attempts_ran() {
    apart(async {
        let policy = Policy::builder("calls.attempts")
            .retry(|retry| retry.max(3).base(ms(0)))
            .build()
            .unwrap();
        let reset = || io::Error::from(io::ErrorKind::ConnectionReset);
        let attempts_of = |result: Result<(), Both>| match result {
            Err(steadfast::Error::Failed { attempts, .. }) => attempts,
            other => panic!("{other:?}"),
        };
        let result = policy.call(async || Err::<(), Both>(reset().into())).await;
        assert_eq!(attempts_of(result), 3);
        let result = policy.call_blocking(|| Err(reset()).call_err());
        assert_eq!(attempts_of(result), 3);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_classifier_has_the_last_word() {
    apart(async {
        let policy = retrying();
        let dependency = Dependency::playing("FFFP");
        let expected = |_: &Failure| Class::Expected;
        let result = policy.call_with(expected, || dependency.ask()).await;
        assert_eq!((result, dependency.runs()), (Err(TRANSIENT), 1));
        let result = policy.call_blocking_with(expected, || dependency.ask_now());
        assert_eq!((result, dependency.runs()), (Err(TRANSIENT), 2));
        assert_eq!(registry().breaker("calls.es").status().failures, 0);

        // And makes errors count that would not.
        let transient = |_: &Failure| Class::Transient;
        let result = policy.call_with(transient, || dependency.ask()).await;
        assert!(is_open(&result), "{result:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn errors_that_are_no_std_errors_are_classified_by_hand() {
    apart(async {
        let policy = retrying();
        let runs = AtomicU32::new(0);
        let classify = |error: &anyhow::Error| Class::of(error.as_ref());
        let refused = io::ErrorKind::PermissionDenied;
        let result: anyhow::Result<()> = policy
            .call_with(classify, async || {
                runs.fetch_add(1, Ordering::Relaxed);
                Err(io::Error::from(refused).into())
            })
            .await;
        assert_eq!(
            result.unwrap_err().downcast::<io::Error>().unwrap().kind(),
            refused
        );
        assert_eq!(runs.into_inner(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_nested_rate_limit_of_ours_is_no_failure() {
    #[resilient(rate_limit(name = "calls.inner", max = 1, per = "60s"))]
    async fn inner() -> io::Result<()> {
        Ok(())
    }

    apart(async {
        let policy = builder().build().unwrap();
        policy.call(inner).await.unwrap();
        for _ in 0..5 {
            let error = policy.call(inner).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}");
        }
        assert_eq!(registry().breaker("calls.es").state(), State::Closed);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_counts_as_a_failure_and_goes_on_unwinding() {
    apart(async {
        let policy = retrying();
        let ours = policy.clone();
        let body = || async { panic!("out of luck") };
        let call = async move { ours.call::<(), Failure, _>(body).await };
        assert!(tokio::spawn(call).await.unwrap_err().is_panic());
        let status = registry().breaker("calls.es").status();
        assert_eq!((status.state, status.failures), (State::Closed, 1));
        let body = || panic!("out of luck");
        let blocking = || policy.call_blocking::<(), Failure>(body);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(blocking)).unwrap_err();
        assert_eq!(registry().breaker("calls.es").state(), State::Open);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_drops_its_body_counts_as_nothing_and_gives_its_place_back() {
    apart(async {
        let policy = builder()
            .bulkhead("calls.places", |bulkhead| bulkhead.max(1))
            .build()
            .unwrap();
        let dependency = Dependency::playing("H");
        {
            let mut call = pin!(policy.call(|| dependency.ask()));
            assert!(poll_once(call.as_mut()).is_pending());
            assert_eq!(registry().bulkhead("calls.places").status().active, 1);
        }
        assert_eq!((dependency.runs(), dependency.dropped()), (1, 1));
        assert_eq!(registry().bulkhead("calls.places").status().active, 0);
        assert_eq!(registry().breaker("calls.es").status().failures, 0);
        assert_eq!(policy.calls(), steadfast::CallCounts::default());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_policy_counts_how_its_calls_ended_those_of_clones_included() {
    apart(async {
        let policy = Policy::builder("calls.counts")
            .timeout(secs(1))
            .build()
            .unwrap();
        let dependency = Dependency::playing("SPEIRFH");
        for _ in 0..7 {
            let _ = policy.clone().call(|| dependency.ask()).await;
        }
        let mut counts = steadfast::CallCounts::default();
        (counts.ok, counts.permanent, counts.expected, counts.ignored) = (1, 1, 1, 1);
        (counts.rate_limited, counts.transient, counts.timeout) = (1, 1, 1);
        assert_eq!(policy.calls(), counts);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_body_runs_inside_the_call() {
    apart(async {
        let policy = Policy::builder("calls.current")
            .retry(|retry| retry.max(2).base(ms(0)))
            .timeout(secs(2))
            .build()
            .unwrap();
        let seen = std::sync::Mutex::new(Vec::new());
        let note = || {
            let current = current();
            let key = current.idempotency_key();
            seen.lock()
                .unwrap()
                .push((current.attempt(), current.time_left(), key));
            Err::<(), _>(TRANSIENT)
        };
        policy.call(async || note()).await.unwrap_err();
        policy.call_blocking(note).unwrap_err();
        let seen = seen.into_inner().unwrap();
        let attempts: Vec<_> = seen
            .iter()
            .map(|(attempt, left, _)| (*attempt, *left))
            .collect();
        let left = Some(secs(2));
        assert_eq!(attempts, [(1, left), (2, left), (1, left), (2, left)]);
        assert_eq!((seen[0].2, seen[2].2), (seen[1].2, seen[3].2));
        assert_ne!(seen[0].2, seen[2].2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_sync_call_checks_the_deadline_between_attempts() {
    apart(async {
        let policy = Policy::builder("calls.sync")
            .retry(|retry| retry.max(9).base(ms(0)))
            .deadline(secs(5))
            .build()
            .unwrap();
        let dependency = Dependency::playing("FFFFFFFFF").taking(secs(2));
        let began = Instant::now();
        assert_eq!(
            policy.call_blocking(|| dependency.ask_now()),
            Err(TRANSIENT)
        );
        assert_eq!((dependency.runs(), began.elapsed()), (3, secs(6)));
    })
    .await;
}

#[test]
fn a_sync_call_needs_no_runtime() {
    let registry = Registry::new();
    let policy = retrying_in(&registry);
    let dependency = Dependency::playing("FS");
    assert_eq!(policy.call_blocking(|| dependency.ask_now()), Ok(2));
    assert_eq!(policy.calls().ok, 1);
}

fn retrying_in(registry: &Registry) -> Policy {
    builder()
        .retry(|retry| retry.max(3).base(ms(1)))
        .registry(registry)
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_policy_belongs_to_its_registry_wherever_it_is_called() {
    let mine = Registry::new();
    let given = retrying_in(&mine);
    let built_inside = mine.scope(async { builder().build().unwrap() }).await;
    mine.breaker("calls.es").force_open();
    apart(async {
        for policy in [&given, &built_inside] {
            let result = policy.call(|| async { Ok::<_, Failure>(()) }).await;
            assert!(is_open(&result), "{result:?}");
        }
        assert!(
            retrying()
                .call(|| async { Ok::<_, Failure>(()) })
                .await
                .is_ok()
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn faults_can_be_injected_by_the_name_of_a_policy() {
    apart(async {
        let policy = Policy::builder("calls.injected").build().unwrap();
        registry().inject("calls.injected", Fault::Error(Class::Permanent), 1);
        let dependency = Dependency::playing("");
        let result = policy.call(|| dependency.ask()).await;
        let injected = Rejection::Injected {
            class: Class::Permanent,
        };
        assert_eq!(result, Err(injected.into()));
        assert_eq!(policy.call(|| dependency.ask()).await, Ok(1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn each_retry_is_told_before_its_pause() {
    static TOLD: AtomicU32 = AtomicU32::new(0);
    apart(async {
        let policy = Policy::builder("calls.told")
            .retry(|retry| retry.max(3).base(ms(0)))
            .notify(|retrying| {
                TOLD.fetch_add(retrying.attempt, Ordering::Relaxed);
            })
            .build()
            .unwrap();
        let dependency = Dependency::playing("FFF");
        policy.call(|| dependency.ask()).await.unwrap_err();
        assert_eq!(TOLD.load(Ordering::Relaxed), 1 + 2);
    })
    .await;
}

#[test]
fn a_call_is_send_where_its_body_is() {
    let policy = Arc::new(Policy::builder("calls.send").build().unwrap());
    let dependency = Dependency::playing("");
    let call: Pin<Box<dyn Future<Output = Result<usize, Failure>> + Send + '_>> =
        Box::pin(policy.call(|| dependency.ask()));
    drop(call);
}
