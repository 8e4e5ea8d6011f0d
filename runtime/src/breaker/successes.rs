//! Plain successes in a time window, counted in each thread's own buckets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::window::{BUCKETS, Buckets, Nanos};
use crate::cells::{Stripes, Writer};

/// Successes of one epoch of a breaker whose rules look at rates over time. A clone is the same
/// counts.
#[derive(Clone)]
pub(crate) struct Successes {
    /// Only a new configuration changes it, and makes it known by a new epoch.
    buckets: Arc<SharedBuckets>,
    stripes: Written,
    /// Held by whoever empties the shared stripe for a new epoch.
    turning: Arc<Mutex<()>>,
}

/// Who writes the buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writers {
    /// Each thread its own.
    Striped,
    /// All threads the same: small, for one key out of many.
    Shared,
}

#[derive(Clone)]
enum Written {
    Striped(Stripes<Stripe>),
    Shared(Arc<Stripe>),
}

/// How the window is cut, for all threads to see.
struct SharedBuckets(AtomicU64);

impl SharedBuckets {
    const ENDLESS: Nanos = Nanos::MAX;

    fn of(buckets: Buckets) -> Self {
        Self(AtomicU64::new(buckets.width().unwrap_or(Self::ENDLESS)))
    }

    fn set(&self, buckets: Buckets) {
        let width = buckets.width().unwrap_or(Self::ENDLESS);
        self.0.store(width, Ordering::Relaxed);
    }

    fn get(&self) -> Buckets {
        let width = self.0.load(Ordering::Relaxed);
        Buckets::of_width((width != Self::ENDLESS).then_some(width))
    }
}

impl Written {
    #[inline]
    fn mine(&self) -> (&Stripe, Writer) {
        match self {
            Self::Striped(stripes) => stripes.mine(),
            Self::Shared(stripe) => (stripe, Writer::Anyone),
        }
    }

    fn all(&self) -> Box<dyn Iterator<Item = &Stripe> + '_> {
        match self {
            Self::Striped(stripes) => Box::new(stripes.all()),
            Self::Shared(stripe) => Box::new(std::iter::once(&**stripe)),
        }
    }
}

/// The buckets of one thread. Only `epoch`, which is written last, makes the rest count.
#[repr(align(128))]
struct Stripe {
    epoch: AtomicU64,
    /// The bucket being written: its number, where it starts and how long it is.
    current: AtomicU64,
    start: AtomicU64,
    width: AtomicU64,
    /// A bucket's number in the upper half, its count in the lower.
    ring: [AtomicU64; BUCKETS as usize],
}

impl Default for Stripe {
    fn default() -> Self {
        Self {
            epoch: AtomicU64::new(0),
            current: AtomicU64::new(0),
            start: AtomicU64::new(0),
            width: AtomicU64::new(0),
            ring: [const { AtomicU64::new(0) }; BUCKETS as usize],
        }
    }
}

impl Stripe {
    /// Makes it count for no epoch, then empties it.
    fn clear(&self) {
        self.epoch.store(0, Ordering::Relaxed);
        for bucket in &self.ring {
            bucket.store(0, Ordering::Release);
        }
    }

    /// What it counted for `epoch` in one bucket.
    fn count(&self, epoch: u64, id: u64) -> u64 {
        if self.epoch.load(Ordering::Acquire) != epoch {
            return 0;
        }
        let held = self.ring[(id % BUCKETS) as usize].load(Ordering::Acquire);
        if held >> 32 == id & COUNT {
            held & COUNT
        } else {
            0
        }
    }

    /// What it counted for `epoch`, `current` being the newest bucket of the window.
    fn sum(&self, epoch: u64, current: u64) -> u64 {
        if self.epoch.load(Ordering::Acquire) != epoch {
            return 0;
        }
        // Numbers are kept to 32 bits: a bucket counts where its age is less than ten.
        let holds = |id: u64| (current as u32).wrapping_sub(id as u32) < BUCKETS as u32;
        let ring = self
            .ring
            .iter()
            .map(|bucket| bucket.load(Ordering::Acquire));
        ring.filter(|held| holds(held >> 32))
            .map(|held| held & COUNT)
            .sum()
    }
}

