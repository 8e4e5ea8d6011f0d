//! The items of work, with their goals: the share of the best peer's time that steadfast may take.

mod answers;
mod breaker;
mod calls;
#[cfg(feature = "redis")]
mod fleet;
mod guards;

use crate::item::Item;

/// All items, in the order they are reported.
pub(crate) fn items() -> Vec<Item> {
    let items = breaker::items().into_iter().chain(calls::items());
    let items = items.chain(guards::items());
    let items = items.chain(answers::items());
    #[cfg(feature = "redis")]
    let items = items.chain(fleet::items());
    items.collect()
}
