//! The call around, for the time that its body is on the thread.
//!
//! A pointer, not a copy: to enter and to leave is to swap one word, which a call does on every
//! poll of its body. The crate `scoped-tls` does the same through three calls by function pointer.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::mem;
use std::ptr::NonNull;

use crate::current::Around;

thread_local! {
    static AROUND: Cell<Option<NonNull<Around>>> = const { Cell::new(None) };
}

/// Puts what was there before back, also where the work panics.
#[must_use]
pub(crate) struct Outer(Option<NonNull<Around>>);

impl Outer {
    #[inline]
    pub(crate) fn leave(self) {
        AROUND.set(self.0);
        mem::forget(self);
    }
}

impl Drop for Outer {
    /// Called, not written where the work panics, since that may be in each annotated function.
    #[cold]
    #[inline(never)]
    fn drop(&mut self) {
        AROUND.set(self.0);
    }
}

/// Enters `around`, until what it gives is left or dropped.
///
/// # Safety
///
/// `around` stays where it is until then, and whoever changes it in place leaves first. What this gives
/// is left or dropped before what was entered before it is.
#[inline]
pub(crate) unsafe fn enter(around: &Around) -> Outer {
    Outer(AROUND.replace(Some(NonNull::from(around))))
}

/// Runs `work` inside `around`.
#[inline]
pub(crate) fn inside<R>(around: &Around, work: impl FnOnce() -> R) -> R {
    // SAFETY: `around` is borrowed until after `work`, and what this gives is left here.
    let outer = unsafe { enter(around) };
    let done = work();
    outer.leave();
    done
}

/// Runs `work` inside `around`, where no call is around that.
#[inline]
pub(crate) fn inside_only<R>(around: &Around, work: impl FnOnce() -> R) -> R {
    debug_assert!(!is_inside(), "there is a call around");
    let outer = Outer(None);
    AROUND.set(Some(NonNull::from(around)));
    let done = work();
    outer.leave();
    done
}

/// Whether there is a call around.
#[inline]
pub(crate) fn is_inside() -> bool {
    AROUND.get().is_some()
}

/// Looks at the call around, where there is one.
pub(crate) fn around<R>(look: impl FnOnce(&Around) -> R) -> Option<R> {
    let around = AROUND.get()?;
    // SAFETY: `inside` and `inside_only` put a pointer here, of a reference that outlives their
    // `work`; whatever way `work` ends, `Outer` takes the pointer out again before they return, and
    // nobody can keep `Outer` from being dropped, since it never leaves those functions. Who calls
    // `enter` promises the same. Calls nest like the frames of this thread, so that what `Outer`
    // puts back is still borrowed further down the stack. `look` gets a reference of a lifetime that
    // it can't name and so can't keep, and whatever it puts here itself is gone when it returns.
    // `Around` is changed through cells only.
    Some(look(unsafe { around.as_ref() }))
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn attempt() -> Option<u32> {
        around(|around| around.attempt)
    }

    fn of(attempt: u32) -> Around {
        Around {
            attempt,
            ..Around::nothing()
        }
    }

    #[test]
    fn unsafe_cell_the_call_around_is_seen_inside_and_the_one_before_after_it() {
        assert_eq!(attempt(), None);
        inside(&of(1), || {
            assert_eq!(inside(&of(2), attempt), Some(2));
            assert_eq!(attempt(), Some(1));
        });
        assert!(!is_inside());
    }

    #[test]
    fn unsafe_cell_a_panic_leaves_the_call_that_it_leaves() {
        inside(&of(1), || {
            let panicked = catch_unwind(AssertUnwindSafe(|| inside(&of(2), || panic!("inside"))));
            assert!(panicked.is_err());
            assert_eq!(attempt(), Some(1));
        });
        assert!(!is_inside());
    }

    #[test]
    fn unsafe_cell_the_only_call_around_is_gone_after_it() {
        assert_eq!(inside_only(&of(1), attempt), Some(1));
        assert!(!is_inside());
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            inside_only(&of(1), || panic!("inside"))
        }));
        assert!(panicked.is_err() && !is_inside());
    }

    #[test]
    fn unsafe_cell_another_thread_is_outside() {
        inside(&of(1), || {
            std::thread::scope(|scope| scope.spawn(|| assert!(!is_inside())).join()).unwrap();
        });
    }

    #[test]
    fn unsafe_cell_what_is_looked_at_may_enter_another() {
        let seen = inside(&of(1), || {
            around(|outer| (outer.attempt, inside(&of(2), attempt), outer.attempt))
        });
        assert_eq!(seen, Some((1, Some(2), 1)));
    }
}
