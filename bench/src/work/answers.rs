//! Answers that are kept.

use crate::contenders::{bare, caches};
use crate::item::{Before, Good, Item};

pub(super) fn items() -> Vec<Item> {
    vec![Item {
        work: "cache hit",
        threads: 1,
        goal: Some(1.5),
        before: Before::Calls(1),
        proofs: &[],
        contenders: vec![
            bare::ready(Good),
            caches::hit(Good),
            caches::hit_sync(Good),
            caches::hit_stale(Good),
            caches::moka(Good),
        ],
    }]
}
