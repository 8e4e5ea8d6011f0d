//! An async call as a future: where nothing but its policy and its body makes it, no coroutine is
//! compiled around them for each annotated function.

use std::mem::needs_drop;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::Look;
use super::begin::Lazy;
use super::body::{BodyPlace, Given, Refuse, Run};
use super::held::Held;
use super::remade::Remade;
use crate::site::Site;

pin_project! {
    /// The future of a call: it begins when it is first polled, and gives the call's result.
    #[doc(hidden)]
    #[must_use = "futures do nothing unless polled"]
    pub struct CallFuture<P, L, R> {
        // The body is dropped before its call ends, as it is where a call awaits it.
        #[pin]
        body: P,
        call: Lazy,
        look: L,
        refuse: R,
    }
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
            body: Held::new(body),
            call: Lazy::new(self, false),
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
            body: Remade::new(make),
            call: Lazy::new(self, needs_drop::<M>()),
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
        let this = self.project();
        let mut result = Poll::Pending;
        let mut run = Run {
            body: this.body,
            given: Given::new(&mut result, *this.look, *this.refuse),
        };
        this.call.run(&mut run, context);
        result
    }
}
