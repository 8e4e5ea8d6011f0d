//! A body in its place, which may be gone before the place is.
//!
//! An `Option` that is set to `None` does the same, with a move and a second way out for a drop that
//! panics, in each annotated function.
#![allow(unsafe_code)]

use std::mem::{self, ManuallyDrop};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::body::BodyPlace;

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

    #[cold]
    #[inline]
    fn drop_body(&mut self) {
        // Before the drop, so that one that panics is not followed by another.
        if !mem::replace(&mut self.is_over, true) {
            // SAFETY: only here is the body dropped, and only where `is_over` was not set; nobody
            // reaches it afterwards, since `poll` looks at the same flag. It is dropped in its
            // place, as pinning demands.
            unsafe { ManuallyDrop::drop(&mut self.body) }
        }
    }
}

impl<F: Future> BodyPlace for Held<F> {
    type Output = F::Output;

    /// Polls the body; one that is over stays pending.
    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: nothing is moved out of the reference.
        let this = unsafe { self.get_unchecked_mut() };
        if this.is_over {
            return Poll::Pending;
        }
        // SAFETY: the body is pinned with what holds it: it is never moved out, `cut` drops it in its
        // place, and `Held` is `Unpin` only where it is, and hands it out nowhere.
        let body = unsafe { Pin::new_unchecked(&mut *this.body) };
        let polled = body.poll(context);
        this.is_over = polled.is_ready();
        polled
    }

    #[inline]
    fn cut(self: Pin<&mut Self>) {
        // SAFETY: nothing is moved out of the reference.
        unsafe { self.get_unchecked_mut() }.drop_body();
    }

    #[inline]
    fn clear(self: Pin<&mut Self>) {
        self.cut();
    }
}

impl<F> Drop for Held<F> {
    #[inline]
    fn drop(&mut self) {
        if !self.is_over {
            self.drop_body();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::pin::pin;
    use std::task::Waker;

    use super::*;

    /// Counts its drops.
    struct Dropped<'c>(&'c Cell<u32>);

    impl Drop for Dropped<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }

    /// A body that never ends, with something to drop.
    async fn hanging<G>(guard: G) {
        let _guard = guard;
        std::future::pending::<()>().await;
    }

    fn context() -> Context<'static> {
        Context::from_waker(Waker::noop())
    }

    #[test]
    fn unsafe_cell_a_body_that_ends_is_dropped_once() {
        let drops = Cell::new(0);
        let guard = Dropped(&drops);
        {
            let mut held = pin!(Held::new(async move {
                let _guard = guard;
                7
            }));
            assert_eq!(held.as_mut().poll(&mut context()), Poll::Ready(7));
            assert_eq!(drops.get(), 1);
            assert!(held.as_mut().poll(&mut context()).is_pending());
            held.as_mut().cut();
        }
        assert_eq!(drops.get(), 1);
    }

    #[test]
    fn unsafe_cell_a_body_that_is_cut_is_dropped_at_once_and_once() {
        let drops = Cell::new(0);
        let guard = Dropped(&drops);
        {
            let mut held = pin!(Held::new(hanging(guard)));
            assert!(held.as_mut().poll(&mut context()).is_pending());
            held.as_mut().cut();
            assert_eq!(drops.get(), 1);
            held.as_mut().cut();
            assert!(held.as_mut().poll(&mut context()).is_pending());
        }
        assert_eq!(drops.get(), 1);
    }

    #[test]
    fn unsafe_cell_a_body_that_was_never_polled_or_is_pending_goes_with_its_place() {
        for polls in 0..2 {
            let drops = Cell::new(0);
            let guard = Dropped(&drops);
            {
                let mut held = pin!(Held::new(hanging(guard)));
                for _ in 0..polls {
                    assert!(held.as_mut().poll(&mut context()).is_pending());
                }
                assert_eq!(drops.get(), 0);
            }
            assert_eq!(drops.get(), 1, "{polls} polls");
        }
    }

    #[test]
    fn unsafe_cell_a_body_whose_drop_panics_is_dropped_once() {
        struct Panics<'c>(&'c Cell<u32>);
        impl Drop for Panics<'_> {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
                panic!("dropped");
            }
        }
        let drops = Cell::new(0);
        let guard = Panics(&drops);
        {
            let mut held = pin!(Held::new(hanging(guard)));
            assert!(held.as_mut().poll(&mut context()).is_pending());
            let cut = catch_unwind(AssertUnwindSafe(|| held.as_mut().cut()));
            assert!(cut.is_err());
        }
        assert_eq!(drops.get(), 1);
    }

    #[test]
    fn unsafe_cell_a_body_that_panics_is_dropped_once() {
        let drops = Cell::new(0);
        let guard = Dropped(&drops);
        {
            let mut held = pin!(Held::new(async move {
                let _guard = guard;
                panic!("polled")
            }));
            let poll = || held.as_mut().poll(&mut context());
            assert!(catch_unwind(AssertUnwindSafe(poll)).is_err());
        }
        assert_eq!(drops.get(), 1);
    }
}
