//! Counters that each thread writes in cells of its own, and a reader sums.
//!
//! A shared counter costs its writers a cache line that moves between cores on every call. Here a
//! thread takes a number for its lifetime, and writes the stripe of that number with plain loads
//! and stores; threads beyond the numbers share one stripe with atomic additions.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// Threads that write stripes of their own at a time: those that compute, and as many that wait.
static OWNERS: LazyLock<usize> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (2 * cores).clamp(4, 64)
});

const UNKNOWN: usize = usize::MAX;
const SHARED: usize = UNKNOWN - 1;

static NUMBERS: Mutex<Numbers> = Mutex::new(Numbers {
    free: Vec::new(),
    next: 0,
});

struct Numbers {
    free: Vec<usize>,
    next: usize,
}

impl Numbers {
    fn take(&mut self) -> Option<usize> {
        self.free.pop().or_else(|| {
            let number = self.next;
            self.next += usize::from(number < *OWNERS);
            (number < *OWNERS).then_some(number)
        })
    }
}

/// Gives the thread's number back when the thread ends; the lock orders the old owner's writes
/// before the new one's.
struct Lease(usize);

impl Drop for Lease {
    fn drop(&mut self) {
        NUMBER.set(SHARED);
        let mut numbers = NUMBERS.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.free.push(self.0);
    }
}

thread_local! {
    static NUMBER: Cell<usize> = const { Cell::new(UNKNOWN) };
    static LEASE: RefCell<Option<Lease>> = const { RefCell::new(None) };
}

#[cold]
fn take_number() {
    let mut numbers = NUMBERS.lock().unwrap_or_else(PoisonError::into_inner);
    let free = numbers.take();
    drop(numbers);
    // Where thread-locals are gone already, the thread shares the common stripe.
    let number = free.filter(|&number| {
        LEASE
            .try_with(|lease| *lease.borrow_mut() = Some(Lease(number)))
            .is_ok()
    });
    NUMBER.set(number.unwrap_or(SHARED));
}

/// Who writes a stripe.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writer {
    /// This thread alone.
    Owner,
    /// Any thread.
    Anyone,
}

/// One `T` for each thread that writes. A clone is the same stripes.
pub(crate) struct Stripes<T> {
    owned: Arc<[T]>,
    shared: Arc<T>,
}

impl<T> Clone for Stripes<T> {
    fn clone(&self) -> Self {
        Self {
            owned: self.owned.clone(),
            shared: self.shared.clone(),
        }
    }
}

impl<T: Default> Stripes<T> {
    pub(crate) fn new() -> Self {
        Self {
            owned: (0..*OWNERS).map(|_| T::default()).collect(),
            shared: Arc::default(),
        }
    }

    /// The stripe of this thread.
    #[inline]
    pub(crate) fn mine(&self) -> (&T, Writer) {
        match self.owned() {
            Some(stripe) => (stripe, Writer::Owner),
            None => self.first_use(),
        }
    }

    /// The stripe that only this thread writes, once it has its number.
    #[inline]
    fn owned(&self) -> Option<&T> {
        self.owned.get(NUMBER.get())
    }

    #[cold]
    fn first_use(&self) -> (&T, Writer) {
        if NUMBER.get() == UNKNOWN {
            take_number();
        }
        match self.owned() {
            Some(stripe) => (stripe, Writer::Owner),
            None => (&self.shared, Writer::Anyone),
        }
    }

    /// All stripes.
    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        self.owned.iter().chain([&*self.shared])
    }
}

/// Adds one to a cell of one's own stripe, or of the shared one.
#[inline]
pub(crate) fn bump(cell: &AtomicU64, writer: Writer) {
    match writer {
        Writer::Owner => cell.store(cell.load(Ordering::Relaxed) + 1, Ordering::Relaxed),
        Writer::Anyone => {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A row of `N` counters. A clone is the same counters.
#[derive(Clone)]
pub(crate) struct Counters<const N: usize>(Stripes<Row>);

const MOST: usize = 16;

/// Aligned so that two threads' rows share no cache line: fewer counters would take no less room.
#[derive(Default)]
#[repr(align(128))]
struct Row([AtomicU64; MOST]);

impl<const N: usize> Counters<N> {
    pub(crate) fn new() -> Self {
        const { assert!(N <= MOST, "a row has no room for so many counters") };
        Self(Stripes::new())
    }

    #[inline]
    pub(crate) fn bump(&self, which: usize) {
        match self.0.owned() {
            Some(row) => bump(&row.0[which], Writer::Owner),
            None => bump_first(&self.0, which),
        }
    }

    pub(crate) fn sum(&self, which: usize) -> u64 {
        sum(&self.0, which)
    }
}

#[cold]
fn bump_first(rows: &Stripes<Row>, which: usize) {
    let (row, writer) = rows.mine();
    bump(&row.0[which], writer);
}

#[inline(never)]
fn sum(rows: &Stripes<Row>, which: usize) -> u64 {
    let cells = rows.all().map(|row| &row.0[which]);
    cells.map(|cell| cell.load(Ordering::Relaxed)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_all_threads_are_summed_past_the_owned_stripes() {
        let counters = Arc::new(Counters::<2>::new());
        let barrier = Arc::new(std::sync::Barrier::new(*OWNERS + 8));
        let threads: Vec<_> = (0..*OWNERS + 8)
            .map(|_| {
                let (counters, barrier) = (counters.clone(), barrier.clone());
                std::thread::spawn(move || {
                    counters.bump(1);
                    barrier.wait();
                    (0..99).for_each(|_| counters.bump(1));
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(counters.sum(1), (*OWNERS as u64 + 8) * 100);
        assert_eq!(counters.sum(0), 0);
    }

    #[test]
    fn a_number_is_used_again_when_its_thread_ends() {
        let counters = Arc::new(Counters::<1>::new());
        for _ in 0..4 * *OWNERS {
            let counters = counters.clone();
            std::thread::spawn(move || counters.bump(0)).join().unwrap();
        }
        assert_eq!(counters.sum(0), 4 * *OWNERS as u64);
    }
}
