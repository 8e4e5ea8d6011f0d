//! An async call as a future: where nothing but its policy and its body makes it, no coroutine is
//! compiled around them for each annotated function.
#![allow(unsafe_code)]

use std::mem::needs_drop;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll};

use super::Look;
use super::body::{BodyPlace, Clear, Given, Gives, Refuse};
use super::held::Held;
use super::lazy::Lazy;
use super::remade::Remade;
use crate::__private::Attempts;
use crate::site::Site;

/// The future of a call: it begins when it is first polled, and gives the call's result.
#[doc(hidden)]
#[must_use = "futures do nothing unless polled"]
pub struct CallFuture<P: Clear, L, R> {
    /// Pinned with the future. Nothing is left of it where the call is over.
    body: P,
    call: Lazy,
    look: L,
    refuse: R,
}

/// A method of what is unknown where the function returns no `Result`, so that the compiler complains of
/// that alone.
impl<E> Attempts<E> {
    /// A call of one attempt, whose body is an async block.
    #[inline]
    pub const fn once<F, L, R>(
        self,
        site: &'static Site,
        body: F,
        look: L,
        refuse: R,
    ) -> CallFuture<Held<F>, L, R> {
        CallFuture {
            body: Held::new(body),
            call: Lazy::new(site, false),
            look,
            refuse,
        }
    }

    /// A call that may have further attempts; `make` gives the body of each, an async block.
    #[inline]
    pub const fn each<M, F, L, R>(
        self,
        site: &'static Site,
        make: M,
        look: L,
        refuse: R,
    ) -> CallFuture<Remade<M, F>, L, R>
    where
        M: FnMut() -> F,
    {
        CallFuture {
            body: Remade::new(make),
            call: Lazy::new(site, needs_drop::<M>()),
            look,
            refuse,
        }
    }
}

impl<P, T, E, L, R> Future for CallFuture<P, L, R>
where
    P: BodyPlace + Gives<Output = Result<T, E>>,
    L: Look<E> + Copy,
    R: Refuse<E>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, E>> {
        // SAFETY: nothing is moved out of the reference.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: the body is pinned with the future: it is never moved out, is dropped in its place, and
        // the future is `Unpin` only where it is.
        let place = unsafe { Pin::new_unchecked(&mut this.body) };
        let mut given = Given::new(this.look, this.refuse);
        // SAFETY: they are of one body, as the bounds say.
        unsafe { this.call.run(place, &mut given, context) }
        given.result
    }
}

impl<P: Clear, L, R> Drop for CallFuture<P, L, R> {
    /// One that has given its result has nothing to drop.
    #[inline]
    fn drop(&mut self) {
        if !self.call.is_over() {
            let place = NonNull::from(&mut self.body).cast();
            // SAFETY: the body is of this type, pinned, and nobody reaches it or the call any more.
            unsafe { self.call.left(place, P::clear_at) }
        }
    }
}
