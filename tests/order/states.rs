//! 8, and the states of a breaker.

use steadfast::{Breaker, Rejection, State, registry, resilient};
use steadfast_tests::{Dependency, Failure, apart, is_open, listen, ms, secs};
use tokio::time::advance;

#[resilient(breaker(
    name = "states",
    failures = 2,
    recovery = "30s",
    recovery_factor = 2.0,
    close_after = 2
))]
async fn guarded(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

fn breaker() -> Breaker {
    registry().breaker("states")
}

async fn play(script: &str) {
    let dependency = Dependency::playing(script);
    for _ in 0..script.len() {
        let _ = guarded(&dependency).await;
    }
    assert_eq!(dependency.runs(), script.len());
}

// The states: closed → open → half-open → closed, and open again on a failed probe.
#[tokio::test(start_paused = true)]
async fn a_breaker_goes_from_closed_to_open_to_half_open_and_back() {
    apart(async {
        assert_eq!(breaker().state(), State::Closed);
        play("FF").await;
        assert_eq!(breaker().state(), State::Open);
        advance(secs(30)).await;
        assert_eq!(breaker().state(), State::HalfOpen);
        play("F").await;
        assert_eq!(breaker().state(), State::Open);
        advance(secs(60)).await;
        play("S").await;
        assert_eq!(breaker().state(), State::HalfOpen);
        play("S").await;
        assert_eq!(breaker().state(), State::Closed);
    })
    .await;
}

// 10. Exactly at `recovery` a probe is admitted.
#[tokio::test(start_paused = true)]
async fn exactly_at_recovery_a_probe_is_admitted() {
    apart(async {
        play("FF").await;
        advance(ms(29_999)).await;
        assert_eq!(breaker().state(), State::Open);
        let refused = breaker().admit().unwrap_err();
        assert_eq!(refused.retry_in(), Some(ms(1)));
        advance(ms(1)).await;
        play("S").await;
    })
    .await;
}

// 8. When `recovery` is over, state and status say half-open.
#[tokio::test(start_paused = true)]
async fn once_recovery_is_over_state_and_status_say_half_open_without_any_call() {
    apart(async {
        play("FF").await;
        advance(secs(31)).await;
        let status = breaker().status();
        assert_eq!(
            (breaker().state(), status.state, status.retry_in),
            (State::HalfOpen, State::HalfOpen, None)
        );
        assert_eq!(status.opened_ago, Some(secs(31)));
    })
    .await;
}

// 8. The transition's event comes with the first probe.
#[tokio::test(start_paused = true)]
async fn the_event_of_half_open_comes_with_the_first_probe() {
    apart(async {
        play("FF").await;
        let ((), quiet) = listen(async {
            advance(secs(60)).await;
            assert_eq!(breaker().state(), State::HalfOpen);
            let _ = breaker().status();
        })
        .await;
        assert!(quiet.is_empty(), "{quiet:?}");
        let ((), heard) = listen(play("S")).await;
        assert_eq!(
            (heard[0].field("from"), heard[0].field("to")),
            ("open", "half_open")
        );
    })
    .await;
}

// 8. Time is monotonic: who reads an earlier time than others did breaks nothing.
#[test]
fn a_time_earlier_than_one_already_seen_breaks_nothing() {
    let registry = steadfast::Registry::new();
    let at = |ahead: u64, work: &dyn Fn()| {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(registry.scope(async {
            advance(secs(ahead)).await;
            work();
        }));
    };
    at(86_400, &|| {
        breaker().admit().unwrap().failure();
        breaker().admit().unwrap().failure();
    });
    at(0, &|| {
        assert_eq!(breaker().state(), State::Open);
        let left = breaker().admit().unwrap_err().retry_in().unwrap();
        assert!(left >= secs(30), "{left:?}");
        assert_eq!(breaker().status().opened_ago, Some(secs(0)));
        breaker().reset();
        breaker().admit().unwrap().failure();
        assert_eq!(breaker().status().failures, 1);
    });
    at(86_400, &|| breaker().admit().unwrap().success());
}

// `forced_open`, by hand.
#[tokio::test(start_paused = true)]
async fn forced_open_refuses_until_it_is_ended_by_hand() {
    apart(async {
        breaker().force_open();
        advance(secs(86_400)).await;
        let refused = guarded(&Dependency::playing("")).await;
        assert!(is_open(&refused));
        let Err(Failure::Rejected(Rejection::CircuitOpen { retry_in, .. })) = refused else {
            unreachable!()
        };
        assert_eq!((retry_in, breaker().state()), (None, State::ForcedOpen));
        breaker().release();
        assert_eq!(breaker().state(), State::Closed);
    })
    .await;
}

// `disabled` lets all through, counts nothing.
#[tokio::test(start_paused = true)]
async fn disabled_lets_all_through_and_counts_nothing() {
    apart(async {
        breaker().disable();
        play("FFFFFFFFFF").await;
        let status = breaker().status();
        assert_eq!((status.state, status.failures), (State::Disabled, 0));
        breaker().release();
        play("F").await;
        assert_eq!(breaker().status().failures, 1);
    })
    .await;
}

// A transition is announced once.
#[tokio::test(start_paused = true)]
async fn each_transition_is_announced_once() {
    let ((), events) = listen(apart(async {
        play("FF").await;
        for _ in 0..3 {
            guarded(&Dependency::playing("")).await.unwrap_err();
        }
        advance(secs(30)).await;
        play("SS").await;
        breaker().force_open();
        breaker().force_open();
        breaker().release();
        breaker().release();
        breaker().reset();
    }))
    .await;
    let changes = events
        .iter()
        .filter(|event| event.message == "state changed");
    let changes: Vec<_> = changes
        .map(|event| (event.field("from"), event.field("to")))
        .collect();
    assert_eq!(
        changes,
        [
            ("closed", "open"),
            ("open", "half_open"),
            ("half_open", "closed"),
            ("closed", "forced_open"),
            ("forced_open", "closed"),
        ]
    );
}

// `reset`: closed, counts and growth zero, manual state ended.
#[tokio::test(start_paused = true)]
async fn reset_closes_and_zeroes_counts_and_growth() {
    apart(async {
        play("FF").await;
        advance(secs(30)).await;
        play("F").await;
        assert_eq!(breaker().status().retry_in, Some(secs(60)));
        breaker().reset();
        let status = breaker().status();
        assert_eq!(
            (status.state, status.failures, status.opened_ago),
            (State::Closed, 0, None)
        );
        play("FF").await;
        assert_eq!(breaker().status().retry_in, Some(secs(30)));

        for hold in [Breaker::force_open, Breaker::disable] {
            hold(&breaker());
            breaker().reset();
            assert_eq!(breaker().state(), State::Closed);
        }
        play("F").await;
        breaker().reset();
        assert_eq!(breaker().status().failures, 0);
    })
    .await;
}

// `release`: ends a manual state, else nothing.
#[tokio::test(start_paused = true)]
async fn release_ends_a_manual_state_and_else_does_nothing() {
    apart(async {
        play("F").await;
        breaker().release();
        assert_eq!(breaker().status().failures, 1);
        play("F").await;
        breaker().release();
        assert_eq!(breaker().state(), State::Open);
        advance(secs(30)).await;
        play("S").await;
        breaker().release();
        assert_eq!(breaker().state(), State::HalfOpen);
    })
    .await;
}
