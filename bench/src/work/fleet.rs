//! What a fleet shares over Redis, beside what asks Redis at every call.

use crate::contenders::{bare, fleet, fleet_limits};
use crate::item::{Before, Good, Item, Proof};

/// An open circuit is told by Redis, while calls go on.
const SOON: u64 = 1_000_000;

pub(super) fn items() -> Vec<Item> {
    vec![breaker(), leased_limit()]
}

fn breaker() -> Item {
    Item {
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
    }
}

/// At most 20 ns, whatever the peers take.
fn leased_limit() -> Item {
    Item {
        work: "leased token of a fleet's limit, sync",
        threads: 1,
        goal: None,
        before: Before::Nothing,
        proofs: &[],
        contenders: vec![
            bare::sync(Good),
            fleet_limits::steadfast(Good),
            fleet_limits::steadfast_handle(Good),
            fleet_limits::round_trip(Good),
            fleet_limits::trypema(Good),
        ],
    }
}
