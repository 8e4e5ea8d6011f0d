//! What caches and the queue have done so far, as the library counts it.

use serde::Serialize;
use steadfast::registry;

use crate::checkout::calls::{EMAILS, PRODUCT};

/// Product pages that needed no call to the catalog.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// By an answer of the cache that was fresh.
    pub fresh: u64,
    /// By an older one, while a refresh ran behind.
    pub stale: u64,
    /// By the answer to another customer, whose call was under way.
    pub joined: u64,
    /// By the last good answer, since the catalog had none.
    pub last_good: u64,
}

/// The queue of letters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Queue {
    /// Letters that wait, or are on their way.
    pub waiting: u64,
    /// Those that the worker has delivered.
    pub delivered: u64,
    /// Those that it has given up.
    pub dead: u64,
}

/// What the policies of the guarded service have saved so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Saved {
    /// Product pages.
    pub kept: Kept,
    /// E-mails; none before the first is queued.
    pub queue: Option<Queue>,
}

impl Saved {
    /// By now. Nobody else uses the queue, so what was taken and is not done waits.
    pub(super) fn now() -> Self {
        let totals = registry().totals();
        let cache = totals.caches.iter().find(|(name, _)| *name == PRODUCT);
        let call = totals.calls.iter().find(|call| call.name == PRODUCT);
        let queue = totals.queues.iter().find(|(name, _)| *name == EMAILS);
        let cache = cache.map(|(_, counts)| *counts).unwrap_or_default();
        Self {
            kept: Kept {
                fresh: cache.hits,
                stale: cache.stale,
                joined: cache.joined,
                last_good: call.map_or(0, |call| call.fallbacks),
            },
            queue: queue.map(|(_, counts)| Queue {
                waiting: counts.queued.saturating_sub(counts.delivered + counts.dead),
                delivered: counts.delivered,
                dead: counts.dead,
            }),
        }
    }
}
