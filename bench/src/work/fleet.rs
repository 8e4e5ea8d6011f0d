//! A breaker that a fleet shares over Redis, beside those that ask Redis at every call.

use crate::contenders::{bare, fleet};
use crate::item::{Before, Good, Item, Proof};

/// An open circuit is told by Redis, while calls go on.
const SOON: u64 = 1_000_000;

pub(super) fn items() -> Vec<Item> {
    vec![Item {
        work: "closed breaker of a fleet, sync",
        threads: 1,
        goal: Some(12.0 / 19_600.0),
        before: Before::Nothing,
        proofs: &[Proof::Opens(SOON)],
        contenders: vec![
            bare::sync(Good),
            fleet::steadfast(Good),
            fleet::get(Good),
            fleet::get_and_incr(Good),
        ],
    }]
}
