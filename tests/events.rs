//! The `tracing` events that policies report.

use steadfast::{State, registry, resilient};
use steadfast_tests::{Dependency, Event, Failure, apart, listen, secs};
use tokio::time::advance;
use tracing::Level;

#[resilient(
    name = "events.call",
    breaker(name = "events", failures = 5, recovery = "30s", half_open = 2),
    retry(max = 3, base = "1s", jitter = "none"),
    timeout = "5s"
)]
async fn guarded(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

/// The events of a test, run in a registry of its own.
async fn events(test: impl Future<Output = ()>) -> Vec<Event> {
    listen(apart(test)).await.1
}

/// The events with this text, of which there are some.
fn with<'e>(events: &'e [Event], message: &str) -> Vec<&'e Event> {
    let found: Vec<_> = events.iter().filter(|e| e.message == message).collect();
    assert!(!found.is_empty(), "no {message:?} in {events:#?}");
    found
}

async fn play(script: &str) {
    let _ = guarded(&Dependency::playing(script)).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_well_reports_nothing() {
    let heard = events(async {
        play("S").await;
        play("E").await;
    });
    let heard = heard.await;
    assert!(heard.is_empty(), "{heard:#?}");
}

#[tokio::test(start_paused = true)]
async fn each_retry_is_reported_with_attempt_delay_class_and_error() {
    let heard = events(play("FTS")).await;
    let retries = with(&heard, "retry");
    let told: Vec<_> = retries
        .iter()
        .map(|e| ["call", "attempt", "delay", "class", "error"].map(|field| e.field(field)))
        .collect();
    assert_eq!(
        told,
        [
            ["events.call", "1", "1s", "transient", "a transient failure"],
            ["events.call", "2", "2s", "timeout", "a timeout failure"],
        ]
    );
    assert!(retries.iter().all(|e| e.level == Level::WARN));
    assert!(retries.iter().all(|e| e.target == "steadfast::retry"));
}

#[tokio::test(start_paused = true)]
async fn a_later_attempt_that_succeeds_is_reported_as_recovered() {
    for (script, attempts) in [("FS", "2"), ("FFS", "3")] {
        let heard = events(play(script)).await;
        let recovered = with(&heard, "retry.recovered");
        assert_eq!(recovered.len(), 1);
        assert_eq!(recovered[0].field("call"), "events.call");
        assert_eq!(recovered[0].field("attempts"), attempts);
        assert_eq!(recovered[0].level, Level::INFO);
    }
}

#[tokio::test(start_paused = true)]
async fn a_last_attempt_that_fails_is_reported_as_exhausted() {
    let heard = events(play("FFT")).await;
    let exhausted = with(&heard, "retry.exhausted");
    assert_eq!(exhausted.len(), 1);
    let fields = ["call", "attempts", "class", "error"].map(|field| exhausted[0].field(field));
    assert_eq!(fields, ["events.call", "3", "timeout", "a timeout failure"]);
    assert_eq!(exhausted[0].level, Level::ERROR);

    // What is not retried exhausts nothing.
    let heard = events(play("FP")).await;
    assert_eq!(with(&heard, "retry").len(), 1);
    assert!(heard.iter().all(|e| e.message != "retry.exhausted"));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_and_a_cut_are_reported_as_rejections() {
    let heard = events(async {
        registry().breaker("events").force_open();
        play("").await;
    });
    let heard = heard.await;
    let rejected = with(&heard, "rejected");
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].field("call"), "events.call");
    assert_eq!(rejected[0].field("rejection"), "circuit events is open");
    assert_eq!(rejected[0].target, "steadfast::call");

    let heard = events(play("HS")).await;
    let rejected = with(&heard, "rejected");
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].field("rejection"), "timed out after 5s");
}

