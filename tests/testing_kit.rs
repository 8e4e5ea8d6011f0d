//! The kit for tests of guarded code, feature `testing`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::time::Duration;

use steadfast::testing::Fault;
use steadfast::{Class, Registry, Rejection, State, registry, resilient};
use steadfast_tests::{Dependency, Failure, TRANSIENT, apart, is_open, ms, poll_once, secs, site};
use tokio::time::{Instant, advance, sleep, timeout};

#[resilient(
    name = "kit.call",
    breaker(
        name = "kit",
        failures = 3,
        recovery = "30s",
        half_open = 1,
        close_after = 1
    ),
    retry(max = 2, base = "1s", jitter = "none"),
    timeout = "5s"
)]
async fn guarded(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

#[resilient(name = "kit.jitter", retry(max = 20, base = "1s"))]
async fn jittered(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

#[resilient(name = "kit.sync", retry(max = 2, base = "0s"))]
fn blocking(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask_now()
}

fn injected(class: Class) -> Failure {
    Rejection::Injected { class }.into()
}

async fn pauses(seed: u64) -> Vec<Duration> {
    apart(async {
        registry().seed_jitter(seed);
        let dependency = Dependency::playing(&"F".repeat(20));
        jittered(&dependency).await.unwrap_err();
        dependency.pauses()
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_seed_makes_jitter_the_same_in_every_run() {
    let one = pauses(1).await;
    assert_eq!(one.len(), 19);
    assert_eq!(one, pauses(1).await);
    assert_ne!(one, pauses(2).await);
}

#[tokio::test(start_paused = true)]
async fn an_injected_error_stands_for_that_many_attempts_of_that_class() {
    apart(async {
        let dependency = Dependency::playing("");
        registry().inject("kit.call", Fault::Error(Class::Transient), 3);
        assert_eq!(guarded(&dependency).await, Err(injected(Class::Transient)));
        assert_eq!(registry().breaker("kit").status().failures, 2);
        // The third fault opens the breaker, which refuses the next attempt.
        assert!(is_open(&guarded(&dependency).await));
        assert_eq!(dependency.runs(), 0);
        registry().breaker("kit").reset();
        assert_eq!(guarded(&dependency).await, Ok(1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_injected_error_is_of_the_class_the_test_wants() {
    apart(async {
        let limited = Class::RateLimited {
            retry_after: Some(secs(7)),
        };
        registry().inject("kit.call", Fault::Error(limited), 1);
        let dependency = Dependency::playing("");
        assert_eq!(guarded(&dependency).await, Ok(1));
        assert_eq!(dependency.starts(), [secs(7)]);

        registry().inject("kit.call", Fault::Error(Class::Permanent), 1);
        let failed = guarded(&dependency).await;
        assert_eq!(failed, Err(injected(Class::Permanent)));
        assert_eq!(site("kit.call").calls().permanent, 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_injected_hang_is_cut_by_the_limits() {
    apart(async {
        registry().inject("kit.call", Fault::Hang, 2);
        let (dependency, began) = (Dependency::playing(""), Instant::now());
        let cut = Rejection::Timeout { limit: secs(5) };
        assert_eq!(guarded(&dependency).await, Err(cut.into()));
        assert_eq!((dependency.runs(), began.elapsed()), (0, secs(11)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_injected_delay_runs_within_the_limits() {
    apart(async {
        registry().inject("kit.call", Fault::Delay(secs(4)), 1);
        registry().inject("kit.call", Fault::Delay(secs(6)), 1);
        let dependency = Dependency::playing("").taking(ms(500));
        assert_eq!(guarded(&dependency).await, Ok(1));
        assert_eq!(dependency.starts(), [secs(4)]);
        // The next comes later than the timeout allows; the attempt after it is well.
        let began = Instant::now();
        assert_eq!(guarded(&dependency).await, Ok(2));
        assert_eq!(began.elapsed(), secs(6) + ms(500));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_injected_panic_is_the_bodys() {
    apart(async {
        registry().inject("kit.call", Fault::Panic, 1);
        let dependency = Dependency::playing("");
        let mut call = Box::pin(guarded(&dependency));
        let panic = catch_unwind(AssertUnwindSafe(|| poll_once(call.as_mut()))).unwrap_err();
        let text: &String = panic.downcast_ref().unwrap();
        assert!(text.contains("kit.call"), "{text}");
        assert_eq!(registry().breaker("kit").status().failures, 1);
        assert_eq!(dependency.runs(), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn faults_come_in_the_order_they_were_planned() {
    apart(async {
        registry().inject("kit.call", Fault::Error(Class::Expected), 1);
        registry().inject("kit.call", Fault::Error(Class::Permanent), 1);
        registry().inject("kit.call", Fault::Error(Class::Ignored), 0);
        let dependency = Dependency::playing("");
        for class in [Class::Expected, Class::Permanent] {
            assert_eq!(guarded(&dependency).await, Err(injected(class)));
        }
        assert_eq!(guarded(&dependency).await, Ok(1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_fault_meets_only_its_own_call_in_its_own_registry() {
    apart(async {
        registry().inject("kit.call", Fault::Error(Class::Permanent), 1);
        assert_eq!(jittered(&Dependency::playing("")).await, Ok(1));
        let elsewhere = Registry::new();
        let other = elsewhere.scope(async { guarded(&Dependency::playing("")).await });
        assert_eq!(other.await, Ok(1));
        registry().clear_faults();
        assert_eq!(guarded(&Dependency::playing("")).await, Ok(1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn sync_functions_meet_faults_too() {
    apart(async {
        let dependency = Dependency::playing("");
        registry().inject("kit.sync", Fault::Error(Class::Transient), 1);
        assert_eq!(blocking(&dependency), Ok(1));
        // Nothing can cut a sync body that hangs, so it fails as `Timeout`.
        registry().inject("kit.sync", Fault::Hang, 2);
        assert_eq!(blocking(&dependency), Err(injected(Class::Timeout)));
        assert_eq!(site("kit.sync").calls().timeout, 1);
        registry().inject("kit.sync", Fault::Panic, 1);
        assert!(catch_unwind(AssertUnwindSafe(|| blocking(&dependency))).is_err());
        let real = std::time::Instant::now();
        registry().inject("kit.sync", Fault::Delay(ms(3)), 1);
        assert_eq!(blocking(&dependency), Ok(2));
        assert!(real.elapsed() >= ms(3));
    })
    .await;
}

#[test]
fn a_fault_for_a_call_that_does_not_exist_is_a_panic_that_names_the_nearest() {
    let refused = catch_unwind(|| Registry::new().inject("kit.cal", Fault::Hang, 1));
    let text = refused.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(
        *text,
        r#"no call is named "kit.cal"; did you mean "kit.call"?"#
    );
}

#[tokio::test(start_paused = true)]
async fn wait_for_ends_when_the_breaker_gets_into_the_state() {
    apart(async {
        let breaker = registry().breaker("kit");
        breaker.wait_for(State::Closed).await;
        let began = Instant::now();
        let waits = async {
            breaker.wait_for(State::Open).await;
            assert_eq!(began.elapsed(), secs(2));
            breaker.wait_for(State::HalfOpen).await;
            assert_eq!(began.elapsed(), secs(32));
            breaker.wait_for(State::Closed).await;
            assert_eq!(began.elapsed(), secs(40));
            breaker.wait_for(State::ForcedOpen).await;
            breaker.wait_for(State::Disabled).await;
            breaker.wait_for(State::Closed).await;
        };
        let changes = async {
            sleep(secs(2)).await;
            (0..3).for_each(|_| breaker.admit().unwrap().failure());
            sleep(secs(38)).await;
            breaker.admit().unwrap().success();
            for change in [
                steadfast::Breaker::force_open,
                steadfast::Breaker::disable,
                steadfast::Breaker::release,
            ] {
                sleep(secs(1)).await;
                change(&breaker);
            }
        };
        tokio::join!(waits, changes);
        assert_eq!(began.elapsed(), secs(43));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn wait_for_waits_while_the_state_is_another() {
    apart(async {
        let breaker = registry().breaker("kit");
        timeout(secs(3600), breaker.wait_for(State::Open))
            .await
            .unwrap_err();
        breaker.force_open();
        timeout(secs(3600), breaker.wait_for(State::HalfOpen))
            .await
            .unwrap_err();
        // Giving up has changed nothing.
        let mut waiting = pin!(breaker.wait_for(State::Closed));
        assert!(poll_once(waiting.as_mut()).is_pending());
        breaker.release();
        assert!(poll_once(waiting.as_mut()).is_ready());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_drives_breakers_retries_and_limits() {
    apart(async {
        let real = std::time::Instant::now();
        let dependency = Dependency::playing("HHH");
        assert!(guarded(&dependency).await.is_err());
        assert!(is_open(&guarded(&dependency).await));
        advance(secs(86_400)).await;
        assert_eq!(guarded(&dependency).await, Ok(4));
        assert!(
            real.elapsed() < secs(5),
            "it took a day: {:?}",
            real.elapsed()
        );
        assert_eq!(guarded(&Dependency::playing("FF")).await, Err(TRANSIENT));
    })
    .await;
}
