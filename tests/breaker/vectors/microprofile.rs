//! 1 to 7: the TCK of `MicroProfile` Fault Tolerance.

use steadfast::Rejection;
use steadfast_tests::{Dependency, Failure, TRANSIENT, apart, is_open, ms, secs};
use tokio::time::advance;

use crate::breaker::{guarded, plays};

guarded!(
    three_of_four,
    breaker(
        window_calls = 4,
        min_calls = 4,
        failure_rate = 0.75,
        close_after = 2,
        recovery = "50s"
    )
);

// 1, CircuitBreakerTest.
#[tokio::test(start_paused = true)]
async fn four_failures_of_four_open_and_the_rest_is_refused() {
    apart(async {
        let dependency = Dependency::playing("");
        plays(three_of_four, &dependency, "FFFFXXX").await;
        assert_eq!(dependency.runs(), 4);
    })
    .await;
}

guarded!(
    closed_by_one,
    breaker(
        window_calls = 4,
        min_calls = 4,
        failure_rate = 0.75,
        close_after = 1,
        recovery = "1s"
    )
);

// 2, CircuitBreakerTest.
#[tokio::test(start_paused = true)]
async fn the_success_of_the_probe_that_closes_is_not_in_the_new_window() {
    apart(async {
        let dependency = Dependency::playing("");
        plays(closed_by_one, &dependency, "FFFFX").await;
        advance(secs(2)).await;
        plays(closed_by_one, &dependency, "SFFFFX").await;
        assert_eq!(dependency.runs(), 9);
    })
    .await;
}

// 3, CircuitBreakerLateSuccessTest.
#[tokio::test(start_paused = true)]
async fn a_success_that_completes_min_calls_opens() {
    apart(async {
        let dependency = Dependency::playing("");
        plays(closed_by_one, &dependency, "FFFSX").await;
        advance(secs(2)).await;
        plays(closed_by_one, &dependency, "SFFFSX").await;
        assert_eq!(dependency.runs(), 9);
    })
    .await;
}

guarded!(
    closed_by_three,
    breaker(
        window_calls = 4,
        min_calls = 4,
        failure_rate = 0.75,
        close_after = 3,
        recovery = "1s"
    )
);

// 4, testCircuitHighSuccessThreshold.
#[tokio::test(start_paused = true)]
async fn a_failure_after_two_of_three_good_probes_opens_again() {
    apart(async {
        let dependency = Dependency::playing("");
        plays(closed_by_three, &dependency, "FFFFX").await;
        advance(secs(2)).await;
        plays(closed_by_three, &dependency, "SSFX").await;
        assert_eq!(dependency.runs(), 7);
    })
    .await;
}

guarded!(
    two_of_four,
    breaker(
        window_calls = 4,
        min_calls = 4,
        failure_rate = 0.5,
        close_after = 2,
        recovery = "50s"
    )
);

// 5, testRollingWindow.
#[tokio::test(start_paused = true)]
async fn a_window_of_calls_rolls() {
    for (letters, runs) in [("SFFSX", 4), ("SFSSFX", 5)] {
        apart(async {
            let dependency = Dependency::playing("");
            plays(two_of_four, &dependency, letters).await;
            assert_eq!(dependency.runs(), runs);
        })
        .await;
    }
}

const CUT: Failure = Failure::Rejected(Rejection::Timeout { limit: ms(500) });

guarded!(
    timeouts_count,
    breaker(window_calls = 2, min_calls = 2, failure_rate = 0.75),
    timeout = "500ms"
);

guarded!(
    timeouts_do_not_count,
    breaker(
        window_calls = 2,
        min_calls = 2,
        failure_rate = 0.75,
        counts(transient)
    ),
    timeout = "500ms"
);

// 6, CircuitBreakerTimeoutTest.
#[tokio::test(start_paused = true)]
async fn timeouts_are_failures_unless_counts_leaves_them_out() {
    apart(async {
        let dependency = Dependency::playing("").taking(secs(1));
        for _ in 0..2 {
            assert_eq!(timeouts_count(&dependency).await, Err(CUT));
        }
        assert!(is_open(&timeouts_count(&dependency).await));
        for _ in 0..3 {
            assert_eq!(timeouts_do_not_count(&dependency).await, Err(CUT));
        }
        assert_eq!(dependency.runs(), 5);
    })
    .await;
}

guarded!(
    eight_attempts,
    breaker(
        window_calls = 4,
        min_calls = 4,
        failure_rate = 0.75,
        close_after = 2,
        recovery = "50s",
        guards = "attempt"
    ),
    retry(max = 8, jitter = "none")
);

guarded!(
    three_attempts,
    breaker(
        window_calls = 4,
        min_calls = 4,
        failure_rate = 0.75,
        close_after = 2,
        recovery = "50s",
        guards = "attempt"
    ),
    retry(max = 3, jitter = "none")
);

// 7, CircuitBreakerRetryTest.
#[tokio::test(start_paused = true)]
async fn a_breaker_that_opens_between_attempts_ends_the_retry() {
    apart(async {
        let dependency = Dependency::playing("FFFFFFFF");
        assert!(is_open(&eight_attempts(&dependency).await));
        assert_eq!(dependency.runs(), 4);
        let dependency = Dependency::playing("FFF");
        assert_eq!(three_attempts(&dependency).await, Err(TRANSIENT));
        assert_eq!(dependency.runs(), 3);
    })
    .await;
}
