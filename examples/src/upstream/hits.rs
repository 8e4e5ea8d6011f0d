//! Counts of what reached a stand-in.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Requests that reached a stand-in, as of one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hits {
    /// All of them.
    pub total: u64,
    /// Those that came while it was sick: while it hung, reset or failed requests, be it only some.
    /// Slowness alone does not count.
    pub sick: u64,
    /// Those that were taken and never answered.
    pub hung: u64,
    /// Those whose connection was reset.
    pub reset: u64,
    /// Those answered with an error status.
    pub errors: u64,
}

/// The counters behind [`Hits`]. They are independent of each other, hence relaxed.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) total: AtomicU64,
    pub(super) sick: AtomicU64,
    pub(super) hung: AtomicU64,
    pub(super) reset: AtomicU64,
    pub(super) errors: AtomicU64,
    accepted: Mutex<BTreeMap<String, u64>>,
}

impl Counters {
    /// A request with this idempotency key was answered well.
    pub(super) fn accept(&self, key: &str) {
        *self.keys().entry(key.to_owned()).or_default() += 1;
    }

    /// How often each idempotency key was answered well.
    pub(super) fn accepted(&self) -> BTreeMap<String, u64> {
        self.keys().clone()
    }

    fn keys(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn read(&self) -> Hits {
        Hits {
            total: self.total.load(Relaxed),
            sick: self.sick.load(Relaxed),
            hung: self.hung.load(Relaxed),
            reset: self.reset.load(Relaxed),
            errors: self.errors.load(Relaxed),
        }
    }
}

/// One more, and how many there were before.
pub(super) fn bump(counter: &AtomicU64) -> u64 {
    counter.fetch_add(1, Relaxed)
}
