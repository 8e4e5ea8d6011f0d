//! 7: deadlines that reach into nested calls.

use std::sync::Mutex;
use std::time::Duration;

use steadfast::{State, current, registry, resilient};
use steadfast_tests::{Dependency, Failure, TRANSIENT, apart, ms, secs, site};
use tokio::time::{Instant, sleep};

use super::{cut, spawn};

/// What a nested call came to, and when.
type Seen = Mutex<Option<(Result<usize, Failure>, Duration)>>;

#[resilient(
    name = "nested.outer",
    breaker(name = "nested.outer", failures = 1),
    deadline = "1s"
)]
async fn outer(dependency: &Dependency, seen: &Seen) -> Result<usize, Failure> {
    let began = Instant::now();
    let result = inner(dependency).await;
    *seen.lock().unwrap() = Some((result.clone(), began.elapsed()));
    result
}

#[resilient(
    name = "nested.inner",
    breaker(name = "nested.inner", failures = 1),
    retry(max = 2, base = "2s", jitter = "none"),
    deadline = "10s"
)]
async fn inner(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

// 7. A nested call never outlives the one around it; the smaller limit names the error.
#[tokio::test(start_paused = true)]
async fn a_nested_call_ends_with_the_deadline_around_it_which_names_the_error() {
    apart(async {
        let (dependency, seen) = (Dependency::playing("H"), Seen::default());
        let began = Instant::now();
        assert_eq!(outer(&dependency, &seen).await, Err(cut(secs(1))));
        assert_eq!((began.elapsed(), dependency.dropped()), (secs(1), 1));
        let inside = seen.into_inner().unwrap();
        assert_eq!(inside, Some((Err(cut(secs(1))), secs(1))));
    })
    .await;
}

// 7. One cut by its own call's deadline is a failure; one cut by an outer deadline counts as
// nothing.
#[tokio::test(start_paused = true)]
async fn an_attempt_cut_by_an_outer_deadline_counts_as_nothing() {
    apart(async {
        let (dependency, seen) = (Dependency::playing("H"), Seen::default());
        outer(&dependency, &seen).await.unwrap_err();
        let inside = registry().breaker("nested.inner").status();
        assert_eq!((inside.state, inside.failures), (State::Closed, 0));
        // To the call whose deadline it was, it is a failure.
        let around = registry().breaker("nested.outer").state();
        assert_eq!(around, State::Open);
    })
    .await;
}

// 7. The smaller limit names the error: here the inner one, whose failure it then is.
#[tokio::test(start_paused = true)]
async fn a_smaller_inner_deadline_names_the_error_and_counts() {
    #[resilient(deadline = "10s")]
    async fn wide(dependency: &Dependency) -> Result<usize, Failure> {
        narrow(dependency).await
    }

    #[resilient(breaker(name = "nested.narrow", failures = 1), deadline = "500ms")]
    async fn narrow(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        let began = Instant::now();
        let result = wide(&Dependency::playing("H")).await;
        assert_eq!((result, began.elapsed()), (Err(cut(ms(500))), ms(500)));
        assert_eq!(registry().breaker("nested.narrow").state(), State::Open);
    })
    .await;
}

// 6, for nested calls: a pause that would outlast the outer deadline is not slept.
#[tokio::test(start_paused = true)]
async fn a_pause_that_would_outlast_an_outer_deadline_is_not_slept() {
    apart(async {
        let (dependency, seen) = (Dependency::playing("F"), Seen::default());
        let began = Instant::now();
        assert_eq!(outer(&dependency, &seen).await, Err(TRANSIENT));
        assert_eq!((began.elapsed(), dependency.runs()), (secs(0), 1));
        // The same call with nobody around it does sleep.
        registry().breaker("nested.inner").disable();
        assert_eq!(inner(&Dependency::playing("F")).await, Ok(2));
    })
    .await;
}

// 7, through a function that is not annotated, and three deep.
#[tokio::test(start_paused = true)]
async fn a_deadline_reaches_through_any_number_of_functions() {
    #[resilient(deadline = "2s")]
    async fn first() -> Result<(), Failure> {
        sleep(secs(1)).await;
        plain().await
    }

    async fn plain() -> Result<(), Failure> {
        second().await
    }

    #[resilient(deadline = "1m")]
    async fn second() -> Result<(), Failure> {
        third().await
    }

    #[resilient(retry(max = 5, base = "600ms", factor = 1.0, jitter = "none"))]
    async fn third() -> Result<(), Failure> {
        assert!(current().time_left().unwrap() <= secs(1));
        Err(TRANSIENT)
    }

    apart(async {
        let began = Instant::now();
        assert_eq!(first().await, Err(TRANSIENT));
        // One pause of 600 ms had room within the second that was left, two had not.
        assert_eq!(began.elapsed(), ms(1600));
    })
    .await;
}

