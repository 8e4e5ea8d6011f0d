//! A body in its place, which is made anew for each attempt.
#![allow(unsafe_code)]

use std::mem::{self, MaybeUninit};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::body::BodyPlace;

/// What makes the bodies, and the one that runs. They are async blocks, which hold nothing once they have
/// ended: one is dropped only where it has not.
#[doc(hidden)]
pub struct Remade<M, F> {
    body: MaybeUninit<F>,
    /// Whether there is a body, and it has not ended.
    runs: bool,
    make: M,
}

impl<M, F> Remade<M, F> {
    #[inline]
    pub(super) const fn new(make: M) -> Self {
        Self {
            body: MaybeUninit::uninit(),
            runs: false,
            make,
        }
    }

    #[cold]
    #[inline]
    fn drop_body(&mut self) {
        // Before the drop, so that one that panics is not followed by another.
        if mem::replace(&mut self.runs, false) {
            // SAFETY: `runs` was set, so that a body was made and nobody has dropped it; nobody reaches it
            // afterwards, since `poll` makes another first. It is dropped in its place, as pinning
            // demands.
            unsafe { self.body.assume_init_drop() }
        }
    }
}

impl<M, F> BodyPlace for Remade<M, F>
where
    M: FnMut() -> F,
    F: Future,
{
    type Output = F::Output;

    /// Polls the body, which is made where there is none.
    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: nothing is moved out of the reference. What makes the bodies is not pinned.
        let this = unsafe { self.get_unchecked_mut() };
        if !this.runs {
            // A body that was there has ended, or was dropped.
            this.body.write((this.make)());
            this.runs = true;
        }
        // SAFETY: `runs` is set only where a body was made, and cleared where that is dropped. The body is
        // pinned with what holds it: it is never moved out, `drop_body` drops it in its place, and
        // `Remade` is `Unpin` only where it is, and hands it out nowhere.
        let body = unsafe { Pin::new_unchecked(this.body.assume_init_mut()) };
        let polled = body.poll(context);
        this.runs = polled.is_pending();
        polled
    }

    #[inline]
    fn cut(self: Pin<&mut Self>) {
        // SAFETY: nothing is moved out of the reference.
        unsafe { self.get_unchecked_mut() }.drop_body();
    }
}

impl<M, F> Drop for Remade<M, F> {
    #[inline]
    fn drop(&mut self) {
        if self.runs {
            self.drop_body();
        }
    }
}
