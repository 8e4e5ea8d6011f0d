//! A body in its place, which may be gone before the place is.
//!
//! An `Option` that is set to `None` does the same, with a move and a second way out for a drop that
//! panics, in each annotated function.
#![allow(unsafe_code)]

use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll};

use super::body::{BodyPlace, Clear, Gives, poll_into};

/// An async block, which holds nothing once it has ended: it is dropped only where it has not.
#[doc(hidden)]
pub struct Held<F> {
    body: ManuallyDrop<F>,
    is_over: bool,
}

impl<F> Held<F> {
    #[inline]
    pub(super) const fn new(body: F) -> Self {
        Self {
            body: ManuallyDrop::new(body),
            is_over: false,
        }
    }
}

impl<F> Clear for Held<F> {
    #[cold]
    #[inline]
    fn clear(self: Pin<&mut Self>, _: bool) {
        // SAFETY: nothing is moved out of the reference.
        let this = unsafe { self.get_unchecked_mut() };
        if !this.is_over {
            // Before the drop, so that one that panics is not followed by another.
            this.is_over = true;
            // SAFETY: only here is the body dropped, and only where `is_over` was not set; nobody
            // reaches it afterwards, since `poll` looks at the same flag. It is dropped in its
            // place, as pinning demands.
            unsafe { ManuallyDrop::drop(&mut this.body) }
        }
    }
}

impl<F: Future> Gives for Held<F> {
    type Output = F::Output;
}

// SAFETY: `poll_into` writes what the body gives, which is what `Gives` says.
unsafe impl<F, T, E> BodyPlace for Held<F>
where
    F: Future<Output = Result<T, E>>,
{
    /// A body that is over stays pending.
    #[inline]
    unsafe fn poll(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        result: NonNull<()>,
    ) -> Poll<bool> {
        // SAFETY: nothing is moved out of the reference.
        let this = unsafe { self.get_unchecked_mut() };
        if this.is_over {
            return Poll::Pending;
        }
        // SAFETY: the body is pinned with what holds it: it is never moved out, `clear` drops it in its
        // place, and `Held` is `Unpin` only where it is, and hands it out nowhere.
        let body = unsafe { Pin::new_unchecked(&mut *this.body) };
        // SAFETY: the caller promises the same.
        let polled = unsafe { poll_into(body, context, result) };
        this.is_over = polled.is_ready();
        polled
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::pin::pin;

    use super::super::test_bodies::{Cleared, Dropped, Panics, hanging};
    use super::*;

    #[test]
    fn unsafe_cell_a_body_that_ends_is_dropped_once() {
        let drops = Cell::new(0);
        let guard = Dropped(&drops);
        {
            let mut held = pin!(Cleared::new(Held::new(async move {
                let _guard = guard;
                Ok(7)
            })));
            assert_eq!(held.as_mut().poll(), Poll::Ready(Ok(7)));
            assert_eq!(drops.get(), 1);
            assert!(held.as_mut().poll().is_pending());
            held.as_mut().clear(true);
        }
        assert_eq!(drops.get(), 1);
    }

    #[test]
    fn unsafe_cell_a_body_that_is_cut_is_dropped_at_once_and_once() {
        let drops = Cell::new(0);
        let guard = Dropped(&drops);
        {
            let mut held = pin!(Cleared::new(Held::new(hanging(guard))));
            assert!(held.as_mut().poll().is_pending());
            held.as_mut().clear(true);
            assert_eq!(drops.get(), 1);
            held.as_mut().clear(true);
            assert!(held.as_mut().poll().is_pending());
        }
        assert_eq!(drops.get(), 1);
    }

    #[test]
    fn unsafe_cell_a_body_that_was_never_polled_or_is_pending_goes_with_its_place() {
        for polls in 0..2 {
            let drops = Cell::new(0);
            let guard = Dropped(&drops);
            {
                let mut held = pin!(Cleared::new(Held::new(hanging(guard))));
                for _ in 0..polls {
                    assert!(held.as_mut().poll().is_pending());
                }
                assert_eq!(drops.get(), 0);
            }
            assert_eq!(drops.get(), 1, "{polls} polls");
        }
    }

    #[test]
    fn unsafe_cell_a_body_whose_drop_panics_is_dropped_once() {
        let drops = Cell::new(0);
        let guard = Panics(&drops);
        {
            let mut held = pin!(Cleared::new(Held::new(hanging(guard))));
            assert!(held.as_mut().poll().is_pending());
            let cut = catch_unwind(AssertUnwindSafe(|| held.as_mut().clear(true)));
            assert!(cut.is_err());
        }
        assert_eq!(drops.get(), 1);
    }

    #[test]
    fn unsafe_cell_a_body_that_panics_is_dropped_once() {
        let drops = Cell::new(0);
        let guard = Dropped(&drops);
        {
            let mut held = pin!(Cleared::new(Held::new(async move {
                let _guard = guard;
                panic!("polled")
            })));
            let poll = || held.as_mut().poll::<()>();
            assert!(catch_unwind(AssertUnwindSafe(poll)).is_err());
        }
        assert_eq!(drops.get(), 1);
    }
}
