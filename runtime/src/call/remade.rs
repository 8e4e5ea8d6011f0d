//! A body in its place, which is made anew for each attempt.
#![allow(unsafe_code)]

use std::mem::{ManuallyDrop, MaybeUninit};
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll};

use super::body::{BodyPlace, Clear, Gives, poll_into};

/// What makes the bodies, and the one that runs. They are async blocks, which hold nothing once they have
/// ended: one is dropped only where it has not.
#[doc(hidden)]
pub struct Remade<M, F> {
    has: Has,
    make: ManuallyDrop<M>,
    body: MaybeUninit<F>,
}

/// What there is to be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Has {
    /// What makes the bodies.
    Make,
    /// That, and a body that has not ended.
    Both,
    Nothing,
}

impl<M, F> Remade<M, F> {
    #[inline]
    pub(super) const fn new(make: M) -> Self {
        Self {
            has: Has::Make,
            make: ManuallyDrop::new(make),
            body: MaybeUninit::uninit(),
        }
    }
}

impl<M, F> Clear for Remade<M, F> {
    #[cold]
    #[inline]
    fn clear(self: Pin<&mut Self>, follows: bool) {
        // SAFETY: nothing is moved out of the reference.
        let this = unsafe { self.get_unchecked_mut() };
        if this.has == Has::Both {
            // Before the drop, so that one that panics is not followed by another.
            this.has = Has::Make;
            // SAFETY: there was a body that nobody has dropped, and nobody reaches it afterwards, since
            // `poll` makes another first. It is dropped in its place, as pinning demands.
            unsafe { this.body.assume_init_drop() }
        }
        if !follows && this.has == Has::Make {
            this.has = Has::Nothing;
            // SAFETY: it was there, and nobody reaches it afterwards, since `poll` looks at the same word.
            unsafe { ManuallyDrop::drop(&mut this.make) }
        }
    }
}

impl<M: FnMut() -> F, F: Future> Gives for Remade<M, F> {
    type Output = F::Output;
}

// SAFETY: `poll_into` writes what the body gives, which is what `Gives` says.
unsafe impl<M, F, T, E> BodyPlace for Remade<M, F>
where
    M: FnMut() -> F,
    F: Future<Output = Result<T, E>>,
{
    /// The body is made where there is none. It stays pending after the last.
    #[inline]
    unsafe fn poll(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        result: NonNull<()>,
    ) -> Poll<bool> {
        // SAFETY: nothing is moved out of the reference. What makes the bodies is not pinned.
        let this = unsafe { self.get_unchecked_mut() };
        match this.has {
            Has::Both => {}
            Has::Make => {
                // A body that was there has ended, or was dropped.
                this.body.write((this.make)());
                this.has = Has::Both;
            }
            Has::Nothing => return Poll::Pending,
        }
        // SAFETY: there is a body now. It is pinned with what holds it: it is never moved out, `clear`
        // drops it in its place, and `Remade` is `Unpin` only where it is, and hands it out nowhere.
        let body = unsafe { Pin::new_unchecked(this.body.assume_init_mut()) };
        // SAFETY: the caller promises the same.
        let polled = unsafe { poll_into(body, context, result) };
        if polled.is_ready() {
            this.has = Has::Make;
        }
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
    fn unsafe_cell_a_body_is_made_when_it_is_polled_and_anew_after_its_end() {
        let (made, drops) = (Cell::new(0), Cell::new(0));
        let kept = Dropped(&drops);
        {
            let mut remade = pin!(Cleared::new(Remade::new(|| {
                made.set(made.get() + 1);
                let own = kept.clone();
                async move {
                    let own = own;
                    Ok(own.0.get())
                }
            })));
            assert_eq!(made.get(), 0);
            for attempt in 1..=3 {
                let polled = remade.as_mut().poll();
                assert_eq!(polled, Poll::Ready(Ok(attempt - 1)));
                assert_eq!((made.get(), drops.get()), (attempt, attempt));
            }
        }
        assert_eq!(drops.get(), 3);
    }

    #[test]
    fn unsafe_cell_a_body_that_is_cut_is_dropped_at_once_and_another_is_made() {
        let (drops, kept) = (Cell::new(0), Cell::new(0));
        let (keeper, each) = (Dropped(&kept), &drops);
        {
            let mut remade = pin!(Cleared::new(Remade::new(move || {
                let _ = &keeper;
                hanging(Dropped(each))
            })));
            for attempt in 1..=2 {
                assert!(remade.as_mut().poll().is_pending());
                assert_eq!(drops.get(), attempt - 1);
                remade.as_mut().clear(true);
                remade.as_mut().clear(true);
                assert_eq!((drops.get(), kept.get()), (attempt, 0));
            }
        }
        assert_eq!((drops.get(), kept.get()), (2, 1));
    }

    #[test]
    fn unsafe_cell_what_is_cleared_is_dropped_once_and_stays_pending() {
        for polls in 0..2 {
            let (drops, kept) = (Cell::new(0), Cell::new(0));
            let (keeper, each) = (Dropped(&kept), &drops);
            {
                let mut remade = pin!(Cleared::new(Remade::new(move || {
                    let _ = &keeper;
                    hanging(Dropped(each))
                })));
                for _ in 0..polls {
                    assert!(remade.as_mut().poll().is_pending());
                }
                remade.as_mut().clear(false);
                assert_eq!((drops.get(), kept.get()), (polls, 1));
                assert!(remade.as_mut().poll().is_pending());
                remade.as_mut().clear(false);
            }
            assert_eq!((drops.get(), kept.get()), (polls, 1));
        }
    }

    #[test]
    fn unsafe_cell_what_is_there_goes_with_its_place() {
        for polls in 0..2 {
            let (drops, kept) = (Cell::new(0), Cell::new(0));
            let (keeper, each) = (Dropped(&kept), &drops);
            {
                let mut remade = pin!(Cleared::new(Remade::new(move || {
                    let _ = &keeper;
                    hanging(Dropped(each))
                })));
                for _ in 0..polls {
                    assert!(remade.as_mut().poll().is_pending());
                }
                assert_eq!((drops.get(), kept.get()), (0, 0));
            }
            assert_eq!((drops.get(), kept.get()), (polls, 1));
        }
    }

    #[test]
    fn unsafe_cell_a_body_whose_drop_panics_is_dropped_once() {
        let drops = Cell::new(0);
        {
            let mut remade = pin!(Cleared::new(Remade::new(|| hanging(Panics(&drops)))));
            assert!(remade.as_mut().poll().is_pending());
            let cut = catch_unwind(AssertUnwindSafe(|| remade.as_mut().clear(true)));
            assert!(cut.is_err());
        }
        assert_eq!(drops.get(), 1);
    }

    #[test]
    fn unsafe_cell_a_body_that_panics_or_is_not_made_is_dropped_once() {
        for panics_at_once in [true, false] {
            let drops = Cell::new(0);
            {
                let mut remade = pin!(Cleared::new(Remade::new(|| {
                    let guard = Dropped(&drops);
                    assert!(!panics_at_once, "made");
                    async move {
                        let _guard = guard;
                        panic!("polled")
                    }
                })));
                let poll = || remade.as_mut().poll::<()>();
                assert!(catch_unwind(AssertUnwindSafe(poll)).is_err());
            }
            assert_eq!(drops.get(), 1);
        }
    }
}
