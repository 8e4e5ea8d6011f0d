//! 8 to 11: the suites of resilience4j.

use std::time::Duration;

use steadfast::{State, registry};
use steadfast_tests::{Dependency, apart, ms, secs};
use tokio::time::advance;

use crate::breaker::{guarded, plays};

guarded!(
    half_of_five,
    breaker(
        name = "vectors.half_of_five",
        window = "20s",
        min_calls = 5,
        failure_rate = 0.5,
        recovery = "5s"
    )
);

/// One call a second.
async fn plays_slowly(dependency: &Dependency, letters: &str) {
    for letter in letters.chars() {
        plays(half_of_five, dependency, &letter.to_string()).await;
        advance(secs(1)).await;
    }
}

// 8, CircuitBreakerStateMachineTest.
#[tokio::test(start_paused = true)]
async fn a_rate_over_time_opens_with_the_call_that_reaches_it() {
    apart(async {
        plays_slowly(&Dependency::playing(""), "FFFSSX").await;
    })
    .await;
    apart(async {
        let breaker = registry().breaker("vectors.half_of_five");
        let dependency = Dependency::playing("");
        plays_slowly(&dependency, "SSSFF").await;
        assert_eq!(breaker.state(), State::Closed);
        plays_slowly(&dependency, "FX").await;
        assert_eq!(dependency.runs(), 6);
    })
    .await;
}

guarded!(
    failing_or_slow,
    breaker(
        name = "vectors.slow",
        window = "20s",
        min_calls = 5,
        failure_rate = 0.5,
        slow_call = "4s",
        slow_rate = 0.5,
        recovery = "5s"
    )
);

// 9, CircuitBreakerStateMachineTest.
#[tokio::test(start_paused = true)]
async fn slowness_opens_where_failures_alone_would_not() {
    apart(async {
        let breaker = registry().breaker("vectors.slow");
        let slow = Dependency::playing("").taking(secs(5));
        let quick = Dependency::playing("").taking(ms(100));
        plays(failing_or_slow, &slow, "FS").await;
        plays(failing_or_slow, &quick, "FS").await;
        assert_eq!(breaker.state(), State::Closed);
        plays(failing_or_slow, &slow, "SX").await;
        let status = breaker.status();
        assert_eq!(
            (status.failure_rate, status.slow_rate),
            (Some(0.4), Some(0.6))
        );
    })
    .await;
}

// 10, CircuitBreakerStateMachineTest.
#[tokio::test(start_paused = true)]
async fn an_open_breaker_refuses_until_its_recovery_is_over() {
    apart(async {
        let dependency = Dependency::playing("");
        plays(half_of_five, &dependency, "FFFFFX").await;
        advance(secs(3)).await;
        plays(half_of_five, &dependency, "X").await;
        advance(secs(3)).await;
        plays(half_of_five, &dependency, "S").await;
        let breaker = registry().breaker("vectors.half_of_five");
        assert_eq!(breaker.state(), State::HalfOpen);
    })
    .await;
}

guarded!(
    only_counted,
    breaker(
        name = "vectors.sliding",
        window = "5s",
        failure_rate = 1.0,
        min_calls = 100
    )
);

// 11, SlidingTimeWindowMetricsTest.
#[tokio::test(start_paused = true)]
async fn a_window_of_time_slides() {
    apart(async {
        let dependency = Dependency::playing("");
        let counts = || {
            let status = registry().breaker("vectors.sliding").status();
            (status.calls, status.failures)
        };
        let mut now = Duration::ZERO;
        let calls = [
            (0, "F"),
            (100, "S"),
            (200, "S"),
            (1200, "S"),
            (2200, "S"),
            (3200, "F"),
            (4200, "S"),
        ];
        for (at, letter) in calls {
            advance(ms(at).saturating_sub(now)).await;
            now = ms(at);
            plays(only_counted, &dependency, letter).await;
        }
        assert_eq!(counts(), (7, 2));
        advance(secs(1)).await;
        plays(only_counted, &dependency, "S").await;
        // Those of the first half second, a tenth of the window, are gone.
        assert_eq!(counts(), (5, 1));
    })
    .await;
}
