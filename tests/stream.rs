//! Typed events, and the history of each breaker.

use std::sync::Arc;
use steadfast::{Cause, Event, EventKind, Events, Rejection, State, registry, resilient};
use steadfast_tests::{Dependency, Failure, apart, listen, secs};
use tokio::time::advance;

#[resilient(
    name = "stream.call",
    breaker(name = "stream", failures = 3, recovery = "30s", close_after = 1),
    retry(max = 2, base = "1s", jitter = "none"),
    fallback(kind = "default")
)]
async fn guarded(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

async fn play(script: &str) {
    let _ = guarded(&Dependency::playing(script)).await;
}

/// What is in the stream now that is about this file's names: other tests of this process report too.
fn heard(events: &mut Events) -> Vec<Arc<Event>> {
    std::iter::from_fn(|| events.try_recv())
        .filter(|event| format!("{:?}", event.kind).contains("stream"))
        .collect()
}

fn kinds(events: &[Arc<Event>]) -> Vec<&'static str> {
    events.iter().map(|event| event.kind.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_story_of_a_call_is_told_in_typed_events() {
    apart(async {
        let mut events = Events::with_capacity(100_000);
        play("FS").await;
        play("FF").await;
        play("F").await;
        let heard = heard(&mut events);
        let expected = [
            "failure",
            "retry",
            "recovered", // FS
            "failure",
            "retry",
            "failure",
            "exhausted",
            "fallback", // FF
            "failure",
            "state_changed",
            "retry",
            "rejected",
            "fallback", // F, and refused
        ];
        assert_eq!(kinds(&heard), expected);
        let EventKind::Retry {
            call,
            attempt,
            delay,
            error,
            ..
        } = &heard[1].kind
        else {
            panic!("{heard:?}");
        };
        assert_eq!(
            (&**call, *attempt, *delay, &**error),
            ("stream.call", 1, secs(1), "a transient failure")
        );
        assert!(matches!(
            &heard[11].kind,
            EventKind::Rejected {
                rejection: Rejection::CircuitOpen { .. },
                ..
            }
        ));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_transition_is_told_with_the_error_that_caused_it_and_kept_in_the_history() {
    apart(async {
        let mut events = Events::with_capacity(100_000);
        let breaker = registry().breaker("stream");
        (0..3).for_each(|number| {
            breaker
                .admit()
                .unwrap()
                .failed_with(&format!("stream fault {number}"));
        });
        advance(secs(30)).await;
        play("S").await;
        breaker.force_open();
        breaker.release();
        let told: Vec<_> = breaker.history();
        let story: Vec<_> = told
            .iter()
            .map(|it| (it.from, it.to, it.cause.to_string()))
            .collect();
        assert_eq!(
            story,
            [
                (State::Closed, State::Open, "stream fault 2".to_owned()),
                (State::Open, State::HalfOpen, "recovery".to_owned()),
                (State::HalfOpen, State::Closed, "outcome".to_owned()),
                (State::Closed, State::ForcedOpen, "by_hand".to_owned()),
                (State::ForcedOpen, State::Closed, "by_hand".to_owned()),
            ]
        );
        assert_eq!(told[0].open_for, Some(secs(30)));
        let streamed: Vec<_> = heard(&mut events)
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::StateChanged { change, .. } => Some(change.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(streamed, told);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_error_of_an_attempt_that_trips_is_the_cause() {
    apart(async {
        play("FF").await;
        play("F").await;
        let history = registry().breaker("stream").history();
        let cause = Cause::Failure("a transient failure".into());
        assert_eq!(history.last().map(|it| &it.cause), Some(&cause));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_history_keeps_the_last_twenty() {
    apart(async {
        let breaker = registry().breaker("stream");
        for _ in 0..15 {
            breaker.force_open();
            breaker.reset();
        }
        let history = breaker.history();
        assert_eq!(history.len(), 20);
        assert_eq!(history.last().unwrap().to, State::Closed);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_listener_loses_the_oldest_events_and_knows_how_many() {
    apart(async {
        let mut events = Events::with_capacity(4);
        let breaker = registry().breaker("stream");
        for _ in 0..3 {
            breaker.force_open();
            breaker.reset();
        }
        // Others of this process may report in the meantime.
        assert!(events.missed() >= 2, "{events:?}");
        assert!(std::iter::from_fn(|| events.try_recv()).count() >= 4);
        assert!(events.missed() >= 2, "what was lost stays lost");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_waits_is_woken_and_one_that_is_gone_holds_nobody_up() {
    apart(async {
        let mut events = steadfast::events();
        let waiting = tokio::spawn(async move {
            loop {
                let event = events.recv().await;
                if format!("{:?}", event.kind).contains("stream.woken") {
                    return event.kind.as_str();
                }
            }
        });
        tokio::task::yield_now().await;
        drop(steadfast::events());
        registry().breaker("stream.woken").force_open();
        assert_eq!(waiting.await.unwrap(), "state_changed");
    })
    .await;
}

// An outage of one call must not flood the log; the stream and the counters miss nothing.
#[tokio::test(start_paused = true)]
async fn an_outage_writes_ten_lines_of_a_kind_in_ten_seconds_and_says_how_many_it_left_out() {
    let ((), lines) = listen(apart(async {
        let breaker = registry().breaker("stream");
        breaker.force_open();
        for _ in 0..100 {
            play("").await;
        }
        advance(secs(10)).await;
        play("").await;
    }))
    .await;
    let rejected: Vec<_> = lines
        .iter()
        .filter(|line| line.message == "rejected")
        .collect();
    assert_eq!(rejected.len(), 11);
    assert_eq!(rejected[9].field("left_out"), "");
    assert_eq!(rejected[10].field("left_out"), "90");
    let fallbacks = lines.iter().filter(|line| line.message == "fallback");
    assert_eq!(fallbacks.count(), 11);
}

#[tokio::test(start_paused = true)]
async fn a_transition_is_logged_with_its_cause() {
    let ((), lines) = listen(apart(async {
        play("FF").await;
        play("F").await;
    }))
    .await;
    let changed = lines
        .iter()
        .find(|line| line.message == "state changed")
        .unwrap();
    assert_eq!(changed.field("cause"), "\"failure\"");
    assert_eq!(changed.field("error"), "\"a transient failure\"");
}
