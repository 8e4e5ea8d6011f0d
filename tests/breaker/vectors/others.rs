//! 12 to 15: the suites of Polly, Stoplight and failsafe-go.

use std::time::Duration;

use steadfast::{Breaker, Registry, State, registry};
use steadfast_tests::{Dependency, Event, TRANSIENT, apart, is_open, listen, ms, secs};
use tokio::time::advance;

use crate::breaker::{guarded, plays};

const DAY: Duration = secs(86_400);

fn breaker(name: &str) -> Breaker {
    registry().breaker(name)
}

guarded!(
    half_of_ten,
    breaker(
        name = "vectors.polly",
        failure_rate = 0.5,
        min_calls = 10,
        window = "10s",
        recovery = "1s",
        close_after = 1
    )
);

// 12, the tests of Polly's circuit breaker.
#[tokio::test(start_paused = true)]
async fn ten_failures_open_once_and_each_probe_decides() {
    let test = apart(async {
        let breaker = breaker("vectors.polly");
        let dependency = Dependency::playing("");
        plays(half_of_ten, &dependency, "FFFFFFFFFFX").await;
        assert_eq!(breaker.status().retry_in, Some(secs(1)));
        advance(ms(500)).await;
        assert_eq!(breaker.status().retry_in, Some(ms(500)));
        plays(half_of_ten, &dependency, "X").await;
        advance(ms(500)).await;
        plays(half_of_ten, &dependency, "FX").await;
        assert_eq!(breaker.status().retry_in, Some(secs(1)));
        advance(secs(1)).await;
        plays(half_of_ten, &dependency, "S").await;
        assert_eq!(breaker.state(), State::Closed);
    });
    let ((), events) = listen(test).await;
    let states: Vec<&str> = events
        .iter()
        .map(|event: &Event| event.field("to"))
        .filter(|to| !to.is_empty())
        .collect();
    assert_eq!(states, ["open", "half_open", "open", "half_open", "closed"]);
}

guarded!(
    never_ages,
    breaker(name = "vectors.ageless", failures = 3, window = "none")
);

guarded!(
    ages,
    breaker(name = "vectors.ages", failures = 3, window = "10s")
);

// 13, Stoplight.
#[tokio::test(start_paused = true)]
async fn failures_without_a_window_never_age() {
    apart(async {
        let dependency = Dependency::playing("");
        plays(never_ages, &dependency, "F").await;
        advance(10 * DAY).await;
        plays(never_ages, &dependency, "F").await;
        advance(10 * DAY).await;
        plays(never_ages, &dependency, "FX").await;
    })
    .await;
}

// 13, Stoplight.
#[tokio::test(start_paused = true)]
async fn failures_older_than_the_window_are_out() {
    apart(async {
        let dependency = Dependency::playing("");
        plays(ages, &dependency, "FF").await;
        advance(secs(11)).await;
        plays(ages, &dependency, "FF").await;
        assert_eq!(breaker("vectors.ages").state(), State::Closed);
        plays(ages, &dependency, "FX").await;
    })
    .await;
}

guarded!(
    breaker_inside,
    breaker(name = "vectors.inside", failures = 3, guards = "attempt"),
    retry(max = 7, jitter = "none")
);

guarded!(
    breaker_around,
    breaker(name = "vectors.around", failures = 3, guards = "call"),
    retry(max = 3, jitter = "none")
);

// 14, the composition tests of failsafe-go.
#[tokio::test(start_paused = true)]
async fn a_breaker_counts_attempts_inside_the_retry_and_calls_around_it() {
    apart(async {
        let dependency = Dependency::playing("FFFFFFF");
        assert!(is_open(&breaker_inside(&dependency).await));
        assert_eq!(dependency.runs(), 3);
        let dependency = Dependency::playing("FFF");
        assert_eq!(breaker_around(&dependency).await, Err(TRANSIENT));
        assert_eq!(dependency.runs(), 3);
        assert_eq!(breaker("vectors.around").status().failures, 1);
    })
    .await;
}

guarded!(
    for_years,
    retry(
        max = 1001,
        base = "24h",
        cap = "48h",
        factor = 2,
        jitter = "none"
    )
);

guarded!(
    a_quarter,
    retry(max = 201, base = "1s", factor = 1, jitter = 0.25)
);

fn pauses(dependency: &Dependency) -> Vec<Duration> {
    let starts = dependency.starts();
    starts
        .windows(2)
        .map(|pair| pair[1].saturating_sub(pair[0]))
        .collect()
}

// 15, RetryHelperTests of Polly.
#[tokio::test(start_paused = true)]
async fn the_thousandth_pause_of_a_day_is_the_cap() {
    apart(async {
        let dependency = Dependency::playing(&"F".repeat(1000));
        assert_eq!(for_years(&dependency).await, Ok(1001));
        let pauses = pauses(&dependency);
        assert_eq!((pauses[0], pauses[1], pauses[999]), (DAY, 2 * DAY, 2 * DAY));
    })
    .await;
}

// 15, RetryHelperTests of Polly.
#[tokio::test(start_paused = true)]
async fn a_ratio_of_jitter_keeps_a_pause_within_its_share() {
    let apart = Registry::new();
    apart.seed_jitter(7);
    let dependency = Dependency::playing(&"F".repeat(200));
    assert_eq!(apart.scope(a_quarter(&dependency)).await, Ok(201));
    let pauses = pauses(&dependency);
    // Tokio's timers round up to the millisecond.
    assert!(
        pauses
            .iter()
            .all(|pause| (ms(750)..=ms(1251)).contains(pause)),
        "{pauses:?}"
    );
    assert!(
        pauses.iter().any(|pause| *pause < ms(850)) && pauses.iter().any(|pause| *pause > ms(1150))
    );
}