/// Whether a stripe serves the epoch that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turned {
    Done,
    /// It serves a later one: what comes now is of a state that is over.
    TooLate,
}

const COUNT: u64 = u32::MAX as u64;

fn packed(id: u64, count: u64) -> u64 {
    id << 32 | count
}

/// A full count stays so: what an unbounded window gathers in months must not spill into the
/// bucket's number.
fn one_more(held: u64) -> u64 {
    held + u64::from(held & COUNT < COUNT)
}

impl Successes {
    pub(crate) fn new(buckets: Buckets, writers: Writers) -> Self {
        let stripes = match writers {
            Writers::Striped => Written::Striped(Stripes::new()),
            Writers::Shared => Written::Shared(Arc::default()),
        };
        Self {
            buckets: Arc::new(SharedBuckets::of(buckets)),
            stripes,
            turning: Arc::default(),
        }
    }

    /// Cuts the window otherwise, from the next epoch on.
    pub(crate) fn cut(&self, buckets: Buckets) {
        self.buckets.set(buckets);
    }

    /// Counts one success of `epoch`, whose window began at `origin`.
    #[inline]
    pub(crate) fn add(&self, epoch: u64, origin: Nanos, now: Nanos) {
        let (stripe, writer) = self.stripes.mine();
        if writer == Writer::Anyone {
            return self.add_shared(stripe, epoch, origin, now);
        }
        let within = now.wrapping_sub(stripe.start.load(Ordering::Relaxed));
        if (stripe.epoch.load(Ordering::Relaxed) != epoch
            || within >= stripe.width.load(Ordering::Relaxed))
            && self.turn(stripe, epoch, origin, now) == Turned::TooLate
        {
            return;
        }
        let current = stripe.current.load(Ordering::Relaxed);
        let bucket = &stripe.ring[(current % BUCKETS) as usize];
        bucket.store(one_more(bucket.load(Ordering::Relaxed)), Ordering::Relaxed);
    }

    /// Moves this thread's stripe to the bucket that holds `now`.
    #[cold]
    fn turn(&self, stripe: &Stripe, epoch: u64, origin: Nanos, now: Nanos) -> Turned {
        let held = stripe.epoch.load(Ordering::Relaxed);
        if held > epoch {
            return Turned::TooLate;
        }
        if held < epoch {
            stripe.clear();
        }
        let id = self.buckets.get().id(origin, now);
        let (start, width) = self.buckets.get().span(origin, id);
        let bucket = &stripe.ring[(id % BUCKETS) as usize];
        if bucket.load(Ordering::Relaxed) >> 32 != id & COUNT {
            bucket.store(packed(id & COUNT, 0), Ordering::Relaxed);
        }
        stripe.current.store(id, Ordering::Relaxed);
        stripe.start.store(start, Ordering::Relaxed);
        stripe.width.store(width, Ordering::Relaxed);
        stripe.epoch.store(epoch, Ordering::Release);
        Turned::Done
    }

