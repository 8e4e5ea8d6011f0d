//! The items of work, with their goals: the share of the best peer's time that steadfast may take.

mod breaker;
mod calls;

use crate::item::Item;

/// All items, in the order they are reported.
pub(crate) fn items() -> Vec<Item> {
    breaker::items().into_iter().chain(calls::items()).collect()
}
