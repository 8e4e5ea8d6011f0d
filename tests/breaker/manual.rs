//! States by hand: what each command makes of each state.

use std::pin::pin;

use steadfast::{Breaker, Registry, State, registry};
use steadfast_tests::{Dependency, TRANSIENT, apart, listen, poll_once, secs};
use tokio::time::advance;

use super::{guarded, plays};

guarded!(
    call,
    breaker(
        name = "manual",
        failures = 2,
        recovery = "10s",
        recovery_factor = 2,
        close_after = 1
    )
);

fn breaker() -> Breaker {
    registry().breaker("manual")
}

const STATES: [State; 5] = [
    State::Closed,
    State::Open,
    State::HalfOpen,
    State::ForcedOpen,
    State::Disabled,
];

/// Brings a new breaker into a state, in which it grew once where it can.
async fn bring_to(state: State) {
    match state {
        State::Closed => plays(call, &Dependency::playing(""), "F").await,
        State::Open | State::HalfOpen => {
            plays(call, &Dependency::playing(""), "FFX").await;
            advance(secs(10)).await;
            plays(call, &Dependency::playing(""), "F").await;
            if state == State::HalfOpen {
                advance(secs(20)).await;
                plays(call, &Dependency::playing(""), "I").await;
            }
        }
        State::ForcedOpen => breaker().force_open(),
        State::Disabled => breaker().disable(),
    }
    assert_eq!(breaker().state(), state);
}

/// What a command makes of each state, with the changes that were announced.
async fn made_of_each(command: fn(&Breaker)) -> Vec<(State, usize)> {
    let mut made = Vec::new();
    for state in STATES {
        let ended = Registry::new().scope(async {
            bring_to(state).await;
            let ((), events) = listen(async { command(&breaker()) }).await;
            (breaker().state(), events.len())
        });
        made.push(ended.await);
    }
    made
}

#[tokio::test(start_paused = true)]
async fn force_open_and_disable_hold_from_every_state() {
    let once = |state, announced| (state, usize::from(announced));
    let forced = made_of_each(Breaker::force_open).await;
    let held = STATES.map(|from| once(State::ForcedOpen, from != State::ForcedOpen));
    assert_eq!(forced, held);
    let disabled = made_of_each(Breaker::disable).await;
    let held = STATES.map(|from| once(State::Disabled, from != State::Disabled));
    assert_eq!(disabled, held);
}

#[tokio::test(start_paused = true)]
async fn reset_closes_from_every_state() {
    let reset = made_of_each(Breaker::reset).await;
    let closed = STATES.map(|from| (State::Closed, usize::from(from != State::Closed)));
    assert_eq!(reset, closed);
}

#[tokio::test(start_paused = true)]
async fn release_closes_what_is_held_by_hand_and_leaves_the_rest() {
    let released = made_of_each(Breaker::release).await;
    let expected = STATES.map(|from| match from {
        State::ForcedOpen | State::Disabled => (State::Closed, 1),
        other => (other, 0),
    });
    assert_eq!(released, expected);
}

#[tokio::test(start_paused = true)]
async fn what_closes_by_hand_starts_from_nothing() {
    for end in [Breaker::reset, Breaker::release] {
        for state in [State::Closed, State::Open, State::HalfOpen] {
            apart(async {
                bring_to(state).await;
                breaker().force_open();
                end(&breaker());
                let status = breaker().status();
                assert_eq!((status.failures, status.opened_ago), (0, None));
                plays(call, &Dependency::playing(""), "FFX").await;
                assert_eq!(breaker().status().retry_in, Some(secs(10)));
            })
            .await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_by_hand_outlasts_recovery_and_every_result() {
    for hold in [Breaker::force_open, Breaker::disable] {
        apart(async {
            let slow = Dependency::playing("FFF").taking(secs(5));
            let mut late: Vec<_> = (0..3).map(|_| Box::pin(call(&slow))).collect();
            for late in &mut late {
                assert!(poll_once(late.as_mut()).is_pending());
            }
            hold(&breaker());
            let held = breaker().state();
            for late in late {
                assert_eq!(late.await, Err(TRANSIENT));
            }
            advance(secs(3_600)).await;
            assert_eq!((breaker().state(), breaker().status().failures), (held, 0));
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_result_from_a_disabled_breaker_counts_nowhere() {
    apart(async {
        breaker().disable();
        let slow = Dependency::playing("F").taking(secs(5));
        let mut late = pin!(call(&slow));
        assert!(poll_once(late.as_mut()).is_pending());
        breaker().release();
        plays(call, &Dependency::playing(""), "F").await;
        assert_eq!(late.await, Err(TRANSIENT));
        assert_eq!(breaker().status().failures, 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_held_breaker_says_neither_when_it_opened_nor_when_to_retry() {
    apart(async {
        bring_to(State::Open).await;
        assert!(breaker().status().opened_ago.is_some());
        breaker().force_open();
        let status = breaker().status();
        assert_eq!((status.opened_ago, status.retry_in), (None, None));
        let refused = breaker().admit().unwrap_err();
        assert_eq!(refused.retry_in(), None);
    })
    .await;
}