// An attempt's own timeout reaches inward too: nothing inside may plan beyond it.
#[tokio::test(start_paused = true)]
async fn a_timeout_around_a_nested_call_is_a_limit_to_it() {
    #[resilient(timeout = "1s")]
    async fn at_once(dependency: &Dependency) -> Result<usize, Failure> {
        inner(dependency).await
    }

    #[resilient(timeout = "1s")]
    async fn later(dependency: &Dependency) -> Result<usize, Failure> {
        sleep(ms(100)).await;
        inner(dependency).await
    }

    apart(async {
        // The pause of 2 s has no room in either.
        let began = Instant::now();
        assert_eq!(later(&Dependency::playing("F")).await, Err(TRANSIENT));
        assert_eq!(began.elapsed(), ms(100));
        registry().breaker("nested.inner").reset();
        let began = Instant::now();
        assert_eq!(at_once(&Dependency::playing("F")).await, Err(TRANSIENT));
        assert_eq!(began.elapsed(), secs(0));
    })
    .await;
}

// 7. Deadlines do not cross `tokio::spawn` by themselves.
#[tokio::test(start_paused = true)]
async fn a_spawned_task_is_outside_of_every_deadline() {
    #[resilient(deadline = "1s")]
    async fn spawning() -> Result<tokio::task::JoinHandle<Option<Duration>>, Failure> {
        Ok(spawn(async { current().time_left() }))
    }

    apart(async {
        assert_eq!(spawning().await.unwrap().await.unwrap(), None);
    })
    .await;
}

// 7. `current().scope(future)` carries them.
#[tokio::test(start_paused = true)]
async fn a_scope_carries_the_deadline_into_a_spawned_task() {
    #[resilient(deadline = "1s")]
    async fn spawning(
        dependency: std::sync::Arc<Dependency>,
    ) -> Result<tokio::task::JoinHandle<Result<usize, Failure>>, Failure> {
        let carried = current().scope(async move { inner(&dependency).await });
        Ok(spawn(carried))
    }

    apart(async {
        let dependency = std::sync::Arc::new(Dependency::playing("H"));
        let began = Instant::now();
        let task = spawning(dependency.clone()).await.unwrap();
        // The call around is over, and its deadline holds.
        assert_eq!(task.await.unwrap(), Err(cut(secs(1))));
        assert_eq!((began.elapsed(), dependency.dropped()), (secs(1), 1));
        assert_eq!(registry().breaker("nested.inner").status().failures, 0);
    })
    .await;
}

// 7. A fallback runs outside its own call's deadline, inside the outer one.
#[tokio::test(start_paused = true)]
async fn a_fallback_runs_inside_the_outer_deadline() {
    #[resilient(deadline = "2s")]
    async fn around(dependency: &Dependency) -> Result<usize, Failure> {
        assert_eq!(current().time_left(), Some(secs(2)));
        with_fallback(dependency).await
    }

    #[resilient(deadline = "500ms", fallback = answer)]
    async fn with_fallback(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    async fn answer(_: &Dependency, _: Failure) -> Result<usize, Failure> {
        assert_eq!(current().time_left(), Some(ms(1500)));
        sleep(secs(1)).await;
        inner(&Dependency::playing("H")).await
    }

    apart(async {
        let began = Instant::now();
        let result = around(&Dependency::playing("H")).await;
        assert_eq!((result, began.elapsed()), (Err(cut(secs(2))), secs(2)));
    })
    .await;
}

// A call whose outer deadline is over when it begins ends with its first wait.
#[tokio::test(start_paused = true)]
async fn a_call_that_begins_after_the_outer_deadline_waits_for_nothing() {
    #[resilient(deadline = "1s")]
    async fn late(dependency: &Dependency) -> Result<usize, Failure> {
        steadfast_tests::pass(secs(2));
        inner(dependency).await
    }

    apart(async {
        let began = Instant::now();
        let result = late(&Dependency::playing("H")).await;
        assert_eq!((result, began.elapsed()), (Err(cut(secs(1))), secs(2)));
        assert_eq!(site("nested.inner").calls().timeout, 1);
    })
    .await;
}