    /// Where threads are many, those beyond the owned stripes share one. A success that a thread
    /// began to count just before the stripe turned to a new epoch may still land in that: one a
    /// thread at most.
    #[cold]
    fn add_shared(&self, stripe: &Stripe, epoch: u64, origin: Nanos, now: Nanos) {
        if stripe.epoch.load(Ordering::Acquire) != epoch
            && self.turn_shared(stripe, epoch) == Turned::TooLate
        {
            return;
        }
        let id = self.buckets.get().id(origin, now) & COUNT;
        let bucket = &stripe.ring[(id % BUCKETS) as usize];
        let more = |held: u64| {
            Some(if held >> 32 == id {
                one_more(held)
            } else {
                packed(id, 1)
            })
        };
        let _ = bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    /// Empties the shared stripe for `epoch`, once.
    fn turn_shared(&self, stripe: &Stripe, epoch: u64) -> Turned {
        let turning = self.turning.lock();
        let _turning = turning.unwrap_or_else(PoisonError::into_inner);
        let held = stripe.epoch.load(Ordering::Relaxed);
        if held > epoch {
            return Turned::TooLate;
        }
        if held < epoch {
            stripe.clear();
            stripe.epoch.store(epoch, Ordering::Release);
        }
        Turned::Done
    }

    /// Successes of `epoch` in the window that ends now, each bucket by its number.
    pub(crate) fn each(
        &self,
        epoch: u64,
        origin: Nanos,
        now: Nanos,
    ) -> impl Iterator<Item = (u64, u64)> {
        let current = self.buckets.get().id(origin, now);
        (current.saturating_sub(BUCKETS - 1)..=current).map(move |id| {
            let counted = self.stripes.all().map(|stripe| stripe.count(epoch, id));
            (id, counted.sum())
        })
    }

    /// Successes of `epoch` in the window that ends now.
    pub(crate) fn sum(&self, epoch: u64, origin: Nanos, now: Nanos) -> u64 {
        let current = self.buckets.get().id(origin, now);
        let stripes = self.stripes.all();
        stripes.map(|stripe| stripe.sum(epoch, current)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successes_leave_with_their_bucket_and_their_epoch() {
        let successes = Successes::new(Buckets::over(Some(100)), Writers::Striped);
        successes.add(1, 1_000, 1_000);
        successes.add(1, 1_000, 1_009);
        successes.add(1, 1_000, 1_050);
        assert_eq!(successes.sum(1, 1_000, 1_099), 3);
        let each: Vec<_> = successes.each(1, 1_000, 1_050).collect();
        assert_eq!(each, [(0, 2), (1, 0), (2, 0), (3, 0), (4, 0), (5, 1)]);
        assert_eq!(successes.sum(1, 1_000, 1_100), 1);
        successes.add(2, 1_200, 1_200);
        assert_eq!(successes.sum(1, 1_000, 1_100), 0);
        assert_eq!(successes.sum(2, 1_200, 1_200), 1);
    }

    #[test]
    fn a_late_success_of_an_older_epoch_wipes_nothing() {
        let successes = Successes::new(Buckets::over(Some(100)), Writers::Striped);
        successes.add(2, 0, 0);
        successes.add(1, 0, 0);
        assert_eq!(successes.sum(2, 0, 0), 1);
    }

    #[test]
    fn threads_that_share_a_stripe_count_for_one_epoch_at_a_time() {
        let successes = Successes::new(Buckets::over(Some(100)), Writers::Striped);
        let shared = Stripe::default();
        (0..3).for_each(|_| successes.add_shared(&shared, 1, 0, 5));
        successes.add_shared(&shared, 1, 0, 15);
        assert_eq!((shared.sum(1, 9), shared.sum(1, 10)), (4, 1));
        successes.add_shared(&shared, 2, 0, 20);
        successes.add_shared(&shared, 1, 0, 20);
        assert_eq!((shared.sum(1, 2), shared.sum(2, 2)), (0, 1));
    }

    #[test]
    fn a_full_count_stays_full() {
        let successes = Successes::new(Buckets::over(None), Writers::Striped);
        successes.add(1, 0, 0);
        let (mine, shared) = (successes.stripes.mine().0, Stripe::default());
        mine.ring[0].store(packed(0, COUNT - 1), Ordering::Relaxed);
        successes.add(1, 0, 0);
        successes.add(1, 0, 0);
        assert_eq!(successes.sum(1, 0, 0), COUNT);
        successes.add_shared(&shared, 1, 0, 0);
        shared.ring[0].store(packed(0, COUNT), Ordering::Relaxed);
        successes.add_shared(&shared, 1, 0, 0);
        assert_eq!(shared.sum(1, 0), COUNT);
    }

    #[test]
    fn an_unbounded_window_never_forgets() {
        let successes = Successes::new(Buckets::over(None), Writers::Shared);
        successes.add(1, 5, 5);
        successes.add(1, 5, u64::MAX / 2);
        assert_eq!(successes.sum(1, 5, u64::MAX), 2);
    }
}
