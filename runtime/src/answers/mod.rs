//! Answers that are kept: for a cache, and for the fallback that gives the last good one. In memory, and
//! where instances share them in Redis behind it.
//!
//! `moka` keeps them within their bound in memory. How old they are is told by the runtime's own clock, so that
//! a test's paused time ages them too.

mod cache;
mod find;
mod flight;
mod kept;
mod memory;
#[cfg(feature = "redis")]
mod shared;

use std::any::{Any, TypeId};
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

pub(crate) use cache::Cache;
pub use cache::{CacheCounts, Lease};
pub use find::{Found, find, find_blocking};
pub use flight::{Shared, Sharing, ViaClone, ViaOne};
pub(crate) use kept::LastGood;
pub use kept::{keep, last_good};
#[cfg(feature = "redis")]
pub use shared::{
    find_shared, find_shared_blocking, form, keep_shared, last_good_shared,
    last_good_shared_blocking, look, shared_key,
};

use crate::breaker::Nanos;
use crate::clock;
use crate::keys::Key;
use memory::{Keeps, memory};

/// A value that can be kept as an answer.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be kept as an answer: that needs `Clone + Send + Sync + 'static`",
    label = "each caller gets a clone of the answer that is kept",
    note = "derive `Clone` for it, or return an `Arc` around it"
)]
pub trait Answerable: Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + 'static> Answerable for T {}

pub(crate) type Erased = dyn Any + Send + Sync;

/// An answer, and when it came.
pub(crate) struct Answer<T: ?Sized = Erased> {
    at: Nanos,
    weight: u32,
    /// Until when nobody asks whether other instances have a later one.
    #[cfg(feature = "redis")]
    quiet_until: AtomicU64,
    value: T,
}

impl Answer {
    fn new<T: Answerable>(value: &T, weight: u32) -> Arc<Self> {
        Self::came(clock::precise(), value.clone(), weight)
    }

    fn came<T: Answerable>(at: Nanos, value: T, weight: u32) -> Arc<Self> {
        Arc::new(Answer {
            at,
            weight,
            #[cfg(feature = "redis")]
            quiet_until: AtomicU64::new(0),
            value,
        })
    }

    #[cfg(feature = "redis")]
    fn is_quiet(&self) -> bool {
        clock::now() < self.quiet_until.load(Ordering::Relaxed)
    }

    /// Lets nobody ask for so long; whether somebody might have until now.
    #[cfg(feature = "redis")]
    fn be_quiet(&self, time: std::time::Duration) -> bool {
        let now = clock::now();
        let until = now.saturating_add(crate::breaker::nanos(time));
        self.quiet_until.swap(until, Ordering::Relaxed) <= now
    }

    fn value<T: Answerable>(&self) -> Option<T> {
        self.value.downcast_ref().cloned()
    }

    /// How old it is, to within a few hundredths of `limit`.
    fn age(&self, limit: Nanos) -> Nanos {
        let now = clock::start_of(std::time::Duration::from_nanos(limit));
        now.saturating_sub(self.at)
    }
}

/// Answers by key; the ones that were not used for the longest make room for others.
pub(crate) struct Answers {
    /// Made at the first use, which only the code of a function has that keeps answers: a program
    /// without one has no `moka` in it.
    kept: OnceLock<Box<dyn Keeps>>,
    max: u32,
    /// The weight that came in since `moka` was last told to keep to its bound.
    came: AtomicU64,
}

impl Answers {
    fn new(max: u32) -> Self {
        Self {
            kept: OnceLock::new(),
            max,
            came: AtomicU64::new(0),
        }
    }

    #[inline]
    fn kept(&self) -> &dyn Keeps {
        &**self.kept.get_or_init(|| memory(self.max))
    }

    /// These answers within another bound.
    fn within(&self, max: u32) -> Self {
        let other = Self::new(max);
        if let Some(kept) = self.kept.get() {
            let room = other.kept.get_or_init(|| kept.anew(max));
            for (key, answer) in kept.all() {
                other.put_in(&**room, key, answer);
            }
        }
        other
    }

    #[inline]
    fn get(&self, key: Key) -> Option<Arc<Answer>> {
        self.kept().get(key)
    }

    fn put(&self, key: Key, answer: Arc<Answer>) {
        self.put_in(self.kept(), key, answer);
    }

    fn put_in(&self, kept: &dyn Keeps, key: Key, answer: Arc<Answer>) {
        let weight = u64::from(answer.weight);
        kept.put(key, answer);
        // By itself moka keeps to the bound now and then, whatever the answers weigh.
        let came = self.came.fetch_add(weight, Ordering::Relaxed) + weight;
        if came > u64::from(self.max) / 16 {
            self.came.store(0, Ordering::Relaxed);
            kept.keep_to_bound();
        }
    }

    fn forget(&self, key: Key) {
        self.kept().forget(key);
    }

    /// How many there are, those that are too old to be served among them.
    fn len(&self) -> u64 {
        let Some(kept) = self.kept.get() else {
            return 0;
        };
        kept.keep_to_bound();
        kept.len()
    }
}

impl Key {
    /// The key of an answer of this type: a generic function may give several types for one key.
    #[inline]
    fn typed<T: 'static>(self) -> Self {
        let mut hasher = Fold::default();
        TypeId::of::<T>().hash(&mut hasher);
        self.and(hasher.0)
    }
}

/// Type ids are hashes already.
#[derive(Default)]
struct Fold(u64);

impl Hasher for Fold {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, half: u64) {
        self.0 ^= half;
    }
}
