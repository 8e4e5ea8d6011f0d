//! A body in its place, which is made anew for each attempt.
#![allow(unsafe_code)]

use std::mem::{ManuallyDrop, MaybeUninit};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::body::BodyPlace;

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

    #[cold]
    #[inline]
    fn drop_body(&mut self) {
        if self.has == Has::Both {
            // Before the drop, so that one that panics is not followed by another.
            self.has = Has::Make;
            // SAFETY: there was a body that nobody has dropped, and nobody reaches it afterwards, since
            // `poll` makes another first. It is dropped in its place, as pinning demands.
            unsafe { self.body.assume_init_drop() }
        }
    }

    #[inline]
    fn drop_all(&mut self) {
        self.drop_body();
        if self.has == Has::Make {
            self.has = Has::Nothing;
            // SAFETY: it was there, and nobody reaches it afterwards, since `poll` looks at the same word.
            unsafe { ManuallyDrop::drop(&mut self.make) }
        }
    }
}

impl<M, F> BodyPlace for Remade<M, F>
where
    M: FnMut() -> F,
    F: Future,
{
    type Output = F::Output;

    /// Polls the body, which is made where there is none; it stays pending after the last.
    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
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
        // SAFETY: there is a body now. It is pinned with what holds it: it is never moved out,
        // `drop_body` drops it in its place, and `Remade` is `Unpin` only where it is, and hands it out
        // nowhere.
        let body = unsafe { Pin::new_unchecked(this.body.assume_init_mut()) };
        let polled = body.poll(context);
        if polled.is_ready() {
            this.has = Has::Make;
        }
        polled
    }

    #[inline]
    fn cut(self: Pin<&mut Self>) {
        // SAFETY: nothing is moved out of the reference.
        unsafe { self.get_unchecked_mut() }.drop_body();
    }

    #[inline]
    fn clear(self: Pin<&mut Self>) {
        // SAFETY: nothing is moved out of the reference.
        unsafe { self.get_unchecked_mut() }.drop_all();
    }
}

impl<M, F> Drop for Remade<M, F> {
    #[inline]
    fn drop(&mut self) {
        self.drop_all();
    }
}
