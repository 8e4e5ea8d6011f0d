//! The permit word under loom: every way in which two or three threads can take turns.
//!
//! The cells that plain successes are counted in are the standard library's, so that loom sees a
//! thread's visit to its own as one step; the word and what is published with it are loom's.
//!
//! Of each atomic loom remembers the last access alone. Where a thread's load is to race with
//! another's store, the latter loads nothing before: it comes with a pass that it has.

use std::collections::BTreeSet;

use loom::sync::Arc;
use loom::thread;
use steadfast_options::Counting;

use super::gate::Gate;
use super::pass::{Change, Pass, Refused};
use super::policy::{Thresholds, WindowSize};
use super::rules::Rules;
use super::state::{State, Transition};
use super::window::{Nanos, Outcome};

/// When things happen: the breaker is made, opens, and is due.
const START: Nanos = 1_000;
const RECOVERY: Nanos = 10;
const DUE: Nanos = START + RECOVERY;

const FAILURE: Outcome = Outcome {
    failed: true,
    slow: false,
};

/// Opens at two failures in a row, and closes with the first good one of two probes.
fn thresholds() -> Thresholds {
    Thresholds {
        failures: Some(2),
        counting: Counting::Consecutive,
        failure_rate: None,
        slow: None,
        min_calls: 1,
        window: WindowSize::Time(100),
        recovery: RECOVERY,
        recovery_factor: 1.0,
        recovery_max: RECOVERY,
        half_open: 2,
        close_after: 1,
        probe_timeout: 5,
        scope: steadfast_options::Scope::Local,
        quorum: 1,
    }
}

fn closed(thresholds: Thresholds) -> Arc<Gate> {
    Arc::new(Gate::new(Rules::new(thresholds, START)))
}

/// Open since the start.
fn open(thresholds: Thresholds) -> Arc<Gate> {
    let gate = closed(thresholds);
    for _ in 0..2 {
        let pass = enter(&gate, START).unwrap().0;
        gate.failed(pass, FAILURE, START);
    }
    assert_eq!(gate.state(START), State::Open);
    gate
}

/// As a call does it.
fn enter(gate: &Gate, now: Nanos) -> Result<(Pass, Change), Refused> {
    match gate.admit_if_closed() {
        Some(pass) => Ok((pass, Change::default())),
        None => gate.admit(now, None),
    }
}

fn succeed(gate: &Gate, pass: Pass, now: Nanos) -> Option<Transition> {
    gate.succeed(pass, || now)?.transition
}

fn fail(gate: &Gate, pass: Pass, now: Nanos) -> Option<Transition> {
    gate.failed(pass, FAILURE, now).transition
}

fn failures(gate: &Gate, now: Nanos) -> u64 {
    gate.look(now, |_, shown| shown.failures)
}

/// Runs `work` on `count` threads, this one among them.
fn on_threads<T: 'static>(count: usize, gate: &Arc<Gate>, work: fn(&Gate) -> T) -> Vec<T> {
    let others: Vec<_> = (1..count)
        .map(|_| {
            let gate = gate.clone();
            thread::spawn(move || work(&gate))
        })
        .collect();
    let mut results = vec![work(gate)];
    results.extend(others.into_iter().map(|other| other.join().unwrap()));
    results
}

/// Runs a model with as many preemptions as `LOOM_MAX_PREEMPTIONS` says, else three: three threads
/// without a bound take hours.
fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(3);
    builder.check(run);
}

/// Runs a model, and says what its runs came to: so that a test shows that both ends were met.
fn ends<T: Ord + Send + 'static>(run: impl Fn() -> T + Sync + Send + 'static) -> BTreeSet<T> {
    let ends = std::sync::Arc::new(std::sync::Mutex::new(BTreeSet::new()));
    let seen = ends.clone();
    model(move || {
        let end = run();
        seen.lock().unwrap().insert(end);
    });
    std::mem::take(&mut *ends.lock().unwrap())
}

#[test]
fn loom_failures_of_many_threads_trip_once() {
    model(|| {
        let gate = closed(thresholds());
        let turns = on_threads(3, &gate, |gate| {
            let (pass, _) = enter(gate, START).ok()?;
            fail(gate, pass, START)
        });
        assert_eq!(turns.iter().flatten().count(), 1);
        assert_eq!(gate.state(START), State::Open);
        assert_eq!(failures(&gate, START), 2);
    });
}

#[test]
fn loom_as_many_probes_get_in_as_there_are_places() {
    model(|| {
        let gate = open(thresholds());
        let probes = on_threads(3, &gate, |gate| enter(gate, DUE));
        let inside: Vec<_> = probes.iter().flatten().collect();
        assert_eq!(inside.len(), 2);
        let turns = inside
            .iter()
            .filter(|(_, change)| change.transition.is_some());
        assert_eq!(turns.count(), 1);
    });
}

