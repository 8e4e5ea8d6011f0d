//! Breakers: closed, counting, open.

use std::time::Duration;

use crate::contenders::{
    bare, circuitbreaker_rs, execution_policy, failsafe, nobreak, recloser, steadfast,
    tower_resilience,
};
use crate::item::{Before, Good, Item, OneBadIn, OneGoodIn, Proof, Refused};

const WINDOW: Duration = Duration::from_secs(60);

pub(super) fn items() -> Vec<Item> {
    vec![
        closed_sync(),
        closed(),
        closed_shared(),
        rate(1),
        rate(2),
        window(100),
        window(50_000),
        refusing(),
        failing(),
    ]
}

fn item(work: &'static str, goal: f64) -> Item {
    Item {
        work,
        threads: 1,
        goal: Some(goal),
        before: Before::Nothing,
        proofs: &[Proof::Opens(2000)],
        contenders: Vec::new(),
    }
}

fn closed_sync() -> Item {
    Item {
        contenders: vec![
            bare::sync(Good),
            steadfast::closed_sync(Good),
            steadfast::permit(Good),
            recloser::sync(Good, recloser::breaker(100, 0.5)),
            failsafe::sync(Good, failsafe::in_a_row(5)),
            nobreak::sync(Good, 5),
            circuitbreaker_rs::sync(Good, 5, 0.5),
        ],
        ..item("closed breaker, failures rule, sync", 4.0 / 20.1)
    }
}

fn closed() -> Item {
    Item {
        contenders: vec![
            bare::ready(Good),
            steadfast::closed(Good),
            nobreak::ready(Good, 5),
            recloser::ready(Good, recloser::breaker(100, 0.5)),
            failsafe::ready(Good, failsafe::in_a_row(5)),
            execution_policy::ready(Good, execution_policy::in_a_row(5)),
            tower_resilience::ready(Good, tower_resilience::in_a_row(5)),
        ],
        ..item("closed breaker, failures rule, async", 5.0 / 31.6)
    }
}

fn closed_shared() -> Item {
    Item {
        threads: 2,
        contenders: vec![
            bare::ready(Good),
            steadfast::closed_shared(Good),
            nobreak::ready(Good, 5),
            recloser::ready(Good, recloser::breaker(100, 0.5)),
            failsafe::ready(Good, failsafe::in_a_row(5)),
            execution_policy::ready(Good, execution_policy::in_a_row(5)),
            tower_resilience::ready(Good, tower_resilience::in_a_row(5)),
        ],
        ..item(
            "closed breaker, failures rule, async, 2 threads",
            5.0 / 168.0,
        )
    }
}

fn rate(threads: usize) -> Item {
    let ours = if threads == 1 {
        steadfast::rate(Good)
    } else {
        steadfast::rate_shared(Good)
    };
    let (work, goal) = match threads {
        1 => ("closed breaker, failure rate over time", 10.0 / 112.0),
        _ => (
            "closed breaker, failure rate over time, 2 threads",
            12.0 / 112.0,
        ),
    };
    Item {
        threads,
        proofs: &[Proof::OpensAtHalf],
        contenders: vec![
            bare::ready(Good),
            ours,
            failsafe::ready(Good, failsafe::rate(WINDOW)),
            circuitbreaker_rs::sync(Good, u64::MAX, 0.5),
            execution_policy::ready(Good, execution_policy::rate(WINDOW)),
            tower_resilience::ready(Good, tower_resilience::rate(WINDOW)),
        ],
        ..item(work, goal)
    }
}

/// The cost of a call against the calls in the window. One in a hundred fails, so that no counter
/// is at rest.
fn window(calls: usize) -> Item {
    let load = OneBadIn(100);
    let (work, ours) = match calls {
        100 => ("rate over the last 100 calls", steadfast::last_100(load)),
        _ => (
            "rate over the last 50,000 calls",
            steadfast::last_50_000(load),
        ),
    };
    Item {
        goal: None,
        before: Before::Calls(calls as u64),
        proofs: &[Proof::OpensAtHalf],
        contenders: vec![
            bare::ready(load),
            ours,
            recloser::ready(load, recloser::breaker(calls, 0.5)),
            tower_resilience::ready(load, tower_resilience::last(calls)),
        ],
        ..item(work, 1.0)
    }
}

fn refusing() -> Item {
    Item {
        before: Before::Trip,
        proofs: &[],
        contenders: vec![
            steadfast::refusing_sync(Refused),
            steadfast::refusing(Refused),
            recloser::sync(Refused, recloser::breaker(100, 0.5)),
            failsafe::sync(Refused, failsafe::in_a_row(5)),
            nobreak::sync(Refused, 5),
            circuitbreaker_rs::sync(Refused, 5, 0.5),
            execution_policy::ready(Refused, execution_policy::in_a_row(5)),
            tower_resilience::ready(Refused, tower_resilience::in_a_row(5)),
        ],
        ..item("refusal while open", 10.0 / 40.0)
    }
}

/// Every call fails but one in 64, which keeps the run of failures short of its threshold.
fn failing() -> Item {
    let load = OneGoodIn(64);
    Item {
        contenders: vec![
            bare::sync(load),
            steadfast::failing_sync(load),
            steadfast::failing(load),
            recloser::sync(load, recloser::breaker(100, 1.0)),
            failsafe::sync(load, failsafe::in_a_row(1000)),
            nobreak::sync(load, 1000),
            circuitbreaker_rs::sync(load, 1000, 1.0),
            execution_policy::ready(load, execution_policy::in_a_row(1000)),
            tower_resilience::ready(load, tower_resilience::in_a_row(1000)),
        ],
        ..item("a failure recorded", 15.0 / 20.4)
    }
}
