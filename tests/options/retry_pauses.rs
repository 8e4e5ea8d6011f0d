//! How long the pauses of a retry are.

use std::time::Duration;

use steadfast::{Class, registry, resilient};
use steadfast_tests::{Dependency, Failure, ms, secs};
use tokio::time::Instant;

use super::behaviour;

/// The pauses of a call that fails as the script says.
async fn pauses<T>(
    call: impl AsyncFn(&Dependency) -> Result<T, Failure>,
    script: &str,
) -> Vec<Duration> {
    let dependency = Dependency::playing(script);
    let _ = call(&dependency).await;
    dependency.pauses()
}

/// A function with this retry.
macro_rules! retrying {
    ($name:ident, $($options:tt)+) => {
        #[resilient(retry($($options)+))]
        async fn $name(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }
    };
}

behaviour!(retry_base_is_the_first_pause, "retry.base", async {
    retrying!(given, max = 3, base = "300ms", jitter = "none");
    retrying!(by_default, max = 3, jitter = "none");
    retrying!(none, max = 5, base = "0s");
    assert_eq!(pauses(given, "FFF").await, [ms(300), ms(600)]);
    assert_eq!(pauses(by_default, "FFF").await, [secs(1), secs(2)]);
    assert_eq!(pauses(none, "FFFFF").await, [Duration::ZERO; 4]);
});

behaviour!(
    retry_factor_is_the_growth_of_the_pause,
    "retry.factor",
    async {
        retrying!(tripled, max = 4, base = "1s", factor = 3, jitter = "none");
        retrying!(
            constant,
            max = 4,
            base = "2s",
            factor = 1.0,
            jitter = "none"
        );
        assert_eq!(pauses(tripled, "FFFF").await, [secs(1), secs(3), secs(9)]);
        assert_eq!(pauses(constant, "FFFF").await, [secs(2); 3]);
    }
);

behaviour!(retry_cap_is_the_longest_pause, "retry.cap", async {
    retrying!(capped, max = 5, base = "1s", cap = "3s", jitter = "none");
    assert_eq!(
        pauses(capped, "FFFFF").await,
        [secs(1), secs(2), secs(3), secs(3)]
    );
    // It holds after factor and jitter.
    retrying!(
        spread,
        max = 60,
        base = "3s",
        factor = 1,
        cap = "3s",
        jitter = "2s"
    );
    let spread = pauses(spread, &"F".repeat(60)).await;
    assert!(
        spread
            .iter()
            .all(|&pause| pause >= secs(1) && pause <= secs(3))
    );
    retrying!(limited, max = 2, base = "3s", cap = "4s", jitter = "none");
    assert_eq!(pauses(limited, "R").await, [secs(4)]);
});

behaviour!(retry_cap_is_a_minute_or_the_base, "retry.cap", async {
    retrying!(minute, max = 4, base = "25s", jitter = "none");
    retrying!(longer, max = 3, base = "90s", jitter = "none");
    assert_eq!(pauses(minute, "FFF").await, [secs(25), secs(50), secs(60)]);
    assert_eq!(pauses(longer, "FF").await, [secs(90), secs(90)]);
});

/// 200 pauses whose length before jitter is 1 s, and whether they reach near both ends.
async fn spread(
    call: impl AsyncFn(&Dependency) -> Result<usize, Failure>,
    least: Duration,
    most: Duration,
) {
    registry().seed_jitter(1);
    let all = pauses(call, &"F".repeat(200)).await;
    assert_eq!(all.len(), 200);
    // Tokio's timer counts whole milliseconds, upwards.
    let within = |&pause: &Duration| pause >= least && pause <= most + ms(1);
    assert!(all.iter().all(within), "{all:?}");
    let tenth = most.saturating_sub(least) / 10;
    assert!(all.iter().any(|&pause| pause < least + tenth));
    assert!(all.iter().any(|&pause| pause + tenth > most));
}

behaviour!(
    retry_jitter_full_is_anything_up_to_the_pause,
    "retry.jitter",
    async {
        retrying!(full, max = 201, base = "1s", factor = 1, jitter = "full");
        retrying!(by_default, max = 201, base = "1s", factor = 1);
        spread(full, Duration::ZERO, secs(1)).await;
        spread(by_default, Duration::ZERO, secs(1)).await;
    }
);