#[test]
fn loom_a_cancelled_probe_frees_its_place_and_no_other() {
    let ends = ends(|| {
        let gate = open(Thresholds {
            half_open: 1,
            ..thresholds()
        });
        let cancels = {
            let gate = gate.clone();
            thread::spawn(move || {
                if let Ok((pass, _)) = enter(&gate, DUE) {
                    gate.finish(pass, None, DUE);
                }
            })
        };
        let stays = enter(&gate, DUE);
        cancels.join().unwrap();
        assert_eq!(enter(&gate, DUE).is_ok(), stays.is_err());
        stays.is_err()
    });
    assert_eq!(ends.len(), 2);
}

#[test]
fn loom_an_expired_probe_gives_its_place_to_one() {
    let ends = ends(|| {
        let gate = open(Thresholds {
            half_open: 1,
            ..thresholds()
        });
        let (hung, _) = enter(&gate, DUE).unwrap();
        let late = {
            let gate = gate.clone();
            thread::spawn(move || fail(&gate, hung, DUE + 5))
        };
        let probes = on_threads(2, &gate, |gate| enter(gate, DUE + 5));
        let inside = probes.iter().flatten().count();
        let late = late.join().unwrap();
        match late {
            // Its place was taken: what it says comes too late.
            None => assert_eq!((inside, gate.state(DUE + 5)), (1, State::HalfOpen)),
            // It spoke first, and opened the breaker again.
            Some(_) => assert_eq!((inside, gate.state(DUE + 5)), (0, State::Open)),
        }
        late.is_some()
    });
    assert_eq!(ends.len(), 2);
}

#[test]
fn loom_a_late_result_of_an_earlier_state_changes_nothing() {
    model(|| {
        let gate = closed(Thresholds {
            failures: Some(1),
            ..thresholds()
        });
        let (late, _) = enter(&gate, START).unwrap();
        let (trips, _) = enter(&gate, START).unwrap();
        assert!(fail(&gate, trips, START).is_some());
        let other = {
            let gate = gate.clone();
            thread::spawn(move || fail(&gate, late, DUE))
        };
        let (probe, _) = enter(&gate, DUE).unwrap();
        assert!(succeed(&gate, probe, DUE).is_some());
        assert_eq!(other.join().unwrap(), None);
        assert_eq!((gate.state(DUE), failures(&gate, DUE)), (State::Closed, 0));
    });
}

#[test]
fn loom_a_success_comes_before_the_trip_or_after_it() {
    let ends = ends(|| {
        let gate = closed(thresholds());
        let [first, second, success] = [(); 3].map(|()| enter(&gate, START).unwrap().0);
        fail(&gate, first, START);
        let other = {
            let gate = gate.clone();
            thread::spawn(move || fail(&gate, second, START))
        };
        assert_eq!(succeed(&gate, success, START), None);
        let tripped = other.join().unwrap().is_some();
        let (state, count) = (gate.state(START), failures(&gate, START));
        if tripped {
            assert_eq!((state, count), (State::Open, 2));
        } else {
            assert_eq!((state, count), (State::Closed, 1));
        }
        tripped
    });
    assert_eq!(ends.len(), 2);
}

#[test]
fn loom_a_breaker_that_opens_is_never_seen_half_open() {
    let ends = ends(|| {
        let gate = closed(Thresholds {
            failures: Some(1),
            ..thresholds()
        });
        let (pass, _) = enter(&gate, START).unwrap();
        let trips = {
            let gate = gate.clone();
            thread::spawn(move || fail(&gate, pass, START))
        };
        // The time it opens until is published before the word that says so.
        let seen = gate.state(START);
        assert_ne!(seen, State::HalfOpen);
        let refused = enter(&gate, START).err();
        assert!(refused.is_none_or(|refused| refused.retry_in == Some(RECOVERY)));
        assert!(trips.join().unwrap().is_some());
        seen == State::Open
    });
    assert_eq!(ends.len(), 2);
}

#[test]
fn loom_a_success_is_counted_in_the_window_of_its_own_state() {
    model(|| {
        let gate = closed(Thresholds {
            failure_rate: Some(0.5),
            ..thresholds()
        });
        let later = START + 500;
        let success = {
            let gate = gate.clone();
            thread::spawn(move || {
                let pass = gate.admit_if_closed().unwrap();
                succeed(&gate, pass, later);
                pass
            })
        };
        gate.by_hand(later, Rules::reset);
        let pass = success.join().unwrap();
        let of_new_state = gate.admit_if_closed() == Some(pass);
        let calls = gate.look(later, |_, shown| shown.counts.calls);
        assert_eq!(calls, u64::from(of_new_state));
    });
}

#[test]
fn loom_a_rate_reached_by_two_threads_at_once_trips_at_the_next_outcome_at_the_latest() {
    model(|| {
        let gate = closed(Thresholds {
            failures: None,
            failure_rate: Some(0.3),
            min_calls: 2,
            ..thresholds()
        });
        let [failure, success] = [(); 2].map(|()| enter(&gate, START).unwrap().0);
        let other = {
            let gate = gate.clone();
            thread::spawn(move || fail(&gate, failure, START))
        };
        succeed(&gate, success, START);
        other.join().unwrap();
        if let Some(next) = gate.admit_if_closed() {
            assert!(succeed(&gate, next, START).is_some());
        }
        assert_eq!(gate.state(START), State::Open);
    });
}
