//! What a breaker of 5 failures, 30 s recovery, a window of 60 s and 2 probes shows.

use std::pin::Pin;

use steadfast::{Breaker, State, registry};
use steadfast_tests::{Dependency, Failure, apart, is_open, ms, poll_once, secs};
use tokio::time::advance;

use super::{guarded, plays};

guarded!(
    call,
    breaker(
        name = "cycle",
        failures = 5,
        recovery = "30s",
        window = "60s",
        half_open = 2
    )
);

fn breaker() -> Breaker {
    registry().breaker("cycle")
}

/// Opens the breaker and lets its recovery pass.
async fn half_open() {
    plays(call, &Dependency::playing(""), "FFFFFX").await;
    advance(secs(30)).await;
    assert_eq!(breaker().state(), State::HalfOpen);
}

type Calling<'d> = Pin<Box<dyn Future<Output = Result<usize, Failure>> + 'd>>;

/// So many callers at once; those that are let in, after their first poll.
fn callers(count: usize, dependency: &Dependency) -> Vec<Calling<'_>> {
    let all = (0..count).map(|_| -> Calling<'_> { Box::pin(call(dependency)) });
    all.filter_map(|mut calling| match poll_once(Pin::new(&mut calling)) {
        std::task::Poll::Pending => Some(calling),
        std::task::Poll::Ready(answer) => {
            assert!(is_open(&answer), "{answer:?}");
            None
        }
    })
    .collect()
}

#[tokio::test(start_paused = true)]
async fn a_breaker_goes_round_its_states() {
    apart(async {
        let dependency = Dependency::playing("");
        plays(call, &dependency, "FFFF").await;
        assert_eq!(breaker().state(), State::Closed);
        plays(call, &dependency, "FX").await;
        advance(ms(29_999)).await;
        plays(call, &dependency, "X").await;
        advance(ms(1)).await;
        assert_eq!(breaker().state(), State::HalfOpen);
        plays(call, &dependency, "S").await;
        assert_eq!(breaker().state(), State::HalfOpen);
        plays(call, &dependency, "S").await;
        assert_eq!(breaker().state(), State::Closed);
        // A closed breaker counts from nothing again.
        plays(call, &dependency, "FFFFSFFFFFX").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_probe_opens_it_again_for_the_whole_recovery() {
    for probes in ["FX", "SFX"] {
        apart(async {
            half_open().await;
            plays(call, &Dependency::playing(""), probes).await;
            assert_eq!(breaker().status().retry_in, Some(secs(30)));
            advance(secs(30)).await;
            // What succeeded in the earlier round does not count in this one.
            plays(call, &Dependency::playing(""), "S").await;
            assert_eq!(breaker().state(), State::HalfOpen);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_count_while_they_are_younger_than_the_window() {
    apart(async {
        let dependency = Dependency::playing("");
        plays(call, &dependency, "F").await;
        advance(ms(59_999)).await;
        plays(call, &dependency, "FFF").await;
        assert_eq!(breaker().status().failures, 4);
        // Exactly one window old, the first one is out.
        advance(ms(1)).await;
        assert_eq!(breaker().status().failures, 3);
        plays(call, &dependency, "F").await;
        assert_eq!(breaker().state(), State::Closed);
        plays(call, &dependency, "FX").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn of_fifty_callers_in_half_open_exactly_two_get_in() {
    apart(async {
        half_open().await;
        let dependency = Dependency::playing(&"H".repeat(50));
        let inside = callers(50, &dependency);
        assert_eq!((inside.len(), dependency.runs()), (2, 2));
        // Cancelled, they leave their places to the next two.
        drop(inside);
        assert_eq!(dependency.dropped(), 2);
        let inside = callers(50, &dependency);
        assert_eq!((inside.len(), dependency.runs()), (2, 4));
        drop(inside);
        plays(call, &Dependency::playing(""), "SS").await;
        assert_eq!(breaker().state(), State::Closed);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn while_all_places_are_taken_no_time_to_retry_is_named() {
    apart(async {
        half_open().await;
        let dependency = Dependency::playing("HH");
        let inside = callers(2, &dependency);
        let refused = breaker().admit().unwrap_err();
        assert_eq!(refused.retry_in(), None);
        drop(inside);
    })
    .await;
}

guarded!(
    slides,
    breaker(
        name = "cycle.slides",
        window_calls = 100,
        failure_rate = 0.5
    )
);

#[tokio::test(start_paused = true)]
async fn a_window_of_100_calls_opens_after_50_failures_that_follow_10_000_successes() {
    apart(async {
        let dependency = Dependency::playing("");
        for _ in 0..10_000 {
            slides(&dependency).await.unwrap();
        }
        plays(slides, &dependency, &"F".repeat(49)).await;
        let breaker = registry().breaker("cycle.slides");
        assert_eq!(breaker.state(), State::Closed);
        assert_eq!(breaker.status().failure_rate, Some(0.49));
        plays(slides, &dependency, "FX").await;
        let status = breaker.status();
        assert_eq!((status.calls, status.failure_rate), (100, Some(0.5)));
    })
    .await;
}
