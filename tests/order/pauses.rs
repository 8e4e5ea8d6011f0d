//! 6: pauses between attempts, and the error that comes back.

use steadfast::{Backoff, Class, Error, Jitter, Ratio, Rejection, registry, resilient};
use steadfast_tests::{Dependency, Failure, TRANSIENT, apart, is_open, ms, secs};
use tokio::time::Instant;

const TIMEOUT: Failure = Failure::Of(Class::Timeout);

// The words: three attempts start at 0, 1 and 3 s.
#[tokio::test(start_paused = true)]
async fn three_attempts_at_a_base_of_1s_start_at_0_1_and_3_seconds() {
    #[resilient(retry(max = 3, base = "1s", jitter = "none"))]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        let dependency = Dependency::playing("FFF");
        assert_eq!(call(&dependency).await, Err(TRANSIENT));
        assert_eq!(dependency.starts(), [secs(0), secs(1), secs(3)]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_jitter_of_a_quarter_keeps_each_pause_within_25_percent() {
    #[resilient(retry(max = 101, base = "1s", factor = 1.0, jitter = 0.25))]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        let dependency = Dependency::playing(&"F".repeat(100));
        assert_eq!(call(&dependency).await, Ok(101));
        let pauses = dependency.pauses();
        // Tokio's timer counts whole milliseconds, upwards.
        assert!(
            pauses
                .iter()
                .all(|&pause| pause >= ms(750) && pause <= ms(1251))
        );
        assert!(pauses.iter().any(|&pause| pause < ms(900)));
        assert!(pauses.iter().any(|&pause| pause > ms(1100)));
    })
    .await;
}

#[test]
fn pause_1000_of_a_base_of_a_day_does_not_overflow() {
    let day = secs(86_400);
    for jitter in [Jitter::None, Jitter::Full, Jitter::Decorrelated] {
        let last = Backoff::new(day)
            .factor(1e9)
            .jitter(jitter)
            .delays()
            .nth(999);
        assert!(last.unwrap() <= day, "{jitter:?}");
    }
    let quarter = Backoff::new(day).jitter(Jitter::Ratio(Ratio::new(0.25).unwrap()));
    assert!(quarter.delays().nth(999).unwrap() <= day);
}

// 6. A pause that would outlast the deadline is not slept: the last error comes back at once.
#[tokio::test(start_paused = true)]
async fn a_pause_that_would_outlast_the_deadline_is_not_slept() {
    #[resilient(
        retry(max = 9, base = "2s", factor = 1.0, jitter = "none"),
        deadline = "5s"
    )]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        let dependency = Dependency::playing("FFT").taking(ms(200));
        let began = Instant::now();
        assert_eq!(call(&dependency).await, Err(TIMEOUT));
        assert_eq!(began.elapsed(), ms(4600));
        assert_eq!(dependency.runs(), 3);
    })
    .await;
}

// 6. The last error comes back as it is, never wrapped.
#[tokio::test(start_paused = true)]
async fn the_last_error_comes_back_as_it_is() {
    #[resilient(retry(max = 3, base = "1s"), breaker = "pauses.last", timeout = "5s")]
    async fn call(errors: &std::sync::Mutex<Vec<std::io::Error>>) -> std::io::Result<()> {
        Err(errors.lock().unwrap().pop().unwrap())
    }

    apart(async {
        let errors = ["third", "second", "first"].map(std::io::Error::other);
        let errors = std::sync::Mutex::new(Vec::from(errors));
        let error = call(&errors).await.unwrap_err();
        assert_eq!(error.to_string(), "third");
        assert!(error.get_ref().unwrap().source().is_none());
    })
    .await;
}

// 6. … in an error that holds the number of attempts, too.
#[tokio::test(start_paused = true)]
async fn an_error_of_ours_counts_the_attempts_that_ran() {
    #[resilient(retry(max = 3, base = "1s"))]
    async fn call(dependency: &Dependency) -> Result<usize, Error<Failure>> {
        Ok(dependency.ask().await?)
    }

    let failed = |source, attempts| Err(Error::Failed { source, attempts });
    apart(async {
        let mut dependency = Dependency::playing("FFT");
        assert_eq!(call(&dependency).await, failed(TIMEOUT, 3));
        dependency = Dependency::playing("FP");
        let permanent = Failure::Of(Class::Permanent);
        assert_eq!(call(&dependency).await, failed(permanent, 2));
    })
    .await;
}

// 10. `Failed.attempts` is the number that ran: a refused attempt did not.
#[tokio::test(start_paused = true)]
async fn a_refused_attempt_is_not_counted_as_one_that_ran() {
    #[resilient(
        breaker(name = "pauses.ran", recovery = "1s"),
        retry(max = 3, base = "1s", jitter = "none", on(transient, rejected))
    )]
    async fn call(dependency: &Dependency) -> Result<usize, Error<Failure>> {
        Ok(dependency.ask().await?)
    }

    apart(async {
        let breaker = registry().breaker("pauses.ran");
        (0..5).for_each(|_| breaker.admit().unwrap().failure());
        let failed = Error::Failed {
            source: Failure::Of(Class::Permanent),
            attempts: 1,
        };
        assert_eq!(call(&Dependency::playing("P")).await, Err(failed));
    })
    .await;
}

// 6. If a later attempt is refused, that rejection is the result.
#[tokio::test(start_paused = true)]
async fn the_refusal_of_a_later_attempt_is_the_result() {
    #[resilient(
        breaker(name = "pauses.refused", failures = 2),
        retry(max = 5, base = "1s", jitter = "none")
    )]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        let dependency = Dependency::playing("FFFFF");
        let began = Instant::now();
        assert!(is_open(&call(&dependency).await));
        assert_eq!((dependency.runs(), began.elapsed()), (2, secs(3)));
    })
    .await;
}

// 6. If a later attempt is cut, that rejection is the result.
#[tokio::test(start_paused = true)]
async fn the_cut_of_a_later_attempt_is_the_result() {
    #[resilient(retry(max = 2, base = "1s"), timeout = "2s")]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        let dependency = Dependency::playing("FH");
        let cut = Rejection::Timeout { limit: secs(2) };
        assert_eq!(call(&dependency).await, Err(cut.into()));
    })
    .await;
}
