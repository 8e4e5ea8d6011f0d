//! Rates that open a breaker, and the windows they are taken over.

use steadfast::{State, registry, resilient};
use steadfast_tests::{Dependency, Failure, ms, secs};
use tokio::time::advance;

use super::behaviour;
use super::breaker_trips::{declared, play};

behaviour!(
    breaker_failure_rate_opens_it_at_that_share,
    "breaker.failure_rate",
    async {
        let breaker = declared!("options.rate", failure_rate = 0.5, min_calls = 4);
        play(&breaker, "SSSF");
        let status = breaker.status();
        assert_eq!(
            (status.state, status.failure_rate),
            (State::Closed, Some(0.25))
        );
        assert_eq!(status.failure_rate_threshold, Some(0.5));
        play(&breaker, "F");
        assert_eq!(breaker.state(), State::Closed);
        play(&breaker, "F");
        assert_eq!(breaker.state(), State::Open);
        assert_eq!(breaker.status().calls, 6);
    }
);

behaviour!(
    breaker_failure_rate_may_be_written_in_percent,
    "breaker.failure_rate",
    async {
        let breaker = declared!("options.percent", failure_rate = "75%", min_calls = 4);
        play(&breaker, "FFSS");
        assert_eq!(breaker.state(), State::Closed);
        play(&breaker, "FFFF");
        assert_eq!(breaker.state(), State::Open);
    }
);

#[resilient(breaker(name = "options.slow", slow_call = "2s", min_calls = 2))]
async fn timed(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

behaviour!(
    breaker_slow_call_is_how_long_a_fast_one_takes_at_most,
    "breaker.slow_call",
    async {
        let breaker = registry().breaker("options.slow");
        let fast = Dependency::playing("").taking(secs(2));
        let slow = Dependency::playing("").taking(secs(2) + ms(1));
        for dependency in [&fast, &slow] {
            timed(dependency).await.unwrap();
        }
        let status = breaker.status();
        assert_eq!((status.state, status.slow_rate), (State::Closed, Some(0.5)));
        breaker.reset();
        for _ in 0..2 {
            timed(&slow).await.unwrap();
        }
        assert_eq!(breaker.state(), State::Open);
    }
);

// A slow probe is a failed probe.
behaviour!(
    breaker_slow_call_makes_a_slow_probe_a_failed_one,
    "breaker.slow_call",
    async {
        let breaker = registry().breaker("options.slow");
        for _ in 0..2 {
            breaker.admit().unwrap().failure();
        }
        breaker.reset();
        let slow = Dependency::playing("").taking(secs(3));
        for _ in 0..2 {
            timed(&slow).await.unwrap();
        }
        advance(secs(30)).await;
        timed(&slow).await.unwrap();
        assert_eq!(breaker.state(), State::Open);
    }
);

behaviour!(
    breaker_slow_rate_is_the_share_that_may_be_slow,
    "breaker.slow_rate",
    async {
        let breaker = declared!(
            "options.slow_rate",
            slow_call = "1s",
            slow_rate = 0.5,
            min_calls = 4
        );
        play(&breaker, "SSS");
        let slow = || breaker.admit().unwrap();
        let permits = [slow(), slow()];
        advance(secs(2)).await;
        for permit in permits {
            assert_eq!(breaker.state(), State::Closed);
            permit.success();
        }
        assert_eq!(breaker.state(), State::Closed);
        let permit = breaker.admit().unwrap();
        advance(secs(2)).await;
        permit.failure();
        assert_eq!(breaker.state(), State::Open);
    }
);

behaviour!(
    breaker_slow_rate_is_all_by_default,
    "breaker.slow_rate",
    async {
        let breaker = declared!("options.all_slow", slow_call = "1s", min_calls = 2);
        play(&breaker, "S");
        for _ in 0..9 {
            let permit = breaker.admit().unwrap();
            advance(secs(2)).await;
            permit.success();
        }
        assert_eq!(
            (breaker.state(), breaker.status().calls),
            (State::Closed, 10)
        );
    }
);

behaviour!(
    breaker_min_calls_must_be_in_the_window,
    "breaker.min_calls",
    async {
        let breaker = declared!("options.min_calls", failure_rate = 0.1, min_calls = 8);
        play(&breaker, "FFFFFFF");
        assert_eq!(breaker.state(), State::Closed);
        play(&breaker, "S");
        assert_eq!(breaker.state(), State::Open);
    }
);

behaviour!(
    breaker_min_calls_are_five_or_the_window,
    "breaker.min_calls",
    async {
        let five = declared!("options.min_five", failure_rate = 0.1);
        play(&five, "FFFF");
        assert_eq!(five.state(), State::Closed);
        play(&five, "F");
        assert_eq!(five.state(), State::Open);

        let three = declared!("options.min_three", failure_rate = 0.1, window_calls = 3);
        play(&three, "FF");
        assert_eq!(three.state(), State::Closed);
        play(&three, "F");
        assert_eq!(three.state(), State::Open);
    }
);

// The current of ten buckets and the nine before.
behaviour!(
    breaker_window_of_a_rate_is_ten_buckets,
    "breaker.window",
    async {
        let breaker = declared!(
            "options.buckets",
            failure_rate = 0.9,
            min_calls = 3,
            window = "10s"
        );
        play(&breaker, "S");
        advance(ms(500)).await;
        play(&breaker, "F");
        advance(secs(9)).await;
        assert_eq!(breaker.status().calls, 2);
        advance(ms(500)).await;
        assert_eq!(breaker.status().calls, 0);
        play(&breaker, "FF");
        assert_eq!(breaker.state(), State::Closed);
        play(&breaker, "F");
        assert_eq!(breaker.state(), State::Open);
    }
);

behaviour!(
    breaker_window_calls_are_the_last_so_many,
    "breaker.window_calls",
    async {
        let breaker = declared!("options.window_calls", failure_rate = 0.5, window_calls = 4);
        play(&breaker, &"S".repeat(1000));
        assert_eq!(breaker.status().calls, 4);
        play(&breaker, "F");
        assert_eq!(breaker.state(), State::Closed);
        advance(secs(86_400)).await;
        play(&breaker, "F");
        assert_eq!(breaker.state(), State::Open);

        breaker.reset();
        play(&breaker, "FSSSSF");
        assert_eq!(breaker.status().failure_rate, Some(0.25));
    }
);

behaviour!(
    breaker_window_calls_hold_counted_failures_too,
    "breaker.window_calls",
    async {
        let breaker = declared!(
            "options.failures_in_calls",
            failures = 2,
            counting = "window",
            window_calls = 3
        );
        play(&breaker, "FSSFSSF");
        assert_eq!(
            (breaker.state(), breaker.status().failures),
            (State::Closed, 1)
        );
        play(&breaker, "SF");
        assert_eq!(breaker.state(), State::Open);
    }
);
