//! A pointer to something that lives for ever, replaced as a whole.
//!
//! A site reads its policy on every call, from every thread. `OnceLock` can't be replaced, a lock
//! or a reference count would be a shared line that every call writes, and `arc-swap` costs as
//! much as the rest of the call. A pointer to leaked memory needs one load, and what is replaced
//! is a few hundred bytes a reload.
#![allow(unsafe_code)]

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Holds nothing, or a reference that lives as long as the process.
pub(crate) struct Slot<T: 'static>(AtomicPtr<T>);

impl<T: Sync> Slot<T> {
    pub(crate) const fn empty() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    #[inline]
    pub(crate) fn get(&self) -> Option<&'static T> {
        let held = self.0.load(Ordering::Acquire);
        // SAFETY: `held` is null, or came from a `&'static T` in `set`, the only place that
        // stores anything else. Such a reference stays valid for ever, nobody gets a mutable one
        // from here, and `T: Sync` allows it to be seen from any thread. `Release` in `set` and
        // `Acquire` above make the value's own writes visible with it.
        unsafe { held.as_ref() }
    }

    pub(crate) fn set(&self, value: Option<&'static T>) {
        let held = value.map_or(ptr::null_mut(), |value| ptr::from_ref(value).cast_mut());
        self.0.store(held, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static SLOT: Slot<Vec<u32>> = Slot::empty();

    #[test]
    fn unsafe_cell_readers_see_whole_values_while_a_writer_replaces_them() {
        assert!(SLOT.get().is_none());
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let held = SLOT.get();
                        assert!(held.is_none_or(|held| held.iter().all(|n| *n == held[0])));
                    }
                });
            }
            for n in 0..50 {
                // Kept in a static list, so that a leak checker sees no leak.
                SLOT.set(Some(KEPT[n % 2].get_or_init(|| vec![n as u32; 16])));
            }
        });
        SLOT.set(None);
        assert!(SLOT.get().is_none());
    }

    static KEPT: [std::sync::OnceLock<Vec<u32>>; 2] = [const { std::sync::OnceLock::new() }; 2];
}
