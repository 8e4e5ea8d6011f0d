//! Retries, timeouts, and all policies together.

use crate::contenders::{
    bare, execution_policy, hand_made, retries, steadfast, timeouts, tower, tower_resilience,
};
use crate::item::{Before, Good, Item, Proof};

pub(super) fn items() -> Vec<Item> {
    vec![retry(), timeout(), timeout_pending(), all()]
}

fn item(work: &'static str, goal: f64, proofs: &'static [Proof]) -> Item {
    Item {
        work,
        threads: 1,
        goal: Some(goal),
        before: Before::Nothing,
        proofs,
        contenders: Vec::new(),
    }
}

fn retry() -> Item {
    Item {
        contenders: vec![
            bare::ready(Good),
            steadfast::retry(Good),
            retries::tokio_retry2(Good),
            tower::retry(Good),
            retries::backon(Good),
            execution_policy::ready(Good, execution_policy::retry()),
            tower_resilience::retry(Good),
        ],
        ..item(
            "retry, first try succeeds",
            5.0 / 8.2,
            &[Proof::Attempts(3)],
        )
    }
}

fn timeout() -> Item {
    Item {
        contenders: vec![
            bare::ready(Good),
            steadfast::timeout(Good),
            tower::timeout(Good),
            timeouts::ready(Good),
            execution_policy::ready(Good, execution_policy::timeout()),
            tower_resilience::timeout(Good),
        ],
        ..item("timeout, body ready", 7.0 / 56.0, &[Proof::Cuts])
    }
}

fn timeout_pending() -> Item {
    Item {
        contenders: vec![
            bare::pending(Good),
            steadfast::timeout_pending(Good),
            timeouts::pending(Good),
            tower::timeout_pending(Good),
            execution_policy::pending(Good, execution_policy::timeout()),
            tower_resilience::timeout_pending(Good),
        ],
        ..item("timeout, body pending once", 180.0 / 173.0, &[Proof::Cuts])
    }
}

fn all() -> Item {
    Item {
        contenders: vec![
            bare::ready(Good),
            steadfast::all(Good),
            hand_made::ready(Good),
            tower::all(Good),
            execution_policy::ready(Good, execution_policy::all()),
            tower_resilience::all(Good),
        ],
        ..item(
            "breaker, retry and timeout",
            0.25,
            &[Proof::Attempts(3), Proof::Cuts, Proof::Opens(120)],
        )
    }
}
