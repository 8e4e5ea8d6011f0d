//! How long a breaker stays open, and what it asks of probes.

use steadfast::options::Scope;
use steadfast::{Breaker, State, registry, resilient};
use steadfast_tests::{Failure, ms, secs};
use tokio::time::advance;

use super::behaviour;
use super::breaker_trips::{declared, play};

/// How long the breaker stays open, from the failure that opens it.
async fn open_for(breaker: &Breaker) -> u64 {
    play(breaker, "F");
    let time = breaker.status().retry_in.expect("a failure opens it");
    advance(time.saturating_sub(ms(1))).await;
    assert_eq!(breaker.state(), State::Open);
    advance(ms(1)).await;
    assert_eq!(breaker.state(), State::HalfOpen);
    time.as_secs()
}

/// The same for so many rounds of failed probes.
async fn rounds<const N: usize>(breaker: &Breaker) -> [u64; N] {
    let mut times = [0; N];
    for time in &mut times {
        *time = open_for(breaker).await;
    }
    times
}

behaviour!(
    breaker_recovery_is_the_time_open_before_a_probe,
    "breaker.recovery",
    async {
        let breaker = declared!("options.recovery", failures = 1, recovery = "7s");
        assert_eq!(open_for(&breaker).await, 7);
        let breaker = declared!("options.default_recovery", failures = 1);
        assert_eq!(rounds(&breaker).await, [30, 30, 30]);
    }
);

behaviour!(
    breaker_recovery_factor_grows_the_open_time,
    "breaker.recovery_factor",
    async {
        let breaker = declared!(
            "options.recovery_factor",
            failures = 1,
            recovery = "10s",
            recovery_factor = 1.5,
            close_after = 1
        );
        assert_eq!(rounds(&breaker).await, [10, 15, 22, 33]);
        // It starts again when the breaker closes.
        play(&breaker, "S");
        assert_eq!(rounds(&breaker).await, [10, 15]);
    }
);

behaviour!(
    breaker_recovery_max_bounds_the_open_time,
    "breaker.recovery_max",
    async {
        let breaker = declared!(
            "options.recovery_max",
            failures = 1,
            recovery = "10s",
            recovery_factor = 3,
            recovery_max = "45s"
        );
        assert_eq!(rounds(&breaker).await, [10, 30, 45, 45]);
    }
);

behaviour!(
    breaker_recovery_max_is_5_minutes_or_the_recovery,
    "breaker.recovery_max",
    async {
        let breaker = declared!(
            "options.default_max",
            failures = 1,
            recovery = "1m",
            recovery_factor = 4.0
        );
        assert_eq!(rounds(&breaker).await, [60, 240, 300, 300]);
        let longer = declared!(
            "options.longer_max",
            failures = 1,
            recovery = "10m",
            recovery_factor = 4.0
        );
        assert_eq!(rounds(&longer).await, [600, 600]);
    }
);

behaviour!(
    breaker_half_open_is_how_many_probes_at_a_time,
    "breaker.half_open",
    async {
        let breaker = declared!(
            "options.half_open",
            failures = 1,
            half_open = 3,
            close_after = 9
        );
        open_for(&breaker).await;
        let mut probes: Vec<_> = (0..3).map(|_| breaker.admit().unwrap()).collect();
        assert!(breaker.admit().is_err());
        // A place is used again when its probe ends, in whatever way.
        probes.pop().unwrap().success();
        drop(probes.pop());
        let more = [breaker.admit().unwrap(), breaker.admit().unwrap()];
        assert!(breaker.admit().is_err());
        drop((more, probes));

        let two = declared!("options.two_probes", failures = 1);
        open_for(&two).await;
        let probes = [two.admit().unwrap(), two.admit().unwrap()];
        assert!(two.admit().is_err());
        drop(probes);
    }
);

behaviour!(
    breaker_close_after_is_how_many_probes_close_it,
    "breaker.close_after",
    async {
        let breaker = declared!("options.close_after", failures = 1, close_after = 3);
        open_for(&breaker).await;
        play(&breaker, "SS");
        assert_eq!(breaker.state(), State::HalfOpen);
        play(&breaker, "S");
        assert_eq!(breaker.state(), State::Closed);

        let two = declared!("options.close_after_two", failures = 1);
        open_for(&two).await;
        play(&two, "S");
        assert_eq!(two.state(), State::HalfOpen);
        play(&two, "S");
        assert_eq!(two.state(), State::Closed);
    }
);

