//! A bounded map from keys to what is kept for each.
//!
//! Any `Hash` value is a key: what is kept is its 128-bit keyed hash (`SipHash` 1-3, Aumasson and
//! Bernstein, with a secret of this process), so that a borrowed key is looked up without being
//! copied, and a caller who chooses keys can't make two of them meet. Two keys out of 10,000 meet
//! by chance once in 10³⁰ processes.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::breaker::Nanos;

/// A key's hash.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(u64, u64);

static SECRET: LazyLock<(u64, u64)> = LazyLock::new(|| (fastrand::u64(..), fastrand::u64(..)));

impl Key {
    pub(crate) fn of(value: &(impl Hash + ?Sized)) -> Self {
        let (one, other) = *SECRET;
        let mut hasher = SipHasher13::new_with_keys(one, other);
        value.hash(&mut hasher);
        let hash = hasher.finish128();
        Self(hash.h1, hash.h2)
    }

    /// This key and something more that tells it from others.
    #[inline]
    pub(crate) fn and(self, more: u64) -> Self {
        Self(self.0 ^ more, self.1)
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

/// Keys are hashes already.
#[derive(Clone, Default)]
pub(crate) struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("a key writes one number");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

const SHARDS: usize = 16;

type Shard<V> = HashMap<Key, V, BuildHasherDefault<Same>>;

/// At most `most` keys; only those that may be forgotten make room for others.
pub(crate) struct Keys<V> {
    shards: [Mutex<Shard<V>>; SHARDS],
    held: AtomicUsize,
    most: AtomicUsize,
    /// Before this time no key may be forgotten, and looking for one is in vain.
    full_until: AtomicU64,
}

/// What a map asks of the values it keeps.
pub(crate) trait Forgettable {
    /// Time until it may be forgotten, if nothing happens; zero where it may be now.
    fn forgettable_in(&self, now: Nanos) -> Nanos;
}

/// No key could make room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full {
    /// When one may, at the earliest.
    pub(crate) retry_in: Nanos,
}

impl<V: Forgettable> Keys<V> {
    pub(crate) fn new(most: u32) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            held: AtomicUsize::new(0),
            most: AtomicUsize::new(most as usize),
            full_until: AtomicU64::new(0),
        }
    }

    /// Uses what is kept for a key, made by `make` where nothing is.
    ///
    /// # Errors
    ///
    /// [`Full`] where the key is new and none makes room for it.
    #[inline]
    pub(crate) fn with<R>(
        &self,
        key: Key,
        now: Nanos,
        make: impl FnOnce() -> V,
        act: impl FnOnce(&V) -> R,
    ) -> Result<R, Full> {
        let mut shard = self.shard(key);
        if let Some(known) = shard.get(&key) {
            return Ok(act(known));
        }
        // Counted before it is there, so that the bound holds at every moment.
        if self.held.fetch_add(1, Ordering::Relaxed) >= self.most() {
            drop(shard);
            if let Err(full) = self.make_room(now) {
                self.held.fetch_sub(1, Ordering::Relaxed);
                return Err(full);
            }
            shard = self.shard(key);
            if let Some(known) = shard.get(&key) {
                self.held.fetch_sub(1, Ordering::Relaxed);
                return Ok(act(known));
            }
        }
        Ok(act(shard.entry(key).or_insert(make())))
    }

    /// Uses what is kept for a key, if anything is.
    pub(crate) fn get<R>(&self, key: Key, act: impl FnOnce(&V) -> R) -> Option<R> {
        self.shard(key).get(&key).map(act)
    }

    fn shard(&self, key: Key) -> MutexGuard<'_, Shard<V>> {
        locked(&self.shards[key.1 as usize % SHARDS])
    }

    /// Forgets what may be forgotten.
    #[cold]
    fn make_room(&self, now: Nanos) -> Result<(), Full> {
        let full_until = self.full_until.load(Ordering::Relaxed);
        if now < full_until {
            return Err(Full {
                retry_in: full_until - now,
            });
        }
        let mut soonest = Nanos::MAX;
        let mut forgotten = 0;
        for shard in &self.shards {
            locked(shard).retain(|_, value| {
                let time = value.forgettable_in(now);
                if time > 0 {
                    soonest = soonest.min(time);
                } else {
                    forgotten += 1;
                }
                time > 0
            });
        }
        self.held.fetch_sub(forgotten, Ordering::Relaxed);
        if forgotten > 0 {
            return Ok(());
        }
        self.full_until
            .store(now.saturating_add(soonest), Ordering::Relaxed);
        Err(Full { retry_in: soonest })
    }

    pub(crate) fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    /// Takes another bound over. Keys beyond it stay until they may be forgotten.
    pub(crate) fn set_most(&self, most: u32) {
        self.most.store(most as usize, Ordering::Relaxed);
        self.full_until.store(0, Ordering::Relaxed);
    }

    pub(crate) fn len(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Shows every value that is kept, one shard after another.
    pub(crate) fn each(&self, mut act: impl FnMut(&V)) {
        for shard in &self.shards {
            locked(shard).values().for_each(&mut act);
        }
    }
}

fn locked<V>(shard: &Mutex<Shard<V>>) -> MutexGuard<'_, Shard<V>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Until(Nanos);

    impl Forgettable for Until {
        fn forgettable_in(&self, now: Nanos) -> Nanos {
            self.0.saturating_sub(now)
        }
    }

    #[test]
    fn a_borrowed_key_finds_what_an_owned_one_made() {
        let keys = Keys::new(10);
        keys.with(Key::of(&("acme".to_owned(), 7)), 0, || Until(5), |_| ())
            .unwrap();
        assert!(keys.get(Key::of(&("acme", 7)), |_| ()).is_some());
        assert!(keys.get(Key::of(&("acme", 8)), |_| ()).is_none());
    }

    #[test]
    fn only_what_may_be_forgotten_makes_room() {
        let keys = Keys::new(2);
        keys.with(Key::of("a"), 0, || Until(10), |_| ()).unwrap();
        keys.with(Key::of("b"), 0, || Until(20), |_| ()).unwrap();
        let full = keys
            .with(Key::of("c"), 4, || Until(30), |_| ())
            .unwrap_err();
        assert_eq!(full, Full { retry_in: 6 });
        assert!(keys.with(Key::of("c"), 10, || Until(30), |_| ()).is_ok());
        assert!(keys.get(Key::of("a"), |_| ()).is_none());
        assert!(keys.get(Key::of("b"), |_| ()).is_some());
        assert_eq!(keys.len(), 2);
    }
}