behaviour!(
    retry_jitter_equal_keeps_half_the_pause,
    "retry.jitter",
    async {
        retrying!(equal, max = 201, base = "1s", factor = 1, jitter = "equal");
        spread(equal, ms(500), secs(1)).await;
    }
);

behaviour!(
    retry_jitter_as_a_ratio_is_a_share_of_the_pause,
    "retry.jitter",
    async {
        retrying!(ratio, max = 201, base = "1s", factor = 1, jitter = 0.25);
        retrying!(percent, max = 201, base = "1s", factor = 1, jitter = "10%");
        spread(ratio, ms(750), ms(1250)).await;
        spread(percent, ms(900), ms(1100)).await;
    }
);

behaviour!(
    retry_jitter_as_a_duration_is_that_much,
    "retry.jitter",
    async {
        retrying!(within, max = 201, base = "1s", factor = 1, jitter = "200ms");
        retrying!(
            not_below_zero,
            max = 201,
            base = "1s",
            factor = 1,
            jitter = "3s"
        );
        spread(within, ms(800), ms(1200)).await;
        spread(not_below_zero, Duration::ZERO, secs(4)).await;
    }
);

// min(cap, uniform(base, 3 × previous)).
behaviour!(
    retry_jitter_decorrelated_grows_from_the_pause_before,
    "retry.jitter",
    async {
        retrying!(
            decorrelated,
            max = 300,
            base = "1s",
            cap = "20s",
            jitter = "decorrelated"
        );
        registry().seed_jitter(2);
        let all = pauses(decorrelated, &"F".repeat(300)).await;
        let mut before = secs(1);
        for &pause in &all {
            let most = (before * 3).min(secs(20)) + ms(1);
            assert!(
                pause >= secs(1) && pause <= most,
                "{before:?}, then {pause:?}"
            );
            before = pause;
        }
        assert!(all.contains(&secs(20)) && all.iter().any(|&pause| pause < secs(2)));
    }
);

behaviour!(retry_jitter_none_is_exact, "retry.jitter", async {
    retrying!(exact, max = 4, base = "1s", jitter = "none");
    assert_eq!(pauses(exact, "FFF").await, [secs(1), secs(2), secs(4)]);
});

/// Answers "rate limited", and when to come back.
fn limited(retry_after: Option<Duration>) -> Failure {
    Failure::Of(Class::RateLimited { retry_after })
}

behaviour!(
    retry_rate_limited_factor_is_for_longer_pauses_after_a_rate_limit,
    "retry.rate_limited_factor",
    async {
        retrying!(doubled, max = 4, base = "1s", jitter = "none");
        retrying!(
            fivefold,
            max = 3,
            base = "1s",
            jitter = "none",
            rate_limited_factor = 5
        );
        retrying!(
            same,
            max = 3,
            base = "1s",
            jitter = "none",
            rate_limited_factor = 1
        );
        assert_eq!(pauses(doubled, "RFR").await, [secs(2), secs(2), secs(8)]);
        assert_eq!(pauses(fivefold, "RR").await, [secs(5), secs(10)]);
        assert_eq!(pauses(same, "RR").await, [secs(1), secs(2)]);
    }
);

// A `retry_after` in the error wins when longer.
behaviour!(
    retry_rate_limited_factor_gives_way_to_a_longer_retry_after,
    "retry.rate_limited_factor",
    async {
        #[resilient(retry(max = 2, base = "1s", cap = "30s", jitter = "none"))]
        async fn call(dependency: &Dependency, after: u64) -> Result<(), Failure> {
            let _ = dependency.ask().await?;
            Err(limited(Some(secs(after))))
        }

        for (after, pause) in [(0, 2), (1, 2), (3, 3), (30, 30)] {
            let call = async |dependency: &Dependency| call(dependency, after).await;
            assert_eq!(pauses(call, "").await, [secs(pause)], "{after}");
        }
        // Above `cap` it is not slept: the error returns.
        let began = Instant::now();
        let dependency = Dependency::playing("");
        let after = Duration::from_secs(31);
        assert_eq!(call(&dependency, 31).await, Err(limited(Some(after))));
        assert_eq!((dependency.runs(), began.elapsed()), (1, secs(0)));
    }
);
