//! Retry, timeout, deadline and fallback with each other: these have no levels.

use steadfast::{Rejection, resilient};
use steadfast_tests::{Dependency, Failure, TRANSIENT, apart, secs};
use tokio::time::{Instant, sleep};

use super::guarded;
use crate::guards::cut;

fn timeout(limit: u64) -> Failure {
    let limit = secs(limit);
    Rejection::Timeout { limit }.into()
}

#[tokio::test(start_paused = true)]
async fn retry_with_timeout_gives_each_attempt_its_own() {
    let call = guarded!(retry(max = 3, base = "1s", jitter = "none"), timeout = "2s");
    apart(async {
        let dependency = Dependency::playing("HFH");
        assert_eq!(call(&dependency).await, Err(timeout(2)));
        assert_eq!(dependency.starts(), [secs(0), secs(3), secs(5)]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn retry_with_deadline_ends_with_the_last_error_or_the_cut() {
    let call = guarded!(
        retry(max = 9, base = "2s", factor = 1.0, jitter = "none"),
        deadline = "5s"
    );
    apart(async {
        let failing = Dependency::playing("FFFFFF");
        assert_eq!(call(&failing).await, Err(TRANSIENT));
        assert_eq!(failing.starts(), [secs(0), secs(2), secs(4)]);
        let hanging = Dependency::playing("FFH");
        assert_eq!(call(&hanging).await, Err(cut(secs(5))));
    })
    .await;
}

#[resilient(retry(max = 3, base = "1s", jitter = "none"), fallback = answer)]
async fn retried(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

async fn answer(dependency: &Dependency, error: Failure) -> Result<usize, Failure> {
    assert_eq!(error, TRANSIENT);
    sleep(secs(10)).await;
    Ok(100 + dependency.runs())
}

#[tokio::test(start_paused = true)]
async fn retry_with_fallback_answers_once_after_the_last_attempt() {
    apart(async {
        let dependency = Dependency::playing("FFFF");
        let began = Instant::now();
        assert_eq!(retried(&dependency).await, Ok(103));
        assert_eq!(began.elapsed(), secs(13));
        assert_eq!(retried(&dependency).await, Ok(5));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn timeout_with_deadline_is_cut_by_the_smaller() {
    let call = guarded!(
        timeout = "2s",
        deadline = "3s",
        retry(max = 9, base = "0s", on(transient, timeout))
    );
    apart(async {
        let dependency = Dependency::playing("HH");
        let began = Instant::now();
        assert_eq!(call(&dependency).await, Err(cut(secs(3))));
        assert_eq!((began.elapsed(), dependency.runs()), (secs(3), 2));
        let once = guarded!(timeout = "2s", deadline = "3s");
        assert_eq!(once(&Dependency::playing("H")).await, Err(timeout(2)));
    })
    .await;
}

macro_rules! cut_then_answered {
    ($test:ident, $option:ident, $error:expr) => {
        #[tokio::test(start_paused = true)]
        async fn $test() {
            #[resilient($option = "1s", fallback = later)]
            async fn call(dependency: &Dependency) -> Result<usize, Failure> {
                dependency.ask().await
            }

            async fn later(dependency: &Dependency, error: Failure) -> Result<usize, Failure> {
                assert_eq!((error, dependency.dropped()), ($error, 1));
                sleep(secs(10)).await;
                Ok(0)
            }

            #[resilient($option = "1s", fallback(with = refused, on = "rejected"))]
            async fn unanswered(dependency: &Dependency) -> Result<usize, Failure> {
                dependency.ask().await
            }

            fn refused(_: &Dependency, _: Failure) -> Result<usize, Failure> {
                unreachable!("a cut is no refusal")
            }

            apart(async {
                let began = Instant::now();
                assert_eq!(call(&Dependency::playing("H")).await, Ok(0));
                assert_eq!(began.elapsed(), secs(11));
                assert_eq!(unanswered(&Dependency::playing("H")).await, Err($error));
            })
            .await;
        }
    };
}

cut_then_answered!(
    timeout_with_fallback_does_not_cut_the_answer,
    timeout,
    timeout(1)
);
cut_then_answered!(
    deadline_with_fallback_does_not_cut_the_answer,
    deadline,
    cut(secs(1))
);