#[tokio::test(start_paused = true)]
async fn a_fallback_that_answers_is_reported() {
    #[resilient(name = "events.fallback", fallback(kind = "default"))]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    let heard = events(async {
        call(&Dependency::playing("S")).await.unwrap();
        call(&Dependency::playing("E")).await.unwrap_err();
        call(&Dependency::playing("F")).await.unwrap();
    });
    let heard = heard.await;
    let fallbacks = with(&heard, "fallback");
    assert_eq!(fallbacks.len(), 1);
    assert_eq!(fallbacks[0].field("call"), "events.fallback");
}

#[tokio::test(start_paused = true)]
async fn each_counted_failure_is_reported_with_its_number() {
    let heard = events(play("FFF")).await;
    for (number, text) in ["failure 1/5", "failure 2/5", "failure 3/5"]
        .into_iter()
        .enumerate()
    {
        let failure = with(&heard, text);
        assert_eq!(failure.len(), 1, "{number}");
        assert_eq!(failure[0].field("breaker"), "events");
        assert_eq!(failure[0].level, Level::DEBUG);
    }
}

#[tokio::test(start_paused = true)]
async fn a_breaker_without_a_number_of_failures_reports_those_in_its_window() {
    #[resilient(breaker(name = "events.rate", failure_rate = 0.9))]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    let heard = events(async {
        for script in ["F", "S", "F"] {
            let _ = call(&Dependency::playing(script)).await;
        }
    });
    let heard = heard.await;
    assert_eq!(with(&heard, "failure 1").len(), 1);
    assert_eq!(with(&heard, "failure 2").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn each_probe_is_reported_with_its_place() {
    let heard = events(async {
        let breaker = registry().breaker("events");
        (0..5).for_each(|_| breaker.admit().unwrap().failure());
        advance(secs(30)).await;
        let probes = [breaker.admit().unwrap(), breaker.admit().unwrap()];
        breaker.admit().unwrap_err();
        drop(probes);
    });
    let heard = heard.await;
    for text in ["probe 1/2", "probe 2/2"] {
        let probe = with(&heard, text);
        assert_eq!(probe.len(), 1);
        assert_eq!(probe[0].field("breaker"), "events");
        assert_eq!(probe[0].level, Level::DEBUG);
    }
}

#[tokio::test(start_paused = true)]
async fn each_transition_is_reported_with_from_and_to() {
    let heard = events(async {
        let breaker = registry().breaker("events");
        (0..5).for_each(|_| breaker.admit().unwrap().failure());
        advance(secs(30)).await;
        breaker.admit().unwrap().failure();
        advance(secs(30)).await;
        breaker.admit().unwrap().success();
        breaker.admit().unwrap().success();
        breaker.disable();
        breaker.release();
        assert_eq!(breaker.state(), State::Closed);
    });
    let heard = heard.await;
    let told: Vec<_> = with(&heard, "state changed")
        .iter()
        .map(|e| (e.level, e.field("from"), e.field("to"), e.field("open_for")))
        .collect();
    let (warn, info) = (Level::WARN, Level::INFO);
    assert_eq!(
        told,
        [
            (warn, "closed", "open", "30s"),
            (info, "open", "half_open", ""),
            (warn, "half_open", "open", "30s"),
            (info, "open", "half_open", ""),
            (info, "half_open", "closed", ""),
            (info, "closed", "disabled", ""),
            (info, "disabled", "closed", ""),
        ]
    );
    assert!(heard.iter().all(|e| e.target == "steadfast::breaker"));
}

// What a reader of the log needs in one story: in order, each once.
#[tokio::test(start_paused = true)]
async fn the_story_of_a_call_is_told_in_order() {
    let heard = events(async {
        let breaker = registry().breaker("events");
        (0..3).for_each(|_| breaker.admit().unwrap().failure());
        play("FF").await;
    });
    let heard = heard.await;
    let told: Vec<_> = heard.iter().map(|e| e.message.as_str()).collect();
    assert_eq!(
        told,
        [
            "failure 1/5",
            "failure 2/5",
            "failure 3/5",
            "failure 4/5",
            "retry",
            "failure 5/5",
            "state changed",
            "retry",
            "rejected",
        ]
    );
}
