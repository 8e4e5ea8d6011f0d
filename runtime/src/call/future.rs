//! An async call as a future: where nothing but its policy and its body makes it, no coroutine is
//! compiled around them for each annotated function.
#![allow(unsafe_code)]

use std::mem::{ManuallyDrop, needs_drop};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Look;
use super::begin::Lazy;
use super::body::{BodyPlace, Given, Refuse, Run};
use super::held::Held;
use super::remade::Remade;
use crate::site::Site;

/// The future of a call: it begins when it is first polled, and gives the call's result.
#[doc(hidden)]
#[must_use = "futures do nothing unless polled"]
pub struct CallFuture<P, L, R> {
    /// Pinned with the future. Nothing is left of it where the call is over.
    body: ManuallyDrop<P>,
    call: ManuallyDrop<Lazy>,
    look: L,
    refuse: R,
}

impl Site {
    /// A call of one attempt, whose body is an async block.
    #[inline]
    pub const fn once<F, L, R>(
        &'static self,
        body: F,
        look: L,
        refuse: R,
    ) -> CallFuture<Held<F>, L, R> {
        CallFuture {
            body: ManuallyDrop::new(Held::new(body)),
            call: ManuallyDrop::new(Lazy::new(self, false)),
            look,
            refuse,
        }
    }

    /// A call that may have further attempts; `make` gives the body of each, an async block.
    #[inline]
    pub const fn each<M, F, L, R>(
        &'static self,
        make: M,
        look: L,
        refuse: R,
    ) -> CallFuture<Remade<M, F>, L, R>
    where
        M: FnMut() -> F,
    {
        CallFuture {
            body: ManuallyDrop::new(Remade::new(make)),
            call: ManuallyDrop::new(Lazy::new(self, needs_drop::<M>())),
            look,
            refuse,
        }
    }
}

impl<P, T, E, L, R> Future for CallFuture<P, L, R>
where
    P: BodyPlace<Output = Result<T, E>>,
    L: Look<E> + Copy,
    R: Refuse<E>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, E>> {
        // SAFETY: nothing is moved out of the reference.
        let this = unsafe { self.get_unchecked_mut() };
        let mut result = Poll::Pending;
        let mut run = Run {
            // SAFETY: the body is pinned with the future: it is never moved out, is dropped in its place,
            // and the future is `Unpin` only where it is.
            body: unsafe { Pin::new_unchecked(&mut *this.body) },
            given: Given::new(&mut result, this.look, this.refuse),
        };
        this.call.run(&mut run, context);
        result
    }
}

impl<P, L, R> CallFuture<P, L, R> {
    /// Drops what there is: the body before its call ends, as where a call awaits it.
    #[cold]
    fn left(&mut self) {
        /// Ends the call, also where the body's drop panics.
        struct Ends<'l>(&'l mut ManuallyDrop<Lazy>);

        impl Drop for Ends<'_> {
            #[inline]
            fn drop(&mut self) {
                // SAFETY: it is dropped only here, once, where the future is.
                unsafe { ManuallyDrop::drop(self.0) }
            }
        }

        let _ends = Ends(&mut self.call);
        // SAFETY: it is dropped only here, once, where the future is, in its place.
        unsafe { ManuallyDrop::drop(&mut self.body) }
    }
}

impl<P, L, R> Drop for CallFuture<P, L, R> {
    /// One that has given its result has nothing to drop.
    #[inline]
    fn drop(&mut self) {
        if !self.call.is_over() {
            self.left();
        }
    }
}
