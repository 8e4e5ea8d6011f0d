//! The breaker's name, what it guards and counts, and when failures open it.

use steadfast::{Breaker, State, registry, resilient};
use steadfast_tests::{Dependency, Failure, is_open, ms, secs};
use tokio::time::advance;

use super::behaviour;

/// Ends a call a letter: `S` succeeded, `F` failed.
pub(super) fn play(breaker: &Breaker, script: &str) {
    for letter in script.chars() {
        let permit = breaker.admit().expect("it lets the script pass");
        match letter {
            'S' => permit.success(),
            _ => permit.failure(),
        }
    }
}

/// A breaker as the attribute at hand declares it.
macro_rules! declared {
    ($name:literal $(, $($options:tt)+)?) => {{
        #[allow(dead_code)] // only declares
        #[steadfast::resilient(breaker(name = $name $(, $($options)+)?))]
        async fn declares() -> std::io::Result<()> {
            Ok(())
        }
        steadfast::registry().breaker($name)
    }};
}
pub(super) use declared;

behaviour!(
    breaker_name_is_the_breaker_that_calls_share,
    "breaker.name",
    async {
        #[resilient(breaker(name = "options.shared", failures = 2))]
        async fn one(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        #[resilient(breaker = "options.shared")]
        async fn other(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        one(&Dependency::playing("F")).await.unwrap_err();
        other(&Dependency::playing("F")).await.unwrap_err();
        assert!(is_open(&one(&Dependency::playing("")).await));
        assert!(is_open(&other(&Dependency::playing("")).await));
    }
);

behaviour!(
    breaker_failures_is_how_many_open_it,
    "breaker.failures",
    async {
        let breaker = declared!("options.failures", failures = 3);
        play(&breaker, "FF");
        assert_eq!(breaker.state(), State::Closed);
        play(&breaker, "F");
        assert_eq!(breaker.state(), State::Open);
        assert_eq!(breaker.status().failure_threshold, Some(3));
    }
);

behaviour!(
    breaker_failures_are_five_unless_a_rule_is_set,
    "breaker.failures",
    async {
        let five = declared!("options.five");
        play(&five, "FFFF");
        assert_eq!(five.state(), State::Closed);
        play(&five, "F");
        assert_eq!(five.state(), State::Open);

        let rate = declared!(
            "options.rate_only",
            failure_rate = 0.9,
            window_calls = 100,
            min_calls = 50
        );
        assert_eq!(rate.status().failure_threshold, None);
        play(&rate, &"F".repeat(49));
        assert_eq!(rate.state(), State::Closed);
    }
);

behaviour!(
    breaker_failures_hold_beside_a_rate,
    "breaker.failures",
    async {
        let breaker = declared!(
            "options.both",
            failures = 2,
            failure_rate = 0.9,
            min_calls = 50
        );
        play(&breaker, "SSSFF");
        assert_eq!(breaker.state(), State::Open);
    }
);

behaviour!(
    breaker_counting_consecutive_forgets_at_a_success,
    "breaker.counting",
    async {
        for breaker in [
            declared!("options.by_default", failures = 3),
            declared!(
                "options.consecutive",
                failures = 3,
                counting = "consecutive"
            ),
        ] {
            play(&breaker, "FFSFF");
            assert_eq!(
                (breaker.state(), breaker.status().failures),
                (State::Closed, 2)
            );
            play(&breaker, "F");
            assert_eq!(breaker.state(), State::Open);
        }
    }
);

behaviour!(
    breaker_counting_window_counts_all_in_it,
    "breaker.counting",
    async {
        let breaker = declared!(
            "options.in_window",
            failures = 3,
            counting = "window",
            window = "10s"
        );
        play(&breaker, "FFSS");
        assert_eq!(breaker.status().failures, 2);
        play(&breaker, "F");
        assert_eq!(breaker.state(), State::Open);

        breaker.reset();
        play(&breaker, "FF");
        advance(secs(10)).await;
        play(&breaker, "F");
        assert_eq!(
            (breaker.state(), breaker.status().failures),
            (State::Closed, 1)
        );
    }
);

// A failure exactly one window old is out.
behaviour!(
    breaker_window_is_how_old_a_failure_may_be,
    "breaker.window",
    async {
        let breaker = declared!("options.window", failures = 2, window = "10s");
        play(&breaker, "F");
        advance(secs(10)).await;
        assert_eq!(breaker.status().failures, 0);
        play(&breaker, "F");
        assert_eq!(
            (breaker.state(), breaker.status().failures),
            (State::Closed, 1)
        );
        advance(ms(9_999)).await;
        play(&breaker, "F");
        assert_eq!(breaker.state(), State::Open);
    }
);

behaviour!(
    breaker_window_is_a_minute_by_default,
    "breaker.window",
    async {
        let breaker = declared!("options.minute", failures = 2);
        play(&breaker, "F");
        advance(secs(60)).await;
        play(&breaker, "F");
        assert_eq!(breaker.state(), State::Closed);
        advance(secs(59)).await;
        play(&breaker, "F");
        assert_eq!(breaker.state(), State::Open);
    }
);

behaviour!(breaker_window_none_never_ages, "breaker.window", async {
    let breaker = declared!("options.ageless", failures = 3, window = "none");
    for state in [State::Closed, State::Closed, State::Open] {
        advance(secs(864_000)).await;
        play(&breaker, "F");
        assert_eq!(breaker.state(), state);
    }
});

behaviour!(
    breaker_counts_are_the_classes_that_are_failures,
    "breaker.counts",
    async {
        #[resilient(breaker(name = "options.counts", failures = 1, counts(timeout, expected)))]
        async fn call(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        let breaker = registry().breaker("options.counts");
        for letter in ["F", "R", "P", "I"] {
            call(&Dependency::playing(letter)).await.unwrap_err();
            assert_eq!(breaker.state(), State::Closed, "{letter}");
        }
        for letter in ["T", "E"] {
            call(&Dependency::playing(letter)).await.unwrap_err();
            assert_eq!(breaker.state(), State::Open, "{letter}");
            breaker.reset();
        }
    }
);

behaviour!(
    breaker_counts_by_default_all_but_expected_and_ignored,
    "breaker.counts",
    async {
        #[resilient(breaker(name = "options.counted", failures = 1))]
        async fn call(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        let breaker = registry().breaker("options.counted");
        for (letter, state) in [
            ("F", State::Open),
            ("T", State::Open),
            ("R", State::Open),
            ("P", State::Open),
            ("E", State::Closed),
            ("I", State::Closed),
        ] {
            call(&Dependency::playing(letter)).await.unwrap_err();
            assert_eq!(breaker.state(), state, "{letter}");
            breaker.reset();
        }
    }
);

behaviour!(
    breaker_guards_attempt_is_inside_the_retry,
    "breaker.guards",
    async {
        #[resilient(
            breaker(name = "options.attempt", failures = 3),
            retry(max = 7, base = "0s")
        )]
        async fn by_default(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        #[resilient(
            breaker(name = "options.attempt", guards = "attempt"),
            retry(max = 7, base = "0s")
        )]
        async fn explicit(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        let dependency = Dependency::playing("FFF");
        assert!(is_open(&by_default(&dependency).await));
        assert_eq!(dependency.runs(), 3);
        registry().breaker("options.attempt").reset();
        let dependency = Dependency::playing("FFF");
        assert!(is_open(&explicit(&dependency).await));
        assert_eq!(dependency.runs(), 3);
    }
);

behaviour!(
    breaker_guards_call_is_around_the_retry,
    "breaker.guards",
    async {
        #[resilient(
            breaker(name = "options.call", failures = 3, guards = "call"),
            retry(max = 3, base = "0s")
        )]
        async fn call(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        let dependency = Dependency::playing("FFF");
        assert!(!is_open(&call(&dependency).await));
        assert_eq!(dependency.runs(), 3);
        assert_eq!(registry().breaker("options.call").status().failures, 1);
    }
);
