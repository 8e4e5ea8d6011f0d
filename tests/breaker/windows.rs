//! Windows: their edges, and what they hold.

use std::time::Duration;

use steadfast::{Breaker, BreakerStatus, State, registry};
use steadfast_tests::{Dependency, apart, ms, secs};
use tokio::time::advance;

use super::{guarded, plays};

guarded!(
    counted,
    breaker(
        name = "windows.counted",
        failures = 3,
        counting = "window",
        window = "10s"
    )
);

fn breaker(name: &str) -> Breaker {
    registry().breaker(name)
}

// The current of ten buckets and the nine before: of 10 s, those of one second each.
#[tokio::test(start_paused = true)]
async fn counted_failures_leave_with_their_bucket() {
    apart(async {
        let breaker = breaker("windows.counted");
        let dependency = Dependency::playing("");
        advance(ms(999)).await;
        plays(counted, &dependency, "FSSF").await;
        advance(ms(9_000)).await;
        assert_eq!(breaker.status().failures, 2);
        advance(ms(1)).await;
        assert_eq!(breaker.status().failures, 0);
        plays(counted, &dependency, "FSF").await;
        assert_eq!(breaker.state(), State::Closed);
        advance(ms(9_999)).await;
        plays(counted, &dependency, "FX").await;
        assert_eq!(breaker.status().failures, 3);
    })
    .await;
}

// Successes are counted where a rate needs them.
#[tokio::test(start_paused = true)]
async fn calls_are_told_where_a_rate_counts_them() {
    apart(async {
        plays(counted, &Dependency::playing(""), "SFSF").await;
        let BreakerStatus {
            calls,
            failures,
            failure_rate,
            ..
        } = breaker("windows.counted").status();
        assert_eq!((calls, failures, failure_rate), (0, 2, None));
    })
    .await;
}

guarded!(
    rated,
    breaker(
        name = "windows.rated",
        failure_rate = 0.5,
        min_calls = 4,
        window = "10s"
    )
);

/// Successes leave with their bucket; then even a success may be what reaches the rate.
async fn success_at(time: Duration) -> State {
    let mut state = State::Closed;
    apart(async {
        let dependency = Dependency::playing("");
        plays(rated, &dependency, "SSSSSS").await;
        advance(ms(9_500)).await;
        plays(rated, &dependency, "FFFF").await;
        assert_eq!(breaker("windows.rated").status().failure_rate, Some(0.4));
        advance(time.saturating_sub(ms(9_500))).await;
        plays(rated, &dependency, "S").await;
        state = breaker("windows.rated").state();
    })
    .await;
    state
}

#[tokio::test(start_paused = true)]
async fn a_success_meets_a_window_that_has_moved_on() {
    assert_eq!(success_at(ms(9_999)).await, State::Closed);
    assert_eq!(success_at(secs(10)).await, State::Open);
    assert_eq!(success_at(secs(15)).await, State::Open);
    // By then the failures are gone, too.
    assert_eq!(success_at(secs(19)).await, State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_window_that_has_moved_on_trips_at_the_next_outcome_not_by_itself() {
    apart(async {
        let dependency = Dependency::playing("");
        plays(rated, &dependency, "SSSSSS").await;
        advance(ms(9_500)).await;
        plays(rated, &dependency, "FFFF").await;
        advance(ms(500)).await;
        let status = breaker("windows.rated").status();
        assert_eq!(
            (status.state, status.failure_rate),
            (State::Closed, Some(1.0))
        );
        // What counts as nothing is no outcome.
        plays(rated, &dependency, "ISX").await;
    })
    .await;
}

guarded!(
    never_ages,
    breaker(
        name = "windows.unbounded",
        failure_rate = 0.5,
        min_calls = 4,
        window = "none"
    )
);

#[tokio::test(start_paused = true)]
async fn a_rate_without_a_window_looks_at_all_calls() {
    apart(async {
        let dependency = Dependency::playing("");
        plays(never_ages, &dependency, "SSF").await;
        advance(secs(1_000_000)).await;
        plays(never_ages, &dependency, "FX").await;
        assert_eq!(breaker("windows.unbounded").status().calls, 4);
    })
    .await;
}

guarded!(
    in_a_row,
    breaker(name = "windows.in_a_row", failures = 3, window_calls = 3)
);

// Where calls make the window, time does not matter.
#[tokio::test(start_paused = true)]
async fn failures_in_a_row_do_not_age_in_a_window_of_calls() {
    apart(async {
        let dependency = Dependency::playing("");
        plays(in_a_row, &dependency, "FFSFF").await;
        advance(secs(1_000_000)).await;
        plays(in_a_row, &dependency, "FX").await;
    })
    .await;
}

guarded!(
    both,
    breaker(
        name = "windows.both",
        failures = 4,
        failure_rate = 0.6,
        min_calls = 5
    )
);

// Every trip rule that is set holds; any of them opens.
#[tokio::test(start_paused = true)]
async fn whichever_rule_is_reached_first_opens() {
    for letters in ["FFFFX", "SFFSFX", "SSSFFSFFFFX"] {
        apart(plays(both, &Dependency::playing(""), letters)).await;
    }
}

// The count that tripped stays until it closes.
#[tokio::test(start_paused = true)]
async fn the_counts_that_tripped_stay_until_it_closes() {
    apart(async {
        let dependency = Dependency::playing("");
        plays(both, &dependency, "SFFSF").await;
        let tripped = || {
            let status = breaker("windows.both").status();
            (status.failures, status.calls, status.failure_rate)
        };
        assert_eq!(tripped(), (1, 5, Some(0.6)));
        advance(secs(3_600)).await;
        plays(both, &dependency, "S").await;
        assert_eq!(tripped(), (1, 5, Some(0.6)));
        plays(both, &dependency, "S").await;
        assert_eq!(tripped(), (0, 0, None));
    })
    .await;
}
