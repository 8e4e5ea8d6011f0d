//! What each class does to retry and breaker.

use steadfast::{Class, State, registry, resilient};
use steadfast_tests::{Dependency, Failure, apart, is_open, secs, site};
use tokio::time::advance;

#[resilient(
    name = "effects",
    breaker(name = "effects", failures = 1, half_open = 1, close_after = 1),
    retry(max = 2, base = "0s")
)]
async fn guarded(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

/// How often the body ran, and the state of the breaker after it failed so.
async fn runs_and_state(letter: &str) -> (usize, State) {
    let dependency = Dependency::playing(letter);
    let _ = guarded(&dependency).await;
    (dependency.runs(), registry().breaker("effects").state())
}

// `Permanent` will fail again and says that something is wrong.
#[tokio::test(start_paused = true)]
async fn permanent_is_not_retried_and_is_a_failure() {
    assert_eq!(apart(runs_and_state("P")).await, (1, State::Open));
}

// `Expected` is a proper answer in error form: not retried.
#[tokio::test(start_paused = true)]
async fn expected_is_not_retried_and_no_failure() {
    apart(async {
        assert_eq!(runs_and_state("E").await, (1, State::Closed));
        assert_eq!(site("effects").calls().expected, 1);
    })
    .await;
}

// … and a success for the breaker, since the dependency works.
#[tokio::test(start_paused = true)]
async fn expected_is_a_success_for_the_breaker() {
    #[resilient(breaker(name = "effects.run", failures = 2))]
    async fn counted(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        // It ends a run of failures …
        let dependency = Dependency::playing("FEF");
        for _ in 0..3 {
            counted(&dependency).await.unwrap_err();
        }
        assert_eq!(registry().breaker("effects.run").status().failures, 1);

        // … and closes a breaker as a probe.
        let breaker = registry().breaker("effects");
        breaker.admit().unwrap().failure();
        advance(secs(30)).await;
        assert_eq!(runs_and_state("E").await, (1, State::Closed));
    })
    .await;
}

// `Ignored` counts as nothing, frees a probe's place, is not retried.
#[tokio::test(start_paused = true)]
async fn ignored_counts_as_nothing() {
    #[resilient(breaker(name = "effects.ignored", failures = 2))]
    async fn counted(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        // It neither ends a run of failures nor adds to it.
        let dependency = Dependency::playing("FI");
        for _ in 0..2 {
            counted(&dependency).await.unwrap_err();
        }
        assert_eq!(registry().breaker("effects.ignored").status().failures, 1);
        assert_eq!(runs_and_state("I").await, (1, State::Closed));
        assert_eq!(site("effects").calls().ignored, 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn ignored_frees_the_place_of_a_probe() {
    apart(async {
        let breaker = registry().breaker("effects");
        breaker.admit().unwrap().failure();
        advance(secs(30)).await;
        assert_eq!(runs_and_state("I").await, (1, State::HalfOpen));
        assert_eq!(runs_and_state("I").await, (1, State::HalfOpen));
        assert!(!is_open(&guarded(&Dependency::playing("S")).await));
        assert_eq!(breaker.state(), State::Closed);
    })
    .await;
}

// The default of `counts` and `on`.
#[tokio::test(start_paused = true)]
async fn transient_timeout_and_rate_limited_are_retried_and_are_failures() {
    #[resilient(
        breaker(name = "effects.defaults", failures = 9),
        retry(max = 2, base = "0s")
    )]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    for letter in ["F", "T", "R"] {
        apart(async {
            let dependency = Dependency::playing(&letter.repeat(2));
            call(&dependency).await.unwrap_err();
            let failures = registry().breaker("effects.defaults").status().failures;
            assert_eq!((dependency.runs(), failures), (2, 2), "{letter}");
        })
        .await;
    }
}

// 10. Jitter never shortens a `retry_after`.
#[tokio::test(start_paused = true)]
async fn jitter_never_shortens_a_retry_after() {
    #[resilient(retry(max = 50, base = "1s", cap = "8s", factor = 1.0, jitter = "full"))]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        let _ = dependency.ask().await?;
        let retry_after = Some(secs(7));
        Err(Failure::Of(Class::RateLimited { retry_after }))
    }

    apart(async {
        let dependency = Dependency::playing("");
        call(&dependency).await.unwrap_err();
        let pauses = dependency.pauses();
        assert_eq!(pauses.len(), 49);
        assert!(pauses.iter().all(|&pause| pause >= secs(7)));
    })
    .await;
}
