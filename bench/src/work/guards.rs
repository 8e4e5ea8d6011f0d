//! Rate limits, bulkheads, and all of them together.

use std::hint::black_box;

use crate::body::Answer;
use crate::contenders::{bare, guards};
use crate::item::{Before, Good, Item, Load, Proof, Refused};

pub(super) fn items() -> Vec<Item> {
    vec![
        limit(),
        limit_refuses(),
        limit_by_key(),
        bulkhead(),
        stack(),
    ]
}

fn item(work: &'static str, goal: f64) -> Item {
    Item {
        work,
        threads: 1,
        goal: Some(goal),
        before: Before::Nothing,
        proofs: &[],
        contenders: Vec::new(),
    }
}

/// Good orders of 64 kinds: odd ones, since a hanging order is even.
#[derive(Clone, Copy)]
struct Kinds;

impl Load for Kinds {
    #[inline]
    fn order(self, call: u64) -> u64 {
        black_box(call % 64 * 2 + 1)
    }

    #[inline]
    fn right(self, answer: Answer) -> bool {
        matches!(answer, Answer::Value(_))
    }
}

fn limit() -> Item {
    Item {
        contenders: vec![
            bare::ready(Good),
            guards::limit(Good),
            guards::limit_handle(Good),
            guards::governor(Good),
        ],
        ..item("rate limit", 25.0 / 31.2)
    }
}

fn limit_refuses() -> Item {
    Item {
        before: Before::Trip,
        contenders: vec![
            guards::limit_shut(Refused),
            guards::limit_shut_handle(Refused),
            guards::governor_shut(Refused),
        ],
        ..item("refusal by a rate limit", 18.0 / 31.2)
    }
}

fn limit_by_key() -> Item {
    Item {
        contenders: vec![
            bare::ready(Kinds),
            guards::limit_by_key(Kinds),
            guards::limit_by_key_handle(Kinds),
            guards::governor_by_key(Kinds),
        ],
        ..item("rate limit, 64 keys", 60.0 / 67.0)
    }
}

fn bulkhead() -> Item {
    Item {
        contenders: vec![
            bare::ready(Good),
            guards::bulkhead(Good),
            guards::bulkhead_handle(Good),
            guards::semaphore(Good),
        ],
        ..item("bulkhead", 25.0 / 32.7)
    }
}

fn stack() -> Item {
    Item {
        proofs: &[Proof::Attempts(3), Proof::Cuts],
        contenders: vec![
            bare::ready(Good),
            guards::stack(Good),
            guards::hand_made_stack(Good),
        ],
        ..item("breaker, retry, timeout and bulkhead", 45.0 / 178.0)
    }
}
