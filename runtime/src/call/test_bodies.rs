//! Bodies for the tests of what holds them.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker};

use super::body::{BodyPlace, Clear, Gives};

/// A place that is cleared where it goes, as futures do it.
pub(super) struct Cleared<P: Clear>(P);

impl<P: Clear> Cleared<P> {
    pub(super) fn new(place: P) -> Self {
        Self(place)
    }

    fn place(self: Pin<&mut Self>) -> Pin<&mut P> {
        // SAFETY: the place is pinned with what it is in.
        unsafe { self.map_unchecked_mut(|cleared| &mut cleared.0) }
    }

    pub(super) fn clear(self: Pin<&mut Self>, follows: bool) {
        self.place().clear(follows);
    }

    /// What the body gave, when polled once.
    pub(super) fn poll<T>(self: Pin<&mut Self>) -> Poll<Result<T, ()>>
    where
        P: BodyPlace + Gives<Output = Result<T, ()>>,
    {
        let mut result: Poll<Result<T, ()>> = Poll::Pending;
        let mut context = Context::from_waker(Waker::noop());
        // SAFETY: it points to a `Poll` of what the body gives, which is pending.
        let polled = unsafe {
            self.place()
                .poll(&mut context, NonNull::from(&mut result).cast())
        };
        let is_ok = match &result {
            Poll::Ready(given) => Poll::Ready(given.is_ok()),
            Poll::Pending => Poll::Pending,
        };
        assert_eq!(polled, is_ok);
        result
    }
}

impl<P: Clear> Drop for Cleared<P> {
    fn drop(&mut self) {
        // SAFETY: it is not moved any more, and was cleared by nobody else.
        unsafe { P::clear_at(NonNull::from(&mut self.0).cast()) }
    }
}

/// Counts its drops.
#[derive(Clone)]
pub(super) struct Dropped<'c>(pub(super) &'c Cell<u32>);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// Counts its drops too, and panics in each.
pub(super) struct Panics<'c>(pub(super) &'c Cell<u32>);

impl Drop for Panics<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
        panic!("dropped");
    }
}

/// A body that never ends, with something to drop.
pub(super) async fn hanging<G>(guard: G) -> Result<(), ()> {
    let _guard = guard;
    std::future::pending().await
}