behaviour!(
    breaker_close_after_starts_again_when_a_probe_fails,
    "breaker.close_after",
    async {
        let breaker = declared!("options.close_again", failures = 1, close_after = 2);
        open_for(&breaker).await;
        play(&breaker, "S");
        open_for(&breaker).await;
        play(&breaker, "S");
        assert_eq!(breaker.state(), State::HalfOpen);
    }
);

// Exactly at `probe_timeout` another probe is admitted.
behaviour!(
    breaker_probe_timeout_frees_the_place_of_a_hung_probe,
    "breaker.probe_timeout",
    async {
        let breaker = declared!(
            "options.probe_timeout",
            failures = 1,
            half_open = 1,
            close_after = 1,
            probe_timeout = "50s"
        );
        open_for(&breaker).await;
        let hung = breaker.admit().unwrap();
        advance(ms(49_999)).await;
        assert!(breaker.admit().is_err());
        advance(ms(1)).await;
        let second = breaker.admit().unwrap();
        // What is heard of the first one after all changes nothing.
        hung.failure();
        assert_eq!(breaker.state(), State::HalfOpen);
        second.success();
        assert_eq!(breaker.state(), State::Closed);
    }
);

/// After how long a hung probe gives its place up.
async fn lease(breaker: &Breaker) -> u64 {
    open_for(breaker).await;
    let hung = [breaker.admit().unwrap(), breaker.admit().unwrap()];
    let mut waited = 0;
    while breaker.admit().is_err() {
        advance(secs(1)).await;
        waited += 1;
    }
    drop(hung);
    waited
}

behaviour!(
    breaker_probe_timeout_is_30_seconds_or_the_limit_of_what_it_guards,
    "breaker.probe_timeout",
    async {
        #[resilient(breaker(name = "options.lease", failures = 1), timeout = "5s")]
        async fn short() -> Result<(), Failure> {
            Ok(())
        }

        #[resilient(breaker(name = "options.lease.long", failures = 1), timeout = "45s")]
        async fn long() -> Result<(), Failure> {
            Ok(())
        }

        #[resilient(
            breaker(name = "options.lease.deadline", failures = 1),
            deadline = "50s"
        )]
        async fn bounded() -> Result<(), Failure> {
            Ok(())
        }

        // Around the retry, the limit is that of all its attempts: 3 × 20 s and pauses of 1 and 2 s.
        #[resilient(
            breaker(name = "options.lease.call", failures = 1, guards = "call"),
            timeout = "20s",
            retry
        )]
        async fn repeated() -> Result<(), Failure> {
            Ok(())
        }

        tokio::try_join!(short(), long(), bounded(), repeated()).unwrap();
        assert_eq!(lease(&registry().breaker("options.lease")).await, 30);
        assert_eq!(lease(&registry().breaker("options.lease.long")).await, 45);
        assert_eq!(
            lease(&registry().breaker("options.lease.deadline")).await,
            50
        );
        assert_eq!(lease(&registry().breaker("options.lease.call")).await, 63);
    }
);

behaviour!(
    breaker_scope_shares_it_with_a_fleet_and_without_one_it_is_local,
    "breaker.scope",
    async {
        let breaker = declared!("options.scope", scope = "shared", failures = 2);
        let status = breaker.status();
        assert_eq!((status.scope, status.degraded), (Scope::Shared, true));
        // All failures in the window count, as they do for a fleet.
        play(&breaker, "FSF");
        assert_eq!(breaker.state(), State::Open);
        let local = declared!("options.scope_local", failures = 2).status();
        assert_eq!((local.scope, local.degraded), (Scope::Local, false));
    }
);

// With a fleet: `shared::circuit::a_quorum_wants_failures_of_different_instances`.
behaviour!(
    breaker_quorum_counts_as_one_without_a_fleet,
    "breaker.quorum",
    async {
        let breaker = declared!("options.quorum", scope = "shared", quorum = 3, failures = 1);
        play(&breaker, "F");
        assert_eq!(breaker.state(), State::Open);
    }
);
